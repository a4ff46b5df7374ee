"""HTTP deliveries as the poller in ``bascule.egress`` sees them: queues, leased requests, and answers brought back.

The poller makes one attempt for each lease; what an answer means is decided here. An attempt is counted when its outcome is
written, so a crash between costs no retry. Source: sources.md 2.5; SNS guide, "Message delivery retries".
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bascule.kernel.context import Context
from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.journal import Note
from bascule.kernel.queues import Lease
from bascule.kernel.store import Tx
from bascule.services.sns import delivery_policy, limits, state
from bascule.services.sns.addressing import read_topic_arn
from bascule.services.sns.envelope import NOTIFICATION
from bascule.services.sns.fan_out import ORIGIN
from bascule.services.sns.http_rows import PREFIX, Row, close_if_done, pack, queue_of, unpack
from bascule.services.sns.model import Subscription
from bascule.services.sns.subscription_attributes import dead_letter_arn

USER_AGENT = "Amazon Simple Notification Service Agent"
#: Messages looked at by one statement when leases of a dead process are taken back. count
PEEK_COUNT = 500
_MESSAGE_MAX = 1_024


class HttpRequest(msgspec.Struct, frozen=True):
    """One POST to make."""

    url: str
    headers: dict[str, str]
    body: bytes


class HttpWork(msgspec.Struct, frozen=True, kw_only=True):
    """A leased row and the request it stands for."""

    queue: str
    sequence: int
    token: str
    delivery_id: str
    created_ms: int
    subscription: Subscription
    row: Row
    request: HttpRequest


class Seen(msgspec.Struct, frozen=True):
    """The state of a queue: when it is next due, and how much it may send in a second (0: no bound)."""

    next_due_ms: int | None
    per_second_max: int


class Leased(msgspec.Struct, frozen=True):
    """What one look into a queue gave."""

    work: list[HttpWork]
    seen: Seen


class Answer(msgspec.Struct, frozen=True):
    """What became of an attempt: a status, or 0 and why there is none."""

    status: int = 0
    error: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the end point took the message."""
        return 200 <= self.status <= 299

    @property
    def refused(self) -> Refused:
        """The answer as a refusal.

        Server errors, throttling and silence are worth a retry; any other answer is the end point's decision.
        """
        if self.status == 0:
            return Refused("CONNECTION_FAILURE", self.error, is_retryable=True)
        text = f"The end point answered with status {self.status}."
        if self.status == 429:
            return Refused("THROTTLING", text, is_retryable=True)
        if self.status >= 500:
            return Refused("INTERNAL_ERROR", text, is_retryable=True)
        return Refused("NO_PERMISSIONS" if self.status in (401, 403) else "INVALID_PARAMETER", text)


class HttpSubscriptions:
    """The source of ``bascule.egress``. Synchronous; state only through ``tx``."""

    prefix = PREFIX

    def queues(self, tx: Tx) -> list[str]:
        """The queues that may have requests."""
        return [queue_of(subscription.uuid) for subscription in state.lanes(tx)]

    def look(self, tx: Tx, queue: str) -> Seen | None:
        """When a queue is next due; None when it is no more."""
        subscription = _lane(tx, queue)
        if subscription is None:
            return None
        return Seen(tx.queues.next_due_ms(queue), _policy_of(tx, subscription).per_second_max)

    def lease(self, ctx: Context, tx: Tx, queue: str, *, count_max: int) -> Leased | None:
        """Lease up to ``count_max`` requests; those of a subscription that is no more end here.

        Gives    None when the queue is no more: its subscription is gone and nothing is left to send.
        """
        kept = _lane(tx, queue)
        if kept is None:
            return None
        leases = tx.queues.lease(queue, now_ms=ctx.now_ms, lease_ms=limits.HTTP_LEASE_MS, count_max=count_max)
        current = _current(tx, kept)
        policy = _policy_of(tx, kept)
        work = []
        for lease in leases:
            row = unpack(lease.message.headers)
            made = _work_of(queue, current or kept, row, policy.content_type, lease)
            if row.kind == NOTIFICATION and current is None:
                tx.queues.settle(queue, lease.message.sequence, lease.token)
                _fail(ctx, tx, made, None, Refused("NO_RESOURCE", "The subscription was deleted."), None)
            else:
                work.append(made)
        next_due_ms = tx.queues.next_due_ms(queue)
        if current is None and next_due_ms is None:
            close_if_done(tx, kept.uuid)
            return None
        return Leased(work, Seen(next_due_ms, policy.per_second_max))

    def settle(self, ctx: Context, tx: Tx, work: HttpWork, answer: Answer) -> None:
        """Write what an answer leads to: done, a later retry, or the end. Nothing when the lease was lost."""
        current = _current(tx, work.subscription)
        if not answer.is_success:
            self._settle_failure(ctx, tx, work, current, answer.refused)
        elif tx.queues.settle(work.queue, work.sequence, work.token) and work.row.kind == NOTIFICATION:
            _accepted(ctx, tx, work, answer)
        if current is None:
            close_if_done(tx, work.subscription.uuid)

    def _settle_failure(
        self, ctx: Context, tx: Tx, work: HttpWork, current: Subscription | None, refused: Refused
    ) -> None:
        delay_ms: int | None = None
        if refused.is_retryable:
            delay_ms = _policy_of(tx, work.subscription).retry.delay_ms(work.row.failure_count)
        if delay_ms is None:
            exhausted = "MaximumRetryAttempts" if refused.is_retryable else None
            if tx.queues.settle(work.queue, work.sequence, work.token):
                _fail(ctx, tx, work, current, refused, exhausted)
            return
        row = msgspec.structs.replace(work.row, failure_count=work.row.failure_count + 1)
        due_ms = ctx.now_ms + delay_ms
        if tx.queues.release(work.queue, work.sequence, work.token, due_ms=due_ms, headers=pack(row)):
            ctx.metrics.count("delivery.Retries", work.subscription.topic_arn)
            _note(ctx, tx, "retry", work, refused, {"due_ms": due_ms})

    def give_back(self, tx: Tx, works: Iterable[HttpWork], *, now_ms: int) -> None:
        """Make leased requests due at once that this process will not make; no attempt is counted."""
        for work in works:
            tx.queues.release(work.queue, work.sequence, work.token, due_ms=now_ms)

    def take_back(self, tx: Tx, queue: str, *, now_ms: int) -> int:
        """Make requests due that a process which is no more had leased; gives how many."""
        taken = after = 0
        while messages := tx.queues.peek(queue, count_max=PEEK_COUNT, after_sequence=after):
            after = messages[-1].sequence
            for message in messages:
                if message.lease_token is not None:
                    taken += tx.queues.release(queue, message.sequence, message.lease_token, due_ms=now_ms)
        return taken


