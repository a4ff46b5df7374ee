"""Publishing, showing, listing and deleting layer versions."""

from __future__ import annotations

from hashlib import sha256

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.errors import NotImplementedHere
from bascule.kernel.scope import Scope
from bascule.services.lambda_.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from tests.unit.services.lambda_.desk import BASE_URL, Desk, package

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:shared"


def publish(
    desk: Desk, name: str = "shared", text: str = "x = 1\n", **members: object
) -> api.PublishLayerVersionResponse:
    content = api.LayerVersionContentInput(zip_file=package(text))
    made: api.PublishLayerVersionResponse = desk.call(
        "PublishLayerVersion", layer_name=name, content=content, **members
    )
    return made


def test_versions_of_a_layer_are_numbered_from_one(desk: Desk) -> None:
    first, second = publish(desk), publish(desk)
    assert (first.version, second.version) == (1, 2)
    assert first.layer_arn == ARN
    assert second.layer_version_arn == f"{ARN}:2"


def test_published_version_says_what_it_was_given(desk: Desk) -> None:
    made = publish(
        desk,
        description="for all",
        license_info="MIT",
        compatible_runtimes=["python3.12"],
        compatible_architectures=["arm64"],
    )
    shown = desk.call("GetLayerVersion", layer_name="shared", version_number=1)
    for answer in (made, shown):
        assert (answer.description, answer.license_info) == ("for all", "MIT")
        assert (answer.compatible_runtimes, answer.compatible_architectures) == (["python3.12"], ["arm64"])
        assert answer.content is not None
        assert answer.content.code_size == len(package("x = 1\n"))
        assert answer.content.location == f"{BASE_URL}/_bascule/code/{sha256(package('x = 1' + chr(10))).hexdigest()}"
    assert shown == desk.call("GetLayerVersionByArn", arn=f"{ARN}:1")
    assert shown == desk.call("GetLayerVersion", layer_name=ARN, version_number=1)


def test_created_date_is_written_as_lambda_writes_it(desk: Desk) -> None:
    made = publish(desk)
    assert made.created_date is not None
    assert made.created_date.endswith("+0000")
    assert "T" in made.created_date


def test_number_of_a_deleted_version_is_not_used_again(desk: Desk) -> None:
    publish(desk)
    desk.call("DeleteLayerVersion", layer_name="shared", version_number=1)
    assert publish(desk).version == 2


def test_deleting_a_version_that_does_not_exist_is_no_error(desk: Desk) -> None:
    desk.call("DeleteLayerVersion", layer_name="nothing", version_number=3)


def test_version_that_does_not_exist_is_not_found(desk: Desk) -> None:
    publish(desk)
    with pytest.raises(ResourceNotFound, match="The resource you requested does not exist"):
        desk.call("GetLayerVersion", layer_name="shared", version_number=2)


@pytest.mark.parametrize("name", ["GetLayerVersion", "DeleteLayerVersion"])
def test_version_numbers_start_at_one(desk: Desk, name: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Layer Version Cannot be less than 1"):
        desk.call(name, layer_name="shared", version_number=0)


def test_what_is_no_zip_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidParameterValue, match="Could not unzip uploaded file"):
        desk.call("PublishLayerVersion", layer_name="l", content=api.LayerVersionContentInput(zip_file=b"no"))


def test_layer_from_s3_is_refused_by_name(desk: Desk) -> None:
    content = api.LayerVersionContentInput(s3_bucket="b", s3_key="k")
    with pytest.raises(NotImplementedHere, match="S3"):
        desk.call("PublishLayerVersion", layer_name="l", content=content)


def test_versions_are_listed_newest_first_in_pages(desk: Desk) -> None:
    for _ in range(12):
        publish(desk)
    first = desk.call("ListLayerVersions", layer_name="shared", max_items=10)
    rest = desk.call("ListLayerVersions", layer_name="shared", max_items=10, marker=first.next_marker)
    assert [item.version for item in first.layer_versions + rest.layer_versions] == list(range(12, 0, -1))
    assert rest.next_marker is None


def test_lists_are_filtered_by_runtime_and_architecture(desk: Desk) -> None:
    publish(desk, compatible_runtimes=["python3.11"], compatible_architectures=["x86_64"])
    publish(desk, compatible_runtimes=["python3.12"])
    publish(desk, name="other")
    shown = desk.call("ListLayerVersions", layer_name="shared", compatible_runtime="python3.11")
    assert [item.version for item in shown.layer_versions] == [1]
    layers = desk.call("ListLayers", compatible_architecture="x86_64").layers
    assert [(item.layer_name, item.latest_matching_version.version) for item in layers] == [("shared", 1)]


def test_layers_are_listed_by_name_with_their_newest_version(desk: Desk) -> None:
    for name in ("c", "a", "b", "a"):
        publish(desk, name=name)
    desk.call("DeleteLayerVersion", layer_name="b", version_number=1)
    first = desk.call("ListLayers", max_items=1)
    rest = desk.call("ListLayers", max_items=1, marker=first.next_marker)
    assert [(item.layer_name, item.latest_matching_version.version) for item in first.layers + rest.layers] == [
        ("a", 2),
        ("c", 1),
    ]


def test_layer_of_another_account_is_not_published_to_or_listed(desk: Desk) -> None:
    publish(desk)
    desk.scope = Scope("111111111111", "us-east-1")
    for name, members in (
        ("PublishLayerVersion", {"content": api.LayerVersionContentInput(zip_file=package())}),
        ("ListLayerVersions", {}),
        ("DeleteLayerVersion", {"version_number": 1}),
        ("GetLayerVersion", {"version_number": 1}),
    ):
        with pytest.raises(AccessDenied):
            desk.call(name, layer_name=ARN, **members)
