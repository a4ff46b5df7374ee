"""What happens to a mapping at work when it, its queue or its function changes; filters, metrics, loops, stories."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bascule.api import lambda_ as api
from bascule.api import sqs as sqs_api
from bascule.journal import find_story
from bascule.kernel.ids import event_batch_id, event_id
from bascule.kernel.invocation import Invocation, InvocationResult
from bascule.services.lambda_.tracing import extended, fresh_trace
from tests.unit.pollers.bench import BROKEN, DONE
from tests.unit.pollers.sqs_bench import MappingBench, answer
from tests.unit.pollers.test_async_invocations import on_a_loop
from tests.unit.services.lambda_.desk import package


async def shown(bench: MappingBench, uuid: str) -> Any:
    return await bench.do("GetEventSourceMapping", uuid=uuid)


@on_a_loop
async def test_disabled_mapping_reads_nothing_and_gives_back_what_it_gathered() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map(maximum_batching_window_in_seconds=60)
        await bench.send(url, "a")
        await bench.quiet()
        assert await bench.depth(url) == (0, 1)
        await bench.change(uuid, enabled=False)
        await bench.send(url, "b")
        await bench.advance(120)
        assert await bench.depth(url) == (2, 0)
        assert bench.seen == []
        await bench.change(uuid, enabled=True, maximum_batching_window_in_seconds=0)
        await bench.quiet()
        assert sorted(body for batch in bench.seen for body in batch) == ["a", "b"]


@on_a_loop
async def test_deleted_mapping_reads_nothing_more_and_its_running_batch_ends_well() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map()

        async def script(invocation: Invocation) -> InvocationResult:
            await bench.do("DeleteEventSourceMapping", uuid=uuid)
            await bench.end_moves()
            return DONE

        bench.runtime.script = script
        await bench.send(url, "a")
        await bench.quiet()
        assert await bench.depth(url) == (0, 0)
        await bench.send(url, "b")
        await bench.advance(60)
        assert bench.seen == [["a"]]
        assert bench.poller._lanes == {}


@on_a_loop
async def test_missing_queue_is_told_and_its_successor_is_read() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map()
        await bench.sqs("DeleteQueue", queue_url=url)
        await bench.advance(70)
        assert (await shown(bench, uuid)).last_processing_result.startswith("PROBLEM: The queue arn:aws:sqs:")
        assert (await shown(bench, uuid)).state == "Enabled"
        url = await bench.queue()
        await bench.send(url, "a")
        for _ in range(3):
            bench.clock.advance(1_000)
            await bench.quiet()
        assert bench.seen == [["a"]]
        assert (await shown(bench, uuid)).last_processing_result is None


@on_a_loop
async def test_deleted_function_leaves_the_mapping_and_the_messages_until_it_is_there_again() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map()
        await bench.do("DeleteFunction", function_name="orders")
        await bench.send(url, "a")
        await bench.quiet()
        assert await bench.depth(url) == (1, 0)
        assert "Function not found" in (await shown(bench, uuid)).last_processing_result
        await bench.do(
            "CreateFunction",
            function_name="orders",
            runtime="python3.12",
            role="arn:aws:iam::000000000000:role/test",
            handler="app.handler",
            code=api.FunctionCode(zip_file=package()),
        )
        await bench.quiet()
        assert bench.seen == [["a"]]
        assert (await shown(bench, uuid)).last_processing_result is None


@on_a_loop
async def test_purged_queue_is_read_on() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map()
        await bench.change(uuid, enabled=False)
        await bench.send(url, "old")
        await bench.sqs("PurgeQueue", queue_url=url)
        await bench.change(uuid, enabled=True)
        await bench.quiet()
        await bench.send(url, "new")
        await bench.quiet()
        assert bench.seen == [["new"]]


@on_a_loop
async def test_alias_is_resolved_for_every_batch() -> None:
    async with MappingBench() as bench:
        bench.create()
        await bench.do("PublishVersion", function_name="orders")
        await asyncio.to_thread(bench.call, "CreateAlias", function_name="orders", name="live", function_version="1")
        url = await bench.queue()
        await bench.map(function="orders:live")
        await bench.send(url, "a")
        await bench.quiet()
        await bench.do("UpdateFunctionConfiguration", function_name="orders", description="other")
        await bench.do("PublishVersion", function_name="orders")
        await asyncio.to_thread(bench.call, "UpdateAlias", function_name="orders", name="live", function_version="2")
        await bench.send(url, "b")
        await bench.quiet()
        assert [run.function.version for run in bench.runtime.started] == ["1", "2"]
        assert bench.runtime.started[0].invoked_arn.endswith(":function:orders:live")


def filters(*patterns: object) -> api.FilterCriteria:
    return api.FilterCriteria(filters=[api.Filter(pattern=json.dumps(pattern)) for pattern in patterns])


@on_a_loop
async def test_messages_that_no_filter_wants_are_deleted_without_an_invocation() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        metrics = api.EventSourceMappingMetricsConfig(metrics=["EventCount"])
        criteria = filters({"body": {"kind": ["big"]}}, {"body": {"count": [{"numeric": [">", 5]}]}})
        uuid = await bench.map(filter_criteria=criteria, metrics_config=metrics)
        await bench.send(url, '{"kind":"small"}', "plain text", "[1,2]", '{"kind":')
        await bench.quiet()
        assert bench.seen == []
        assert await bench.depth(url) == (0, 0)
        await bench.send(url, '{"kind":"big"}', '{"count":6}', '{"count":5}')
        await bench.quiet()
        assert bench.seen == [['{"kind":"big"}', '{"count":6}']]
        names = ("PolledEventCount", "FilteredOutEventCount", "InvokedEventCount", "DeletedEventCount")
        assert [bench.metrics.value(f"AWS/Lambda/{name}", uuid) for name in names] == [7, 5, 2, 2]


@on_a_loop
async def test_pattern_for_text_drops_json_and_matches_text() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(filter_criteria=filters({"body": [{"prefix": "order"}, '{"a":1}']}))
        await bench.send(url, "order 1", '{"a":1}', "other")
        await bench.quiet()
        assert bench.seen == [["order 1"]]
        assert await bench.depth(url) == (0, 0)


@on_a_loop
async def test_pattern_without_a_body_compares_what_is_beside_it() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(filter_criteria=filters({"messageAttributes": {"kind": {"stringValue": ["big"]}}}))
        big = {"kind": sqs_api.MessageAttributeValue(string_value="big", data_type="String")}
        await bench.send(url, "text", '{"json":1}', message_attributes=big)
        await bench.send(url, "other")
        await bench.quiet()
        assert bench.seen == [["text", '{"json":1}']]


@on_a_loop
async def test_metrics_are_counted_only_when_asked_for() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        uuid = await bench.map()
        await bench.send(url, "a")
        await bench.quiet()
        assert bench.metrics.value("AWS/Lambda/PolledEventCount", uuid) == 0
        assert bench.metrics.value("lambda.invocations", "orders") == 1
        await bench.change(uuid, metrics_config=api.EventSourceMappingMetricsConfig(metrics=["EventCount"]))
        bench.runtime.script = bench.runtime.fail
        await bench.send(url, "b", "c")
        await bench.quiet()
        assert bench.metrics.value("AWS/Lambda/FailedInvokeEventCount", uuid) == 2
        assert bench.metrics.value("lambda.errors", "orders") == 1


@on_a_loop
async def test_message_of_a_loop_is_not_run_and_comes_back() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()
        arn = bench.scope.arn("lambda", "function:orders")
        trace = fresh_trace(bench.clock.now_ms(), bench.contexts.ids)
        for _ in range(16):
            trace = extended(trace, arn)
        system = {"AWSTraceHeader": sqs_api.MessageSystemAttributeValue(string_value=trace, data_type="String")}
        await bench.send(url, "a", message_system_attributes=system)
        await bench.quiet()
        assert bench.seen == []
        assert await bench.depth(url) == (0, 1)
        assert bench.metrics.value("lambda.recursive_invocations_dropped", "orders") == 1


@on_a_loop
async def test_trace_of_a_message_goes_on_with_the_function_in_its_lineage() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map()
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
        system = {"AWSTraceHeader": sqs_api.MessageSystemAttributeValue(string_value=trace, data_type="String")}
        await bench.send(url, "a", message_system_attributes=system)
        await bench.quiet()
        assert bench.runtime.started[0].trace_header == extended(trace, bench.scope.arn("lambda", "function:orders"))
        (record,) = json.loads(bench.runtime.started[0].payload)["Records"]
        assert record["attributes"]["AWSTraceHeader"] == trace


@on_a_loop
async def test_events_that_rules_delivered_have_their_invocations_in_their_stories() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue()
        await bench.map(function_response_types=["ReportBatchItemFailures"])
        batch = event_batch_id(bench.clock.now_ms(), "0" * 18)
        ids = [event_id(batch, index) for index in range(2)]
        texts = [f'{{"version":"0","id":"{one}","detail-type":"t","source":"s","detail":{{}}}}' for one in ids]

        async def script(invocation: Invocation) -> InvocationResult:
            if invocation.attempt == 2:
                return DONE
            records = json.loads(invocation.payload)["Records"]
            return answer(records[1]["messageId"])

        bench.runtime.script = script
        await bench.send(url, *texts, "no event")
        await bench.advance(30)
        assert [run.event_id for run in bench.runtime.started] == [ids[0], ids[1]]
        stories = [bench.store.read(lambda tx, one=one: find_story(tx, one)) for one in ids]
        told = [[(note.kind, note.attempt, note.code) for note in story.notes] for story in stories if story]
        assert told == [
            [("invocation-started", 1, ""), ("invocation-succeeded", 1, "")],
            [
                ("invocation-started", 1, ""),
                ("invocation-failed", 1, "ReportedAsFailed"),
                ("invocation-started", 2, ""),
                ("invocation-succeeded", 2, ""),
            ],
        ]


@on_a_loop
async def test_message_received_too_often_goes_to_the_dead_letter_queue() -> None:
    async with MappingBench() as bench:
        bench.create()
        dead = await bench.queue("dead")
        policy = json.dumps({"deadLetterTargetArn": bench.scope.arn("sqs", "dead"), "maxReceiveCount": 3})
        url = await bench.queue(RedrivePolicy=policy)
        await bench.map()

        async def fail(invocation: Invocation) -> InvocationResult:
            return BROKEN

        bench.runtime.script = fail
        await bench.send(url, "a")
        await bench.advance(100)
        assert len(bench.seen) == 3
        assert (await bench.depth(url), await bench.depth(dead)) == ((0, 0), (1, 0))


@on_a_loop
async def test_message_that_expired_is_neither_run_nor_asked_for_without_end() -> None:
    async with MappingBench() as bench:
        bench.create()
        url = await bench.queue(MessageRetentionPeriod="60")
        uuid = await bench.map()
        await bench.change(uuid, enabled=False)
        await bench.send(url, "a")
        bench.clock.advance(61_000)
        await bench.change(uuid, enabled=True)
        await bench.quiet()
        assert bench.poller.next_due_ms() == bench.clock.now_ms() + 250
        assert bench.seen == []
