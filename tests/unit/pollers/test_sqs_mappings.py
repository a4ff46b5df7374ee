"""The poller of mappings of standard queues, with a runtime that does what each test says."""

from __future__ import annotations

import asyncio
import json
from hashlib import md5
from typing import Any

from bascule.api import lambda_ as lambda_api
from bascule.api import sqs as sqs_api
from bascule.kernel.invocation import Invocation, InvocationResult, RuntimeUnavailable
from tests.unit.pollers.bench import BROKEN, DONE
from tests.unit.pollers.sqs_bench import MappingBench, answer, bodies
from tests.unit.pollers.test_async_invocations import on_a_loop


@on_a_loop
async def test_messages_arrive_in_batches_and_leave_the_queue() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=4)
        await bench.send(url, *"abcdefghij")
        await bench.quiet()
        assert [len(batch) for batch in bench.seen] == [4, 4, 2]
        assert sorted(body for batch in bench.seen for body in batch) == list("abcdefghij")
        assert await bench.depth(url) == (0, 0)
        assert bench.metrics.value("AWS/SQS/NumberOfMessagesDeleted", "in") == 10
        assert len({run.request_id for run in bench.runtime.started}) == 3


@on_a_loop
async def test_record_says_what_aws_says() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()
        given = {
            "kind": sqs_api.MessageAttributeValue(string_value="big", data_type="String"),
            "raw": sqs_api.MessageAttributeValue(binary_value=b"\x00\xff", data_type="Binary"),
        }
        await bench.sqs("SendMessage", queue_url=url, message_body='tea "ü"', message_attributes=given)
        await bench.quiet()
        (record,) = json.loads(bench.runtime.started[0].payload)["Records"]
        now = str(bench.clock.now_ms())
        assert len(record.pop("messageId")) == 36
        assert record.pop("receiptHandle")
        assert len(record.pop("md5OfMessageAttributes")) == 32
        assert record == {
            "body": 'tea "ü"',
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": now,
                "SenderId": "000000000000",
                "ApproximateFirstReceiveTimestamp": now,
            },
            "messageAttributes": {
                "kind": {"stringValue": "big", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
                "raw": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
            },
            "md5OfBody": md5('tea "ü"'.encode()).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": bench.scope.arn("sqs", "in"),
            "awsRegion": "us-east-1",
        }


@on_a_loop
async def test_failed_batch_is_left_alone_until_its_visibility_timeout_ends() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()
        bench.runtime.script = bench.runtime.fail
        began_ms = bench.clock.now_ms()
        await bench.send(url, "a", "b")
        await bench.quiet()
        assert await bench.depth(url) == (0, 2)
        assert bench.poller.next_due_ms() == began_ms + 30_000
        bench.runtime.script = bench.runtime.succeed
        await bench.advance(30)
        assert bench.seen == [["a", "b"], ["a", "b"]]
        assert [run.attempt for run in bench.runtime.started] == [1, 2]
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_runtime_that_cannot_run_the_function_fails_the_batch() -> None:
    async def unavailable(invocation: Invocation) -> InvocationResult:
        raise RuntimeUnavailable("no interpreter")

    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()
        bench.runtime.script = unavailable
        await bench.send(url, "a")
        await bench.quiet()
        assert await bench.depth(url) == (0, 1)


@on_a_loop
async def test_maximum_concurrency_holds_and_all_messages_are_handled() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=1, scaling_config=lambda_api.ScalingConfig(maximum_concurrency=2))

        async def script(invocation: Invocation) -> InvocationResult:
            await asyncio.sleep(0.002)
            return DONE

        bench.runtime.script = script
        await bench.send(url, *(str(n) for n in range(30)))
        await bench.quiet()
        assert len(bench.runtime.started) == 30
        assert bench.runtime.running_max == 2


@on_a_loop
async def test_waiting_messages_raise_concurrency_beyond_the_first_five() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=1)
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        await bench.send(url, *(str(n) for n in range(12)))
        await bench.until(lambda: len(bench.runtime.running) == 5)
        await bench.until(lambda: len(bench.runtime.running) >= 7)
        held.set()
        await bench.quiet()
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_slow_function_does_not_delay_another_mapping() -> None:
    async with MappingBench(slots_max=20) as bench:
        for name in ("slow", "quick"):
            bench.create(name)
        slow, quick = await bench.queue("slow"), await bench.queue("quick")
        for name in ("slow", "quick"):
            await bench.map(name, name, batch_size=1)
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            if invocation.function.name == "slow":
                await held.wait()
            return DONE

        bench.runtime.script = script
        await bench.send(slow, *(str(n) for n in range(40)))
        await bench.until(lambda: len(bench.runtime.running) >= 5)
        await bench.send(quick, "now")
        await bench.until(lambda: any(run.function.name == "quick" for run in bench.runtime.started))
        held.set()
        await bench.quiet()


