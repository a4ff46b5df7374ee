"""Which service, operation and protocol a request means."""

from __future__ import annotations

import pytest

from bascule.kernel.errors import AwsError, NotImplementedHere
from bascule.protocol.catalog import Catalog
from bascule.protocol.errors import MissingAction, UnknownOperation, UnknownPath
from bascule.protocol.http import HttpRequest
from bascule.protocol.routing import Router, signing_name_of

ROUTER = Router(Catalog(), ("events", "lambda", "logs", "sqs", "sts"))
FORM = {"content-type": "application/x-www-form-urlencoded"}


def signed(service: str) -> dict[str, str]:
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential=AK/20260115/us-east-1/{service}/aws4_request, SignedHeaders=h"
    }


def request(
    method: str = "POST", path: str = "/", query: str = "", headers: dict[str, str] | None = None, body: bytes = b""
) -> HttpRequest:
    return HttpRequest(method, path, query, headers or {}, body)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request(headers={"x-amz-target": "AWSEvents.PutEvents"}), "events PutEvents json"),
        (request(headers={"x-amz-target": "AmazonSQS.SendMessage"} | signed("sqs")), "sqs SendMessage json"),
        (request(headers={"x-amz-target": "DynamoDB_20120810.PutItem"} | signed("dynamodb")), "dynamodb PutItem json"),
        (request(headers=FORM, body=b"Version=1&Action=GetCallerIdentity"), "sts GetCallerIdentity query"),
        (request(headers=FORM | signed("iam"), body=b"Action=CreateRole"), "iam CreateRole query"),
        (request(query="Action=ReceiveMessage", path="/0/q"), "sqs ReceiveMessage query"),
        (request("GET", "/2015-03-31/functions"), "lambda ListFunctions rest-json"),
        (request("GET", "/2015-03-31/functions", headers=signed("lambda")), "lambda ListFunctions rest-json"),
        (request(path="/2015-03-31/functions", headers=FORM, body=b"Action=x"), "lambda CreateFunction rest-json"),
        (request("GET", "/schedules", headers=signed("scheduler")), "scheduler ListSchedules rest-json"),
        (
            request(
                path="/service/GraniteServiceVersion20100801/operation/PutMetricData",
                headers={"smithy-protocol": "rpc-v2-cbor"} | signed("monitoring"),
            ),
            "cloudwatch PutMetricData smithy-rpc-v2-cbor",
        ),
    ],
)
def test_a_request_is_routed(asked: HttpRequest, expected: str) -> None:
    route = ROUTER.route(asked)
    assert f"{route.operation.service.name} {route.operation.name} {route.protocol}" == expected


def test_labels_come_with_the_route() -> None:
    assert ROUTER.route(request("GET", "/2015-03-31/functions/f%3A1")).labels == {"FunctionName": "f:1"}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (request(headers={"x-amz-target": "AWSEvents.Nope"}), UnknownOperation),
        (request(headers={"x-amz-target": "Nope.PutEvents"}), UnknownOperation),
        (request(headers={"x-amz-target": ""}), UnknownOperation),
        (request(headers=signed("events")), UnknownOperation),
        (request(headers=signed("sts")), MissingAction),
        (request("GET", "/nowhere"), UnknownPath),
        (request("GET", "/bucket", headers=signed("s3")), NotImplementedHere),
        (request(query="Action=DescribeInstances", headers=signed("ec2")), NotImplementedHere),
        (
            request(path="/service/AWSEvents/operation/PutEvents", headers={"smithy-protocol": "rpc-v2-cbor"}),
            UnknownOperation,
        ),
    ],
)
def test_what_cannot_be_routed_is_refused(asked: HttpRequest, error: type[AwsError]) -> None:
    with pytest.raises(error):
        ROUTER.route(asked)


def test_the_second_generation_of_eventbridge_is_not_taken_for_the_first() -> None:
    path = "/service/EventBridgeV2/operation/PutEvents"
    with pytest.raises(UnknownOperation):
        ROUTER.route(request(path=path, headers={"smithy-protocol": "rpc-v2-cbor"} | signed("events")))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request(headers={"smithy-protocol": "rpc-v2-cbor"}), ("smithy-rpc-v2-cbor", None)),
        (request(headers={"x-amz-target": "?"} | signed("sqs")), ("json", "sqs")),
        (request(query="Action=x"), ("query", None)),
        (request(headers=FORM | signed("sqs")), ("query", "sqs")),
        (request(headers=signed("sqs")), ("json", "sqs")),
        (request(headers=signed("sts")), ("query", "sts")),
        (request(headers=signed("s3")), ("query", "s3")),
        (request(headers=signed("lambda")), ("rest-json", "lambda")),
        (request(), ("rest-json", None)),
    ],
)
def test_the_protocol_of_a_refusal_is_guessed(asked: HttpRequest, expected: tuple[str, str | None]) -> None:
    guess = ROUTER.guess(asked)
    assert (guess.protocol, guess.service.name if guess.service else None) == expected


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (request(headers=signed("sqs")), "sqs"),
        (request(query="X-Amz-Credential=AK%2F20260115%2Fus-east-1%2Flambda%2Faws4_request"), "lambda"),
        (request(query="X-Amz-Credential=AK"), None),
        (request(headers={"authorization": "Basic eDp5"}), None),
        (request(), None),
    ],
)
def test_the_signing_name_comes_from_the_credential_scope(asked: HttpRequest, name: str | None) -> None:
    assert signing_name_of(asked) == name
