"""The poller of mappings of FIFO queues: order within a group, groups side by side."""

from __future__ import annotations

import asyncio
import json

from bascule.kernel.invocation import Invocation, InvocationResult
from tests.unit.pollers.bench import BROKEN, DONE
from tests.unit.pollers.sqs_bench import MappingBench, answer, bodies
from tests.unit.pollers.test_async_invocations import on_a_loop


def groups(invocation: Invocation) -> set[str]:
    return {record["attributes"]["MessageGroupId"] for record in json.loads(invocation.payload)["Records"]}


@on_a_loop
async def test_groups_run_side_by_side_and_each_in_order() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo")
        running: set[str] = set()
        most = 0

        async def script(invocation: Invocation) -> InvocationResult:
            nonlocal most
            (group,) = groups(invocation)
            assert group not in running, "a group had two batches at once"
            running.add(group)
            most = max(most, len(running))
            await asyncio.sleep(0.003)
            running.discard(group)
            return DONE

        bench.runtime.script = script
        for index in range(4):
            for group in "abcdefgh":
                await bench.send(url, f"{group}{index}", group=group)
        await bench.map("in.fifo", batch_size=1)
        await bench.quiet()
        assert most >= 6
        for group in "abcdefgh":
            seen = [body for batch in bench.seen for body in batch if body.startswith(group)]
            assert seen == [f"{group}{index}" for index in range(4)]
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_failing_group_waits_while_the_others_go_on() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo")
        await bench.map("in.fifo", batch_size=1)
        is_broken = True

        async def script(invocation: Invocation) -> InvocationResult:
            return BROKEN if is_broken and groups(invocation) == {"a"} else DONE

        bench.runtime.script = script
        await bench.send(url, "a1", "a2", group="a")
        await bench.send(url, "b1", "b2", group="b")
        await bench.quiet()
        assert sorted(bench.seen) == [["a1"], ["b1"], ["b2"]]
        await bench.advance(30)
        assert sorted(bench.seen) == [["a1"], ["a1"], ["b1"], ["b2"]]
        is_broken = False
        await bench.advance(30)
        assert bench.seen[-2:] == [["a1"], ["a2"]]
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_batch_that_fails_comes_back_in_order_by_the_visibility_timeout_although_its_lease_was_longer() -> None:
    async with MappingBench() as bench:
        bench.create(timeout=30)
        url = await bench.queue("in.fifo")
        await bench.map("in.fifo")
        bench.runtime.script = bench.runtime.fail
        began_ms = bench.clock.now_ms()
        await bench.send(url, *"abc", group="g")
        await bench.quiet()
        assert bench.poller.next_due_ms() == began_ms + 30_000
        bench.runtime.script = bench.runtime.succeed
        await bench.advance(30)
        assert bench.seen == [["a", "b", "c"]] * 2


@on_a_loop
async def test_group_stays_blocked_while_its_batch_runs_longer_than_the_visibility_timeout() -> None:
    async with MappingBench() as bench:
        bench.create(timeout=3)
        url = await bench.queue("in.fifo", VisibilityTimeout="3")
        await bench.map("in.fifo", batch_size=1)
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        await bench.send(url, "a", "b", group="g")
        await bench.until(lambda: bool(bench.runtime.running))
        for _ in range(60):
            bench.clock.advance(1_000)
            await bench.until(lambda: True)
        assert bench.seen == [["a"]]
        held.set()
        await bench.quiet()
        assert bench.seen == [["a"], ["b"]]


@on_a_loop
async def test_visibility_that_the_function_chose_itself_is_kept() -> None:
    async with MappingBench() as bench:
        bench.create(timeout=30)
        url = await bench.queue("in.fifo")
        await bench.map("in.fifo")

        async def script(invocation: Invocation) -> InvocationResult:
            handle = json.loads(invocation.payload)["Records"][0]["receiptHandle"]
            await bench.sqs("ChangeMessageVisibility", queue_url=url, receipt_handle=handle, visibility_timeout=5)
            return BROKEN

        bench.runtime.script = script
        began_ms = bench.clock.now_ms()
        await bench.send(url, "a", group="g")
        await bench.quiet()
        assert bench.poller.next_due_ms() == began_ms + 5_000


@on_a_loop
async def test_later_messages_of_a_group_that_are_not_reported_are_deleted() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo")
        await bench.map("in.fifo", function_response_types=["ReportBatchItemFailures"])

        async def script(invocation: Invocation) -> InvocationResult:
            records = json.loads(invocation.payload)["Records"]
            return answer(*(record["messageId"] for record in records if record["body"] == "b"))

        bench.runtime.script = script
        await bench.send(url, *"abc", group="g")
        await bench.quiet()
        assert await bench.depth(url) == (0, 1)


@on_a_loop
async def test_batch_too_long_for_one_event_goes_on_in_order_with_the_next() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo")
        for index in range(10):
            await bench.send(url, f"{index}" + "x" * 900_000, group="g")
        await bench.map("in.fifo")
        await bench.quiet()
        assert [[body[0] for body in bodies(run)] for run in bench.runtime.started] == [list("012345"), list("6789")]
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_throttled_batch_keeps_its_group_and_is_tried_again_before_the_messages_are_visible() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo", VisibilityTimeout="60")
        await bench.map("in.fifo", batch_size=1)
        bench.runtime.script = bench.runtime.throttle
        began_ms = bench.clock.now_ms()
        await bench.send(url, "a", "b", group="g")
        await bench.quiet()
        assert bench.poller.next_due_ms() == began_ms + 1_000
        await bench.advance(3)
        bench.runtime.script = bench.runtime.succeed
        await bench.advance(10)
        assert bench.seen == [["a"], ["a"], ["a"], ["a"], ["b"]]
        assert {run.attempt for run in bench.runtime.started} == {1}


@on_a_loop
async def test_groups_beyond_the_reservation_are_throttled_a_few_at_a_time_and_all_stay_in_order() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo", VisibilityTimeout="60")
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=1)
        for group in range(20):
            await bench.send(url, f"{group}-0", f"{group}-1", group=str(group))
        await bench.map("in.fifo", batch_size=1)

        async def script(invocation: Invocation) -> InvocationResult:
            await asyncio.sleep(0.001)
            assert (await bench.depth(url))[1] <= 8, "of twenty groups a few are received ahead"
            return DONE

        bench.runtime.script = script
        await bench.quiet()
        seen = [text for batch in bench.seen for text in batch]
        assert len(seen) == 40
        assert all(seen.index(f"{group}-0") < seen.index(f"{group}-1") for group in range(20))
        assert {run.attempt for run in bench.runtime.started} == {1}


@on_a_loop
async def test_record_of_a_fifo_queue_carries_its_group_and_sequence() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue("in.fifo")
        await bench.map("in.fifo")
        await bench.send(url, "a", group="g")
        await bench.quiet()
        (record,) = json.loads(bench.runtime.started[0].payload)["Records"]
        assert record["attributes"]["MessageGroupId"] == "g"
        assert len(record["attributes"]["SequenceNumber"]) == 20
        assert len(record["attributes"]["MessageDeduplicationId"]) == 64
        assert "md5OfMessageAttributes" not in record