def _lane(tx: Tx, queue: str) -> Subscription | None:
    return state.get_lane(tx, queue.removeprefix(PREFIX))


def _current(tx: Tx, subscription: Subscription) -> Subscription | None:
    return state.get_subscription(tx, read_topic_arn(subscription.topic_arn), subscription.uuid)


def _policy_of(tx: Tx, subscription: Subscription) -> delivery_policy.Effective:
    topic = state.get_topic(tx, read_topic_arn(subscription.topic_arn))
    current = _current(tx, subscription) or subscription
    return delivery_policy.effective(
        topic.attributes.get("DeliveryPolicy", "") if topic else "", current.attributes.get("DeliveryPolicy", "")
    )


def _work_of(queue: str, subscription: Subscription, row: Row, content_type: str, lease: Lease) -> HttpWork:
    headers = {
        "content-type": content_type if row.kind == NOTIFICATION else delivery_policy.CONTENT_TYPE_DEFAULT,
        "user-agent": USER_AGENT,
        "x-amz-sns-message-type": row.kind,
        "x-amz-sns-message-id": row.message_id,
        "x-amz-sns-topic-arn": subscription.topic_arn,
    }
    if row.kind == NOTIFICATION:
        headers["x-amz-sns-subscription-arn"] = subscription.arn
    if row.is_raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    if row.trace_header:
        headers["x-amzn-trace-id"] = row.trace_header
    return HttpWork(
        queue=queue,
        sequence=lease.message.sequence,
        token=lease.token,
        delivery_id=lease.message.message_id,
        created_ms=lease.message.sent_ms,
        subscription=subscription,
        row=row,
        request=HttpRequest(subscription.endpoint, headers, lease.message.body),
    )


def _accepted(ctx: Context, tx: Tx, work: HttpWork, answer: Answer) -> None:
    ctx.metrics.count("sns.NumberOfNotificationsDelivered", work.subscription.topic_arn)
    if work.row.event_id:
        ctx.journal.note(
            tx,
            Note(
                "accepted",
                ctx.now_ms,
                work.row.event_id,
                work.subscription.endpoint,
                work.delivery_id,
                work.row.failure_count + 1,
                detail={"source_arn": work.subscription.topic_arn, "reference": f"status {answer.status}"},
            ),
        )


def _note(
    ctx: Context, tx: Tx, kind: str, work: HttpWork, refused: Refused, detail: dict[str, str | int | float]
) -> None:
    if work.row.event_id:
        ctx.journal.note(
            tx,
            Note(
                kind,
                ctx.now_ms,
                work.row.event_id,
                work.subscription.endpoint,
                work.delivery_id,
                work.row.failure_count + 1,
                code=refused.code,
                message=refused.message[:_MESSAGE_MAX],
                detail={"source_arn": work.subscription.topic_arn, **detail},
            ),
        )


def _fail(
    ctx: Context,
    tx: Tx,
    work: HttpWork,
    current: Subscription | None,
    refused: Refused,
    exhausted: str | None,
) -> None:
    """The end of a request that nobody takes. Confirmations just end: there is nobody who misses them."""
    row, subscription = work.row, work.subscription
    if row.kind != NOTIFICATION:
        ctx.metrics.count("sns.ConfirmationsFailed", subscription.topic_arn)
        return
    delivery = Delivery(
        delivery_id=work.delivery_id,
        scope=read_topic_arn(subscription.topic_arn).scope,
        origin=ORIGIN,
        source_arn=subscription.topic_arn,
        target_arn=subscription.endpoint,
        payload=work.request.body,
        created_ms=work.created_ms,
        event_id=row.event_id,
        dead_letter_arn=None if current is None else dead_letter_arn(current),
        hops=row.hops,
        trace_header=row.trace_header or None,
    )
    ctx = ctx.within(delivery.scope)
    ctx.courier.fail(ctx, tx, delivery, refused, retry_count=row.failure_count, exhausted=exhausted)
