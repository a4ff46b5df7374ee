"""Takes messages out of a dead-letter queue and sends each to where it should have gone.

Where that is, the message itself tells: the queue that gave it up, the rule and target that it was meant for, the function of
a destination record, the subscription of a notification. A function's dead letter and a raw notification name nobody, so
their queue must serve only one, unless the story of an event in it names the function. Taking out and sending again are one
transaction, and what fails again comes back to the same queue: a redrive loses nothing.
"""

from __future__ import annotations

from functools import cached_property

import msgspec

from bascule.edge.dead_letters import Use, dead_letter_queues, sender_of
from bascule.edge.letters import SENDERS, Letter, event_id_of, letter_of, notification_in, record_in
from bascule.edge.redrive_notifications import as_subscriber_gets_it, is_http, send_http
from bascule.kernel.arns import parse_arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery
from bascule.kernel.queues import StoredMessage
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.events.envelope import iso_second
from bascule.services.events.input_transformer import InvalidOutput, Surroundings
from bascule.services.events.names import RuleName, resource_named
from bascule.services.events.routes import RoutedTarget, routed_rule
from bascule.services.events.state import rules
from bascule.services.sns.model import Subscription
from bascule.services.sns.state import every_subscription, find_subscription
from bascule.services.sns.subscription_attributes import dead_letter_arn
from bascule.services.sqs.model import Queue, unpack_headers
from bascule.services.sqs.moving import move
from bascule.services.sqs.state import find_arn

ORIGIN = "redrive"
#: Attributes that senders add to what they send to a dead-letter queue; they are not sent on.
_ADDED = {
    *SENDERS,
    "TARGET_ARN",
    "ERROR_CODE",
    "ERROR_MESSAGE",
    "RETRY_ATTEMPTS",
    "EXHAUSTED_RETRY_CONDITION",
    "RequestID",
    "ErrorCode",
    "ErrorMessage",
}


class Stays(msgspec.Struct, frozen=True):
    """A message that stays in the queue, and why."""

    message_id: str
    reason: str


class Redriven(msgspec.Struct, frozen=True):
    """What one step of a redrive did. ``after``: where the next step goes on; None when the end was reached."""

    moved: int
    stays: list[Stays]
    looked_at: int
    after: int | None


class _CannotTell(Exception):
    """Why a message stays where it is; one sentence."""


class Source:
    """The dead-letter queue that is emptied. Use in one transaction."""

    def __init__(self, tx: Tx, arn: str, scope: Scope, queue: Queue) -> None:
        self._tx = tx
        self.arn = arn
        self.scope = scope
        self.queue = queue

    @cached_property
    def uses(self) -> list[Use]:
        """Who uses the queue. Few messages need it, and looking for it reads every rule there is."""
        return dead_letter_queues(self._tx).get(self.arn, [])


def find_source(tx: Tx, arn: str) -> Source | None:
    """The queue of an ARN; None when there is no such queue."""
    found = find_arn(tx, arn)
    return None if found is None else Source(tx, arn, *found)


def redrive(
    ctx: Context, tx: Tx, source: Source, *, to: str, message_ids: frozenset[str], after: int, count_max: int
) -> Redriven:
    """One step of a redrive: look at up to ``count_max`` messages and send them again.

    Takes    to: an ARN for all of them, or empty for where each belongs; message_ids: empty for all messages.
    Promise  a message is out of the queue exactly when it was sent, or waits to be sent, again.
    """
    messages = tx.queues.peek(source.queue.storage, count_max=count_max, after_sequence=after)
    moved = 0
    stays: list[Stays] = []
    for message in messages:
        if (message_ids and message.message_id not in message_ids) or message.sent_ms <= source.queue.expired_ms(
            ctx.now_ms
        ):
            continue
        try:
            if message.lease_token is not None and message.due_ms > ctx.now_ms:
                raise _CannotTell("A consumer has received it and may still delete it.")
            _send(ctx, tx, source, message, to)
        except _CannotTell as reason:
            stays.append(Stays(message.message_id, str(reason)))
        else:
            moved += 1
    is_end = len(messages) < count_max
    return Redriven(moved, stays, len(messages), None if is_end else messages[-1].sequence)


def _send(ctx: Context, tx: Tx, source: Source, message: StoredMessage, to: str) -> None:
    """Send a message again and take it out of the queue. Raises _CannotTell, with nothing written."""
    letter = letter_of(message)
    queue_arn = to if _is_queue(to) else "" if to else letter.dead_letter_source
    if queue_arn:
        _move(ctx, tx, source, message, queue_arn)
        return
    subscription = None if to else _subscription(tx, source, message, letter)
    if subscription is not None and _is_queue(subscription.endpoint):
        _move(ctx, tx, source, message, subscription.endpoint)
        return
    notification = notification_in(message.body)
    if subscription is not None and is_http(subscription):
        tx.queues.settle(source.queue.storage, message.sequence, None)
        send_http(ctx, tx, subscription, notification, message.body)
        return
    delivery = _plain(ctx, source, message, to)
    if subscription is not None:
        delivery = as_subscriber_gets_it(delivery, subscription, notification, message)
    elif not to:
        delivery = _to_where_it_belongs(tx, delivery, source, message, letter)
    tx.queues.settle(source.queue.storage, message.sequence, None)
    ctx.courier.send(ctx.within(delivery.scope), tx, delivery)


