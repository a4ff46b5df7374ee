"""Assembles the whole story of an event for the command line and the console: what the journal wrote down, ordered by delivery.

Everything here is a pure view: plain dictionaries that become JSON. Times are UTC milliseconds (``_ms``). A delivery's notes
share its id (``subject``), also those of its dead letter; acceptances that were folded into their call have none and stand
alone until a later note of the same sender and target joins them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.journal import FoundEvent, FoundStory, Happening, find_story, recent
from bascule.kernel.journal import Note
from bascule.kernel.store import Tx
from bascule.services.events.explain import RuleVerdict, explain_event
from bascule.services.events.names import BusName, RuleName, bus_named, resource_named

Json = dict[str, Any]

_OF_DELIVERY = {"accepted", "refused", "retry", "dead-letter", "lost"}
_OF_INVOCATION = {
    "invocation-started": "running",
    "invocation-succeeded": "succeeded",
    "invocation-failed": "failed",
    "invocation-retry": "waiting",
    "invocation-filtered": "filtered",
}
#: Notes whose kind says how the delivery stands; the newest one decides.
_STATES = {
    "accepted": "accepted",
    "retry": "waiting",
    "refused": "refused",
    "dead-letter": "dead-letter",
    "lost": "lost",
}


class _Face(msgspec.Struct):
    """The fields of an event that name it."""

    source: str = ""
    detail_type: str = msgspec.field(default="", name="detail-type")
    time: str = ""


_face = msgspec.json.Decoder(_Face).decode


def story_of(tx: Tx, event_id: str) -> Json | None:
    """The story of one event; None when the journal knows nothing of the id.

    Gives    ``event`` (None when only notes are left), ``rules`` considered, ``deliveries`` with their ``tries``,
             ``invocations`` and end, ``caused_by`` and ``caused``. Shapes: docs/design/delivery.md.
    """
    found = find_story(tx, event_id.strip())
    if found is None:
        return None
    deliveries = _deliveries(found.notes)
    strays = _attach_invocations(deliveries, found.notes)
    return {
        "event_id": found.event.event_id if found.event else event_id.strip(),
        "event": _event(found.event) if found.event else None,
        "rules": _rules(tx, found) if found.event else [],
        "deliveries": deliveries,
        "invocations": strays,
        "caused_by": (found.event.caused_by or None) if found.event else None,
        "caused": [_caused(note) for note in found.notes if note.kind == "caused"],
    }


def tail_of(tx: Tx, cursor: str, *, now_ms: int, count_max: int = 500) -> Json:
    """What happened since ``cursor`` (empty: in the last seconds), as ``happenings`` and the ``cursor`` to go on from.

    ``is_end`` false: there is more already.
    """
    found = recent(tx, cursor, now_ms=now_ms, count_max=count_max)
    happenings = [_happening(happening) for happening in found.happenings]
    return {"happenings": happenings, "cursor": found.cursor, "is_end": found.is_end}


def _happening(happening: Happening) -> Json:
    if happening.note is not None:
        return _plain(happening.note)
    face = _face_of(happening.event)
    return {
        "kind": "event",
        "at_ms": happening.at_ms,
        "event_id": happening.event_id,
        "bus": happening.bus,
        "source": face.source,
        "detail_type": face.detail_type,
        "bytes": len(happening.event),
        "matched": list(happening.matched),
    }


def _face_of(event: bytes) -> _Face:
    try:
        return _face(event)
    except msgspec.MsgspecError:
        return _Face()


def _event(found: FoundEvent) -> Json:
    face = _face_of(found.event)
    try:
        body: Any = msgspec.json.decode(found.event)
    except msgspec.MsgspecError:
        body = found.event.decode("utf-8", "replace")
    return {
        "id": found.event_id,
        "account": found.scope.account,
        "region": found.scope.region,
        "bus": found.bus,
        "source": face.source,
        "detail_type": face.detail_type,
        "time": face.time,
        "received_ms": found.at_ms,
        "bytes": len(found.event),
        "body": body,
    }


def _plain(note: Note) -> Json:
    """A note as JSON: its fields that say something, and its details beside them."""
    if note.kind == "caused":
        return {"kind": note.kind, "at_ms": note.at_ms, **_caused(note), "event_id": note.event_id}
    fields = {**note.detail, **msgspec.to_builtins(note)}
    fields.pop("detail", None)
    return {name: value for name, value in fields.items() if value not in ("", 0)}


def _caused(note: Note) -> Json:
    """The event that a delivery of this one became on another bus."""
    return {
        "caused_event_id": note.detail.get("event_id", ""),
        "bus_arn": note.target_arn,
        "source_arn": note.detail.get("source_arn", ""),
        "at_ms": note.at_ms,
    }


def _rules(tx: Tx, found: FoundStory) -> list[Json]:
    """Every rule of each bus the event was on: what it decided then, and the reason as the rule stands now."""
    assert found.event is not None
    event = found.event
    passed: list[tuple[BusName, tuple[str, ...]]] = []
    if event.bus:
        passed.append((bus_named(event.bus, event.scope), event.matched))
    for note in found.notes:
        bus = resource_named(note.target_arn) if note.kind == "received" else None
        if isinstance(bus, BusName):
            passed.append((bus, tuple(filter(None, str(note.detail.get("matched", "")).split(",")))))
    return [rule for bus, matched in passed for rule in _rules_of(tx, bus, matched, event.event)]


def _rules_of(tx: Tx, bus: BusName, matched: tuple[str, ...], event: bytes) -> list[Json]:
    verdicts = {verdict.rule: verdict for verdict in explain_event(tx, bus.scope, bus.name, event)}
    rules = []
    for name in sorted({*verdicts, *matched}):
        rule: Json = {"name": name, "arn": RuleName(bus, name).arn, "bus_arn": bus.arn, "matched": name in matched}
        verdict = verdicts.get(name)
        rule.update(_reason(verdict, is_matched=name in matched))
        rules.append(rule)
    return rules


def _reason(verdict: RuleVerdict | None, *, is_matched: bool) -> Json:
    if verdict is None:
        return {"sentence": "The rule has been deleted since."}
    if verdict.matched != is_matched:
        now = "would match" if verdict.matched else "would not match"
        return {"state": verdict.state, "sentence": f"As the rule is now, it {now}. {verdict.sentence}"}
    reason: Json = {"state": verdict.state, "sentence": verdict.sentence}
    for name in ("path", "operator", "wanted", "seen"):
        value = getattr(verdict, name)
        if value is not None:
            reason[name] = value
    return reason


def _deliveries(notes: tuple[Note, ...]) -> list[Json]:
    made: list[Json] = []
    by_subject: dict[str, Json] = {}
    for note in notes:
        if note.kind not in _OF_DELIVERY:
            continue
        delivery = by_subject.get(note.subject) if note.subject else None
        if delivery is None:
            delivery = _joined(made, note) or _new_delivery(made, note)
            if note.subject:
                by_subject[note.subject] = delivery
                delivery["delivery_id"] = note.subject
        _tell(delivery, note)
    return made


def _joined(made: list[Json], note: Note) -> Json | None:
    """The delivery without an id that a later note is about."""
    if note.kind == "accepted" or not note.subject:
        return None
    for delivery in made:
        is_same = (delivery["source_arn"], delivery["target_arn"]) == (note.detail.get("source_arn"), note.target_arn)
        if is_same and "delivery_id" not in delivery:
            return delivery
    return None


def _new_delivery(made: list[Json], note: Note) -> Json:
    source_arn = str(note.detail.get("source_arn", ""))
    delivery: Json = {
        "source_arn": source_arn,
        "rule": source_arn.rpartition("/")[2] if ":rule/" in source_arn else None,
        "target_arn": note.target_arn,
        "state": "waiting",
        "try_count": 0,
        "tries": [],
        "invocations": [],
    }
    made.append(delivery)
    return delivery


def _tell(delivery: Json, note: Note) -> None:
    """Add what a note says to its delivery."""
    delivery["state"] = _STATES[note.kind]
    delivery.pop("next_try_ms", None)
    is_dead_letter = note.target_arn != delivery["target_arn"]
    if note.kind == "retry":
        delivery["next_try_ms"] = note.detail.get("due_ms")
    if note.kind == "dead-letter":
        letter = {"target_arn": note.target_arn, **_reference(note), "at_ms": note.at_ms}
        if note.detail.get("reason"):
            letter["reason"] = note.detail["reason"]
        delivery["dead_letter"] = letter
    elif note.kind == "lost":
        delivery["lost"] = {"reason": note.detail.get("reason", ""), "at_ms": note.at_ms}
    else:
        tried = _plain(note)
        for known in ("event_id", "subject", "source_arn"):
            tried.pop(known, None)
        if not is_dead_letter:
            tried.pop("target_arn", None)
            delivery["try_count"] = max(delivery["try_count"], note.attempt)
        delivery["tries"].append(tried)
    if note.kind == "accepted":
        delivery.update(_reference(note))
    if note.code and note.kind != "lost":
        delivery["code"], delivery["message"] = note.code, note.message


def _reference(note: Note) -> Json:
    reference = note.detail.get("reference")
    return {"reference": reference} if reference else {}


def _attach_invocations(deliveries: list[Json], notes: tuple[Note, ...]) -> list[Json]:
    """Give each invocation to the delivery that asked for it; gives those that no delivery asked for."""
    strays: list[Json] = []
    for note in notes:
        state = _OF_INVOCATION.get(note.kind)
        if state is None:
            continue
        owner = _owner(deliveries, note)
        told = strays if owner is None else owner["invocations"]
        last = told[-1] if told else None
        is_same = last is not None and (last.get("request_id"), last.get("attempt")) == (note.subject, note.attempt)
        if last is None or not is_same:
            last = {"request_id": note.subject, "attempt": note.attempt, "function_arn": note.target_arn}
            last["started_ms"] = note.at_ms
            _close(told)
            told.append(last)
        last["state"] = state
        if note.kind == "invocation-started" and is_same:
            last["start_count"] = last.get("start_count", 1) + 1
        if state != "running":
            plain = _plain(note)
            last["ended_ms"] = note.at_ms
            last.update({name: value for name, value in plain.items() if name not in _KNOWN_OF_INVOCATION})
    return strays


def _close(told: list[Json]) -> None:
    """The attempt before a new one no longer waits for it."""
    if told and told[-1]["state"] == "waiting":
        told[-1]["state"] = "failed"
        told[-1].pop("due_ms", None)


_KNOWN_OF_INVOCATION = {"kind", "at_ms", "event_id", "subject", "attempt", "target_arn"}


def _owner(deliveries: list[Json], note: Note) -> Json | None:
    for delivery in deliveries:
        if delivery.get("reference") == note.subject and note.subject:
            return delivery
    for delivery in deliveries:
        if note.target_arn and _unqualified(delivery["target_arn"]) == _unqualified(note.target_arn):
            return delivery
    return None


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])
