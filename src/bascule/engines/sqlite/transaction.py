"""The transaction object a command or query is given: the three ports over one session, valid until it ends."""

from __future__ import annotations

from collections.abc import Callable

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


class SqliteTx:
    """``Tx``; see the port for the contract. Using it after its command has ended is our bug and asserts."""

    __slots__ = ("_ports",)

    def __init__(self, ports: Ports) -> None:
        self._ports: Ports | None = ports

    @property
    def documents(self) -> SqliteDocuments:
        return self._open().documents

    @property
    def queues(self) -> SqliteQueues:
        return self._open().queues

    @property
    def logs(self) -> SqliteLogs:
        return self._open().logs

    def notify(self, signal: str) -> None:
        self._open().session.require_writer().signals.add(signal)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._open().session.require_writer().actions.append(action)

    def end(self) -> None:
        """The command or query is over."""
        self._ports = None

    def _open(self) -> Ports:
        assert self._ports is not None, "a transaction was used after its command had ended"
        return self._ports
