"""Waiting is a value.

An operation never sleeps and never awaits. It returns one of these; what it wrote is committed, the edge does the waiting,
and the operation is called again with the same input, a later ``ctx.now_ms`` and ``ctx.resume`` set. Long polling and
synchronous Invoke are the same mechanism.
"""

from __future__ import annotations

import msgspec


class WaitFor(msgspec.Struct, frozen=True):
    """Call me again when ``signal`` fires or ``until_ms`` has come.

    ``ctx.resume`` is then this very object, so a subclass may carry what the operation must remember, such as its deadline.
    Signals are hints: the wait is also cut short now and then, and the operation must look again each time.
    """

    signal: str
    until_ms: int


class Perform(msgspec.Struct, frozen=True):
    """Have ``performer`` carry out ``request``; ``ctx.resume`` is then what it gave, or the exception it raised.

    Performers are bound in ``bascule.app``: ``runtime`` runs an ``Invocation``, ``stream`` a ``StreamedInvocation``; ``blobs``
    stores bytes and gives their digest; ``provisioned`` says how many environments are kept for some owners; ``write`` runs a
    function ``(ctx, tx) -> value`` in a write transaction (for operations that otherwise only read).
    """

    performer: str
    request: object