@on_a_loop
async def test_lost_signals_cost_time_only() -> None:
    async with MappingBench(signals=False) as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()
        await bench.send(url, "a")
        for _ in range(40):
            bench.clock.advance(1_000)
            await bench.until(lambda: True)
        assert bench.seen == [["a"]]


@on_a_loop
async def test_window_gathers_until_it_ends_or_the_batch_is_full() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=3, maximum_batching_window_in_seconds=5)
        began_ms = bench.clock.now_ms()
        await bench.send(url, "a")
        await bench.quiet()
        assert (bench.seen, bench.poller.next_due_ms()) == ([], began_ms + 5_000)
        await bench.advance(3)
        await bench.send(url, "b")
        await bench.advance(1)
        assert bench.seen == []
        await bench.advance(1)
        assert bench.seen == [["a", "b"]]
        await bench.send(url, *"cdefghi")
        await bench.quiet()
        assert [len(batch) for batch in bench.seen] == [2, 3, 3]
        await bench.advance(5)
        assert [len(batch) for batch in bench.seen] == [2, 3, 3, 1]
        (record,) = json.loads(bench.runtime.started[-1].payload)["Records"]
        assert record["md5OfMessageAttributes"] is None
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_message_that_becomes_visible_while_it_is_gathered_is_in_the_batch_once() -> None:
    async with MappingBench() as bench:
        bench.create(timeout=1)
        url = await bench.queue(VisibilityTimeout="2")
        await bench.map(batch_size=10, maximum_batching_window_in_seconds=5)
        await bench.send(url, "a")
        await bench.advance(5)
        assert bench.seen == [["a"]]
        assert bench.runtime.started[0].attempt == 3
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_batch_ends_before_six_megabytes() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=100, maximum_batching_window_in_seconds=1)
        for index in range(13):
            await bench.send(url, f"{index}" + "x" * 900_000)
        await bench.advance(1)
        assert sum(len(batch) for batch in bench.seen) == 13
        assert max(len(run.payload) for run in bench.runtime.started) <= 6_291_456
        assert [len(batch) for batch in bench.seen] == [6, 6, 1]


@on_a_loop
async def test_reported_failures_stay_and_the_others_go() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(function_response_types=["ReportBatchItemFailures"])

        async def script(invocation: Invocation) -> InvocationResult:
            records: list[Any] = json.loads(invocation.payload)["Records"]
            return answer(*(record["messageId"] for record in records if record["body"] == "bad"))

        bench.runtime.script = script
        await bench.send(url, "good", "bad", "fine")
        await bench.quiet()
        assert await bench.depth(url) == (0, 1)
        await bench.advance(30)
        assert bench.seen[-1] == ["bad"]


@on_a_loop
async def test_answer_naming_a_stranger_fails_the_whole_batch() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(function_response_types=["ReportBatchItemFailures"])

        async def script(invocation: Invocation) -> InvocationResult:
            return answer("nobody")

        bench.runtime.script = script
        await bench.send(url, "a", "b")
        await bench.quiet()
        assert await bench.depth(url) == (0, 2)


@on_a_loop
async def test_stopped_function_throttles_and_messages_come_back_with_their_count_raised() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=1)
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=0)
        began_ms = bench.clock.now_ms()
        await bench.send(url, *"abcdefgh")
        await bench.quiet()
        assert await bench.depth(url) == (6, 2)
        assert bench.poller.next_due_ms() == began_ms + 1_000
        await bench.advance(29)
        assert {run.attempt for run in bench.runtime.started} == {1}
        await bench.do("DeleteFunctionConcurrency", function_name="orders")
        await bench.advance(60)
        assert await bench.depth(url) == (0, 0)
        handled = bench.runtime.started[-8:]
        assert sorted(body for run in handled for body in bodies(run)) == list("abcdefgh")


async def _occupied(bench: MappingBench) -> None:
    """The function ``orders`` may run once at a time, and somebody else's call is doing so."""
    await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=1)
    url = await bench.queue("probe", VisibilityTimeout="1000")
    uuid = await bench.map("probe", batch_size=1)
    await bench.send(url, "probe")
    await bench.quiet()
    await bench.do("DeleteEventSourceMapping", uuid=uuid)
    await bench.end_moves()
    bench.runtime.running.append(bench.runtime.started.pop())


