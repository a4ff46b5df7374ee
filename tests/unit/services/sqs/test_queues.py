"""Queues as resources."""

from __future__ import annotations

import pytest

from bascule.kernel.scope import Scope
from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import BASE_URL, Desk


def test_a_queue_has_the_url_of_the_address_its_caller_used(desk: Desk) -> None:
    assert desk.queue("orders") == f"{BASE_URL}/000000000000/orders"
    assert desk.call("GetQueueUrl", queue_name="orders").queue_url == f"{BASE_URL}/000000000000/orders"


@pytest.mark.parametrize(
    "url",
    [
        "orders",
        "http://localhost:4566/000000000000/orders",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/orders",
        "https://sqs.us-east-1.amazonaws.com/000000000000/orders",
        "http://localhost:4566/queue/us-east-1/000000000000/orders",
        "http://queue.localhost:4566/000000000000/orders",
        "http://us-east-1.queue.localhost:4566/000000000000/orders/",
    ],
)
def test_a_queue_is_found_by_any_form_of_its_url(desk: Desk, url: str) -> None:
    desk.queue("orders")
    desk.send(url, "found")
    assert desk.bodies(url) == ["found"]


def test_an_address_without_a_queue_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.InvalidAddress, match="is not valid for this endpoint"):
        desk.send("http://localhost:4566/", "lost")
    with pytest.raises(errors.InvalidAddress):
        desk.send("http://localhost:4566/nobody/orders", "lost")
    with pytest.raises(errors.MissingParameter, match="must contain the parameter QueueUrl"):
        desk.send("", "lost")


def test_a_missing_queue_is_named_by_its_own_error(desk: Desk) -> None:
    with pytest.raises(errors.QueueDoesNotExist, match="The specified queue does not exist"):
        desk.call("GetQueueUrl", queue_name="nowhere")


def test_accounts_and_regions_do_not_see_each_other(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.scope = Scope("000000000000", "eu-west-1")
    with pytest.raises(errors.QueueDoesNotExist):
        desk.send(url)
    desk.scope = Scope("111111111111", "us-east-1")
    desk.send(url, "across accounts, by its url")
    assert desk.call("ListQueues").queue_urls is None
    found = desk.call("GetQueueUrl", queue_name="orders", queue_owner_aws_account_id="000000000000")
    assert found.queue_url == url
    message = desk.receive(url, message_system_attribute_names=["SenderId"])[0]
    assert message.attributes == {"SenderId": "111111111111"}


@pytest.mark.parametrize("name", ["has space", "x" * 81, "dots.here", "plain.fifo"])
def test_a_malformed_name_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="Can only include alphanumeric characters"):
        desk.call("CreateQueue", queue_name=name)


@pytest.mark.parametrize("name", ["plain", ".fifo", "x" * 76 + ".fifo"])
def test_a_fifo_queue_needs_a_fifo_name(desk: Desk, name: str) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="must end with"):
        desk.call("CreateQueue", queue_name=name, attributes={"FifoQueue": "true"})


def test_creating_again_gives_the_same_queue_unless_an_attribute_differs(desk: Desk) -> None:
    url = desk.queue("orders", DelaySeconds="5")
    assert desk.queue("orders", DelaySeconds="5") == url
    assert desk.queue("orders") == url
    with pytest.raises(errors.QueueNameExists, match="a different value for attribute DelaySeconds"):
        desk.queue("orders", DelaySeconds="6")


def test_creating_again_compares_json_attributes_by_meaning(desk: Desk) -> None:
    desk.queue("dead")
    arn = desk.arn("dead")
    url = desk.queue("orders", RedrivePolicy=f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"3"}}')
    assert desk.queue("orders", RedrivePolicy=f'{{"maxReceiveCount": 3, "deadLetterTargetArn": "{arn}"}}') == url
    with pytest.raises(errors.QueueNameExists, match="RedrivePolicy"):
        desk.queue("orders", RedrivePolicy=f'{{"maxReceiveCount": 4, "deadLetterTargetArn": "{arn}"}}')


def test_creating_again_compares_attributes_that_belong_together(desk: Desk) -> None:
    both = {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
    desk.queue("orders.fifo")
    with pytest.raises(errors.QueueNameExists, match="FifoThroughputLimit"):
        desk.queue("orders.fifo", **both)
    with pytest.raises(errors.InvalidAttributeName):
        desk.queue("orders.fifo", Colour="red")


def test_a_name_can_be_used_again_only_after_a_minute(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.send(url, "of the old queue")
    desk.call("DeleteQueue", queue_url=url)
    with pytest.raises(errors.QueueDoesNotExist):
        desk.receive(url)
    desk.pass_time(59)
    with pytest.raises(errors.QueueDeletedRecently, match="You must wait 60 seconds"):
        desk.queue("orders")
    desk.pass_time(1)
    assert desk.bodies(desk.queue("orders")) == []


def test_queues_are_listed_by_prefix_and_page(desk: Desk) -> None:
    for name in ("b2", "a1", "b1", "b3"):
        desk.queue(name)
    names = [url.rsplit("/", 1)[1] for url in desk.call("ListQueues").queue_urls]
    assert names == ["a1", "b1", "b2", "b3"]
    first = desk.call("ListQueues", queue_name_prefix="b", max_results=2)
    assert [url[-2:] for url in first.queue_urls] == ["b1", "b2"]
    rest = desk.call("ListQueues", queue_name_prefix="b", max_results=2, next_token=first.next_token)
    assert [url[-2:] for url in rest.queue_urls] == ["b3"]
    assert rest.next_token is None
    assert desk.call("ListQueues", queue_name_prefix="zzz").queue_urls is None


def test_a_page_out_of_bounds_or_a_foreign_token_is_refused(desk: Desk) -> None:
    with pytest.raises(errors.InvalidParameterValue, match="Value 1001 for parameter MaxResults is invalid"):
        desk.call("ListQueues", max_results=1001)
    with pytest.raises(errors.InvalidParameterValue, match="NextToken"):
        desk.call("ListQueues", next_token="!")


def test_a_purge_removes_all_that_was_sent_before_and_nothing_sent_later(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.send(url, "in flight")
    held = desk.receive(url)[0]
    desk.send(url, "waiting")
    desk.send(url, "delayed", delay_seconds=10)
    desk.call("PurgeQueue", queue_url=url)
    desk.send(url, "later, in the same millisecond")
    assert desk.count(url) == (1, 0, 0)
    desk.delete(url, held)
    desk.pass_time(60)
    assert desk.bodies(url) == ["later, in the same millisecond"]


def test_a_second_purge_within_a_minute_is_refused(desk: Desk) -> None:
    url = desk.queue("orders")
    desk.call("PurgeQueue", queue_url=url)
    with pytest.raises(
        errors.PurgeQueueInProgress, match="Only one PurgeQueue operation on orders is allowed every 60"
    ):
        desk.call("PurgeQueue", queue_url=url)
    desk.pass_time(60)
    desk.call("PurgeQueue", queue_url=url)
