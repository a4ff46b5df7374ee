"""Requests about functions that ask for something contradictory: refused in AWS's words, never half obeyed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functions import ROLE, create_function, package
from tests.world import World

ECHO = "def handler(event, context): return event"
BASE: dict[str, Any] = {"Runtime": "python3.12", "Role": ROLE, "Handler": "handler.handler"}
ZIP = package(ECHO)


@pytest.fixture(scope="module")
def published(world: World) -> str:
    """A function with versions 1 and 2, which have different dead-letter queues, and the alias ``live`` of 1."""
    functions = world.client("lambda")
    queue = world.client("sqs").create_queue(QueueName="dead")["QueueUrl"].rpartition("/")[2]
    create_function(functions, "life", ECHO)
    functions.publish_version(FunctionName="life")
    functions.update_function_configuration(
        FunctionName="life", DeadLetterConfig={"TargetArn": f"arn:aws:sqs:us-east-1:000000000000:{queue}"}
    )
    functions.publish_version(FunctionName="life")
    functions.create_alias(FunctionName="life", Name="live", FunctionVersion="1")
    return "life"


def refusal(call: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def test_package_of_two_kinds_is_refused(functions: Any) -> None:
    code = {"ZipFile": ZIP, "S3Bucket": "bucket", "S3Key": "key"}
    assert refusal(lambda: functions.create_function(FunctionName="two-codes", Code=code, **BASE)) == (
        400,
        "InvalidParameterValueException",
        "Please do not provide other FunctionCode parameters when providing a ZipFile.",
    )


def test_image_is_refused_whatever_the_code(functions: Any, published: str) -> None:
    status, code, message = refusal(
        lambda: functions.create_function(FunctionName="image", PackageType="Image", Code={"ZipFile": ZIP}, **BASE)
    )
    assert (status, code) == (501, "NotImplemented")
    assert "container images" in message
    assert refusal(lambda: functions.update_function_code(FunctionName=published, ImageUri="x")) == (
        400,
        "InvalidParameterValueException",
        "Please don't provide ImageUri when updating a function with packageType Zip.",
    )


@pytest.mark.parametrize("qualifier", ["1", "live"])
def test_only_the_newest_code_and_settings_can_be_changed(functions: Any, published: str, qualifier: str) -> None:
    named = f"{published}:{qualifier}"
    for call in (
        lambda: functions.update_function_code(FunctionName=named, ZipFile=ZIP),
        lambda: functions.update_function_configuration(FunctionName=named, Timeout=4),
        lambda: functions.publish_version(FunctionName=named),
    ):
        assert refusal(call) == (
            400,
            "InvalidParameterValueException",
            "Current operation does not support versions other than $LATEST",
        )
    assert functions.update_function_configuration(FunctionName=f"{published}:$LATEST", Timeout=4)["Timeout"] == 4


def test_versions_that_share_calls_have_one_dead_letter_target(functions: Any, published: str) -> None:
    status, code, message = refusal(
        lambda: functions.update_alias(
            FunctionName=published, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
        )
    )
    assert (status, code) == (400, "InvalidParameterValueException")
    assert "dead-letter" in message


def test_deleted_version_takes_its_policy_and_event_invoke_config_with_it(functions: Any) -> None:
    name = create_function(functions, "short-lived", ECHO)
    functions.publish_version(FunctionName=name)
    named = {"FunctionName": name, "Qualifier": "1"}
    functions.add_permission(**named, StatementId="s", Action="lambda:InvokeFunction", Principal="*")
    functions.put_function_event_invoke_config(**named, MaximumRetryAttempts=0)
    functions.delete_function(**named)
    assert functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"] == []
    assert refusal(lambda: functions.get_policy(**named))[:2] == (404, "ResourceNotFoundException")


def test_old_way_of_asynchronous_invocation_queues_too(functions: Any, world: World) -> None:
    create_function(functions, "old-way", "def handler(event, context): print('got', event['n'])")
    answer = functions.invoke_async(FunctionName="old-way", InvokeArgs=b'{"n": 7}')
    assert (answer["Status"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (202, 202)
    world.settle()
    events = world.client("logs").filter_log_events(logGroupName="/aws/lambda/old-way")["events"]
    assert any("got 7" in event["message"] for event in events)
    assert refusal(lambda: functions.invoke_async(FunctionName="old-way", InvokeArgs=b"{no"))[:2] == (
        400,
        "InvalidRequestContentException",
    )
