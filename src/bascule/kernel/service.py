"""How a service declares what it does: one list of operations, found by the registry, run by the edge.

An operation is a synchronous function ``(ctx, tx, input) -> output | WaitFor | Perform``. Its input and output are the
typed structs of ``bascule.api``; its errors are raised as ``AwsError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.delivery import Target
from bascule.kernel.loop import Loop
from bascule.kernel.store import Tx

Run = Callable[[Context, Tx, Any], Any]
F = TypeVar("F", bound=Callable[..., Any])


class Operation(msgspec.Struct, frozen=True):
    """One operation of a service.

    ``reads`` operations run on a snapshot and may not write. ``refuses`` names input members (wire names, dotted) that are
    understood but not built: giving one is answered loudly instead of being ignored. ``prepare`` is the part of a busy
    write operation that needs no state: it runs before the command is queued, so that the one writer does not have to; what
    it gives is the input of ``run``.
    """

    name: str
    run: Run
    reads: bool = False
    refuses: tuple[str, ...] = ()
    prepare: Callable[[Context, Any], Any] | None = None


def operation(
    name: str,
    *,
    reads: bool = False,
    refuses: Sequence[str] = (),
    prepare: Callable[[Context, Any], Any] | None = None,
) -> Callable[[F], F]:
    """Mark a function as the operation ``name`` (the model's name)."""

    def mark(run: F) -> F:
        run.__dict__["__operation__"] = Operation(name, run, reads, tuple(refuses), prepare)
        return run

    return mark


def operations(*runs: Callable[..., Any]) -> Mapping[str, Operation]:
    """The operations table of a service from its marked functions; a name twice is our bug."""
    table: dict[str, Operation] = {}
    for run in runs:
        found: Operation = run.__dict__["__operation__"]
        assert found.name not in table, f"{found.name} is declared twice"
        table[found.name] = found
    return table


class Service(msgspec.Struct, frozen=True):
    """What a service package exports as ``SERVICE``.

    ``name`` is botocore's directory of the model (``events``, ``lambda``, ``sqs``); ``api`` the module of typed shapes.
    """

    name: str
    operations: Mapping[str, Operation]
    #: ARN service name -> what accepts deliveries for such ARNs.
    targets: Mapping[str, Target] = {}
    loops: tuple[Loop, ...] = ()
