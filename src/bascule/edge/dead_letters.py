"""Which queues are dead-letter queues, who uses them, and why a message in one died.

Every service that can name a dead-letter queue is asked here, over all accounts and Regions. Why a message died is read from
what it carries: the attributes that senders add, the record of a destination, the mark of a queue that gave it up; and
from the journal, when its body is an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from bascule.journal import notes_of
from bascule.kernel.arns import parse_arn
from bascule.kernel.queues import StoredMessage
from bascule.kernel.store import Tx
from bascule.services.events.names import BusName, RuleName
from bascule.services.events.state import rules
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.state import EVENT_INVOKE_CONFIGS, FUNCTIONS
from bascule.services.sqs.model import unpack_headers
from bascule.services.sqs.state import Cursor, find_arn, page_all_queues

#: Queues read at a time. count
PAGE = 500


class Use(msgspec.Struct, frozen=True):
    """Somebody who sends to a dead-letter queue. ``kind``: queue, rule, function or destination."""

    kind: str
    source_arn: str
    #: What could not be reached, when that differs from the source.
    target_arn: str = ""


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a message died, as far as it can be told. ``kind`` as in ``Use``; empty when unknown."""

    kind: str = ""
    source_arn: str = ""
    target_arn: str = ""
    code: str = ""
    message: str = ""
    retry_count: int | None = None
    #: Which limit ended it.
    exhausted: str = ""


class _Envelope(msgspec.Struct):
    """What makes a body an event."""

    id: str
    source: str
    detail_type: str = msgspec.field(name="detail-type")


class _RequestContext(msgspec.Struct, rename="camel"):
    function_arn: str
    condition: str
    approximate_invoke_count: int = 0


class DestinationRecord(msgspec.Struct, rename="camel"):
    """The record of a failed invocation, as destinations receive it."""

    request_context: _RequestContext
    request_payload: msgspec.Raw
    response_payload: msgspec.Raw = msgspec.Raw(b"")


class _Failure(msgspec.Struct, rename="camel"):
    error_type: str = ""
    error_message: str = ""


class _Letter(NamedTuple):
    """A message of a dead-letter queue, read."""

    attributes: dict[str, str]
    dead_letter_source: str


_envelope = msgspec.json.Decoder(_Envelope).decode
_record = msgspec.json.Decoder(DestinationRecord).decode
_failure = msgspec.json.Decoder(_Failure).decode
#: Attributes that name the sender of a dead letter -> the kind of sender.
SENDERS = {"RULE_ARN": "rule", "SCHEDULE_ARN": "schedule", "SOURCE_ARN": "delivery"}
_FAILED_NOTES = {"invocation-failed", "invocation-retry", "refused", "retry"}


def dead_letter_queues(tx: Tx) -> dict[str, list[Use]]:
    """Every dead-letter queue that somebody names, existing or not, with its users; by ARN, in order."""
    found: dict[str, list[Use]] = {}
    for arn, use in (*_of_queues(tx), *_of_rules(tx), *_of_functions(tx)):
        parts = parse_arn(arn)
        if parts is not None and parts.service == "sqs":
            found.setdefault(arn, []).append(use)
    return dict(sorted(found.items()))


def _of_queues(tx: Tx) -> Iterator[tuple[str, Use]]:
    after = Cursor()
    while page := list(page_all_queues(tx.documents, after, PAGE)):
        for key, queue in page:
            if queue.redrive is not None:
                yield queue.redrive.target_arn, Use("queue", key.scope.arn("sqs", queue.name))
        last = page[-1][0]
        after = Cursor(last.scope.account, last.scope.region, last.name)


def _of_rules(tx: Tx) -> Iterator[tuple[str, Use]]:
    for key, rule in rules.every(tx.documents):
        for target in rule.targets:
            if target.dead_letter_arn is not None:
                arn = RuleName(BusName(key.scope, key.parent), rule.name).arn
                yield target.dead_letter_arn, Use("rule", arn, target.arn)


def _of_functions(tx: Tx) -> Iterator[tuple[str, Use]]:
    for key, function in FUNCTIONS.every(tx.documents):
        if function.latest.dead_letter_arn:
            arn = FunctionReference(key.scope, function.name, None).arn
            yield function.latest.dead_letter_arn, Use("function", arn)
    for key, config in EVENT_INVOKE_CONFIGS.every(tx.documents):
        if config.failure_arn is not None:
            arn = FunctionReference(key.scope, key.parent, key.name).qualified_arn
            yield config.failure_arn, Use("destination", arn)


def event_id_of(body: bytes) -> str:
    """The id of the event that a body is; empty when it is none."""
    try:
        return _envelope(body).id
    except msgspec.MsgspecError:
        return ""


def record_in(body: bytes) -> DestinationRecord | None:
    """The destination record that a body is; None when it is none."""
    try:
        return _record(body)
    except msgspec.MsgspecError:
        return None


def letter_of(message: StoredMessage) -> _Letter:
    """The text attributes of a message and the queue that gave it up, if one did."""
    headers = unpack_headers(message.headers)
    attributes = {
        name: value.decode("utf-8", "replace")
        for name, (kind, value) in headers.attributes.items()
        if not kind.startswith("Binary")
    }
    return _Letter(attributes, headers.dead_letter_source)


def why_of(tx: Tx, message: StoredMessage) -> Why:
    """Why a message died."""
    attributes, dead_letter_source = letter_of(message)
    if dead_letter_source:
        return _why_of_queue(tx, message, dead_letter_source)
    sender = next((name for name in SENDERS if name in attributes), None)
    if sender is not None and "TARGET_ARN" in attributes:
        retries = attributes.get("RETRY_ATTEMPTS", "")
        return Why(
            SENDERS[sender],
            attributes[sender],
            attributes["TARGET_ARN"],
            attributes.get("ERROR_CODE", ""),
            attributes.get("ERROR_MESSAGE", ""),
            int(retries) if retries.isdigit() else None,
            attributes.get("EXHAUSTED_RETRY_CONDITION", ""),
        )
    if "RequestID" in attributes and "ErrorCode" in attributes:
        return Why("function", code=attributes["ErrorCode"], message=attributes.get("ErrorMessage", ""))
    record = record_in(message.body)
    if record is not None:
        return _why_of_record(record)
    return Why()


def _why_of_queue(tx: Tx, message: StoredMessage, source_arn: str) -> Why:
    """A queue gave it up; what its consumer failed with is in the journal, when the body is an event."""
    event_id = event_id_of(message.body)
    failed = [note for note in notes_of(tx, event_id) if note.kind in _FAILED_NOTES] if event_id else []
    found = find_arn(tx, source_arn)
    redrive = found[1].redrive if found is not None else None
    times = f"{redrive.receives_max} times" if redrive is not None else "too often"
    if not failed:
        return Why("queue", source_arn, message=f"It was received {times} and never deleted.")
    last = failed[-1]
    told = str(last.detail.get("error_type", "")) or last.code
    return Why("queue", source_arn, last.target_arn, told, last.message)


def _why_of_record(record: DestinationRecord) -> Why:
    context = record.request_context
    failure = _Failure()
    answer = bytes(record.response_payload)
    if answer:
        try:
            failure = _failure(answer)
        except msgspec.MsgspecError:
            failure = _Failure(error_message=answer.decode("utf-8", "replace"))
    told = ": ".join(filter(None, (failure.error_type, failure.error_message)))
    tries = max(context.approximate_invoke_count - 1, 0)
    return Why("destination", context.function_arn, "", context.condition, told, tries)
