"""Publishing, and names for versions."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.invocation import InvocationResult
from bascule.services.lambda_.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from tests.unit.services.lambda_.desk import Desk, package


def publish(desk: Desk, **members: Any) -> Any:
    return desk.call("PublishVersion", function_name="orders", **members)


def change(desk: Desk, text: str) -> None:
    desk.call("UpdateFunctionCode", function_name="orders", zip_file=package(text))


def two_versions(desk: Desk) -> None:
    desk.create()
    publish(desk)
    change(desk, "x = 2")
    publish(desk)


def alias(desk: Desk, version: str, weights: dict[str, float] | None = None, operation: str = "CreateAlias") -> Any:
    routing = None if weights is None else api.AliasRoutingConfiguration(additional_version_weights=weights)
    return desk.call(operation, function_name="orders", name="live", function_version=version, routing_config=routing)


def test_publishing_without_a_change_gives_the_same_version(desk: Desk) -> None:
    desk.create()
    first, again = publish(desk), publish(desk)
    assert (first.version, again.version) == ("1", "1")
    assert first.function_arn == f"{desk.arn()}:1"
    desk.call("UpdateFunctionConfiguration", function_name="orders", timeout=3)
    assert publish(desk).version == "1"
    change(desk, "x = 2")
    assert publish(desk, description="second").description == "second"


def test_number_of_a_deleted_version_is_never_used_again(desk: Desk) -> None:
    two_versions(desk)
    desk.call("DeleteFunction", function_name="orders", qualifier="2")
    change(desk, "x = 3")
    assert publish(desk).version == "3"
    listed = desk.call("ListVersionsByFunction", function_name="orders").versions
    assert [shown.version for shown in listed] == ["$LATEST", "1", "3"]


def test_version_keeps_its_code_when_latest_changes(desk: Desk) -> None:
    two_versions(desk)
    first = desk.call("GetFunctionConfiguration", function_name="orders", qualifier="1")
    latest = desk.call("GetFunctionConfiguration", function_name="orders")
    assert first.code_sha256 != latest.code_sha256


def test_publishing_checks_code_and_revision(desk: Desk) -> None:
    desk.create()
    with pytest.raises(InvalidParameterValue, match="is different from current CodeSHA256 in"):
        publish(desk, code_sha256="x")
    with pytest.raises(PreconditionFailed):
        publish(desk, revision_id="x")


def test_alias_is_shown_under_its_own_name_with_the_version_it_means(desk: Desk) -> None:
    two_versions(desk)
    assert alias(desk, "1").alias_arn == f"{desk.arn()}:live"
    shown = desk.call("GetFunctionConfiguration", function_name="orders", qualifier="live")
    assert (shown.function_arn, shown.version) == (f"{desk.arn()}:live", "1")
    with pytest.raises(ResourceConflict, match=f"Alias already exists: {desk.arn()}:live"):
        alias(desk, "2")


def test_moved_alias_has_a_new_revision_and_refuses_an_old_one(desk: Desk) -> None:
    two_versions(desk)
    first = alias(desk, "1")
    moved = alias(desk, "2", operation="UpdateAlias")
    assert (moved.function_version, moved.revision_id != first.revision_id) == ("2", True)
    with pytest.raises(PreconditionFailed):
        desk.call("UpdateAlias", function_name="orders", name="live", revision_id=first.revision_id)


def test_missing_alias_is_named_in_the_words_of_each_operation(desk: Desk) -> None:
    desk.create()
    with pytest.raises(ResourceNotFound, match="Cannot find alias arn: "):
        desk.call("GetAlias", function_name="orders", name="live")
    with pytest.raises(ResourceNotFound, match="Alias not found: "):
        desk.call("UpdateAlias", function_name="orders", name="live")
    desk.call("DeleteAlias", function_name="orders", name="live")


@pytest.mark.parametrize(
    ("version", "weights", "message"),
    [
        ("1", {"2": 0.1, "3": 0.1}, "cannot be greater than 1"),
        ("$LATEST", {"1": 0.1}, r"\$LATEST is not supported for an alias pointing to more than 1 version"),
        ("1", {"1": 0.1}, "Function version 1 is already included in routing configuration"),
        ("1", {"2": 1.5}, "Invalid value for version weight"),
    ],
)
def test_weights_that_cannot_be_are_refused(desk: Desk, version: str, weights: dict[str, float], message: str) -> None:
    two_versions(desk)
    with pytest.raises(InvalidParameterValue, match=message):
        alias(desk, version, weights)


def test_alias_of_a_version_that_does_not_exist_is_refused(desk: Desk) -> None:
    desk.create()
    with pytest.raises(ResourceNotFound, match=":7"):
        alias(desk, "7")


def test_weighted_alias_splits_calls_between_two_versions(desk: Desk) -> None:
    two_versions(desk)
    alias(desk, "1", {"2": 0.2})
    desk.answer = InvocationResult(payload=b"1")
    for _ in range(500):
        desk.call("Invoke", function_name="orders", qualifier="live")
    second = sum(asked.function.version == "2" for asked in desk.invocations)
    assert 60 <= second <= 140
    assert {asked.invoked_arn for asked in desk.invocations} == {f"{desk.arn()}:live"}
    alias(desk, "1", {}, operation="UpdateAlias")
    assert desk.call("GetAlias", function_name="orders", name="live").routing_config is None


def test_version_that_an_alias_points_to_cannot_be_deleted(desk: Desk) -> None:
    two_versions(desk)
    alias(desk, "1")
    with pytest.raises(ResourceConflict):
        desk.call("DeleteFunction", function_name="orders", qualifier="1")


def test_aliases_are_listed_by_name_or_by_version(desk: Desk) -> None:
    two_versions(desk)
    for name, version in (("b", "1"), ("a", "2"), ("c", "1")):
        desk.call("CreateAlias", function_name="orders", name=name, function_version=version)
    listed = desk.call("ListAliases", function_name="orders")
    assert [shown.name for shown in listed.aliases] == ["a", "b", "c"]
    first = desk.call("ListAliases", function_name="orders", function_version="1", max_items=1)
    assert [shown.name for shown in first.aliases] == ["b"]
    rest = desk.call("ListAliases", function_name="orders", function_version="1", marker=first.next_marker)
    assert [shown.name for shown in rest.aliases] == ["c"]