def _is_queue(arn: str) -> bool:
    return arn.startswith("arn:") and arn.split(":")[2:3] == ["sqs"]


def _subscription(tx: Tx, source: Source, message: StoredMessage, letter: Letter) -> Subscription | None:
    """The subscription whose letter a message is: named by it, or the only user of the queue; None when it is another's."""
    if letter.sender is not None or letter.is_of_function or record_in(message.body) is not None:
        return None
    notification = notification_in(message.body)
    if notification is not None:
        subscription = find_subscription(tx, notification.subscription_arn)
        if subscription is None:
            raise _CannotTell("Its subscription was deleted; name a target with --to.")
        return subscription
    users = [one for one in every_subscription(tx) if dead_letter_arn(one) == source.arn]
    return users[0] if len(users) == 1 == len(source.uses) else None


def _move(ctx: Context, tx: Tx, source: Source, message: StoredMessage, queue_arn: str) -> None:
    """From queue to queue as SQS itself redrives."""
    found = find_arn(tx, queue_arn)
    if found is None:
        raise _CannotTell(f"There is no queue {queue_arn}.")
    destination = found[1]
    if destination.is_fifo != source.queue.is_fifo:
        raise _CannotTell(f"{queue_arn} is a queue of the other kind: FIFO and standard queues do not mix.")
    if destination.uuid == source.queue.uuid:
        raise _CannotTell("It is in this queue already.")
    move(ctx, tx, (source.scope, source.queue), found, message, None)


def _plain(ctx: Context, source: Source, message: StoredMessage, to: str) -> Delivery:
    """What goes out instead of the message, back to this queue if it fails again."""
    record = record_in(message.body)
    payload = message.body if record is None else bytes(record.request_payload)
    return Delivery(
        delivery_id=ctx.ids.token(),
        scope=source.scope,
        origin=ORIGIN,
        source_arn=source.arn,
        target_arn=to,
        payload=payload,
        created_ms=ctx.now_ms,
        attributes=_kept_attributes(message),
        event_id=event_id_of(message.body),
        dead_letter_arn=source.arn,
        dead_letter_payload=message.body,
    )


def _to_where_it_belongs(
    tx: Tx, delivery: Delivery, source: Source, message: StoredMessage, letter: Letter
) -> Delivery:
    """The delivery with the target that the message tells. Raises _CannotTell."""
    sender = letter.sender
    if sender is not None:
        again = msgspec.structs.replace(
            delivery,
            origin=SENDERS[sender],
            source_arn=letter.attributes[sender],
            target_arn=letter.attributes["TARGET_ARN"],
        )
        return _as_rule(tx, again, message)
    record = record_in(message.body)
    if record is not None:
        arn = record.request_context.function_arn.removesuffix(":$LATEST")
        return msgspec.structs.replace(delivery, target_arn=arn)
    if letter.is_of_function:
        return msgspec.structs.replace(delivery, target_arn=_function_of(tx, source, message))
    raise _CannotTell("Nothing in it tells where it came from; name a target with --to.")


def _kept_attributes(message: StoredMessage) -> dict[str, tuple[str, str]]:
    """The attributes that the message had before it died; binary ones are for queues only."""
    return {
        name: (kind, value.decode("utf-8", "replace"))
        for name, (kind, value) in unpack_headers(message.headers).attributes.items()
        if name not in _ADDED and not kind.startswith("Binary")
    }


def _function_of(tx: Tx, source: Source, message: StoredMessage) -> str:
    """The function whose dead letter a message is: the only one that uses the queue, or the one that its story names."""
    arns = sorted({use.source_arn for use in source.uses if use.kind == "function"})
    if len(arns) != 1:
        told = sender_of(tx, message)
        if ":function:" in told:
            return told.removesuffix(":$LATEST")
        whose = "No function uses" if not arns else "Several functions use"
        raise _CannotTell(f"{whose} this queue for its dead letters; name one with --to.")
    return arns[0]


def _as_rule(tx: Tx, delivery: Delivery, message: StoredMessage) -> Delivery:
    """As the rule would send the event now: with the parameters, the input and the policies of its target."""
    named = resource_named(delivery.source_arn)
    if not isinstance(named, RuleName):
        return delivery
    bus = named.bus
    delivery = msgspec.structs.replace(delivery, scope=bus.scope)
    rule = rules.get(tx.documents, bus.scope, named.name, parent=bus.name)
    if rule is None:
        return delivery
    target = next((one for one in routed_rule(bus, rule).targets if one.arn == delivery.target_arn), None)
    if target is None:
        return delivery
    return msgspec.structs.replace(
        delivery,
        payload=_payload(target, message, Surroundings(named.arn, rule.name, iso_second(message.sent_ms // 1000))),
        parameters=target.parameters,
        retry=target.retry,
        dead_letter_arn=target.dead_letter_arn or delivery.dead_letter_arn,
    )


def _payload(target: RoutedTarget, message: StoredMessage, around: Surroundings) -> bytes:
    try:
        return target.payload(message.body, around)
    except InvalidOutput as error:
        raise _CannotTell(f"Its input cannot be made: {error}") from None


def is_target(arn: str) -> bool:
    """Whether a text is an ARN that messages could be sent to."""
    parts = parse_arn(arn)
    return parts is not None and bool(parts.region and parts.account)
