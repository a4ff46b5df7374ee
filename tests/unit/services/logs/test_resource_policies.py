"""Resource policies of Logs: kept by name for the account, one for a group, ten at most."""

from __future__ import annotations

import pytest

from bascule.kernel.errors import AwsError
from tests.unit.services.logs.desk import Desk

ALLOWS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"logs:*","Resource":"*"}]}'


def names(desk: Desk, **members: object) -> list[str]:
    return [one.policy_name for one in desk.call("DescribeResourcePolicies", **members).resource_policies]


def refusal(desk: Desk, name: str, **members: object) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        desk.call(name, **members)
    return caught.value.code, caught.value.message


def test_policies_are_kept_by_name_and_replaced(desk: Desk) -> None:
    for name in ("b", "a", "b"):
        put = desk.call("PutResourcePolicy", policy_name=name, policy_document=ALLOWS).resource_policy
        assert (put.policy_name, put.policy_document, put.last_updated_time) == (name, ALLOWS, desk.clock.now_ms())
    assert names(desk) == ["a", "b"]
    page = desk.call("DescribeResourcePolicies", limit=1)
    assert [one.policy_name for one in page.resource_policies] == ["a"]
    assert names(desk, limit=1, next_token=page.next_token) == ["b"]
    desk.call("DeleteResourcePolicy", policy_name="a")
    assert names(desk) == ["b"]


def test_the_eleventh_policy_is_refused_and_another_text_for_one_of_ten_is_not(desk: Desk) -> None:
    for number in range(10):
        desk.call("PutResourcePolicy", policy_name=f"p{number}", policy_document=ALLOWS)
    refused = refusal(desk, "PutResourcePolicy", policy_name="more", policy_document=ALLOWS)
    assert refused == ("LimitExceededException", "Resource limit exceeded.")
    desk.call("PutResourcePolicy", policy_name="p3", policy_document=ALLOWS)


def test_what_is_missing_or_no_policy_is_refused(desk: Desk) -> None:
    assert refusal(desk, "DeleteResourcePolicy", policy_name="x") == (
        "ResourceNotFoundException",
        "Policy with name [x] does not exist.",
    )
    for members in ({"policy_document": ALLOWS}, {"policy_name": "x"}, {"policy_name": "x", "policy_document": "{"}):
        assert refusal(desk, "PutResourcePolicy", **members)[0] == "InvalidParameterException"
    assert refusal(desk, "DeleteResourcePolicy")[0] == "InvalidParameterException"
    assert refusal(desk, "DescribeResourcePolicies", policy_scope="RESOURCE")[0] == "InvalidParameterException"


def test_a_group_has_one_policy_that_is_changed_by_its_revision_and_goes_with_the_group(desk: Desk) -> None:
    desk.group("g")
    arn = desk.scope.arn("logs", "log-group:g")
    first = desk.call("PutResourcePolicy", resource_arn=arn, policy_document=ALLOWS)
    aborted = refusal(desk, "PutResourcePolicy", resource_arn=arn, policy_document=ALLOWS)
    assert aborted[0] == "OperationAbortedException"
    second = desk.call(
        "PutResourcePolicy", resource_arn=arn, policy_document=ALLOWS, expected_revision_id=first.revision_id
    )
    assert second.revision_id != first.revision_id
    [shown] = desk.call("DescribeResourcePolicies", resource_arn=arn, policy_scope="RESOURCE").resource_policies
    assert (shown.policy_scope, shown.resource_arn, shown.revision_id) == ("RESOURCE", arn, second.revision_id)
    assert names(desk) == []
    assert refusal(desk, "DeleteResourcePolicy", resource_arn=arn)[0] == "OperationAbortedException"
    desk.call("DeleteResourcePolicy", resource_arn=arn, expected_revision_id=second.revision_id)
    assert refusal(desk, "DeleteResourcePolicy", resource_arn=arn)[0] == "ResourceNotFoundException"
    desk.call("PutResourcePolicy", resource_arn=arn, policy_document=ALLOWS)
    desk.call("DeleteLogGroup", log_group_name="g")
    desk.group("g")
    assert not desk.call("DescribeResourcePolicies", resource_arn=arn).resource_policies
