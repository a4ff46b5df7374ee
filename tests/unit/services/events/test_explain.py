"""Explanations: one verdict for each rule, with the reason and the age of the rule."""

from __future__ import annotations

from bascule.services.events.explain import RuleVerdict, explain_event
from tests.unit.services.events.desk import HOME, Desk


def verdicts(desk: Desk, event_id: str) -> dict[str, RuleVerdict]:
    story = desk.story(event_id).event
    assert story is not None
    event = story.event
    found = desk.store.read(lambda tx: explain_event(tx, HOME, "default", event))
    assert [verdict.rule for verdict in found] == sorted(verdict.rule for verdict in found)
    return {verdict.rule: verdict for verdict in found}


def test_each_rule_says_why(desk: Desk) -> None:
    desk.rule("yes", {"source": ["shop"]})
    desk.rule("no", {"source": ["shop"], "detail": {"amount": [{"numeric": [">=", 1000]}]}})
    desk.rule("off", {"source": ["shop"]}, state="DISABLED")
    desk.call("PutRule", name="clock", schedule_expression="rate(1 day)")
    found = verdicts(desk, desk.put({"amount": 999}).event_id)
    assert found["yes"].matched
    assert not found["yes"].is_newer
    assert not found["no"].matched
    assert found["no"].path == "detail.amount"
    assert found["no"].operator == "numeric"
    assert found["no"].seen == "999"
    assert "1000" in (found["no"].wanted or "")
    assert not found["off"].matched
    assert found["off"].sentence.startswith("The rule is disabled.")
    assert found["clock"].sentence == "The rule has no event pattern; it fires on its schedule."


def test_a_rule_younger_than_the_event_says_so(desk: Desk) -> None:
    desk.rule("old")
    desk.rule("changed", {"source": ["other"]})
    result = desk.put()
    desk.clock.advance(1)
    desk.rule("changed")
    desk.rule("new")
    found = verdicts(desk, result.event_id)
    assert not found["old"].is_newer
    assert found["changed"].is_newer
    assert found["changed"].sentence.endswith("The rule was changed after the event.")
    assert found["new"].sentence.endswith("The rule was created after the event.")


def test_an_unknown_bus_has_no_rules_and_a_foreign_id_no_age(desk: Desk) -> None:
    assert desk.store.read(lambda tx: explain_event(tx, HOME, "gone", b"{}")) == []
    desk.rule("r")
    found = desk.store.read(lambda tx: explain_event(tx, HOME, "default", b"not an event"))
    assert not found[0].matched
    assert not found[0].is_newer
