"""What a bus does with events, prepared: its patterns compiled, its targets parsed. Frozen values, replaced whole.

Routes are kept in memory beside the bytes of the bus document they were made from. That document carries the revision of
the bus's rules (see ``state``), so one cached document read and one comparison tell whether they still hold, inside
whatever transaction asks, and a change that is rolled back makes its routes unreachable by itself. After a change only the
rules whose bytes differ are prepared again.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.arns import parse_arn
from bascule.kernel.delivery import RetryPolicy
from bascule.kernel.store import Tx
from bascule.patterns import RuleSet
from bascule.services.events.input_transformer import InvalidOutput, Surroundings, Transformer
from bascule.services.events.json_path import JsonPath
from bascule.services.events.limits import ROUTED_BUSES_MAX
from bascule.services.events.log_groups import is_log_group
from bascule.services.events.model import Rule, Target
from bascule.services.events.names import BusName, RuleName
from bascule.services.events.state import DEFAULT_BUS, bus_body, decode_rule, rule_bodies

#: With more changes than this since the last look, everything is compiled anew. count
_INCREMENTAL_MAX = 16


class RoutedTarget(msgspec.Struct, frozen=True, gc=False):
    """A target ready to be sent to. At most one of ``constant``, ``path`` and ``transformer`` is set."""

    arn: str
    parameters: dict[str, str]
    retry: RetryPolicy
    dead_letter_arn: str | None
    constant: bytes | None = None
    path: JsonPath | None = None
    transformer: Transformer | None = None
    #: False: the event itself is the payload.
    is_shaped: bool = False
    is_log_group: bool = False

    def payload(self, event: bytes, around: Surroundings) -> bytes:
        """What this target receives of an event. Raises InvalidOutput."""
        if self.constant is not None:
            return self.constant
        if self.path is not None:
            node = self.path.select(event)
            if node is None:
                raise InvalidOutput(f"The event has nothing at {self.path.text}.")
            return node
        if self.transformer is not None:
            return self.transformer.render(event, around)
        return event


class RoutedRule(msgspec.Struct, frozen=True, gc=False):
    """A rule ready to be sent from."""

    name: str
    arn: str
    targets: tuple[RoutedTarget, ...]


class BusRoutes(msgspec.Struct, frozen=True):
    """Everything a bus needs to route an event, and the stored bytes it was made from."""

    bus: BusName
    body: bytes | None
    rule_bodies: dict[str, bytes]
    rules: dict[str, RoutedRule]
    patterns: RuleSet

    def matching(self, event: bytes) -> list[RoutedRule]:
        """The rules that match an event, by name."""
        if not self.rules:
            return []
        names = self.patterns.match(event)
        if len(names) > 1:
            names = sorted(names)
        return [self.rules[name] for name in names]


class _Cache:
    """Routes by bus, bounded: past the limit the bus that was added first makes room."""

    def __init__(self) -> None:
        self._routes: dict[BusName, BusRoutes] = {}

    def get(self, bus: BusName) -> BusRoutes | None:
        return self._routes.get(bus)

    def put(self, routes: BusRoutes) -> None:
        while len(self._routes) >= ROUTED_BUSES_MAX and routes.bus not in self._routes:
            self._routes.pop(next(iter(self._routes)), None)
        self._routes[routes.bus] = routes


_cache = _Cache()


def routes_of(tx: Tx, bus: BusName) -> BusRoutes | None:
    """The routes of a bus as this transaction sees it, or None when there is no such bus."""
    body = bus_body(tx, bus.scope, bus.name)
    known = _cache.get(bus)
    if known is not None and known.body == body:
        return known
    if body is None and bus.name != DEFAULT_BUS:
        return None
    bodies = {} if body is None else rule_bodies(tx, bus.scope, bus.name)
    routes = _compiled(bus, body, bodies) if known is None else _updated(known, body, bodies)
    _cache.put(routes)
    return routes


def routed_rule(bus: BusName, rule: Rule) -> RoutedRule:
    """A rule with its targets prepared."""
    targets = tuple(_routed_target(target) for target in rule.targets)
    return RoutedRule(rule.name, RuleName(bus, rule.name).arn, targets)


def _compiled(bus: BusName, body: bytes | None, bodies: dict[str, bytes]) -> BusRoutes:
    matching = {name: rule for name, text in bodies.items() if _matches(rule := decode_rule(text))}
    return BusRoutes(
        bus,
        body,
        bodies,
        {name: routed_rule(bus, rule) for name, rule in matching.items()},
        RuleSet.compile({name: rule.pattern or "" for name, rule in matching.items()}),
    )


def _updated(known: BusRoutes, body: bytes | None, bodies: dict[str, bytes]) -> BusRoutes:
    """The routes after rules changed: what did not change is taken over."""
    before = known.rule_bodies
    gone = [name for name in before if name not in bodies]
    changed = [name for name, text in bodies.items() if before.get(name) != text]
    if len(gone) + len(changed) > _INCREMENTAL_MAX:
        return _compiled(known.bus, body, bodies)
    rules, patterns = dict(known.rules), known.patterns
    for name in gone:
        if rules.pop(name, None) is not None:
            patterns = patterns.without(name)
    for name in changed:
        rule = decode_rule(bodies[name])
        was_matching = name in rules
        if _matches(rule):
            rules[name] = routed_rule(known.bus, rule)
            if not was_matching or decode_rule(before[name]).pattern != rule.pattern:
                patterns = patterns.with_rule(name, rule.pattern or "")
        elif was_matching:
            del rules[name]
            patterns = patterns.without(name)
    return BusRoutes(known.bus, body, bodies, rules, patterns)


def _matches(rule: Rule) -> bool:
    return rule.pattern is not None and rule.is_enabled


def _routed_target(target: Target) -> RoutedTarget:
    retry = RetryPolicy()
    if target.retries_max is not None:
        retry = msgspec.structs.replace(retry, retries_max=target.retries_max)
    if target.age_max_s is not None:
        retry = msgspec.structs.replace(retry, age_max_ms=target.age_max_s * 1000)
    template = target.input_template
    arn = parse_arn(target.arn)
    to_log_group = arn is not None and is_log_group(arn)
    return RoutedTarget(
        arn=target.arn,
        parameters={} if target.message_group_id is None else {"MessageGroupId": target.message_group_id},
        retry=retry,
        dead_letter_arn=target.dead_letter_arn,
        constant=None if target.input is None else target.input.encode(),
        path=None if target.input_path is None else JsonPath(target.input_path),
        transformer=None if template is None else Transformer(template.template, template.paths or {}),
        is_shaped=to_log_group or any(given is not None for given in (target.input, target.input_path, template)),
        is_log_group=to_log_group,
    )
