"""Resource policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.services.lambda_.errors import (
    InvalidParameterValue,
    PolicyLengthExceeded,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from tests.unit.services.lambda_.desk import Desk


def add(desk: Desk, statement_id: str = "s", principal: str = "events.amazonaws.com", **members: Any) -> Any:
    answer = desk.call(
        "AddPermission",
        function_name="orders",
        statement_id=statement_id,
        action="lambda:InvokeFunction",
        principal=principal,
        **members,
    )
    return json.loads(answer.statement)


def policy(desk: Desk, **members: Any) -> Any:
    return json.loads(desk.call("GetPolicy", function_name="orders", **members).policy)


def test_statement_of_a_service_names_function_and_conditions(desk: Desk) -> None:
    desk.create()
    statement = add(desk, source_arn="arn:aws:events:us-east-1:000000000000:rule/r", source_account="000000000000")
    assert statement == {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": desk.arn(),
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "000000000000"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:events:us-east-1:000000000000:rule/r"},
        },
    }
    assert policy(desk) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("*", "*"),
        ("111122223333", {"AWS": "arn:aws:iam::111122223333:root"}),
        ("arn:aws:iam::111122223333:user/x", {"AWS": "arn:aws:iam::111122223333:user/x"}),
        ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}),
    ],
)
def test_principal_takes_the_form_of_policies(desk: Desk, given: str, shown: Any) -> None:
    desk.create()
    assert add(desk, principal=given)["Principal"] == shown


def test_principal_that_cannot_be_is_refused(desk: Desk) -> None:
    desk.create()
    with pytest.raises(InvalidParameterValue, match="provided principal was invalid"):
        add(desk, principal="nobody")


def test_each_qualifier_has_a_policy_of_its_own(desk: Desk) -> None:
    desk.create(publish=True)
    add(desk)
    assert add(desk, qualifier="1")["Resource"] == f"{desk.arn()}:1"
    assert len(policy(desk, qualifier="1")["Statement"]) == 1
    with pytest.raises(InvalidParameterValue, match=r"adding policies for \$LATEST"):
        add(desk, qualifier="$LATEST")


def test_statement_id_is_used_once(desk: Desk) -> None:
    desk.create()
    add(desk)
    with pytest.raises(ResourceConflict, match=r"The statement id \(s\) provided already exists"):
        add(desk)


def test_removed_statement_is_gone_and_so_is_an_empty_policy(desk: Desk) -> None:
    desk.create()
    with pytest.raises(ResourceNotFound, match="No policy is associated"):
        desk.call("RemovePermission", function_name="orders", statement_id="s")
    add(desk)
    with pytest.raises(ResourceNotFound, match="Statement t is not found in resource policy"):
        desk.call("RemovePermission", function_name="orders", statement_id="t")
    desk.call("RemovePermission", function_name="orders", statement_id="s")
    with pytest.raises(ResourceNotFound, match="The resource you requested does not exist"):
        policy(desk)


def test_policy_changes_the_revision_of_the_function_and_an_old_one_is_refused(desk: Desk) -> None:
    desk.create()
    before = desk.call("GetFunctionConfiguration", function_name="orders").revision_id
    add(desk, revision_id=before)
    after = desk.call("GetPolicy", function_name="orders").revision_id
    assert after == desk.call("GetFunctionConfiguration", function_name="orders").revision_id
    assert after != before
    with pytest.raises(PreconditionFailed):
        add(desk, "t", revision_id=before)


def test_policy_over_20_kb_is_refused(desk: Desk) -> None:
    desk.create()
    bucket = "arn:aws:s3:::" + "b" * 8_000
    add(desk, "first", source_arn=bucket)
    add(desk, "second", source_arn=bucket)
    with pytest.raises(PolicyLengthExceeded):
        add(desk, "third", source_arn=bucket)
