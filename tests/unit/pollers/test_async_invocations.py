"""The poller of asynchronous queues, with a runtime that does what each test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from bascule.kernel.invocation import Invocation, InvocationResult, RuntimeUnavailable
from bascule.services.lambda_.async_outcomes import throttle_delay_ms
from bascule.services.lambda_.state import FUNCTIONS, queue_name
from tests.unit.pollers.bench import BROKEN, DONE, Bench

Test = Callable[..., Coroutine[Any, Any, None]]


def on_a_loop(test: Test) -> Callable[..., None]:
    """Run an async test."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


def waiting(bench: Bench, name: str = "orders") -> int:
    """Messages in the function's queue, in any state."""

    def count(tx: Any) -> int:
        function = FUNCTIONS.get(tx.documents, bench.scope, name)
        assert function is not None
        counts = tx.queues.counts(queue_name(function.uuid), now_ms=bench.clock.now_ms())
        return int(counts.ready + counts.leased + counts.delayed)

    return bench.store.read(count)


@on_a_loop
async def test_event_runs_once_and_leaves_the_queue() -> None:
    async with Bench() as bench:
        bench.create()
        await bench.event(payload=b'{"n":1}')
        await bench.quiet()
        (run,) = bench.runtime.started
        assert (run.payload, run.attempt, run.is_async) == (b'{"n":1}', 1, True)
        assert waiting(bench) == 0


@on_a_loop
async def test_attempts_share_a_request_id_and_are_counted() -> None:
    async with Bench() as bench:
        bench.create()
        bench.runtime.script = bench.runtime.fail
        began_ms = bench.clock.now_ms()
        await bench.event()
        await bench.quiet()
        assert bench.poller.next_due_ms() == began_ms + 60_000
        await bench.advance(60)
        assert bench.poller.next_due_ms() == began_ms + 180_000
        await bench.advance(3600)
        assert [run.attempt for run in bench.runtime.started] == [1, 2, 3]
        assert len({run.request_id for run in bench.runtime.started}) == 1
        assert waiting(bench) == 0
        assert bench.metrics.value("lambda.async_events_dropped", "orders") == 1


@on_a_loop
async def test_throttled_event_backs_off_by_age_and_uses_up_no_retry() -> None:
    async with Bench() as bench:
        bench.create()
        await bench.do("PutFunctionEventInvokeConfig", function_name="orders", maximum_retry_attempts=0)
        bench.runtime.script = bench.runtime.throttle
        began_ms = bench.clock.now_ms()
        await bench.event()
        for due_s in (1, 3, 7, 15):
            await bench.quiet()
            assert bench.poller.next_due_ms() == began_ms + due_s * 1000
            await bench.advance((began_ms + due_s * 1000 - bench.clock.now_ms()) / 1000)
        bench.runtime.script = bench.runtime.succeed
        await bench.advance(60)
        assert [run.attempt for run in bench.runtime.started] == [1] * 6
        assert waiting(bench) == 0


def test_throttle_delays_double_up_to_five_minutes() -> None:
    assert [throttle_delay_ms(count) // 1000 for count in (1, 2, 3, 9, 10, 5000)] == [1, 2, 4, 256, 300, 300]


@on_a_loop
async def test_runtime_that_cannot_run_the_function_is_tried_again_until_the_event_is_too_old() -> None:
    async def unavailable(invocation: Invocation) -> InvocationResult:
        raise RuntimeUnavailable("no interpreter")

    async with Bench() as bench:
        bench.create()
        await bench.do("PutFunctionEventInvokeConfig", function_name="orders", maximum_event_age_in_seconds=60)
        bench.runtime.script = unavailable
        await bench.event()
        await bench.advance(3600)
        assert len(bench.runtime.started) == 6
        assert waiting(bench) == 0


@on_a_loop
async def test_slow_function_does_not_delay_another() -> None:
    async with Bench(slots_max=20) as bench:
        bench.create("slow")
        bench.create("quick")
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            if invocation.function.name == "slow":
                await held.wait()
            return DONE

        bench.runtime.script = script
        for _ in range(40):
            await bench.event("slow")
        await bench.until(lambda: len(bench.runtime.running) >= 4)
        await bench.event("quick")
        await bench.until(lambda: any(run.function.name == "quick" for run in bench.runtime.started))
        held.set()
        await bench.quiet()
        assert len(bench.runtime.started) == 41


@on_a_loop
async def test_waiting_events_widen_the_lane_to_what_the_settings_allow() -> None:
    async with Bench(slots_max=30) as bench:
        bench.create()
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        for _ in range(30):
            await bench.event()
        await bench.until(lambda: len(bench.runtime.running) == 27)
        held.set()
        await bench.quiet()
        assert len(bench.runtime.started) == 30


@on_a_loop
async def test_no_lane_is_widened_while_environments_are_being_started() -> None:
    async with Bench(slots_max=30) as bench:
        bench.create()
        bench.runtime.cold_count = 4
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        for _ in range(10):
            await bench.event()
        await asyncio.sleep(0.1)
        assert len(bench.runtime.running) == 4
        bench.runtime.cold_count = 0
        await bench.until(lambda: len(bench.runtime.running) == 10)
        held.set()
        await bench.quiet()


@on_a_loop
async def test_reserved_concurrency_is_never_exceeded() -> None:
    async with Bench() as bench:
        bench.create()
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=2)

        async def script(invocation: Invocation) -> InvocationResult:
            await asyncio.sleep(0.001)
            return DONE

        bench.runtime.script = script
        for _ in range(20):
            await bench.event()
        await bench.quiet()
        assert len(bench.runtime.started) == 20
        assert bench.runtime.running_max == 2


