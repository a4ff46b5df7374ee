"""The store: one database, one transaction, four ports.

Whatever must happen next is written in the same transaction as what just happened, so a ``Tx`` spans documents, queues and
logs. ``Store.submit`` runs a command on the writer, in a group with others, and calls back only after the group is on disk.
Nothing here assumes one writer process: a command may be run again from the start when an engine has to retry it, so
commands must have no effect but through ``tx``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

from bascule.kernel.blobs import Blobs
from bascule.kernel.documents import Documents
from bascule.kernel.logs import Logs
from bascule.kernel.queues import Queues

T = TypeVar("T")


class Tx(Protocol):
    """One transaction (write) or one snapshot (read). Valid only inside the command it was given to."""

    @property
    def documents(self) -> Documents:
        """Configuration and state, by key."""

    @property
    def queues(self) -> Queues:
        """Messages that are leased and settled."""

    @property
    def logs(self) -> Logs:
        """Append-only records."""

    def notify(self, signal: str) -> None:
        """Fire ``signal`` after this transaction has committed; dropped when it rolls back. A hint, never a promise."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` on the completion thread after commit; dropped on roll-back and lost in a crash.

        Only for things that may be lost, such as handing just-leased work to a waiting slot before its lease expires.
        """


class Outcome(msgspec.Struct, frozen=True):
    """What became of a submitted command: a value, or the exception that rolled it back."""

    value: object = None
    error: BaseException | None = None


class StoreBusy(Exception):
    """The writer's inbox is full."""


class StoreClosed(Exception):
    """The store is closed, or its disk failed and it stopped to protect what is already written."""


class Store(Protocol):
    """The engine as the rest of the program sees it."""

    @property
    def blobs(self) -> Blobs:
        """Content-addressed bytes, written before the transaction that names them."""

    def submit(self, command: Callable[[Tx], object], done: Callable[[Outcome], None]) -> None:
        """Run ``command`` in a write transaction; call ``done`` after it is durable (or has failed).

        Promise  commands run one after the other, in the order submitted; a command that raises is rolled back alone.
                 ``done`` is called on the completion executor (``set_completions``), in commit order.
        Raises   StoreBusy when the bounded inbox is full; StoreClosed.
        """

    def write(self, command: Callable[[Tx], T]) -> T:
        """``submit`` and wait: gives the command's value or raises its exception. Never call it on the event loop.

        It does not wait for the completion executor; callbacks of the same group that run directly have run before it
        returns. Calling it inside a command asserts.
        """

    def read(self, query: Callable[[Tx], T]) -> T:
        """Run ``query`` on a committed snapshot in the calling thread and give its value. A write inside it raises.

        Promise  all that the query is given belongs to one committed state. To keep that without a snapshot taken in
                 advance, an engine may run the query a second time, so it must have no effect but its value.
        """

    def set_completions(self, run_soon: Callable[[Callable[[], None]], object]) -> None:
        """Have callbacks run through ``run_soon`` (such as ``loop.call_soon_threadsafe``), one call per group."""

    def on_signal(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call ``listener`` with the signals of each committed group, on the completion executor."""

    def close(self) -> None:
        """Finish the inbox, check-point and release the data directory. Twice is fine."""
