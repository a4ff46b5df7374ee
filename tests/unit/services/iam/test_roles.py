"""Roles: made, changed, listed, removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.kernel.scope import Scope
from bascule.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    InvalidRequest,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
    UnmodifiableEntity,
)
from bascule.services.iam.linked_roles import linked_role_name
from tests.unit.services.iam.desk import BASIC, TRUST, Desk, decoded, document


def test_a_role_is_shown_as_it_was_made(desk: Desk) -> None:
    made = desk.role("reader", path="/a/b/", description="reads", max_session_duration=7_200)
    shown = desk.call("GetRole", role_name="reader").role
    assert shown == made
    assert shown.arn == "arn:aws:iam::111122223333:role/a/b/reader"
    assert shown.role_id.startswith("AROA")
    assert len(shown.role_id) == 21
    assert decoded(shown.assume_role_policy_document) == json.loads(TRUST)
    assert "%22Version%22%3A%20%22" in shown.assume_role_policy_document
    assert (shown.description, shown.max_session_duration) == ("reads", 7_200)
    assert shown.create_date == desk.clock.now_ms() // 1000


def test_every_region_sees_the_same_roles(desk: Desk) -> None:
    desk.role()
    desk.scope = Scope(desk.scope.account, "eu-central-1")
    assert desk.call("GetRole", role_name="r").role.role_name == "r"
    desk.scope = Scope("999999999999")
    with pytest.raises(NoSuchEntity, match=r"The role with name r cannot be found\."):
        desk.call("GetRole", role_name="r")


def test_names_are_unique_without_regard_to_case_and_asked_for_as_written(desk: Desk) -> None:
    desk.role("Reader")
    with pytest.raises(EntityAlreadyExists, match=r"Role with name reader already exists\."):
        desk.role("reader")
    with pytest.raises(NoSuchEntity):
        desk.call("GetRole", role_name="reader")


@pytest.mark.parametrize(
    ("trust", "error"),
    [
        ("{", MalformedPolicyDocument),
        (document(), MalformedPolicyDocument),
        (TRUST.replace("lambda", "x" * 2_000), LimitExceeded),
    ],
)
def test_trust_policies_are_checked_and_measured(desk: Desk, trust: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        desk.call("CreateRole", role_name="r", assume_role_policy_document=trust)
    desk.role("s")
    with pytest.raises(error):
        desk.call("UpdateAssumeRolePolicy", role_name="s", policy_document=trust)


def test_a_path_has_no_empty_parts(desk: Desk) -> None:
    with pytest.raises(InvalidRequest):
        desk.role(path="/a//b/")


def test_changes_leave_alone_what_they_do_not_name(desk: Desk) -> None:
    desk.role(description="old")
    desk.call("UpdateRole", role_name="r", max_session_duration=5_000)
    desk.call("UpdateAssumeRolePolicy", role_name="r", policy_document=TRUST.replace("lambda", "events"))
    shown = desk.call("GetRole", role_name="r").role
    assert (shown.description, shown.max_session_duration) == ("old", 5_000)
    assert "events.amazonaws.com" in shown.assume_role_policy_document
    assert desk.call("UpdateRoleDescription", role_name="r", description="new").role.description == "new"
    desk.call("UpdateRole", role_name="r", description="")
    assert desk.call("GetRole", role_name="r").role.description is None


def test_roles_are_listed_by_name_in_pages_below_a_path(desk: Desk) -> None:
    for name in ("e", "B", "a", "d", "C"):
        desk.role(name, path="/team/" if name != "d" else "/other/")
    pages = desk.pages("ListRoles", "roles", path_prefix="/team/", max_items=2)
    assert [[role.role_name for role in page] for page in pages] == [["a", "B"], ["C", "e"]]
    with pytest.raises(InvalidRequest, match=r"Invalid Marker\."):
        desk.call("ListRoles", marker="ÿ")


def test_a_role_that_is_used_cannot_be_deleted(desk: Desk) -> None:
    desk.role()
    desk.call("AttachRolePolicy", role_name="r", policy_arn=BASIC)
    desk.call("PutRolePolicy", role_name="r", policy_name="inline", policy_document=document())
    desk.call("CreateInstanceProfile", instance_profile_name="i")
    desk.call("AddRoleToInstanceProfile", instance_profile_name="i", role_name="r")
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("must detach all policies first", "DetachRolePolicy", {"policy_arn": BASIC}),
        ("must delete policies first", "DeleteRolePolicy", {"policy_name": "inline"}),
        ("must remove roles from instance", "RemoveRoleFromInstanceProfile", {"instance_profile_name": "i"}),
    ]
    for message, name, members in steps:
        with pytest.raises(DeleteConflict, match=message):
            desk.call("DeleteRole", role_name="r")
        desk.call(name, role_name="r", **members)
    desk.call("DeleteRole", role_name="r")
    with pytest.raises(NoSuchEntity):
        desk.call("DeleteRole", role_name="r")


def test_service_linked_roles_belong_to_their_service(desk: Desk) -> None:
    role = desk.call("CreateServiceLinkedRole", aws_service_name="ecs.amazonaws.com").role
    assert role.arn.endswith(":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
    with pytest.raises(InvalidInput, match="has been taken in this account"):
        desk.call("CreateServiceLinkedRole", aws_service_name="ecs.amazonaws.com")
    for name, members in (
        ("DeleteRole", {}),
        ("UpdateRole", {"description": "mine"}),
        ("AttachRolePolicy", {"policy_arn": BASIC}),
    ):
        with pytest.raises(UnmodifiableEntity, match="only modifiable by AWS"):
            desk.call(name, role_name=role.role_name, **members)
    task = desk.call("DeleteServiceLinkedRole", role_name=role.role_name).deletion_task_id
    assert desk.call("GetServiceLinkedRoleDeletionStatus", deletion_task_id=task).status == "SUCCEEDED"
    with pytest.raises(NoSuchEntity):
        desk.call("GetServiceLinkedRoleDeletionStatus", deletion_task_id=task + "x")
    with pytest.raises(NoSuchEntity):
        desk.call("GetRole", role_name=role.role_name)


def test_only_service_linked_roles_are_deleted_as_such(desk: Desk) -> None:
    desk.role()
    with pytest.raises(InvalidInput):
        desk.call("DeleteServiceLinkedRole", role_name="r")
    with pytest.raises(InvalidInput):
        desk.call("CreateServiceLinkedRole", aws_service_name="ecs")


@pytest.mark.parametrize(
    ("service", "suffix", "name"),
    [
        ("autoscaling.amazonaws.com", "blue", "AWSServiceRoleForAutoScaling_blue"),
        ("new-thing.amazonaws.com", None, "AWSServiceRoleForThingNew"),
    ],
)
def test_names_of_service_linked_roles(service: str, suffix: str | None, name: str) -> None:
    assert linked_role_name(service, suffix) == name


def test_a_boundary_is_kept_and_counted(desk: Desk) -> None:
    arn = desk.policy()
    role = desk.role(permissions_boundary=arn)
    assert role.permissions_boundary.permissions_boundary_arn == arn
    assert desk.call("GetPolicy", policy_arn=arn).policy.permissions_boundary_usage_count == 1
    desk.call("PutRolePermissionsBoundary", role_name="r", permissions_boundary=BASIC)
    assert desk.call("GetPolicy", policy_arn=arn).policy.permissions_boundary_usage_count == 0
    desk.call("DeleteRolePermissionsBoundary", role_name="r")
    with pytest.raises(NoSuchEntity):
        desk.call("DeleteRolePermissionsBoundary", role_name="r")
    with pytest.raises(NoSuchEntity):
        desk.role("other", permissions_boundary=arn + "x")
    desk.call("PutRolePermissionsBoundary", role_name="r", permissions_boundary=BASIC)
    desk.call("DeleteRole", role_name="r")
    assert desk.call("GetPolicy", policy_arn=BASIC).policy.permissions_boundary_usage_count == 0
