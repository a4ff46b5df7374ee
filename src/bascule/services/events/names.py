"""Names and ARNs of buses and rules, both ways."""

from __future__ import annotations

from typing import NamedTuple

from bascule.kernel.arns import parse_arn
from bascule.kernel.scope import Scope
from bascule.services.events.state import DEFAULT_BUS

_BUS_PREFIX = "event-bus/"
_RULE_PREFIX = "rule/"


class BusName(NamedTuple):
    """A bus, wherever it is."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """``arn:aws:events:us-east-1:111122223333:event-bus/orders``."""
        return self.scope.arn("events", _BUS_PREFIX + self.name)


class RuleName(NamedTuple):
    """A rule of a bus."""

    bus: BusName
    name: str

    @property
    def arn(self) -> str:
        """The default bus is left out of it: ``...:rule/nightly`` but ``...:rule/orders/big``."""
        path = self.name if self.bus.name == DEFAULT_BUS else f"{self.bus.name}/{self.name}"
        return self.bus.scope.arn("events", _RULE_PREFIX + path)


def bus_named(text: str | None, scope: Scope) -> BusName:
    """The bus that a name or ARN means; nothing means the default bus of ``scope``."""
    if not text:
        return BusName(scope, DEFAULT_BUS)
    arn = parse_arn(text)
    if arn is not None and arn.service == "events" and arn.resource.startswith(_BUS_PREFIX):
        return BusName(arn.scope, arn.resource.removeprefix(_BUS_PREFIX))
    return BusName(scope, text)


def resource_named(text: str) -> BusName | RuleName | None:
    """The bus or rule that an ARN means, or None when it is neither."""
    arn = parse_arn(text)
    if arn is None or arn.service != "events":
        return None
    if arn.resource.startswith(_BUS_PREFIX):
        return BusName(arn.scope, arn.resource.removeprefix(_BUS_PREFIX))
    if arn.resource.startswith(_RULE_PREFIX):
        bus, _, rule = arn.resource.removeprefix(_RULE_PREFIX).rpartition("/")
        return RuleName(BusName(arn.scope, bus or DEFAULT_BUS), rule)
    return None
