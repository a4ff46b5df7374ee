"""Inline policies, managed policies, their versions and what uses them."""

from __future__ import annotations

import json

import pytest

from bascule.policies import check_identity_policy
from bascule.services.iam.aws_policies import AWS_POLICIES
from bascule.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
)
from tests.unit.services.iam.desk import BASIC, Desk, decoded, document


def test_inline_policies_are_kept_with_their_role(desk: Desk) -> None:
    desk.role()
    for name in ("two", "one"):
        desk.call("PutRolePolicy", role_name="r", policy_name=name, policy_document=document())
    shown = desk.call("GetRolePolicy", role_name="r", policy_name="one")
    assert decoded(shown.policy_document) == json.loads(document())
    assert desk.call("ListRolePolicies", role_name="r").policy_names == ["one", "two"]
    desk.call("DeleteRolePolicy", role_name="r", policy_name="one")
    for name in ("GetRolePolicy", "DeleteRolePolicy"):
        with pytest.raises(NoSuchEntity, match=r"The role policy with name one cannot be found\."):
            desk.call(name, role_name="r", policy_name="one")
    with pytest.raises(MalformedPolicyDocument, match=r"Syntax errors in policy\."):
        desk.call("PutRolePolicy", role_name="r", policy_name="one", policy_document="{")


def test_inline_policies_of_a_role_share_a_size(desk: Desk) -> None:
    desk.role()
    desk.call("PutRolePolicy", role_name="r", policy_name="a", policy_document=document(size=6_000))
    with pytest.raises(LimitExceeded, match="Maximum policy size of 10240 bytes exceeded for role r"):
        desk.call("PutRolePolicy", role_name="r", policy_name="b", policy_document=document(size=6_000))
    desk.call("PutRolePolicy", role_name="r", policy_name="a", policy_document=document(size=9_000))


def test_a_managed_policy_and_its_versions(desk: Desk) -> None:
    arn = desk.policy(path="/team/", description="d")
    assert arn == "arn:aws:iam::111122223333:policy/team/p"
    for number in range(2, 6):
        made = desk.call(
            "CreatePolicyVersion",
            policy_arn=arn,
            policy_document=document(f"sqs:V{number}"),
            set_as_default=number == 3,
        ).policy_version
        assert (made.version_id, made.is_default_version) == (f"v{number}", number == 3)
    with pytest.raises(LimitExceeded, match="A managed policy can have up to 5 versions"):
        desk.call("CreatePolicyVersion", policy_arn=arn, policy_document=document())
    pages = desk.pages("ListPolicyVersions", "versions", policy_arn=arn, max_items=3)
    assert [[version.version_id for version in page] for page in pages] == [["v5", "v4", "v3"], ["v2", "v1"]]
    with pytest.raises(DeleteConflict, match=r"Cannot delete the default version of a policy\."):
        desk.call("DeletePolicyVersion", policy_arn=arn, version_id="v3")
    desk.call("SetDefaultPolicyVersion", policy_arn=arn, version_id="v4")
    desk.call("DeletePolicyVersion", policy_arn=arn, version_id="v5")
    with pytest.raises(NoSuchEntity, match="version v5 does not exist or is not attachable"):
        desk.call("GetPolicyVersion", policy_arn=arn, version_id="v5")
    made = desk.call("CreatePolicyVersion", policy_arn=arn, policy_document=document()).policy_version
    assert made.version_id == "v6", "numbers are not used again"
    assert desk.call("GetPolicy", policy_arn=arn).policy.default_version_id == "v4"
    shown = desk.call("GetPolicyVersion", policy_arn=arn, version_id="v4").policy_version
    assert decoded(shown.document) == json.loads(document("sqs:V4"))
    with pytest.raises(DeleteConflict, match="more than one version"):
        desk.call("DeletePolicy", policy_arn=arn)


def test_policies_are_checked_and_measured(desk: Desk) -> None:
    desk.policy("Big", policy_document=document(size=6_000))
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for PolicySize: 6144"):
        desk.policy("bigger", policy_document=document(size=6_100))
    with pytest.raises(MalformedPolicyDocument, match=r"Policy document must be version 2012-10-17 or greater\."):
        desk.policy("old", policy_document=document().replace("2012", "2008"))
    with pytest.raises(EntityAlreadyExists, match=r"A policy called big already exists\. Duplicate names"):
        desk.policy("big")


@pytest.mark.parametrize(
    ("arn", "error"),
    [
        ("arn:aws:iam::111122223333:policy/none", NoSuchEntity),
        ("arn:aws:iam::111122223333:policy/path/p", NoSuchEntity),
        ("arn:aws:iam::999999999999:policy/p", NoSuchEntity),
        ("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole", NoSuchEntity),
        ("arn:aws:iam::aws:policy/NoSuchThing", NoSuchEntity),
        ("arn:aws:iam::111122223333:role/p", InvalidInput),
        ("AWSLambdaBasicExecutionRole", InvalidInput),
    ],
)
def test_arns_that_name_no_policy(desk: Desk, arn: str, error: type[Exception]) -> None:
    desk.policy()
    desk.role()
    for name, members in (("GetPolicy", {}), ("DeletePolicy", {}), ("AttachRolePolicy", {"role_name": "r"})):
        with pytest.raises(error):
            desk.call(name, policy_arn=arn, **members)


