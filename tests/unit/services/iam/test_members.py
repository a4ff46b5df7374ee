"""Every input member of every operation, and what it does here. In IAM a name means the same wherever it stands: one table."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest

from bascule.api import iam as api
from bascule.services.iam import SERVICE
from tests.unit.services.iam.desk import BASIC, TRUST, Desk, document
from tests.unit.services.members import nested

MEMBERS = {
    "AccessKeyId": "names the key",
    "AWSServiceName": "decides name and path of the role; checked",
    "AssumeRolePolicyDocument": "who may assume the role; checked",
    "CustomSuffix": "ends the name of the role",
    "DeletionTaskId": "names the deletion",
    "Description": "kept and shown",
    "EntityFilter": "selects",
    "GroupName": "names the group",
    "InstanceProfileName": "names the profile",
    "Marker": "goes on after a page",
    "MaxItems": "bounds the page",
    "MaxSessionDuration": "bounds sessions of the role",
    "OnlyAttached": "selects",
    "Path": "part of the ARN; checked",
    "PathPrefix": "selects",
    "PermissionsBoundary": "kept, shown and listed with its policy; bounds nothing, as identity policies are not enforced",
    "PolicyArn": "names the policy",
    "PolicyDocument": "the policy; checked",
    "PolicyName": "names the policy",
    "PolicyUsageFilter": "selects",
    "RoleName": "names the role",
    "Scope": "selects",
    "SetAsDefault": "makes the version the one that counts",
    "Status": "an inactive key is not taken",
    "TagKeys": "removed",
    "Tags": "kept; checked",
    "UserName": "names the user; the caller when absent, where AWS says so",
    "VersionId": "names the version",
}
LISTS = sorted(
    name
    for name in SERVICE.operations
    if {"Marker", "MaxItems"} <= set(api.OPERATIONS[name][0].__struct_encode_fields__)
)


def test_the_table_names_every_input_member_and_no_other() -> None:
    given = {member for name in SERVICE.operations for member in api.OPERATIONS[name][0].__struct_encode_fields__}
    assert given == set(MEMBERS)
    assert nested(api, SERVICE.operations) == {"Tag": {"Key", "Value"}}


def test_nothing_is_refused_whatever_its_value() -> None:
    assert {name: operation.refuses for name, operation in SERVICE.operations.items() if operation.refuses} == {}


def _account(desk: Desk) -> dict[str, dict[str, Any]]:
    """Two of everything that is listed; gives for each list what names its owner."""
    boundary = f"arn:aws:iam::{desk.scope.account}:policy/p1"
    for number in "12":
        desk.call("CreatePolicy", policy_name=f"p{number}", policy_document=document())
        desk.call("CreateRole", role_name=f"r{number}", assume_role_policy_document=TRUST)
        desk.call("CreateUser", user_name=f"u{number}")
        desk.call("CreateGroup", group_name=f"g{number}")
        desk.call("CreateInstanceProfile", instance_profile_name=f"i{number}")
        desk.call("CreateAccessKey", user_name="u1")
        desk.call("AddUserToGroup", group_name="g1", user_name=f"u{number}")
    desk.call("AddUserToGroup", group_name="g2", user_name="u1")
    desk.call("CreatePolicyVersion", policy_arn=boundary, policy_document=document())
    owners = {"Role": {"role_name": "r1"}, "User": {"user_name": "u1"}, "Group": {"group_name": "g1"}}
    tags = [api.Tag(key="a", value="1"), api.Tag(key="b", value="2")]
    for kind, owner in owners.items():
        for name in ("one", "two"):
            desk.call(f"Put{kind}Policy", **owner, policy_name=name, policy_document=document())
        for arn in (BASIC, boundary):
            desk.call(f"Attach{kind}Policy", **owner, policy_arn=arn)
        if kind != "Group":
            desk.call(f"Tag{kind}", **owner, tags=tags)
    desk.call("TagPolicy", policy_arn=boundary, tags=tags)
    desk.call("TagInstanceProfile", instance_profile_name="i1", tags=tags)
    desk.call("AddRoleToInstanceProfile", instance_profile_name="i1", role_name="r1")
    desk.call("AddRoleToInstanceProfile", instance_profile_name="i2", role_name="r1")
    return {
        "GetGroup": owners["Group"],
        "ListAccessKeys": owners["User"],
        "ListEntitiesForPolicy": {"policy_arn": boundary},
        "ListGroupsForUser": owners["User"],
        "ListInstanceProfileTags": {"instance_profile_name": "i1"},
        "ListInstanceProfilesForRole": owners["Role"],
        "ListPolicyTags": {"policy_arn": boundary},
        "ListPolicyVersions": {"policy_arn": boundary},
        "ListRoleTags": owners["Role"],
        "ListUserTags": owners["User"],
        **{f"ListAttached{kind}Policies": owner for kind, owner in owners.items()},
        **{f"List{kind}Policies": owner for kind, owner in owners.items()},
    }


def _items(answer: Any) -> list[Any]:
    return [
        item for name in answer.__struct_fields__ if isinstance(found := getattr(answer, name), list) for item in found
    ]


@pytest.mark.parametrize("name", [name for name in LISTS if name != "ListAccountAliases"])
def test_every_list_is_cut_into_pages_that_make_the_whole(name: str) -> None:
    desk = Desk()
    owner = _account(desk).get(name, {})
    whole = _items(desk.call(name, **owner))
    assert len(whole) >= 2
    paged: list[Any] = []
    marker = None
    while True:
        answer = desk.call(name, **owner, max_items=1, **({} if marker is None else {"marker": marker}))
        assert len(_items(answer)) == 1
        paged += _items(answer)
        marker = answer.marker
        if marker is None or len(paged) > 5:
            break
    key = str  # an answer may hold several lists
    assert sorted(paged, key=key) == sorted(whole, key=key) or paged == whole[: len(paged)]


@pytest.mark.parametrize("name", sorted(SERVICE.operations))
def test_every_other_member_is_read(name: str) -> None:
    operation = SERVICE.operations[name]
    source = inspect.getsource(sys.modules[operation.run.__module__])
    kind = api.OPERATIONS[name][0]
    for attribute, wire in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        is_shared = wire in ("Marker", "MaxItems") or "name_in(inp)" in source
        assert is_shared or f"inp.{attribute}" in source, f"{name}.{wire} does nothing"
