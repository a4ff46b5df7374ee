"""Bad input over the wire: AWS-shaped errors, no traceback, and a server that keeps serving."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time

import pytest
from botocore.exceptions import ClientError

from tests.server import Server

EVENTS_HEADERS = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"}


def _post(server: Server, body: bytes, headers: dict[str, str], path: str = "/") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _still_serves(server: Server) -> None:
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_malformed_json_is_a_serialization_error(server: Server) -> None:
    status, headers, body = _post(server, b'{"Entries": [', EVENTS_HEADERS)
    assert status == 400
    assert json.loads(body)["__type"].endswith("SerializationException")
    assert headers["x-amzn-requestid"]


def test_wrong_type_is_a_serialization_error(server: Server) -> None:
    status, _, body = _post(server, b'{"Entries": [{"Source": 5}]}', EVENTS_HEADERS)
    assert status == 400
    assert json.loads(body)["__type"].endswith("SerializationException")


def test_missing_member_is_reported_as_aws_does(server: Server) -> None:
    status, _, body = _post(server, b"{}", {**EVENTS_HEADERS, "X-Amz-Target": "AWSEvents.PutRule"})
    assert status == 400
    assert json.loads(body)["__type"] == "ValidationException"
    assert (
        "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
        in body.decode()
    )


def test_over_long_member_is_reported_as_aws_does(server: Server) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("events").put_rule(Name="x" * 65, EventPattern='{"source": ["a"]}')
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "Member must have length less than or equal to 64" in caught.value.response["Error"]["Message"]


def test_unknown_operation_is_named(server: Server) -> None:
    status, _, body = _post(server, b"{}", {**EVENTS_HEADERS, "X-Amz-Target": "AWSEvents.MakeCoffee"})
    assert status in (400, 404)
    assert json.loads(body)["__type"].endswith("UnknownOperationException")


def test_modelled_but_unbuilt_operation_says_so_and_is_counted(server: Server) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("dynamodb").list_tables()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert "ListTables" in caught.value.response["Error"]["Message"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/_bascule/metrics")
    counters = json.loads(connection.getresponse().read())
    connection.close()
    assert counters["edge.not_implemented"]["dynamodb.ListTables"] >= 1


@pytest.mark.parametrize("service", ["s3", "cloudwatch", "rds", "stepfunctions", "scheduler", "ec2"])
def test_any_modelled_service_answers_in_its_own_protocol(server: Server, service: str) -> None:
    client = server.client(service)
    call = {
        "s3": lambda: client.list_buckets(),
        "cloudwatch": lambda: client.list_metrics(),
        "rds": lambda: client.describe_db_instances(),
        "stepfunctions": lambda: client.list_state_machines(),
        "scheduler": lambda: client.list_schedules(),
        "ec2": lambda: client.describe_instances(),
    }[service]
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


def test_body_of_100_mb_is_refused_without_being_read(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSEvents.PutEvents\r\nContent-Type: application/x-amz-json-1.1\r\n"
            b"Content-Length: 104857600\r\n\r\n"
        )
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"__type" in answer
    _still_serves(server)


def test_slow_client_does_not_hold_up_the_others(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSEvents.PutEvents\r\nContent-Length: 50\r\n\r\n{")
        began = time.monotonic()
        _still_serves(server)
        assert time.monotonic() - began < 5


def _random_request(chance: random.Random) -> tuple[bytes, dict[str, str], str]:
    target = chance.choice(
        ["AWSEvents.PutEvents", "AmazonSQS.SendMessage", "AWSEvents.PutRule", "Logs_20140328.PutLogEvents", "x.y", ""]
    )
    body = chance.choice(
        [
            chance.randbytes(chance.randrange(200)),
            json.dumps(
                {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{" * chance.randrange(3000)}]}
            ).encode(),
            b"[" * chance.randrange(5000),
            json.dumps(
                {chance.choice(["Entries", "Name", "QueueUrl"]): chance.choice([None, 1, "x", [], {}, [[]], True])}
            ).encode(),
            b"Action=" + chance.choice([b"SendMessage", b"GetCallerIdentity", b"Nope", b"%ff%fe"]),
        ]
    )
    path = chance.choice(
        ["/", "/2015-03-31/functions", "/%00%ff", "/000000000000/queue", "/2015-03-31/functions/x/invocations"]
    )
    headers = {
        "Content-Type": chance.choice(["application/x-amz-json-1.1", "application/x-www-form-urlencoded", "text/plain"])
    }
    if target:
        headers["X-Amz-Target"] = target
    return body, headers, path


@pytest.mark.parametrize("seed", range(4))
def test_random_requests_get_answers_never_tracebacks(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(2_500):
        body, headers, path = _random_request(chance)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status != 500, (body, headers, path, text)
        assert b"Traceback" not in text
    connection.close()
    _still_serves(server)
    assert "Traceback" not in server.log.read_text()
