"""Functions as a plain boto3 client sees them."""

from __future__ import annotations

import base64
import io
import json
import urllib.parse
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functions import ROLE, create_function, package
from tests.world import World

ECHO = """
def handler(event, context):
    return {"event": event, "arn": context.invoked_function_arn, "version": context.function_version}
"""
RAISES = """
def handler(event, context):
    raise Exception("x")
"""


def invoke(functions: Any, name: str, payload: bytes = b"{}", **more: Any) -> Any:
    answer = functions.invoke(FunctionName=name, Payload=payload, **more)
    return json.loads(answer["Payload"].read())


@pytest.fixture(scope="module")
def plain_function(world: World) -> str:
    """A function that refused requests are about."""
    return create_function(world.client("lambda"), "errors", ECHO)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_created_function_answers_201_pending_and_runs_at_once(functions: Any) -> None:
    answer = functions.create_function(
        FunctionName="fresh",
        Runtime="python3.12",
        Role=ROLE,
        Handler="handler.handler",
        Code={"ZipFile": package(ECHO)},
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (answer["State"], answer["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in answer
    assert "Environment" not in answer
    result = invoke(functions, "fresh", b'{"a": [1, "\xc3\xa9"]}')
    assert result == {"event": {"a": [1, "é"]}, "arn": answer["FunctionArn"], "version": "$LATEST"}


def test_waiters_of_the_sdk_end(functions: Any) -> None:
    create_function(functions, "waited", ECHO)
    functions.get_waiter("function_active").wait(FunctionName="waited")
    functions.update_function_configuration(FunctionName="waited", Timeout=5)
    functions.get_waiter("function_updated_v2").wait(FunctionName="waited")
    functions.get_waiter("published_version_active").wait(
        FunctionName="waited", Qualifier=functions.publish_version(FunctionName="waited")["Version"]
    )


def test_function_error_is_200_with_the_error_object(functions: Any) -> None:
    create_function(functions, "raises", RAISES)
    answer = functions.invoke(FunctionName="raises", LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert answer["ExecutedVersion"] == "$LATEST"
    error = json.loads(answer["Payload"].read())
    assert list(error) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]
    log = base64.b64decode(answer["LogResult"]).decode()
    assert log.startswith("START RequestId:")
    assert "REPORT RequestId:" in log


def test_invoked_arn_is_what_the_caller_named(functions: Any) -> None:
    arn = create_function(functions, "named", ECHO, Publish=True)
    functions.create_alias(FunctionName="named", Name="live", FunctionVersion="1")
    assert invoke(functions, arn)["arn"] == arn
    assert invoke(functions, "named", Qualifier="$LATEST")["arn"] == f"{arn}:$LATEST"
    result = invoke(functions, "named:live")
    assert (result["arn"], result["version"]) == (f"{arn}:live", "1")
    answer = functions.invoke(FunctionName="named", Qualifier="live")
    assert answer["ExecutedVersion"] == "1"


def test_new_code_runs_right_after_the_update(functions: Any) -> None:
    create_function(functions, "changing", ECHO)
    invoke(functions, "changing")
    functions.update_function_code(
        FunctionName="changing", ZipFile=package("def handler(event, context): return 'new'\n")
    )
    assert invoke(functions, "changing") == "new"


def test_package_can_be_fetched_again(world: World, functions: Any) -> None:
    create_function(functions, "fetched", ECHO)
    location = functions.get_function(FunctionName="fetched")["Code"]["Location"]
    answer = world.get(urllib.parse.urlsplit(location).path)
    with zipfile.ZipFile(io.BytesIO(answer.body)) as fetched:
        assert fetched.namelist() == ["handler.py"]


def test_event_answers_202_and_dry_run_204_without_a_body(functions: Any) -> None:
    create_function(functions, "kinds", ECHO)
    for kind, status in (("Event", 202), ("DryRun", 204)):
        answer = functions.invoke(FunctionName="kinds", InvocationType=kind)
        assert (answer["StatusCode"], answer["Payload"].read()) == (status, b"")


@pytest.mark.parametrize(
    ("operation", "members", "status", "code"),
    [
        ("get_function", {"FunctionName": "nobody"}, 404, "ResourceNotFoundException"),
        ("invoke", {"FunctionName": "nobody"}, 404, "ResourceNotFoundException"),
        ("get_policy", {"FunctionName": "errors"}, 404, "ResourceNotFoundException"),
        ("invoke", {"FunctionName": "errors", "Payload": b"{"}, 400, "InvalidRequestContentException"),
        ("invoke", {"FunctionName": "errors:1", "Qualifier": "2"}, 400, "InvalidParameterValueException"),
        (
            "invoke",
            {"FunctionName": "errors", "InvocationType": "Event", "Payload": b" " * 1_048_577},
            413,
            "RequestTooLargeException",
        ),
        (
            "update_function_configuration",
            {"FunctionName": "errors", "RevisionId": "old"},
            412,
            "PreconditionFailedException",
        ),
        ("update_function_code", {"FunctionName": "errors", "ZipFile": b"x"}, 400, "InvalidParameterValueException"),
        (
            "create_alias",
            {"FunctionName": "errors", "Name": "a", "FunctionVersion": "7"},
            404,
            "ResourceNotFoundException",
        ),
    ],
)
def test_refusals_have_the_status_and_code_of_lambda(
    functions: Any, plain_function: str, operation: str, members: dict[str, Any], status: int, code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(functions, operation)(**members)
    assert code_of(refused) == (status, code)


def test_existing_function_is_a_conflict(functions: Any) -> None:
    create_function(functions, "twice", ECHO)
    with pytest.raises(functions.exceptions.ResourceConflictException) as refused:
        create_function(functions, "twice", ECHO)
    assert refused.value.response["Error"]["Message"] == "Function already exist: twice"
    assert refused.value.response["Type"] == "User"


def test_what_is_not_built_is_named(functions: Any) -> None:
    with pytest.raises(ClientError) as refused:
        create_function(
            functions, "networked", ECHO, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
        )
    assert "VpcConfig" in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_policy_life(functions: Any) -> None:
    arn = create_function(functions, "permitted", ECHO)
    answer = functions.add_permission(
        FunctionName="permitted",
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn="arn:aws:events:us-east-1:000000000000:rule/r",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    policy = functions.get_policy(FunctionName="permitted")
    assert json.loads(policy["Policy"])["Statement"] == [json.loads(answer["Statement"])]
    assert json.loads(answer["Statement"])["Resource"] == arn
    removed = functions.remove_permission(FunctionName="permitted", StatementId="events")
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_tags_life(functions: Any) -> None:
    arn = create_function(functions, "tagged", ECHO, Tags={"a": "1"})
    functions.tag_resource(Resource=arn, Tags={"b": "2"})
    functions.untag_resource(Resource=arn, TagKeys=["a"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert functions.get_function(FunctionName="tagged")["Tags"] == {"b": "2"}


def test_event_invoke_config_life(functions: Any) -> None:
    arn = create_function(functions, "configured", ECHO)
    answer = functions.put_function_event_invoke_config(
        FunctionName="configured", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=3600
    )
    assert answer["FunctionArn"] == f"{arn}:$LATEST"
    assert answer["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    assert answer["LastModified"].year == 2026
    listed = functions.list_function_event_invoke_configs(FunctionName="configured")
    assert len(listed["FunctionEventInvokeConfigs"]) == 1
    functions.delete_function_event_invoke_config(FunctionName="configured")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_event_invoke_config(FunctionName="configured")


def test_concurrency_life(functions: Any) -> None:
    create_function(functions, "reserved", ECHO)
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="reserved")
    functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=3)
    assert functions.get_function(FunctionName="reserved")["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    functions.delete_function_concurrency(FunctionName="reserved")
    assert "Concurrency" not in functions.get_function(FunctionName="reserved")


def test_other_regions_and_accounts_have_functions_of_their_own(world: World, functions: Any) -> None:
    create_function(functions, "here", ECHO)
    for elsewhere in (world.client("lambda", region="eu-west-1"), world.client("lambda", account="111122223333")):
        assert elsewhere.list_functions()["Functions"] == []
        arn = create_function(elsewhere, "here", ECHO)
        assert invoke(elsewhere, "here")["arn"] == arn


def test_standing_settings_of_a_plain_function(functions: Any) -> None:
    create_function(functions, "plain", ECHO)
    assert functions.get_function_code_signing_config(FunctionName="plain")["FunctionName"] == "plain"
    assert functions.get_runtime_management_config(FunctionName="plain")["UpdateRuntimeOn"] == "Auto"
    assert functions.get_function_recursion_config(FunctionName="plain")["RecursiveLoop"] == "Terminate"
    assert functions.get_account_settings()["AccountLimit"]["CodeSizeZipped"] == 52_428_800
