"""The resource policy of a bus: asked when an event arrives from another bus, not when somebody calls PutEvents."""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.api import events as api
from bascule.kernel.context import Context
from bascule.kernel.errors import ValidationError
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.events.buses import bus_or_refuse
from bascule.services.events.errors import ParameterInvalid, PolicyTooLong, StatementNotFound
from bascule.services.events.limits import BUS_POLICY_CHARS_MAX
from bascule.services.events.model import EventBus
from bascule.services.events.names import BusName, bus_named
from bascule.services.events.state import buses

_ACTION = "events:PutEvents"
_POLICY_VERSION = "2012-10-17"


@operation("PutPermission")
def put_permission(ctx: Context, tx: Tx, inp: api.PutPermissionRequest) -> api.Empty:
    """Replace the whole policy, or put one statement into it (replacing the one with the same id).

    Raises   BusNotFound; ValidationError for an incomplete statement or another action; PolicyTooLong.
    Source   PutPermission API reference; statement as recorded.
    """
    named = bus_named(inp.event_bus_name, ctx.scope)
    bus = bus_or_refuse(tx, named)
    if inp.policy is not None:
        _document(inp.policy)
        _store(ctx, tx, named, bus, inp.policy)
        return api.Empty()
    for name, value in (("StatementId", inp.statement_id), ("Action", inp.action), ("Principal", inp.principal)):
        if value is None:
            raise ValidationError(f"Parameter {name} is required.")
    if inp.action != _ACTION:
        raise ValidationError("Provided value in parameter 'action' is not supported.")
    document: dict[str, Any] = {"Version": _POLICY_VERSION} if bus.policy is None else _document(bus.policy)
    statement = _statement(inp, named)
    kept = [other for other in _statements(document) if other.get("Sid") != inp.statement_id]
    document["Statement"] = [*kept, statement]
    _store(ctx, tx, named, bus, msgspec.json.encode(document).decode())
    return api.Empty()


@operation("RemovePermission")
def remove_permission(ctx: Context, tx: Tx, inp: api.RemovePermissionRequest) -> api.Empty:
    """Remove one statement, or the policy whole; a policy without statements is no policy.

    Raises   BusNotFound; StatementNotFound; ValidationError when neither an id nor the flag is given.
    """
    named = bus_named(inp.event_bus_name, ctx.scope)
    bus = bus_or_refuse(tx, named)
    if inp.remove_all_permissions:
        _store(ctx, tx, named, bus, None)
        return api.Empty()
    if inp.statement_id is None:
        raise ValidationError("Parameter StatementId is required.")
    document = {} if bus.policy is None else _document(bus.policy)
    statements = _statements(document)
    kept = [statement for statement in statements if statement.get("Sid") != inp.statement_id]
    if len(kept) == len(statements):
        raise StatementNotFound
    document["Statement"] = kept
    _store(ctx, tx, named, bus, msgspec.json.encode(document).decode() if kept else None)
    return api.Empty()


def _document(policy: str) -> dict[str, Any]:
    """A policy document. Raises ParameterInvalid when it is not a JSON object with statements."""
    try:
        document: dict[str, Any] = msgspec.json.decode(policy, type=dict[str, Any])
        _statements(document)
    except msgspec.DecodeError:
        raise ParameterInvalid("Policy") from None
    return document


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a document; a single one may stand without a list."""
    found = document.get("Statement", [])
    statements: list[Any] = found if isinstance(found, list) else [found]
    return msgspec.convert(statements, list[dict[str, Any]])


def _statement(inp: api.PutPermissionRequest, named: BusName) -> dict[str, Any]:
    principal: str | dict[str, str] = "*"
    if inp.principal != "*":
        principal = {"AWS": f"arn:{named.scope.partition}:iam::{inp.principal}:root"}
    statement: dict[str, Any] = {
        "Sid": inp.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": _ACTION,
        "Resource": named.arn,
    }
    if inp.condition is not None:
        if inp.condition.type != "StringEquals" or inp.condition.key != "aws:PrincipalOrgID":
            raise ParameterInvalid("Condition")
        statement["Condition"] = {inp.condition.type: {inp.condition.key: inp.condition.value}}
    return statement


def _store(ctx: Context, tx: Tx, named: BusName, bus: EventBus, policy: str | None) -> None:
    if policy is not None and len(policy) > BUS_POLICY_CHARS_MAX:
        raise PolicyTooLong
    changed = msgspec.structs.replace(bus, policy=policy, updated_ms=ctx.now_ms)
    buses.put(tx.documents, named.scope, named.name, changed)
