"""The engine: tries a delivery, and decides what follows from the answer.

Rules of the file. Every delivery ends in exactly one of accepted, dead letter or lost, and each end is decided in one
place (``_accepted``, ``_finally_refused``). A try never waits and never harms a neighbour: an owner that raises anything
but ``Refused`` has a bug, which is logged and treated as a refusal worth retrying. An outbox row is settled in the
transaction in which its target accepts, so between our own services delivery is exactly once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from bascule.delivery import counters, outbox
from bascule.delivery.counters import counters_of, dead_letter_counters_of
from bascule.delivery.dead_letters import ORIGIN as DEAD_LETTER
from bascule.delivery.dead_letters import dead_letter_of
from bascule.delivery.faults import DELAYED, DUPLICATE, Fault, Faults
from bascule.delivery.limits import (
    HOPS_MAX,
    INLINE_HOPS_MAX,
    LOSS_LOGGED_MS,
    MESSAGE_MAX,
    OUTBOX_LEASE_MS,
    OUTBOX_POLL_MS,
    OUTBOX_ROWS_MAX,
    ROUTES_MAX,
)
from bascule.delivery.losses import Losses, Lost
from bascule.delivery.outbox import Progress, Waiting
from bascule.delivery.retry_schedule import Exhausted, is_too_old, next_try_ms
from bascule.kernel.arns import Arn, parse_arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Failure, Refused, Target
from bascule.kernel.journal import Note
from bascule.kernel.loop import Loop
from bascule.kernel.queues import Lease
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import StoreBusy, StoreClosed, Tx

log = logging.getLogger("bascule.delivery")


class _Route(NamedTuple):
    """Where an ARN leads: its parts, its scope and its owner."""

    arn: Arn
    scope: Scope
    target: Target


def _bug(target_arn: str, error: Exception) -> Refused:
    """What a target that raised something else than ``Refused`` is taken to have answered."""
    log.error("target %s failed; its delivery is tried again", target_arn, exc_info=error)
    return Refused("INTERNAL_ERROR", f"The target failed: {type(error).__name__}.", is_retryable=True)


def _note_failure(ctx: Context, tx: Tx, letter: Delivery, failure: Failure, reference: str) -> None:
    """Tell the journal, under the name that its dead-letter queue gave it, why there is a dead letter without an event."""
    detail: dict[str, str | int | float] = {"source_arn": letter.source_arn}
    if failure.exhausted:
        detail["exhausted"] = failure.exhausted
    note = Note(
        kind="refused",
        at_ms=ctx.now_ms,
        event_id=reference,
        target_arn=failure.target_arn,
        subject=letter.delivery_id,
        attempt=failure.try_count,
        code=failure.code,
        message=failure.message,
        detail=detail,
    )
    ctx.journal.note(tx, note)
    told: dict[str, str | int | float] = {"source_arn": letter.source_arn, "reference": reference}
    ctx.journal.note(tx, Note(DEAD_LETTER, ctx.now_ms, reference, letter.target_arn, letter.delivery_id, detail=told))


class DeliveryEngine:
    """The ``Courier`` of every context, and the owner of the loop ``delivery.outbox``.

    ``faults`` is None unless the server runs with ``--test``.
    """

    def __init__(self, targets: Mapping[str, Target], settings: Settings) -> None:
        self._targets = targets
        self._routes: dict[str, _Route] = {}
        #: When a loss of a sender was last logged.
        self._logged_ms: dict[str, int] = {}
        self._losses = Losses()
        self.faults = Faults() if settings.is_test else None
        self.loops = (
            Loop("delivery.outbox", self.tick, signals=frozenset({f"queue:{outbox.QUEUE}"}), poll_ms=OUTBOX_POLL_MS),
        )

    def send(self, ctx: Context, tx: Tx, delivery: Delivery) -> None:
        """Hand a payload over, now if its target takes it; see ``Courier.send``.

        Promise  in the same transaction, exactly one of: accepted, outbox row, dead letter, recorded as lost. Every
                 fourth hop of a chain continues from the outbox; a chain of 16 hops is cut.
        """
        hops = delivery.hops
        if hops and delivery.origin != DEAD_LETTER:
            if hops >= HOPS_MAX:
                self._cut(ctx, tx, delivery)
                return
            if hops % INLINE_HOPS_MAX == 0:
                outbox.put(tx, delivery, Progress(), now_ms=ctx.now_ms, due_ms=ctx.now_ms)
                return
        answer = self._try(ctx, tx, delivery)
        if isinstance(answer, Refused):
            self._refused(ctx, tx, delivery, answer, 1, None)
        elif isinstance(answer, Fault):
            self._keep(ctx, tx, delivery, answer.delayed, 0, None, ctx.now_ms + answer.delay_ms)
        else:
            self._accepted(ctx, tx, delivery, answer, 1)

    def fail(
        self,
        ctx: Context,
        tx: Tx,
        delivery: Delivery,
        refused: Refused,
        *,
        retry_count: int = 0,
        exhausted: str | None = None,
    ) -> None:
        """A target that had accepted ``delivery`` has finally failed to carry it out; see ``Courier.fail``."""
        self._finally_refused(ctx, tx, delivery, refused, retry_count + 1, exhausted)

    def waiting(self, tx: Tx, count_max: int) -> list[Waiting]:
        """Up to ``count_max`` deliveries that wait for their next try, soonest first."""
        return outbox.waiting(tx, count_max=count_max)

    def lost(self, tx: Tx, count_max: int) -> list[Lost]:
        """The last ``count_max`` deliveries that ended nowhere, newest first."""
        return self._losses.last(tx, count_max)

    def tick(self, ctx: Context, tx: Tx) -> int | None:
        """Try up to 100 rows that are due; gives when the next one is.

        Promise  acceptance and settlement commit together; each row's answer concerns that row alone.
        """
        next_due_ms = tx.queues.next_due_ms(outbox.QUEUE)
        if next_due_ms is None or next_due_ms > ctx.now_ms:
            return next_due_ms
        leases = tx.queues.lease(outbox.QUEUE, now_ms=ctx.now_ms, lease_ms=OUTBOX_LEASE_MS, count_max=OUTBOX_ROWS_MAX)
        for lease in leases:
            self._try_row(ctx, tx, lease)
        return tx.queues.next_due_ms(outbox.QUEUE)

    def _try_row(self, ctx: Context, tx: Tx, lease: Lease) -> None:
        row = outbox.unpack(lease.message)
        if row is None:
            log.error("outbox row %d cannot be read and was set aside", lease.message.sequence)
            ctx.metrics.count(counters.UNREADABLE)
            tx.queues.move(outbox.QUEUE, lease.message.sequence, outbox.UNREADABLE_QUEUE, due_ms=ctx.now_ms)
            return
        delivery, progress = row
        if ctx.scope != delivery.scope:
            ctx = ctx.within(delivery.scope)
        try_count = progress.try_count
        if try_count and is_too_old(delivery.retry, created_ms=delivery.created_ms, now_ms=ctx.now_ms):
            outbox.settle(tx, lease)
            self._finally_refused(ctx, tx, delivery, progress.refused, try_count, Exhausted.AGE.value)
            return
        if try_count:
            ctx.metrics.count(counters_of(delivery.origin).retried, delivery.source_arn)
        answer = self._try(ctx, tx, delivery, is_delayed=progress.code == DELAYED)
        if isinstance(answer, Refused):
            self._refused(ctx, tx, delivery, answer, try_count + 1, lease)
        elif isinstance(answer, Fault):
            self._keep(ctx, tx, delivery, answer.delayed, try_count, lease, ctx.now_ms + answer.delay_ms)
        else:
            outbox.settle(tx, lease)
            self._accepted(ctx, tx, delivery, answer, try_count + 1)

    def _try(self, ctx: Context, tx: Tx, delivery: Delivery, *, is_delayed: bool = False) -> Accepted | Refused | Fault:
        """Ask the owner of the ARN once; whatever it does comes back as a value: a fault is a delay that must pass first."""
        target_arn = delivery.target_arn
        try:
            route = self._routes.get(target_arn) or self._route(delivery)
            fault = self.faults.take(target_arn, is_delayed=is_delayed) if self.faults is not None else None
            if fault is not None and fault.error != DUPLICATE:
                return fault.refused or fault
            if route.scope != ctx.scope:
                ctx = ctx.within(route.scope)
            accepted = route.target.accept(ctx, tx, delivery, route.arn)
            if fault is not None:
                route.target.accept(ctx, tx, delivery, route.arn)
            return accepted
        except Refused as refused:
            return refused
        except (StoreBusy, StoreClosed):
            raise
        except Exception as error:  # noqa: BLE001 - one owner's bug must not block the deliveries beside it
            return _bug(target_arn, error)

    def _route(self, delivery: Delivery) -> _Route:
        arn = parse_arn(delivery.target_arn)
        if arn is None:
            raise Refused("INVALID_PARAMETER", f"'{delivery.target_arn}' is not an ARN.")
        target = self._targets.get(arn.service)
        if target is None:
            raise Refused("NO_RESOURCE", f"Nothing here accepts deliveries for {delivery.target_arn}.")
        scope = Scope(arn.account or delivery.scope.account, arn.region or delivery.scope.region)
        route = _Route(arn, scope, target)
        if arn.account and arn.region:
            if len(self._routes) >= ROUTES_MAX:
                self._routes.clear()
            self._routes[delivery.target_arn] = route
        return route

    def _accepted(self, ctx: Context, tx: Tx, delivery: Delivery, accepted: Accepted, try_count: int) -> None:
        source_arn = delivery.source_arn
        event_id = delivery.event_id
        if delivery.origin == DEAD_LETTER:
            ctx.metrics.count(dead_letter_counters_of(source_arn).sent, source_arn)
            if event_id:
                detail: dict[str, str | int | float] = {"source_arn": source_arn, "reference": accepted.reference}
                subject = delivery.delivery_id
                note = Note(DEAD_LETTER, ctx.now_ms, event_id, delivery.target_arn, subject, try_count, detail=detail)
                ctx.journal.note(tx, note)
            elif delivery.failure is not None:
                _note_failure(ctx, tx, delivery, delivery.failure, accepted.reference)
            return
        ctx.metrics.count(counters_of(delivery.origin).accepted, source_arn)
        if event_id:
            ctx.journal.accepted(
                tx,
                ctx.now_ms,
                event_id,
                source_arn,
                delivery.target_arn,
                accepted.reference,
                delivery.delivery_id,
                try_count,
            )

    def _refused(
        self, ctx: Context, tx: Tx, delivery: Delivery, refused: Refused, try_count: int, lease: Lease | None
    ) -> None:
        """Decide after a refusal: another try later, or the end. ``lease`` is the row it came from, if any."""
        if delivery.origin != DEAD_LETTER:
            ctx.metrics.count(counters_of(delivery.origin).refused, delivery.source_arn)
        exhausted: str | None = None
        if refused.is_retryable:
            due = next_try_ms(
                delivery.retry,
                created_ms=delivery.created_ms,
                now_ms=ctx.now_ms,
                retry_count=try_count - 1,
                chance=ctx.ids.random(),
            )
            if not isinstance(due, Exhausted):
                self._keep(ctx, tx, delivery, refused, try_count, lease, due)
                return
            exhausted = due.value
        if lease is not None:
            outbox.settle(tx, lease)
        self._finally_refused(ctx, tx, delivery, refused, try_count, exhausted)

    def _keep(
        self,
        ctx: Context,
        tx: Tx,
        delivery: Delivery,
        refused: Refused,
        try_count: int,
        lease: Lease | None,
        due_ms: int,
    ) -> None:
        progress = outbox.progress_of(refused, try_count)
        if lease is None:
            outbox.put(tx, delivery, progress, now_ms=ctx.now_ms, due_ms=due_ms)
        else:
            outbox.release(tx, lease, progress, due_ms=due_ms)
        self._note(ctx, tx, "retry", delivery, refused, try_count, {"due_ms": due_ms})

    def _cut(self, ctx: Context, tx: Tx, delivery: Delivery) -> None:
        ctx.metrics.count(counters.LOOPS, delivery.source_arn)
        refused = Refused(
            "RESOURCE_LIMIT_EXCEEDED", f"The event went through {HOPS_MAX} deliveries; this looks like a loop."
        )
        self._finally_refused(ctx, tx, delivery, refused, 1, None)

    def _finally_refused(
        self, ctx: Context, tx: Tx, delivery: Delivery, refused: Refused, try_count: int, exhausted: str | None
    ) -> None:
        """The end of a delivery that nobody takes: its dead letter, or its entry among the lost."""
        assert try_count >= 1
        if delivery.origin == DEAD_LETTER:
            ctx.metrics.count(dead_letter_counters_of(delivery.source_arn).failed, delivery.source_arn)
            self._lost(ctx, tx, delivery, refused, try_count)
            return
        ctx.metrics.count(counters_of(delivery.origin).failed, delivery.source_arn)
        condition: dict[str, str | int | float] = {} if exhausted is None else {"exhausted": exhausted}
        self._note(ctx, tx, "refused", delivery, refused, try_count, condition)
        letter = dead_letter_of(delivery, refused, now_ms=ctx.now_ms, retry_count=try_count - 1, exhausted=exhausted)
        if letter is None:
            self._lost(ctx, tx, delivery, refused, try_count)
        else:
            self.send(ctx, tx, letter)

    def _lost(self, ctx: Context, tx: Tx, delivery: Delivery, refused: Refused, try_count: int) -> None:
        ctx.metrics.count(counters.LOST, delivery.source_arn)
        reason = "the dead-letter queue refused it" if delivery.origin == DEAD_LETTER else "no dead-letter queue is set"
        self._note(ctx, tx, "lost", delivery, refused, try_count, {"reason": reason})
        self._losses.add(tx, ctx.now_ms, delivery, refused, reason)
        if not delivery.event_id:
            self._log_loss(ctx.now_ms, delivery, refused, reason)

    def _log_loss(self, now_ms: int, delivery: Delivery, refused: Refused, reason: str) -> None:
        """What is no event has no story to be read in, so its loss is logged too, of each sender once in a while."""
        source_arn = delivery.source_arn
        if now_ms - self._logged_ms.get(source_arn, -LOSS_LOGGED_MS) < LOSS_LOGGED_MS:
            return
        if len(self._logged_ms) >= ROUTES_MAX:
            self._logged_ms.clear()
        self._logged_ms[source_arn] = now_ms
        log.warning(
            "lost: what %s sent to %s (%s: %s; %s); 'bascule dlq lost' shows further losses",
            source_arn,
            delivery.target_arn,
            refused.code,
            refused.message,
            reason,
        )

    def _note(
        self,
        ctx: Context,
        tx: Tx,
        kind: str,
        delivery: Delivery,
        refused: Refused,
        try_count: int,
        detail: dict[str, str | int | float],
    ) -> None:
        if not delivery.event_id:
            return
        ctx.journal.note(
            tx,
            Note(
                kind=kind,
                at_ms=ctx.now_ms,
                event_id=delivery.event_id,
                target_arn=delivery.target_arn,
                subject=delivery.delivery_id,
                attempt=try_count,
                code=refused.code,
                message=refused.message[:MESSAGE_MAX],
                detail={"source_arn": delivery.source_arn, **detail},
            ),
        )
