"""Users, access keys, groups, instance profiles, tags and the account."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import iam as api
from bascule.identity.access_keys import account_of
from bascule.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    InvalidRequest,
    LimitExceeded,
    NoSuchEntity,
)
from tests.unit.services.iam.desk import ACCOUNT, BASIC, Desk, document


def tag(key: str, value: str = "v") -> api.Tag:
    return api.Tag(key=key, value=value)


def test_an_access_key_names_its_account_and_its_user(desk: Desk) -> None:
    desk.call("CreateUser", user_name="ann", path="/staff/")
    made = desk.call("CreateAccessKey", user_name="ann").access_key
    assert made.access_key_id.startswith("AKIA")
    assert account_of(made.access_key_id) == ACCOUNT
    assert len(made.secret_access_key) == 40
    desk.access_key = made.access_key_id
    assert desk.call("GetUser").user.arn == f"arn:aws:iam::{ACCOUNT}:user/staff/ann"
    second = desk.call("CreateAccessKey").access_key.access_key_id
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for AccessKeysPerUser: 2"):
        desk.call("CreateAccessKey")
    desk.call("UpdateAccessKey", access_key_id=second, status="Inactive")
    listed = desk.call("ListAccessKeys").access_key_metadata
    assert {key.access_key_id: key.status for key in listed} == {made.access_key_id: "Active", second: "Inactive"}
    desk.call("DeleteAccessKey", access_key_id=second)
    with pytest.raises(NoSuchEntity, match=f"The Access Key with id {second} cannot be found."):
        desk.call("DeleteAccessKey", access_key_id=second)


def test_the_root_of_the_account_is_no_user(desk: Desk) -> None:
    assert desk.call("GetUser").user.arn == f"arn:aws:iam::{ACCOUNT}:root"
    with pytest.raises(InvalidRequest, match="Must specify userName when calling with non-User credentials"):
        desk.call("CreateAccessKey")


def test_a_user_that_is_used_cannot_be_deleted(desk: Desk) -> None:
    desk.call("CreateUser", user_name="ann")
    desk.call("CreateGroup", group_name="staff")
    desk.call("AttachUserPolicy", user_name="ann", policy_arn=BASIC)
    desk.call("PutUserPolicy", user_name="ann", policy_name="i", policy_document=document())
    key = desk.call("CreateAccessKey", user_name="ann").access_key.access_key_id
    desk.call("AddUserToGroup", user_name="ann", group_name="staff")
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("detach all policies", "DetachUserPolicy", {"policy_arn": BASIC}),
        ("delete policies", "DeleteUserPolicy", {"policy_name": "i"}),
        ("delete access keys", "DeleteAccessKey", {"access_key_id": key}),
        ("remove users from group", "RemoveUserFromGroup", {"group_name": "staff"}),
    ]
    for message, name, members in steps:
        with pytest.raises(DeleteConflict, match=message):
            desk.call("DeleteUser", user_name="ann")
        desk.call(name, user_name="ann", **members)
    desk.call("DeleteUser", user_name="ann")
    assert desk.call("ListUsers").users == []
    with pytest.raises(NoSuchEntity, match=r"The user with name ann cannot be found\."):
        desk.call("GetUser", user_name="ann")


def test_users_have_boundaries_and_inline_policies_of_their_own_size(desk: Desk) -> None:
    made = desk.call("CreateUser", user_name="ann", permissions_boundary=BASIC, tags=[tag("a")]).user
    assert made.permissions_boundary.permissions_boundary_arn == BASIC
    desk.call("DeleteUserPermissionsBoundary", user_name="ann")
    with pytest.raises(NoSuchEntity):
        desk.call("DeleteUserPermissionsBoundary", user_name="ann")
    desk.call("PutUserPermissionsBoundary", user_name="ann", permissions_boundary=BASIC)
    with pytest.raises(LimitExceeded, match="Maximum policy size of 2048 bytes exceeded for user ann"):
        desk.call("PutUserPolicy", user_name="ann", policy_name="i", policy_document=document(size=2_048))
    desk.call("PutUserPolicy", user_name="ann", policy_name="i", policy_document=document())
    assert desk.call("GetUserPolicy", user_name="ann", policy_name="i").policy_document
    assert desk.call("ListUserPolicies", user_name="ann").policy_names == ["i"]
    desk.call("AttachUserPolicy", user_name="ann", policy_arn=BASIC)
    attached = desk.call("ListAttachedUserPolicies", user_name="ann").attached_policies
    assert [policy.policy_arn for policy in attached] == [BASIC]


def test_groups_know_their_users_and_users_their_groups(desk: Desk) -> None:
    desk.call("CreateGroup", group_name="staff", path="/x/")
    with pytest.raises(EntityAlreadyExists, match=r"Group with name STAFF already exists\."):
        desk.call("CreateGroup", group_name="STAFF")
    for name in ("bob", "ann", "cid"):
        desk.call("CreateUser", user_name=name)
        for _ in range(2):
            desk.call("AddUserToGroup", user_name=name, group_name="staff")
    pages = desk.pages("GetGroup", "users", group_name="staff", max_items=2)
    assert [[user.user_name for user in page] for page in pages] == [["ann", "bob"], ["cid"]]
    shown = desk.call("ListGroupsForUser", user_name="ann").groups
    assert [group.arn for group in shown] == [f"arn:aws:iam::{ACCOUNT}:group/x/staff"]
    with pytest.raises(DeleteConflict, match="must remove users from group first"):
        desk.call("DeleteGroup", group_name="staff")


def test_policies_of_groups(desk: Desk) -> None:
    desk.call("CreateGroup", group_name="staff")
    desk.call("PutGroupPolicy", group_name="staff", policy_name="i", policy_document=document())
    desk.call("AttachGroupPolicy", group_name="staff", policy_arn=BASIC)
    assert desk.call("GetGroupPolicy", group_name="staff", policy_name="i").group_name == "staff"
    assert desk.call("ListGroupPolicies", group_name="staff").policy_names == ["i"]
    assert len(desk.call("ListAttachedGroupPolicies", group_name="staff").attached_policies) == 1
    for message, name, members in (
        ("detach all policies", "DetachGroupPolicy", {"policy_arn": BASIC}),
        ("delete policies", "DeleteGroupPolicy", {"policy_name": "i"}),
    ):
        with pytest.raises(DeleteConflict, match=message):
            desk.call("DeleteGroup", group_name="staff")
        desk.call(name, group_name="staff", **members)
    desk.call("DeleteGroup", group_name="staff")
    assert desk.call("ListGroups").groups == []


def test_a_user_is_in_at_most_ten_groups(desk: Desk) -> None:
    desk.call("CreateUser", user_name="ann")
    for number in range(11):
        desk.call("CreateGroup", group_name=f"g{number}")
    for number in range(10):
        desk.call("AddUserToGroup", user_name="ann", group_name=f"g{number}")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for GroupsPerUser: 10"):
        desk.call("AddUserToGroup", user_name="ann", group_name="g10")


def test_an_instance_profile_holds_one_role(desk: Desk) -> None:
    made = desk.call("CreateInstanceProfile", instance_profile_name="i", path="/x/", tags=[tag("a")])
    assert made.instance_profile.arn == f"arn:aws:iam::{ACCOUNT}:instance-profile/x/i"
    with pytest.raises(EntityAlreadyExists, match=r"Instance Profile I already exists\."):
        desk.call("CreateInstanceProfile", instance_profile_name="I")
    for name in ("r", "s"):
        desk.role(name)
    desk.call("AddRoleToInstanceProfile", instance_profile_name="i", role_name="r")
    with pytest.raises(LimitExceeded, match="InstanceSessionsPerInstanceProfile: 1"):
        desk.call("AddRoleToInstanceProfile", instance_profile_name="i", role_name="s")
    with pytest.raises(NoSuchEntity):
        desk.call("RemoveRoleFromInstanceProfile", instance_profile_name="i", role_name="s")
    shown = desk.call("GetInstanceProfile", instance_profile_name="i").instance_profile
    assert [role.role_name for role in shown.roles] == ["r"]
    found = desk.call("ListInstanceProfilesForRole", role_name="r").instance_profiles
    assert [profile.instance_profile_name for profile in found] == ["i"]
    assert desk.call("ListInstanceProfilesForRole", role_name="s").instance_profiles == []
    assert len(desk.call("ListInstanceProfiles", path_prefix="/x/").instance_profiles) == 1
    assert desk.call("ListInstanceProfiles", path_prefix="/y/").instance_profiles == []
    with pytest.raises(DeleteConflict):
        desk.call("DeleteInstanceProfile", instance_profile_name="i")
    desk.call("RemoveRoleFromInstanceProfile", instance_profile_name="i", role_name="r")
    desk.call("DeleteInstanceProfile", instance_profile_name="i")
    with pytest.raises(NoSuchEntity, match=r"Instance Profile i cannot be found\."):
        desk.call("GetInstanceProfile", instance_profile_name="i")


def _tagged(desk: Desk, kind: str) -> dict[str, str]:
    if kind == "Role":
        desk.role("x")
        return {"role_name": "x"}
    if kind == "User":
        desk.call("CreateUser", user_name="x")
        return {"user_name": "x"}
    if kind == "InstanceProfile":
        desk.call("CreateInstanceProfile", instance_profile_name="x")
        return {"instance_profile_name": "x"}
    return {"policy_arn": desk.policy("x")}


@pytest.mark.parametrize("kind", ["Role", "User", "InstanceProfile", "Policy"])
def test_tag_keys_are_unique_without_regard_to_case(desk: Desk, kind: str) -> None:
    named = _tagged(desk, kind)
    desk.call(f"Tag{kind}", tags=[tag("Team", "a"), tag("b")], **named)
    desk.call(f"Tag{kind}", tags=[tag("team", "c")], **named)
    pages = desk.pages(f"List{kind}Tags", "tags", max_items=1, **named)
    assert [(one.key, one.value) for page in pages for one in page] == [("b", "v"), ("team", "c")]
    with pytest.raises(InvalidInput, match="Duplicate tag keys found"):
        desk.call(f"Tag{kind}", tags=[tag("d"), tag("D")], **named)
    desk.call(f"Tag{kind}", tags=[tag(f"t{number}") for number in range(48)], **named)
    with pytest.raises(LimitExceeded):
        desk.call(f"Tag{kind}", tags=[tag("one more")], **named)
    desk.call(f"Untag{kind}", tag_keys=["TEAM", "none"], **named)
    desk.call(f"Tag{kind}", tags=[tag("one more")], **named)


def test_the_account_counts_what_it_has(desk: Desk) -> None:
    desk.role()
    desk.policy()
    summary = desk.call("GetAccountSummary").summary_map
    assert (summary["Roles"], summary["Policies"], summary["Users"]) == (1, 1, 0)
    assert summary["RolesQuota"] == 1_000
    assert desk.call("ListAccountAliases").account_aliases == []
