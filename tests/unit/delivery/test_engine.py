"""One delivery and each way it can go."""

from __future__ import annotations

import logging

import pytest

from bascule.delivery import Exhausted, losses
from bascule.kernel.arns import Arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused, RetryPolicy
from bascule.kernel.scope import Scope
from bascule.kernel.store import StoreBusy, Tx
from tests.unit.delivery.platform import DLQ, EVENT, RULE, SCOPE, WORK, Owner, Platform

BUSY = Refused("THROTTLING", "Rate exceeded", is_retryable=True)
FORBIDDEN = Refused("NO_PERMISSIONS", "Not authorized.")
DAY_MS = 86_400_000


def test_an_accepted_delivery_leaves_no_row_in_the_outbox(platform: Platform) -> None:
    platform.send(platform.delivery())
    assert platform.taken() == [EVENT]
    assert platform.waiting_count() == 0
    assert platform.metrics.value("events.SuccessfulInvocationAttempts", RULE) == 1


def test_a_throttled_delivery_waits_and_is_then_accepted(platform: Platform) -> None:
    platform.work.script = [BUSY, BUSY]
    platform.send(platform.delivery())
    (row,) = platform.read(lambda tx: platform.engine.waiting(tx, 10))
    assert (row.target_arn, row.try_count, row.code, row.message) == (WORK, 1, "THROTTLING", "Rate exceeded")
    assert row.expires_ms == platform.clock.now_ms() + DAY_MS
    platform.run(10_000)
    assert platform.taken() == [EVENT]
    assert platform.waiting_count() == 0
    first, second, third = platform.work.tried_ms
    assert first <= second <= first + 1_000 <= third <= first + 3_000
    assert platform.metrics.value("events.RetryInvocationAttempts", RULE) == 2
    assert platform.metrics.value("events.RefusedInvocationAttempts", RULE) == 2


def test_a_forbidden_delivery_is_a_dead_letter_at_once_with_the_attributes_of_a_rule(platform: Platform) -> None:
    platform.work.script = [FORBIDDEN]
    platform.send(platform.delivery(payload=b"transformed", dead_letter_payload=EVENT, dead_letter_arn=DLQ))
    (letter,) = platform.letters.seen
    assert letter.payload == EVENT
    assert letter.attributes == {
        "RULE_ARN": ("String", RULE),
        "TARGET_ARN": ("String", WORK),
        "ERROR_CODE": ("String", "NO_PERMISSIONS"),
        "ERROR_MESSAGE": ("String", "Not authorized."),
        "RETRY_ATTEMPTS": ("String", "0"),
    }
    assert platform.metrics.value("events.InvocationsSentToDlq", RULE) == 1
    assert platform.metrics.value("events.FailedInvocations", RULE) == 1


def test_exhausted_retries_say_which_limit_ended_them(platform: Platform) -> None:
    platform.work.then = BUSY
    platform.send(platform.delivery(retry=RetryPolicy(retries_max=3), dead_letter_arn=DLQ))
    platform.run(60_000)
    (letter,) = platform.letters.seen
    assert letter.attributes["RETRY_ATTEMPTS"] == ("String", "3")
    assert letter.attributes["EXHAUSTED_RETRY_CONDITION"] == ("String", "MaximumRetryAttempts")
    assert len(platform.work.tried_ms) == 4


def test_the_age_limit_ends_retries_exactly_when_it_comes(platform: Platform) -> None:
    began_ms = platform.clock.now_ms()
    platform.work.then = BUSY
    platform.send(platform.delivery(retry=RetryPolicy(age_max_ms=60_000), dead_letter_arn=DLQ))
    platform.run(59_999)
    assert platform.letters.seen == []
    platform.run(1)
    (letter,) = platform.letters.seen
    assert letter.attributes["EXHAUSTED_RETRY_CONDITION"] == ("String", "MaximumEventAgeInSeconds")
    assert letter.attributes["RETRY_ATTEMPTS"] == ("String", str(len(platform.work.tried_ms) - 1))
    assert letter.created_ms == began_ms + 60_000
    assert platform.waiting_count() == 0


def test_zero_retries_mean_one_try_and_then_the_dead_letter(platform: Platform) -> None:
    platform.work.then = BUSY
    platform.send(platform.delivery(retry=RetryPolicy(retries_max=0), dead_letter_arn=DLQ))
    assert len(platform.work.tried_ms) == 1
    assert platform.letters.seen[0].attributes["RETRY_ATTEMPTS"] == ("String", "0")


@pytest.mark.parametrize(
    ("target_arn", "code"),
    [("arn:aws:nosuch:us-east-1:000000000000:x", "NO_RESOURCE"), ("not an arn", "INVALID_PARAMETER")],
)
def test_a_target_nobody_owns_is_a_dead_letter_at_once(platform: Platform, target_arn: str, code: str) -> None:
    platform.send(platform.delivery(target_arn=target_arn, dead_letter_arn=DLQ))
    assert platform.letters.seen[0].attributes["ERROR_CODE"] == ("String", code)


