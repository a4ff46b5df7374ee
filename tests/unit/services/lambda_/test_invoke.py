"""Invoke: what the runtime is asked for, and how its outcome is answered."""

from __future__ import annotations

import base64

import pytest

from bascule.kernel.arns import parse_arn
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.invocation import InvocationResult, InvocationThrottled, RuntimeUnavailable
from bascule.services.lambda_.errors import (
    InvalidRequestContent,
    InvalidRuntime,
    RecursiveInvocation,
    RequestTooLarge,
    ResourceNotFound,
    TooManyRequests,
)
from bascule.services.lambda_.state import FUNCTIONS, queue_name
from bascule.services.lambda_.target import FunctionTarget
from bascule.services.lambda_.tracing import chain_length, extended
from tests.unit.services.lambda_.desk import Desk, package

DONE = InvocationResult(payload=b'"done"', log_tail=b"END")


def queued(desk: Desk, name: str = "orders") -> list[bytes]:
    def look(tx):  # type: ignore[no-untyped-def]  # a test's own query
        function = FUNCTIONS.get(tx.documents, desk.scope, name)
        assert function is not None
        return [message.body for message in tx.queues.peek(queue_name(function.uuid), count_max=100)]

    found: list[bytes] = desk.store.read(look)
    return found


def test_result_is_answered_with_200_and_the_executed_version(desk: Desk) -> None:
    desk.create()
    desk.answer = DONE
    answer = desk.call("Invoke", function_name="orders", payload=b"[1]")
    assert (answer.status_code, answer.payload, answer.executed_version) == (200, b'"done"', "$LATEST")
    assert answer.function_error is None
    assert answer.log_result is None
    (asked,) = desk.invocations
    assert (asked.payload, asked.invoked_arn, asked.is_async) == (b"[1]", desk.arn(), False)


def test_failed_function_is_answered_with_200_and_a_function_error(desk: Desk) -> None:
    desk.create()
    desk.answer = InvocationResult(payload=b"{}", function_error="Unhandled")
    answer = desk.call("Invoke", function_name="orders")
    assert (answer.status_code, answer.function_error) == (200, "Unhandled")


def test_tail_of_the_log_comes_back_in_base64_when_asked_for(desk: Desk) -> None:
    desk.create()
    desk.answer = DONE
    answer = desk.call("Invoke", function_name="orders", log_type="Tail")
    assert base64.b64decode(answer.log_result) == b"END"
    assert desk.invocations[0].wants_log_tail


def test_no_payload_is_an_empty_object(desk: Desk) -> None:
    desk.create()
    desk.answer = DONE
    desk.call("Invoke", function_name="orders")
    assert desk.invocations[0].payload == b"{}"


@pytest.mark.parametrize("payload", [b"{", b"nothing", b"{} x", b'"\xff"'])
def test_payload_that_is_not_json_is_refused(desk: Desk, payload: bytes) -> None:
    desk.create()
    with pytest.raises(InvalidRequestContent, match="Could not parse request body into json"):
        desk.call("Invoke", function_name="orders", payload=payload)


def test_payload_over_the_limit_of_its_type_is_refused(desk: Desk) -> None:
    desk.create()
    large = b'"' + b"x" * 1_048_576 + b'"'
    with pytest.raises(
        RequestTooLarge,
        match=r"1048578 byte payload is too large for the Event invocation type \(limit 1048576 bytes\)",
    ):
        desk.call("Invoke", function_name="orders", invocation_type="Event", payload=large)
    desk.answer = DONE
    desk.call("Invoke", function_name="orders", payload=large)


def test_dry_run_answers_204_and_runs_nothing(desk: Desk) -> None:
    desk.create()
    assert desk.call("Invoke", function_name="orders", invocation_type="DryRun").status_code == 204
    assert desk.invocations == []


def test_event_is_queued_before_it_is_answered(desk: Desk) -> None:
    desk.create()
    answer = desk.call("Invoke", function_name="orders", invocation_type="Event", payload=b'{"n":1}')
    assert (answer.status_code, answer.payload, answer.executed_version) == (202, None, None)
    assert queued(desk) == [b'{"n":1}']
    assert desk.invocations == []


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_unknown_function_and_qualifier_are_not_found(desk: Desk, kind: str) -> None:
    desk.create()
    for name, qualifier in (("nobody", None), ("orders", "7"), ("orders", "live")):
        with pytest.raises(ResourceNotFound, match="Function not found"):
            desk.call("Invoke", function_name=name, qualifier=qualifier, invocation_type=kind)


