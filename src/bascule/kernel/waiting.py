"""Waiting is a value.

An operation never sleeps and never awaits. It returns one of these; what it wrote is committed, the edge does the waiting,
and the operation is called again with the same input and ``ctx.resume`` set. Long polling and synchronous Invoke are the
same mechanism.
"""

from __future__ import annotations

import msgspec


class WaitFor(msgspec.Struct, frozen=True):
    """Call me again when ``signal`` fires or ``until_ms`` has come (``ctx.resume`` is then True / False).

    Signals are hints: the wait is also cut short now and then, and the operation must look again each time.
    """

    signal: str
    until_ms: int


class Perform(msgspec.Struct, frozen=True):
    """Have ``performer`` (a name bound in ``bascule.app``, such as ``runtime``) carry out ``request``.

    The operation is called again with ``ctx.resume`` set to what it gave, or to the exception it raised.
    """

    performer: str
    request: object