@on_a_loop
async def test_messages_for_a_reservation_that_is_used_up_are_received_throttled_and_dead_without_ever_being_run() -> (
    None
):
    async with MappingBench() as bench:
        bench.create()
        dead = await bench.queue("dead")
        policy = {"deadLetterTargetArn": bench.scope.arn("sqs", "dead"), "maxReceiveCount": 2}
        url = await bench.queue(RedrivePolicy=json.dumps(policy))
        await _occupied(bench)
        await bench.map(batch_size=1)
        await bench.send(url, *"abcdefgh")
        await bench.quiet()
        assert await bench.depth(url) == (3, 5), "five batches are received and rest, the others are left alone"
        throttled_count = bench.runtime.throttled_count
        assert throttled_count == 5
        await bench.advance(29)
        assert bench.runtime.throttled_count > throttled_count, "tried again while they are invisible"
        assert await bench.depth(dead) == (0, 0)
        await bench.advance(300)
        assert await bench.depth(url) == (0, 0)
        assert await bench.depth(dead) == (8, 0)
        assert bench.seen == [], "no message was ever handed to the function"


@on_a_loop
async def test_place_that_becomes_free_is_taken_at_once_by_a_batch_that_rests() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=1)
        await bench.map(batch_size=1)

        async def script(invocation: Invocation) -> InvocationResult:
            await asyncio.sleep(0.002)
            return DONE

        bench.runtime.script = script
        await bench.send(url, *(str(n) for n in range(40)))
        await bench.quiet()
        assert bench.runtime.throttled_count > 0
        assert (len(bench.runtime.started), bench.runtime.running_max) == (40, 1), "no second has passed"
        assert {run.attempt for run in bench.runtime.started} == {1}
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_full_machine_is_waited_for_although_the_function_has_a_reservation() -> None:
    async with MappingBench(slots_max=1) as bench:
        bench.create()
        url = await bench.queue()
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=3)
        await bench.map(batch_size=1)
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        await bench.send(url, *"abc")
        await bench.until(lambda: len(bench.runtime.running) == 1)
        await asyncio.sleep(0.05)
        assert await bench.depth(url) == (2, 1)
        assert bench.runtime.throttled_count == 0
        held.set()
        await bench.quiet()


@on_a_loop
async def test_maximum_concurrency_below_the_reservation_is_never_throttled() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=2)
        await bench.map(batch_size=1, scaling_config=lambda_api.ScalingConfig(maximum_concurrency=2))

        async def script(invocation: Invocation) -> InvocationResult:
            await asyncio.sleep(0.002)
            return DONE

        bench.runtime.script = script
        await bench.send(url, *(str(n) for n in range(30)))
        await bench.quiet()
        assert (len(bench.runtime.started), bench.runtime.throttled_count) == (30, 0)


@on_a_loop
async def test_graceful_stop_gives_held_messages_back_at_once() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(batch_size=10, maximum_batching_window_in_seconds=60)
        await bench.send(url, "a", "b")
        await bench.quiet()
        assert await bench.depth(url) == (0, 2)
        await bench.stop()
        assert await bench.depth(url) == (2, 0)


@on_a_loop
async def test_crash_leaves_messages_to_their_visibility_timeout() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()

        async def hang(invocation: Invocation) -> InvocationResult:
            await asyncio.Event().wait()
            return DONE

        bench.runtime.script = hang
        await bench.send(url, "a", "b")
        await bench.until(lambda: bool(bench.runtime.running))
        await bench.crash()
        bench.runtime.running.clear()
        bench.runtime.script = bench.runtime.succeed
        await bench.restart()
        assert await bench.depth(url) == (0, 2)
        await bench.advance(30)
        assert bench.seen == [["a", "b"], ["a", "b"]]
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_two_mappings_of_one_queue_share_its_messages() -> None:
    async with MappingBench() as bench:
        for name in ("one", "two"):
            bench.create(name)
        url = await bench.queue()
        for name in ("one", "two"):
            await bench.map("in", name, batch_size=1)
        await bench.send(url, *(str(n) for n in range(20)))
        await bench.quiet()
        assert sorted(int(body) for batch in bench.seen for body in batch) == list(range(20))


@on_a_loop
async def test_failing_function_is_called_by_fewer_at_once_and_recovers() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map(batch_size=1)

        async def fail(invocation: Invocation) -> InvocationResult:
            await asyncio.sleep(0.002)
            return BROKEN

        bench.runtime.script = fail
        await bench.send(url, *(str(n) for n in range(30)))
        await bench.until(lambda: len(bench.runtime.started) >= 15)
        assert bench.poller._lanes[uuid].width == 2
        bench.runtime.script = bench.runtime.succeed
        await bench.advance(31)
        assert bench.poller._lanes[uuid].width == 5
        assert await bench.depth(url) == (0, 0)
