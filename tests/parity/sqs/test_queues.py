"""Queues as a boto3 program sees them, and the Query protocol of older SDKs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from bascule.protocol import HttpRequest
from tests.world import URL, World


def test_a_queue_is_made_found_listed_described_and_deleted(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "5"}, tags={"team": "a"})["QueueUrl"]
    assert url == f"{URL}/000000000000/orders"
    assert sqs.get_queue_url(QueueName="orders")["QueueUrl"] == url
    assert sqs.list_queues()["QueueUrls"] == [url]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:orders"
    assert found["DelaySeconds"] == "5"
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}
    with pytest.raises(sqs.exceptions.QueueNameExists) as caught:
        sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "6"})
    assert caught.value.response["Error"]["Code"] == "QueueAlreadyExists"
    sqs.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in sqs.list_queues()
    with pytest.raises(sqs.exceptions.QueueDeletedRecently):
        sqs.create_queue(QueueName="orders")


def test_pages_of_queues_are_walked_by_the_paginator(sqs: Any) -> None:
    for number in range(5):
        sqs.create_queue(QueueName=f"q{number}")
    pages = list(sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["QueueUrls"]) for page in pages] == [2, 2, 1]


def test_permissions_show_in_the_policy(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert '"Sid":"l"' in policy
    sqs.remove_permission(QueueUrl=url, Label="l")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


def _query(world: World, path: str = "/", **fields: str) -> tuple[int, str]:
    headers = {"content-type": "application/x-www-form-urlencoded", "host": "localhost:4566"}
    headers["authorization"] = (
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
    )
    body = urlencode({"Version": "2012-11-05"} | fields).encode()
    answer = world.request(HttpRequest("POST", path, "", headers, body))
    return answer.status, answer.body.decode()


def test_the_query_protocol_speaks_of_the_same_queues(world: World, sqs: Any) -> None:
    status, text = _query(world, Action="CreateQueue", QueueName="orders")
    assert status == 200
    assert f"<QueueUrl>{URL}/000000000000/orders</QueueUrl>" in text
    status, text = _query(world, "/000000000000/orders", Action="SendMessage", MessageBody="from an older SDK")
    assert status == 200
    assert "<MD5OfMessageBody>" in text
    (message,) = sqs.receive_message(QueueUrl=f"{URL}/000000000000/orders")["Messages"]
    assert message["Body"] == "from an older SDK"


def test_an_error_of_the_query_protocol_has_its_own_code_and_text(world: World) -> None:
    status, text = _query(world, Action="GetQueueUrl", QueueName="nowhere")
    assert status == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in text
    assert "The specified queue does not exist for this wsdl version." in text


def test_a_move_to_a_queue_that_does_not_exist_is_answered_with_404(sqs: Any) -> None:
    for name in ("source", "dead"):
        sqs.create_queue(QueueName=name)
    dead = "arn:aws:sqs:us-east-1:000000000000:dead"
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})
    url = sqs.get_queue_url(QueueName="source")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive})
    with pytest.raises(sqs.exceptions.ResourceNotFoundException) as caught:
        sqs.start_message_move_task(SourceArn=dead, DestinationArn=f"{dead}-missing")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    said = "The resource that you specified for the DestinationArn parameter doesn't exist."
    assert caught.value.response["Error"]["Message"] == said