def test_throttled_call_names_the_reason(desk: Desk) -> None:
    desk.create()
    desk.answer = InvocationThrottled("ConcurrentInvocationLimitExceeded")
    with pytest.raises(TooManyRequests, match=r"Rate Exceeded\.") as refused:
        desk.call("Invoke", function_name="orders")
    assert refused.value.members == {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User"}


def test_runtime_that_cannot_run_the_function_says_why(desk: Desk) -> None:
    desk.create()
    desk.answer = RuntimeUnavailable("no interpreter")
    with pytest.raises(InvalidRuntime, match="no interpreter"):
        desk.call("Invoke", function_name="orders")


def test_invocations_errors_and_throttles_are_counted_by_function(desk: Desk) -> None:
    desk.create()
    for answer in (DONE, InvocationResult(payload=b"{}", function_error="Unhandled")):
        desk.answer = answer
        desk.call("Invoke", function_name=desk.arn())
    desk.answer = InvocationThrottled("ConcurrentInvocationLimitExceeded")
    with pytest.raises(TooManyRequests):
        desk.call("Invoke", function_name="orders")
    counted = {name: desk.metrics.value(f"lambda.{name}", "orders") for name in ("invocations", "errors", "throttles")}
    assert counted == {"invocations": 2, "errors": 1, "throttles": 1}


def test_client_context_reaches_the_function_as_json(desk: Desk) -> None:
    desk.create()
    desk.answer = DONE
    desk.call("Invoke", function_name="orders", client_context=base64.b64encode(b'{"custom":{}}').decode())
    assert desk.invocations[0].client_context == '{"custom":{}}'
    with pytest.raises(InvalidRequestContent, match="Client context"):
        desk.call("Invoke", function_name="orders", client_context="?")


def test_new_code_gets_new_environments_and_a_policy_does_not(desk: Desk) -> None:
    desk.create()
    desk.answer = DONE
    desk.call("Invoke", function_name="orders")
    desk.call(
        "AddPermission",
        function_name="orders",
        statement_id="s",
        action="lambda:InvokeFunction",
        principal="events.amazonaws.com",
    )
    desk.call("Invoke", function_name="orders")
    desk.call("UpdateFunctionCode", function_name="orders", zip_file=package("x = 1"))
    desk.call("Invoke", function_name="orders")
    first, second, third = (asked.function for asked in desk.invocations)
    assert first == second
    assert third.revision_id != first.revision_id
    assert third.code_digest != first.code_digest


def test_chain_that_comes_back_sixteen_times_is_stopped(desk: Desk) -> None:
    desk.create()
    desk.answer = DONE
    trace = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0"
    for _ in range(16):
        desk.call("Invoke", function_name="orders", trace_header=trace)
        trace = desk.invocations[-1].trace_header or ""
    assert chain_length(trace, desk.arn()) == 16
    with pytest.raises(RecursiveInvocation):
        desk.call("Invoke", function_name="orders", trace_header=trace)
    desk.call("PutFunctionRecursionConfig", function_name="orders", recursive_loop="Allow")
    desk.call("Invoke", function_name="orders", trace_header=trace)


def test_lineage_counts_each_function_of_a_chain() -> None:
    header = extended(extended(extended("Root=1-a", "one"), "two"), "one")
    assert (chain_length(header, "one"), chain_length(header, "two"), chain_length(header, "three")) == (2, 1, 0)
    assert header.startswith("Root=1-a;Lineage=")


def delivery(desk: Desk, target_arn: str, payload: bytes = b"{}") -> Delivery:
    return Delivery(
        delivery_id="d",
        scope=desk.scope,
        origin="rule",
        source_arn="arn:aws:events:us-east-1:000000000000:rule/r",
        target_arn=target_arn,
        payload=payload,
        created_ms=desk.clock.now_ms(),
        event_id="",
    )


def accept(desk: Desk, target_arn: str, payload: bytes = b"{}") -> Accepted:
    sent = delivery(desk, target_arn, payload)
    arn = parse_arn(target_arn)
    assert arn is not None
    ctx = desk.context()
    return desk.store.write(lambda tx: FunctionTarget().accept(ctx, tx, sent, arn))


def test_delivered_payload_waits_in_the_functions_queue(desk: Desk) -> None:
    desk.create(publish=True)
    desk.call("CreateAlias", function_name="orders", name="live", function_version="1")
    for suffix in ("", ":1", ":live", ":$LATEST"):
        assert accept(desk, f"{desk.arn()}{suffix}", b'{"n":1}').reference
    assert queued(desk) == [b'{"n":1}'] * 4


@pytest.mark.parametrize("resource", ["function:nobody", "function:orders:7", "function:orders:live", "layer:orders:1"])
def test_delivery_to_what_does_not_exist_is_refused_for_good(desk: Desk, resource: str) -> None:
    desk.create()
    with pytest.raises(Refused) as refused:
        accept(desk, desk.scope.arn("lambda", resource))
    assert (refused.value.code, refused.value.is_retryable) == ("NO_RESOURCE", False)


def test_delivery_over_the_limit_is_refused(desk: Desk) -> None:
    desk.create()
    with pytest.raises(Refused, match="too large"):
        accept(desk, desk.arn(), b" " * 1_048_577)
