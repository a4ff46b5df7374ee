"""The transaction object a command or query is given: the three ports over one session, valid until it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from bascule.engines.sqlite.documents import SqliteDocuments
from bascule.engines.sqlite.logs import SqliteLogs
from bascule.engines.sqlite.queues import SqliteQueues
from bascule.engines.sqlite.session import Session


class Ports:
    """The ports over a session."""

    __slots__ = ("documents", "logs", "queues", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.documents = SqliteDocuments(session)
        self.queues = SqliteQueues(session)
        self.logs = SqliteLogs(session)


class _Ended:
    """Stands where the ports were when a command has ended."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError("a transaction was used after its command had ended")


_ENDED: Any = _Ended()


class SqliteTx:
    """``Tx``; see the port for the contract. Using it after its command has ended is our bug and asserts."""

    __slots__ = ("_session", "documents", "logs", "queues")

    def __init__(self, ports: Ports) -> None:
        self._session = ports.session
        self.documents = ports.documents
        self.queues = ports.queues
        self.logs = ports.logs

    def notify(self, signal: str) -> None:
        self._session.require_writer().signals.add(signal)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._session.require_writer().actions.append(action)

    def end(self) -> None:
        """The command or query is over."""
        self._session = self.documents = self.queues = self.logs = _ENDED
