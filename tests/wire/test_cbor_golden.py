"""RPC v2 CBOR, the first choice of boto3 for CloudWatch: inputs, outputs with tagged dates, errors."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest

from bascule.kernel.errors import AwsError, NotImplementedHere
from bascule.protocol import HttpRequest
from tests.wire.wires import ID, WIRE, signed


def request(operation: str, value: Any = None) -> HttpRequest:
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"} | signed("monitoring")
    path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
    return HttpRequest("POST", path, "", headers, b"" if value is None else cbor2.dumps(value))


def test_dates_come_as_epoch_seconds_and_no_body_is_an_empty_map() -> None:
    given = {
        "Namespace": "N",
        "MetricData": [{"MetricName": "m", "Timestamp": cbor2.CBORTag(1, 1768471650), "Value": 1.5}],
    }
    found = WIRE.identify(request("PutMetricData", given))
    assert (found.service, found.operation, found.protocol) == ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor")
    assert found.parse() == {
        "Namespace": "N",
        "MetricData": [{"MetricName": "m", "Timestamp": 1768471650.0, "Value": 1.5}],
    }
    assert WIRE.identify(request("DescribeAlarms")).parse() == {}


def test_an_output_has_the_protocols_headers_and_tagged_dates() -> None:
    found = WIRE.identify(request("GetMetricStatistics"))
    answer = found.serialise({"Label": "l", "Datapoints": [{"Timestamp": 1768471650.0, "Sum": 2.0}]}, request_id=ID)
    assert answer.status == 200
    assert answer.headers == [
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-requestid", ID),
    ]
    assert answer.body == cbor2.dumps(
        {"Label": "l", "Datapoints": [{"Timestamp": cbor2.CBORTag(1, 1768471650.0), "Sum": 2.0}]}
    )


class ResourceNotFound(AwsError):
    """No such alarm."""

    code = "ResourceNotFound"


def test_an_error_tells_its_older_code() -> None:
    answer = WIRE.identify(request("DescribeAlarms")).serialise_error(ResourceNotFound(), request_id=ID)
    assert answer.status == 404
    assert ("x-amzn-query-error", "ResourceNotFound;Sender") in answer.headers
    body = cbor2.loads(answer.body)
    assert body.pop("__type") == "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound"
    assert set(body.values()) == {"No such alarm."}


def test_what_is_not_implemented_and_what_is_not_known_are_refused_in_cbor() -> None:
    answer = WIRE.identify(request("DescribeAlarms")).serialise_error(NotImplementedHere("Not here."), request_id=ID)
    assert (answer.status, cbor2.loads(answer.body)["message"]) == (501, "Not here.")
    with pytest.raises(AwsError) as caught:
        WIRE.identify(request("MakeCoffee"))
    assert cbor2.loads(WIRE.refuse(request("MakeCoffee"), caught.value, request_id=ID).body)["__type"].endswith(
        "UnknownOperationException"
    )