def test_without_a_dead_letter_queue_the_loss_is_counted(platform: Platform) -> None:
    platform.work.script = [FORBIDDEN]
    platform.send(platform.delivery())
    assert platform.metrics.value("delivery.Lost", RULE) == 1
    assert platform.metrics.value("events.InvocationsFailedToBeSentToDlq", RULE) == 0


def test_a_dead_letter_queue_that_refuses_makes_the_delivery_lost(platform: Platform) -> None:
    platform.work.script = [FORBIDDEN]
    platform.letters.then = FORBIDDEN
    platform.send(platform.delivery(dead_letter_arn=DLQ))
    assert platform.metrics.value("delivery.Lost", RULE) == 1
    assert platform.metrics.value("events.InvocationsFailedToBeSentToDlq", RULE) == 1
    assert platform.waiting_count() == 0


def test_a_loss_that_no_story_can_tell_is_logged_once_a_minute(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    def lose() -> list[str]:
        caplog.clear()
        for event_id in ("", "", "019b76da-a800-2901-9d9f-436b54c99c00"):
            platform.send(platform.delivery(target_arn=SCOPE.arn("nobody", "x"), event_id=event_id))
        return [record.getMessage() for record in caplog.records]

    (told,) = lose()
    assert told.startswith(f"lost: what {RULE} sent to {SCOPE.arn('nobody', 'x')} (NO_RESOURCE: ")
    assert lose() == []
    platform.clock.advance(60_000)
    assert len(lose()) == 1


def test_the_last_losses_are_kept_and_old_ones_make_room(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "LOSSES_KEPT", 3)
    monkeypatch.setattr(losses, "LOSSES_TRIMMED_AFTER", 2)
    for number in range(9):
        platform.clock.advance(1)
        platform.send(platform.delivery(target_arn=SCOPE.arn("nobody", str(number))))
    kept = platform.read(lambda tx: platform.engine.lost(tx, 100))
    assert [lost.target_arn.rpartition(":")[2] for lost in kept] == ["8", "7", "6", "5"]
    assert (kept[0].code, kept[0].reason, kept[0].source_arn) == ("NO_RESOURCE", "no dead-letter queue is set", RULE)


def test_a_busy_dead_letter_queue_is_tried_again(platform: Platform) -> None:
    platform.work.script = [FORBIDDEN]
    platform.letters.script = [BUSY]
    platform.send(platform.delivery(dead_letter_arn=DLQ))
    assert platform.waiting_count() == 1
    platform.run(2_000)
    assert len(platform.letters.seen) == 1
    assert platform.metrics.value("events.InvocationsSentToDlq", RULE) == 1


def test_an_owner_with_a_bug_does_not_harm_the_deliveries_beside_it(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.targets["broken"] = Owner(then=ZeroDivisionError("secret 42"))
    broken = "arn:aws:broken:us-east-1:000000000000:x"
    with caplog.at_level(logging.CRITICAL):
        platform.send(platform.delivery(target_arn=broken), platform.delivery())
        assert platform.taken() == [EVENT]
        (row,) = platform.read(lambda tx: platform.engine.waiting(tx, 10))
        platform.work.script = [BUSY]
        platform.send(platform.delivery())
        platform.run(3_000)
    assert (row.code, row.message) == ("INTERNAL_ERROR", "The target failed: ZeroDivisionError.")
    assert platform.taken() == [EVENT, EVENT]


def test_a_store_that_gives_up_is_not_mistaken_for_a_refusal(platform: Platform) -> None:
    platform.work.script = [StoreBusy("full")]
    with pytest.raises(StoreBusy):
        platform.send(platform.delivery())


def test_a_target_of_another_account_is_asked_in_its_own_scope(platform: Platform) -> None:
    platform.send(platform.delivery(target_arn="arn:aws:work:eu-west-1:111111111111:jobs"))
    platform.send(platform.delivery(target_arn="arn:aws:work:::jobs", scope=Scope("222222222222", "us-west-2")))
    assert platform.work.scopes == [Scope("111111111111", "eu-west-1"), Scope("222222222222", "us-west-2")]


def test_acceptance_is_undone_with_the_transaction_of_the_sender(platform: Platform) -> None:
    def command(ctx: Context, tx: Tx) -> None:
        ctx.courier.send(ctx, tx, platform.delivery())
        raise ValueError("the sender changed its mind")

    with pytest.raises(ValueError, match="changed"):
        platform.write(command)
    assert platform.taken() == []


def test_a_chain_of_deliveries_leaves_the_transaction_at_every_fourth_hop_and_is_cut_at_the_sixteenth(
    platform: Platform,
) -> None:
    def forward(ctx: Context, tx: Tx, delivery: Delivery) -> Accepted:
        ctx.courier.send(ctx, tx, platform.delivery(hops=delivery.hops + 1, dead_letter_arn=DLQ))
        return Accepted()

    platform.work.then = forward
    platform.send(platform.delivery())
    assert len(platform.work.tried_ms) == 4
    assert platform.waiting_count() == 1
    platform.run(1_000)
    assert len(platform.work.tried_ms) == 16
    (letter,) = platform.letters.seen
    assert letter.attributes["ERROR_CODE"] == ("String", "RESOURCE_LIMIT_EXCEEDED")
    assert platform.metrics.value("events.DeadLetterInvocations", RULE) == 1
    assert platform.metrics.value("events.RetryInvocationAttempts", RULE) == 0


def test_an_owner_that_fails_later_hands_the_delivery_back_for_its_dead_letter(platform: Platform) -> None:
    delivery = platform.delivery(dead_letter_arn=DLQ)

    def command(ctx: Context, tx: Tx) -> None:
        refused = Refused("SDK_CLIENT_ERROR", "no answer", is_retryable=True)
        ctx.courier.fail(ctx, tx, delivery, refused, retry_count=7, exhausted=Exhausted.RETRIES)

    platform.write(command)
    assert platform.letters.seen[0].attributes["RETRY_ATTEMPTS"] == ("String", "7")
    assert platform.letters.seen[0].attributes["EXHAUSTED_RETRY_CONDITION"] == ("String", "MaximumRetryAttempts")


def test_pending_retries_go_on_after_a_restart_at_the_right_try(platform: Platform) -> None:
    platform.work.script = [BUSY, BUSY]
    platform.send(platform.delivery(retry=RetryPolicy(retries_max=2), dead_letter_arn=DLQ))
    platform.restart()
    platform.run(10_000)
    assert platform.taken() == [EVENT]
    assert len(platform.work.tried_ms) == 3


def test_a_row_that_cannot_be_read_is_set_aside_and_the_others_go_on(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.work.script = [BUSY, BUSY]
    platform.send(platform.delivery(), platform.delivery())

    def spoil(ctx: Context, tx: Tx) -> None:
        (lease,) = tx.queues.lease("delivery", now_ms=ctx.now_ms + 1_000, lease_ms=1, count_max=1)
        tx.queues.release("delivery", lease.message.sequence, lease.token, due_ms=ctx.now_ms, headers=b"\xc1")

    platform.write(spoil)
    with caplog.at_level(logging.CRITICAL):
        platform.run(3_000)
    assert platform.taken() == [EVENT]
    assert platform.metrics.value("delivery.Unreadable") == 1
    assert len(platform.read(lambda tx: tx.queues.peek("delivery/unreadable", count_max=10))) == 1
    assert platform.waiting_count() == 0


def test_more_due_rows_than_a_tick_takes_are_all_tried(platform: Platform) -> None:
    platform.work.script = [BUSY] * 250
    platform.send(*(platform.delivery() for _ in range(250)))
    platform.run(1_000)
    assert len(platform.taken()) == 250


def test_a_subscription_redrives_the_message_as_it_was_published(platform: Platform) -> None:
    platform.work.script = [FORBIDDEN]
    platform.send(
        platform.delivery(
            origin="subscription",
            source_arn="arn:aws:sns:us-east-1:000000000000:t",
            attributes={"colour": ("String", "red")},
            dead_letter_arn=DLQ,
        )
    )
    assert platform.letters.seen[0].attributes == {"colour": ("String", "red")}


@pytest.mark.parametrize(("origin", "name"), [("schedule", "SCHEDULE_ARN"), ("destination", "SOURCE_ARN")])
def test_other_origins_name_their_sender_in_the_dead_letter(platform: Platform, origin: str, name: str) -> None:
    platform.work.script = [FORBIDDEN]
    platform.send(platform.delivery(origin=origin, dead_letter_arn=DLQ))
    assert platform.letters.seen[0].attributes[name] == ("String", RULE)


def test_many_target_arns_do_not_grow_the_memory_of_routes_without_bound(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bascule.delivery.engine.ROUTES_MAX", 3)
    for number in range(10):
        platform.send(platform.delivery(target_arn=f"{WORK}{number}"))
    assert len(platform.work.seen) == 10


def test_a_target_gets_the_arn_it_owns(platform: Platform) -> None:
    got: list[Arn] = []

    class Asked:
        def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
            got.append(arn)
            return Accepted()

    platform.targets["asked"] = Asked()  # type: ignore[assignment]  # another owner
    platform.send(platform.delivery(target_arn="arn:aws:asked:us-east-1:000000000000:a:b/c"))
    assert got[0].resource == "a:b/c"
