"""AddPermission and RemovePermission edit the queue's policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.services.sqs import errors
from tests.unit.services.sqs.desk import Desk


def _add(desk: Desk, url: str, **changes: Any) -> None:
    members = {"label": "l1", "aws_account_ids": ["111111111111"], "actions": ["SendMessage"]} | changes
    desk.call("AddPermission", queue_url=url, **members)


def test_a_permission_becomes_a_statement_of_the_policy(desk: Desk) -> None:
    url = desk.queue("orders")
    _add(desk, url)
    _add(desk, url, label="l2", aws_account_ids=["111111111111", "222222222222"], actions=["*", "ReceiveMessage"])
    policy = json.loads(desk.attributes(url, "Policy")["Policy"])
    arn = desk.arn("orders")
    assert policy["Id"] == f"{arn}/SQSDefaultPolicy"
    assert policy["Statement"][0] == {
        "Sid": "l1",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SQS:SendMessage",
        "Resource": arn,
    }
    assert policy["Statement"][1]["Action"] == ["SQS:*", "SQS:ReceiveMessage"]
    assert len(policy["Statement"][1]["Principal"]["AWS"]) == 2


def test_removing_the_last_permission_clears_the_policy(desk: Desk) -> None:
    url = desk.queue("orders")
    _add(desk, url)
    _add(desk, url, label="l2")
    desk.call("RemovePermission", queue_url=url, label="l1")
    assert [one["Sid"] for one in json.loads(desk.attributes(url, "Policy")["Policy"])["Statement"]] == ["l2"]
    desk.call("RemovePermission", queue_url=url, label="l2")
    assert desk.attributes(url, "Policy") == {}
    with pytest.raises(errors.InvalidParameterValue, match="Value l2 for parameter Label is invalid"):
        desk.call("RemovePermission", queue_url=url, label="l2")


def test_a_policy_of_the_user_is_kept(desk: Desk) -> None:
    mine = {
        "Version": "2012-10-17",
        "Statement": {"Sid": "mine", "Effect": "Deny", "Principal": "*", "Action": "sqs:*"},
    }
    url = desk.queue("orders", Policy=json.dumps(mine))
    _add(desk, url)
    policy = json.loads(desk.attributes(url, "Policy")["Policy"])
    assert policy["Version"] == "2012-10-17"
    assert [one["Sid"] for one in policy["Statement"]] == ["mine", "l1"]


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"label": "no spaces"}, errors.InvalidParameterValue, "parameter Label"),
        ({"label": ""}, errors.InvalidParameterValue, "parameter Label"),
        ({"aws_account_ids": ["me"]}, errors.InvalidParameterValue, "Unable to verify"),
        ({"aws_account_ids": []}, errors.MissingParameter, "AWSAccountIds"),
        ({"actions": []}, errors.MissingParameter, "Actions"),
        ({"actions": ["CreateQueue"]}, errors.InvalidParameterValue, "Only the queue owner is allowed"),
        ({"actions": ["Dance"]}, errors.InvalidParameterValue, "SQS:Dance for parameter ActionName"),
        ({"actions": ["*"] * 8}, errors.OverLimit, "8 Actions were found, maximum allowed is 7."),
    ],
)
def test_a_bad_permission_is_refused(desk: Desk, changes: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        _add(desk, desk.queue("orders"), **changes)


def test_labels_are_distinct_and_statements_bounded(desk: Desk) -> None:
    url = desk.queue("orders")
    for number in range(20):
        _add(desk, url, label=f"l{number}")
    with pytest.raises(errors.InvalidParameterValue, match="Already exists"):
        _add(desk, url, label="l3")
    with pytest.raises(errors.OverLimit):
        _add(desk, url, label="l20")
