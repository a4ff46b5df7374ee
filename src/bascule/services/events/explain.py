"""Why each rule of a bus does or does not match an event: what the story of the event shows.

Rules are judged as they are now. A rule that was made or changed after the event says so, because at that time it may have
decided otherwise; what really matched is in the journal.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.ids import batch_of_event
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.patterns import Pattern
from bascule.services.events.envelope import origin_of
from bascule.services.events.model import Rule
from bascule.services.events.state import decode_rule, rule_bodies


class RuleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says about an event. The last four are None when there is nothing to point at."""

    rule: str
    state: str
    matched: bool
    sentence: str
    #: The rule is younger than the event, or was changed since.
    is_newer: bool
    path: str | None = None
    operator: str | None = None
    wanted: str | None = None
    seen: str | None = None


def explain_event(tx: Tx, scope: Scope, bus: str, event: bytes) -> list[RuleVerdict]:
    """The verdict of every rule of a bus, by name.

    Takes    bus: a name; an unknown one has no rules. event: the bytes as they were on the bus.
    Gives    ``matched`` tells what the rule would do now; it is False for a disabled rule.
    """
    at_ms = _put_at_ms(event)
    return [_verdict(decode_rule(body), event, at_ms) for body in rule_bodies(tx, scope, bus).values()]


def _put_at_ms(event: bytes) -> int | None:
    """When the event was put, which its id tells; None for an id that Bascule did not make."""
    origin = origin_of(event)
    batch = None if origin is None else batch_of_event(origin.id)
    return None if batch is None else int(batch[0][:12], 16)


def _verdict(rule: Rule, event: bytes, at_ms: int | None) -> RuleVerdict:
    is_newer = at_ms is not None and rule.updated_ms > at_ms
    if rule.pattern is None:
        sentence = "The rule has no event pattern; it fires on its schedule."
        return RuleVerdict(rule=rule.name, state=rule.state, matched=False, sentence=sentence, is_newer=is_newer)
    found = Pattern.parse(rule.pattern).explain(event)
    sentence = found.sentence
    if not rule.is_enabled:
        sentence = f"The rule is disabled. {sentence}"
    if at_ms is not None and is_newer:
        change = "created" if rule.created_ms > at_ms else "changed"
        sentence = f"{sentence} The rule was {change} after the event."
    return RuleVerdict(
        rule=rule.name,
        state=rule.state,
        matched=found.matched and rule.is_enabled,
        sentence=sentence,
        is_newer=is_newer,
        path=found.path,
        operator=found.operator,
        wanted=found.wanted,
        seen=found.seen,
    )
