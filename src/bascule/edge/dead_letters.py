"""Which queues are dead-letter queues, who uses them, and why a message in one died.

Every service that can name a dead-letter queue is asked here, over all accounts and Regions. Why a message died is read from
what it carries (``letters``), and from the journal when an event is in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bascule.edge.letters import SENDERS, DestinationRecord, Letter, event_id_of, letter_of, notification_in, record_in
from bascule.journal import notes_of
from bascule.kernel.arns import parse_arn
from bascule.kernel.journal import Note
from bascule.kernel.queues import StoredMessage
from bascule.kernel.store import Tx
from bascule.services.events.names import BusName, RuleName
from bascule.services.events.state import rules
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.state import EVENT_INVOKE_CONFIGS, FUNCTIONS
from bascule.services.sns.state import every_subscription, find_subscription
from bascule.services.sns.subscription_attributes import dead_letter_arn
from bascule.services.sqs.state import Cursor, find_arn, page_all_queues

#: Queues read at a time. count
PAGE = 500
_FAILED_NOTES = {"invocation-failed", "invocation-retry", "refused", "retry"}


class Use(msgspec.Struct, frozen=True):
    """Somebody who sends to a dead-letter queue. ``kind``: queue, rule, function, destination or subscription."""

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


class _Failure(msgspec.Struct, rename="camel"):
    error_type: str = ""
    error_message: str = ""


_failure = msgspec.json.Decoder(_Failure).decode


def dead_letter_queues(tx: Tx) -> dict[str, list[Use]]:
    """Every dead-letter queue that somebody names, existing or not, with its users; by ARN, in order."""
    found: dict[str, list[Use]] = {}
    for arn, use in (*_of_queues(tx), *_of_rules(tx), *_of_functions(tx), *_of_subscriptions(tx)):
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


def _of_subscriptions(tx: Tx) -> Iterator[tuple[str, Use]]:
    for subscription in every_subscription(tx):
        arn = dead_letter_arn(subscription)
        if arn is not None:
            yield arn, Use("subscription", subscription.topic_arn, subscription.endpoint)


def why_of(tx: Tx, message: StoredMessage) -> Why:
    """Why a message died: the last thing that happened to it."""
    letter = letter_of(message)
    attributes = letter.attributes
    if letter.dead_letter_source:
        return _given_up(tx, message, letter.dead_letter_source)
    if letter.sender is not None:
        return _undelivered(letter, letter.sender)
    if letter.is_of_function:
        return Why("function", code=attributes["ErrorCode"], message=attributes.get("ErrorMessage", ""))
    record = record_in(message.body)
    if record is not None:
        return _failed(record)
    notification = notification_in(message.body)
    if notification is not None:
        subscription = find_subscription(tx, notification.subscription_arn)
        endpoint = "" if subscription is None else subscription.endpoint
        last = _last_failure(tx, message, endpoint)
        code, words = ("", "") if last is None else (last.code, last.message)
        return Why("subscription", notification.topic_arn, endpoint, code, words)
    return Why()


def _undelivered(letter: Letter, sender: str) -> Why:
    attributes = letter.attributes
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


def _last_failure(tx: Tx, message: StoredMessage, target_arn: str = "") -> Note | None:
    """The last thing that failed, at ``target_arn`` if given, in the story of the event that is in a message."""
    event_id = event_id_of(message.body)
    notes = notes_of(tx, event_id) if event_id else ()
    failed = [note for note in notes if note.kind in _FAILED_NOTES and target_arn in ("", note.target_arn)]
    return failed[-1] if failed else None


def _given_up(tx: Tx, message: StoredMessage, source_arn: str) -> Why:
    """A queue gave it up; what its consumer failed with is in the journal, when there is an event in the message."""
    last = _last_failure(tx, message)
    if last is not None:
        told = str(last.detail.get("error_type", "")) or last.code
        return Why("queue", source_arn, last.target_arn, told, last.message)
    found = find_arn(tx, source_arn)
    redrive = found[1].redrive if found is not None else None
    count = 0 if redrive is None else redrive.receives_max
    times = "once" if count == 1 else f"{count} times" if count else "too often"
    return Why("queue", source_arn, message=f"It was received {times} and not deleted.")


def _failed(record: DestinationRecord) -> Why:
    context = record.request_context
    failure = _Failure()
    answer = bytes(record.response_payload)
    if answer:
        try:
            failure = _failure(answer)
        except msgspec.MsgspecError:
            failure = _Failure(error_message=answer.decode("utf-8", "replace"))
    told = ": ".join(filter(None, (failure.error_type, failure.error_message)))
    retry_count = max(context.approximate_invoke_count - 1, 0)
    return Why("destination", context.function_arn, "", context.condition, told, retry_count)
