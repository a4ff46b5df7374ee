"""Which queues are dead-letter queues, who uses them, and why a message in one died.

Every service that can name a dead-letter queue is asked here, over all accounts and Regions. Why a message died is read from
what it carries (``letters``), and from the journal: in the story of the event in it, or, when there
is none, under the message's own id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from bascule.services.sqs.carried_events import received_in_vain
from bascule.services.sqs.state import Cursor, find_arn, page_all_queues

#: Queues read at a time. count
PAGE = 500
#: Said of a dead letter whose reason nothing holds.
NO_EVENT = "The reason is not known: the journal holds nothing of this message any more."
STORY_GONE = "The reason is not known: the story of the event in it is no longer kept."


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


def why_of(tx: Tx, message: StoredMessage, uses: Sequence[Use], notes: Sequence[Note]) -> Why:
    """Why a message died: the last thing that happened to it.

    Takes    uses: who sends to its queue; of two that could have sent it none is named. notes: what the journal holds of the
             event in the message.
    """
    letter = letter_of(message)
    attributes = letter.attributes
    if letter.dead_letter_source:
        return _given_up(tx, message, letter.dead_letter_source, notes)
    if letter.sender is not None:
        return _undelivered(letter, letter.sender)
    if letter.is_of_function:
        sent = _sending(message, notes)
        source_arn = (
            str(sent[0].detail.get("source_arn", "")) if sent else _only(uses, "function", len(uses)).source_arn
        )
        return Why("function", source_arn, code=attributes["ErrorCode"], message=attributes.get("ErrorMessage", ""))
    record = record_in(message.body)
    if record is not None:
        return _failed(record)
    return _unnotified(tx, message, uses, notes)


def sender_of(tx: Tx, message: StoredMessage) -> str:
    """ARN of whose delivery ended in a message, from the story of the event in it; empty when that does not tell."""
    event_id = event_id_of(message.body)
    sent = _sending(message, notes_of(tx, event_id)) if event_id else []
    return str(sent[0].detail.get("source_arn", "")) if sent else ""


def _unnotified(tx: Tx, message: StoredMessage, uses: Sequence[Use], notes: Sequence[Note]) -> Why:
    """What a subscription did not get; its letter holds the message of the topic and nothing else."""
    sent = _sending(message, notes)
    refusal = next((note for note in sent[1:] if note.kind == "refused"), None)
    if refusal is not None:
        return Why(
            "subscription",
            str(refusal.detail.get("source_arn", "")),
            refusal.target_arn,
            refusal.code,
            refusal.message,
            refusal.attempt - 1,
            str(refusal.detail.get("exhausted", "")),
        )
    untold = STORY_GONE if event_id_of(message.body) else NO_EVENT
    notification = notification_in(message.body)
    if notification is not None:
        subscription = find_subscription(tx, notification.subscription_arn)
        endpoint = "" if subscription is None else subscription.endpoint
        return Why("subscription", notification.topic_arn, endpoint, message=untold)
    use = _only(uses, "subscription", 1)
    return Why("subscription", use.source_arn, use.target_arn, message=untold) if use.kind else Why()


def _only(uses: Sequence[Use], kind: str, count_max: int) -> Use:
    """The only user of a kind among at most ``count_max`` users; a nameless one when there is none or are several."""
    found = [use for use in uses if use.kind == kind]
    return found[0] if len(found) == 1 and len(uses) <= count_max else Use("", "")


def _sending(message: StoredMessage, notes: Sequence[Note]) -> list[Note]:
    """From the journal: the note that a delivery ended in this very message, and then the others of that delivery.

    Gives    nothing when there is no event in the message, or its story is gone.
    """
    for sent in notes:
        if sent.kind == "dead-letter" and sent.detail.get("reference") == message.message_id:
            return [sent, *(note for note in notes if note.subject == sent.subject and note is not sent)]
    return []


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


def _given_up(tx: Tx, message: StoredMessage, source_arn: str, notes: Sequence[Note]) -> Why:
    """A queue gave it up; what its consumer failed with is in the journal, when there is an event in the message."""
    failed = [
        note
        for note in notes
        if note.kind == "invocation-failed"
        and note.subject == message.message_id
        and note.detail.get("queue_arn") == source_arn
    ]
    if failed:
        last = failed[-1]
        told = str(last.detail.get("error_type", "")) or last.code
        return Why("queue", source_arn, last.target_arn, told, last.message)
    found = find_arn(tx, source_arn)
    redrive = found[1].redrive if found is not None else None
    return Why("queue", source_arn, message=received_in_vain(0 if redrive is None else redrive.receives_max))


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