@on_a_loop
async def test_events_that_grow_too_old_while_they_wait_for_room_end_before_there_is_room() -> None:
    async with Bench() as bench:
        bench.create()
        await bench.do("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=1)
        await bench.do("PutFunctionEventInvokeConfig", function_name="orders", maximum_event_age_in_seconds=60)
        released = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await released.wait()
            return DONE

        bench.runtime.script = script
        for _ in range(4):
            await bench.event()
        await bench.until(lambda: len(bench.runtime.running) == 1)

        def dropped() -> int:
            return bench.metrics.value("lambda.async_events_dropped", "orders")

        bench.clock.advance(59_000)
        await bench.until(lambda: True)
        assert dropped() == 0
        for _ in range(3):
            bench.clock.advance(1_100)
            await bench.until(lambda: True)
        await bench.until(lambda: dropped() == 3)
        assert len(bench.runtime.running) == 1
        released.set()
        await bench.quiet()
        assert (len(bench.runtime.started), dropped()) == (1, 3), "what runs goes on, whatever its age"


@on_a_loop
async def test_lost_signals_delay_events_and_lose_none() -> None:
    async with Bench(signals=False) as bench:
        bench.create()
        for _ in range(30):
            await bench.advance(1)
        await bench.event()
        await bench.advance(0)
        assert bench.runtime.started == []
        bench.clock.advance(2_000)
        await bench.until(lambda: len(bench.runtime.started) == 1)
        await bench.quiet()


@on_a_loop
async def test_after_a_crash_events_under_way_run_again_at_once_as_the_same_attempt() -> None:
    async with Bench() as bench:
        bench.create(timeout=900)
        never = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await never.wait()
            return DONE

        bench.runtime.script = bench.runtime.fail
        await bench.event()
        await bench.quiet()
        bench.runtime.script = script
        bench.clock.advance(60_000)
        await bench.until(lambda: len(bench.runtime.running) == 1)
        bench.store.on_signal(lambda signals: None)
        bench.runtime.script = bench.runtime.succeed
        crashed = bench.poller
        await bench.restart()
        assert [run.attempt for run in bench.runtime.started] == [1, 2, 2]
        assert waiting(bench) == 0
        assert not crashed.is_idle
        never.set()
        await bench.until(lambda: not bench.runtime.running)


@on_a_loop
async def test_stop_gives_back_what_runs_without_counting_an_attempt() -> None:
    async with Bench() as bench:
        bench.create()
        never = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await never.wait()
            return BROKEN

        bench.runtime.script = script
        await bench.event()
        await bench.until(lambda: len(bench.runtime.running) == 1)
        await bench.stop()
        bench.runtime.script = bench.runtime.succeed
        await bench.restart()
        assert [run.attempt for run in bench.runtime.started] == [1, 1]
        assert waiting(bench) == 0


@on_a_loop
async def test_lease_is_extended_while_the_function_runs() -> None:
    async with Bench() as bench:
        bench.create(timeout=3)
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        await bench.event()
        await bench.until(lambda: len(bench.runtime.running) == 1)
        for _ in range(10):
            bench.clock.advance(20_000)
            await bench.until(lambda: True)
        assert len(bench.runtime.started) == 1
        held.set()
        await bench.quiet()
        assert waiting(bench) == 0


@on_a_loop
async def test_events_leased_ahead_run_the_code_that_is_current_when_they_start() -> None:
    async with Bench(slots_max=1) as bench:
        bench.create()
        held = asyncio.Event()

        async def script(invocation: Invocation) -> InvocationResult:
            await held.wait()
            return DONE

        bench.runtime.script = script
        for _ in range(3):
            await bench.event()
        await bench.until(lambda: len(bench.runtime.running) == 1)
        await bench.do("UpdateFunctionConfiguration", function_name="orders", memory_size=256)
        held.set()
        await bench.quiet()
        assert [run.function.memory_mb for run in bench.runtime.started] == [128, 256, 256]


@on_a_loop
async def test_a_bug_in_the_runtime_is_retried_and_harms_nobody() -> None:
    async def script(invocation: Invocation) -> InvocationResult:
        raise KeyError("bug")

    async with Bench() as bench:
        bench.create()
        bench.runtime.script = script
        await bench.event()
        await bench.quiet()
        bench.runtime.script = bench.runtime.succeed
        await bench.advance(5)
        assert waiting(bench) == 0


@on_a_loop
async def test_burst_is_settled_in_groups() -> None:
    async with Bench() as bench:
        bench.create()
        ctx = bench.context()
        operation = "Invoke"
        for _ in range(200):
            await bench.do(operation, function_name="orders", invocation_type="Event")
        await bench.quiet()
        assert len(bench.runtime.started) == 200
        assert waiting(bench) == 0
        assert ctx.now_ms == bench.clock.now_ms()


@on_a_loop
async def test_new_or_changed_function_is_prepared_before_its_first_event() -> None:
    async with Bench() as bench:
        await asyncio.to_thread(bench.create)
        await bench.quiet()
        await bench.do("UpdateFunctionConfiguration", function_name="orders", memory_size=256)
        await bench.quiet()
        assert [function.memory_mb for function in bench.runtime.prepared] == [128, 256]
        await bench.do("DeleteFunction", function_name="orders")
        await bench.quiet()
        assert len(bench.runtime.prepared) == 2
