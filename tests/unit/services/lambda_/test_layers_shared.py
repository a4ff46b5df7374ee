"""Policies of layer versions: who else may use them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.scope import Scope
from bascule.services.lambda_ import layer_permissions
from bascule.services.lambda_.errors import (
    AccessDenied,
    PolicyLengthExceeded,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from tests.unit.services.lambda_.desk import Desk, package

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:shared"
OTHER = "111111111111"


@pytest.fixture
def shared(desk: Desk) -> Desk:
    """A desk with one version of the layer ``shared``."""
    desk.call("PublishLayerVersion", layer_name="shared", content=api.LayerVersionContentInput(zip_file=package()))
    return desk


def permit(desk: Desk, statement_id: str = "all", **members: Any) -> Any:
    return desk.call(
        "AddLayerVersionPermission",
        **{
            "layer_name": "shared",
            "version_number": 1,
            "statement_id": statement_id,
            "action": "lambda:GetLayerVersion",
            "principal": OTHER,
            **members,
        },
    )


def test_statement_is_built_as_lambda_builds_it(shared: Desk) -> None:
    answer = permit(shared)
    assert json.loads(answer.statement) == {
        "Sid": "all",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{ARN}:1",
    }
    shown = shared.call("GetLayerVersionPolicy", layer_name="shared", version_number=1)
    assert json.loads(shown.policy) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [json.loads(answer.statement)],
    }
    assert shown.revision_id == answer.revision_id


def test_layer_shared_with_an_account_can_be_used_there(shared: Desk) -> None:
    permit(shared)
    shared.scope = Scope(OTHER, "us-east-1")
    assert shared.call("GetLayerVersionByArn", arn=f"{ARN}:1").version == 1
    assert shared.create(layers=[f"{ARN}:1"]).layers is not None


@pytest.mark.parametrize(
    "members", [{"principal": "222222222222"}, {"principal": "*", "organization_id": "o-abcdefghij"}]
)
def test_layer_not_shared_with_an_account_is_forbidden_there(shared: Desk, members: dict[str, str]) -> None:
    permit(shared, **members)
    shared.scope = Scope(OTHER, "us-east-1")
    with pytest.raises(AccessDenied, match="no resource-based policy allows the lambda:GetLayerVersion action"):
        shared.create(layers=[f"{ARN}:1"])


def test_layer_shared_with_everybody_can_be_used_by_anybody(shared: Desk) -> None:
    permit(shared, principal="*")
    shared.scope = Scope(OTHER, "us-east-1")
    assert shared.create(layers=[f"{ARN}:1"]).layers is not None


def test_statement_id_in_use_is_a_conflict(shared: Desk) -> None:
    permit(shared)
    with pytest.raises(ResourceConflict, match=r"The statement id \(all\) provided already exists"):
        permit(shared)


def test_stale_revision_is_refused(shared: Desk) -> None:
    revision = permit(shared).revision_id
    with pytest.raises(PreconditionFailed):
        permit(shared, "more", revision_id="other")
    permit(shared, "more", revision_id=revision)
    with pytest.raises(PreconditionFailed):
        shared.call(
            "RemoveLayerVersionPermission",
            layer_name="shared",
            version_number=1,
            statement_id="more",
            revision_id=revision,
        )


def test_removed_statement_is_gone_and_so_is_the_last_policy(shared: Desk) -> None:
    permit(shared)
    permit(shared, "more")
    named = {"layer_name": "shared", "version_number": 1}
    shared.call("RemoveLayerVersionPermission", statement_id="all", **named)
    with pytest.raises(ResourceNotFound, match="Statement all is not found in resource policy"):
        shared.call("RemoveLayerVersionPermission", statement_id="all", **named)
    shared.call("RemoveLayerVersionPermission", statement_id="more", **named)
    for name, members in (("GetLayerVersionPolicy", {}), ("RemoveLayerVersionPermission", {"statement_id": "all"})):
        with pytest.raises(ResourceNotFound, match="No policy is associated with the given resource"):
            shared.call(name, **named, **members)


def test_policy_of_a_version_that_does_not_exist_is_not_found(shared: Desk) -> None:
    with pytest.raises(ResourceNotFound, match=f"Layer version {ARN}:7 does not exist"):
        permit(shared, version_number=7)
    shared.scope = Scope(OTHER, "us-east-1")
    with pytest.raises(ResourceNotFound):
        shared.call("GetLayerVersionPolicy", layer_name=ARN, version_number=1)


def test_policy_of_a_deleted_version_is_not_inherited(shared: Desk) -> None:
    permit(shared)
    shared.call("DeleteLayerVersion", layer_name="shared", version_number=1)
    with pytest.raises(ResourceNotFound):
        shared.call("GetLayerVersionPolicy", layer_name="shared", version_number=1)


def test_policy_that_would_be_too_large_is_refused(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_permissions, "POLICY_BYTES_MAX", 400)
    permit(shared)
    with pytest.raises(PolicyLengthExceeded):
        permit(shared, "more")