def test_policies_of_aws_cannot_be_changed(desk: Desk) -> None:
    for name, members in (("DeletePolicy", {}), ("CreatePolicyVersion", {"policy_document": document()})):
        with pytest.raises(InvalidInput, match="is outside your own account"):
            desk.call(name, policy_arn=BASIC, **members)


def test_attaching_twice_is_fine_and_detaching_twice_is_not(desk: Desk) -> None:
    desk.role()
    arn = desk.policy()
    for _ in range(2):
        desk.call("AttachRolePolicy", role_name="r", policy_arn=arn)
    desk.call("AttachRolePolicy", role_name="r", policy_arn=BASIC)
    assert desk.call("GetPolicy", policy_arn=arn).policy.attachment_count == 1
    attached = desk.call("ListAttachedRolePolicies", role_name="r").attached_policies
    assert {policy.policy_arn for policy in attached} == {arn, BASIC}
    below = desk.call("ListAttachedRolePolicies", role_name="r", path_prefix="/service-role/").attached_policies
    assert [policy.policy_name for policy in below] == ["AWSLambdaBasicExecutionRole"]
    with pytest.raises(DeleteConflict, match=r"Cannot delete a policy attached to entities\."):
        desk.call("DeletePolicy", policy_arn=arn)
    desk.call("DetachRolePolicy", role_name="r", policy_arn=arn)
    with pytest.raises(NoSuchEntity, match="was not found"):
        desk.call("DetachRolePolicy", role_name="r", policy_arn=arn)
    desk.call("DeletePolicy", policy_arn=arn)


def test_a_role_has_at_most_ten_managed_policies(desk: Desk) -> None:
    desk.role()
    for number in range(10):
        desk.call("AttachRolePolicy", role_name="r", policy_arn=desk.policy(f"p{number}"))
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for PoliciesPerRole: 10"):
        desk.call("AttachRolePolicy", role_name="r", policy_arn=BASIC)


def test_entities_of_a_policy(desk: Desk) -> None:
    arn = desk.policy()
    desk.role("r", path="/team/")
    desk.role("bounded", permissions_boundary=arn)
    desk.call("CreateUser", user_name="ann")
    desk.call("CreateGroup", group_name="staff")
    desk.call("AttachRolePolicy", role_name="r", policy_arn=arn)
    desk.call("AttachUserPolicy", user_name="ann", policy_arn=arn)
    desk.call("AttachGroupPolicy", group_name="staff", policy_arn=arn)

    def names(**members: str) -> tuple[list[str], list[str], list[str]]:
        shown = desk.call("ListEntitiesForPolicy", policy_arn=arn, **members)
        return (
            [role.role_name for role in shown.policy_roles],
            [user.user_name for user in shown.policy_users],
            [group.group_name for group in shown.policy_groups],
        )

    assert names() == (["bounded", "r"], ["ann"], ["staff"])
    assert names(policy_usage_filter="PermissionsBoundary") == (["bounded"], [], [])
    assert names(policy_usage_filter="PermissionsPolicy", entity_filter="User") == ([], ["ann"], [])
    assert names(path_prefix="/team/") == (["r"], [], [])


def test_policies_are_listed_by_owner_path_and_use(desk: Desk) -> None:
    arn = desk.policy(path="/team/")
    desk.policy("q")
    desk.role(permissions_boundary=arn)
    desk.call("AttachRolePolicy", role_name="r", policy_arn=BASIC)

    def names(**members: object) -> list[str]:
        return [policy.policy_name for page in desk.pages("ListPolicies", "policies", **members) for policy in page]

    assert names(scope="Local") == ["q", "p"]
    assert set(names(scope="AWS", max_items=7)) == set(AWS_POLICIES)
    assert len(names()) == len(AWS_POLICIES) + 2
    assert names(only_attached=True) == ["AWSLambdaBasicExecutionRole"]
    assert names(policy_usage_filter="PermissionsBoundary") == ["p"]
    assert names(path_prefix="/team/") == ["p"]


def test_policies_of_aws_are_policies_and_resolve(desk: Desk) -> None:
    for name, policy in AWS_POLICIES.items():
        check_identity_policy(policy.document)
        arn = f"arn:aws:iam::aws:policy{policy.path}{name}"
        shown = desk.call("GetPolicy", policy_arn=arn).policy
        assert (shown.arn, shown.default_version_id) == (arn, "v1")
        assert decoded(desk.call("GetPolicyVersion", policy_arn=arn, version_id="v1").policy_version.document)
    execution_roles = ["BasicExecution", "SQSQueueExecution", "KinesisExecution", "DynamoDBExecution", "MSKExecution"]
    for name in (*execution_roles, "VPCAccessExecution"):
        assert AWS_POLICIES[f"AWSLambda{name}Role"].path == "/service-role/"
    assert AWS_POLICIES["AWSXRayDaemonWriteAccess"].path == "/"
