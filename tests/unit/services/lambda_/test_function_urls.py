"""Function URLs as resources: creating, showing, changing, listing and removing them."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.scope import Scope
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from bascule.services.lambda_.function_url_callers import credentials_of
from bascule.services.lambda_.function_url_calls import FoundUrl, UrlLookUp, look_up
from tests.unit.services.lambda_.desk import Desk


def create(desk: Desk, name: str = "orders", **members: Any) -> api.CreateFunctionUrlConfigResponse:
    made: api.CreateFunctionUrlConfigResponse = desk.call(
        "CreateFunctionUrlConfig", function_name=name, **{"auth_type": "NONE", **members}
    )
    return made


def url_id(made: Any) -> str:
    return str(made.function_url).removeprefix("http://").partition(".")[0]


def look(desk: Desk, made: Any, access_key: str = "") -> FoundUrl | None:
    asked = UrlLookUp(url_id=url_id(made), access_key=access_key)
    return desk.store.read(lambda tx: look_up(desk.context(), tx, asked))


def test_url_is_a_name_of_this_machine_with_the_servers_port(desk: Desk) -> None:
    desk.create()
    made = create(desk)
    assert made.function_url == f"http://{url_id(made)}.lambda-url.us-east-1.localhost:4566/"
    assert len(url_id(made)) == 32
    assert (made.function_arn, made.auth_type) == (desk.arn(), "NONE")


def test_invoke_mode_is_shown_by_create_only_when_given_and_always_by_get(desk: Desk) -> None:
    desk.create()
    desk.create("mode")
    assert create(desk).invoke_mode is None
    assert create(desk, "mode", invoke_mode="BUFFERED").invoke_mode == "BUFFERED"
    assert desk.call("GetFunctionUrlConfig", function_name="orders").invoke_mode == "BUFFERED"


def test_invoke_mode_stays_until_another_is_given(desk: Desk) -> None:
    desk.create()
    assert create(desk, invoke_mode="RESPONSE_STREAM").invoke_mode == "RESPONSE_STREAM"
    changed = desk.call("UpdateFunctionUrlConfig", function_name="orders", auth_type="AWS_IAM")
    assert changed.invoke_mode == "RESPONSE_STREAM"
    changed = desk.call("UpdateFunctionUrlConfig", function_name="orders", invoke_mode="BUFFERED")
    assert changed.invoke_mode == "BUFFERED"


def test_function_and_alias_have_a_url_each(desk: Desk) -> None:
    desk.create(publish=True)
    desk.call("CreateAlias", function_name="orders", name="live", function_version="1")
    own, alias = create(desk), create(desk, qualifier="live")
    assert alias.function_arn == f"{desk.arn()}:live"
    assert own.function_url != alias.function_url
    shown = desk.call("ListFunctionUrlConfigs", function_name="orders").function_url_configs
    assert [config.function_url for config in shown] == [own.function_url, alias.function_url]
    first = desk.call("ListFunctionUrlConfigs", function_name="orders", max_items=1)
    rest = desk.call("ListFunctionUrlConfigs", function_name="orders", marker=first.next_marker)
    assert [config.function_arn for config in rest.function_url_configs] == [f"{desk.arn()}:live"]


def test_second_url_is_a_conflict_in_the_words_of_lambda(desk: Desk) -> None:
    desk.create()
    create(desk)
    with pytest.raises(ResourceConflict) as caught:
        create(desk)
    assert caught.value.message == (
        f"Failed to create function url config for [functionArn = {desk.arn()}]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function"
    )


@pytest.mark.parametrize("qualifier", ["1", "$LATEST"])
def test_versions_have_no_urls(desk: Desk, qualifier: str) -> None:
    desk.create(publish=True)
    with pytest.raises(InvalidParameterValue, match="'qualifier' failed to satisfy constraint"):
        create(desk, f"orders:{qualifier}")


def test_url_of_what_does_not_exist_is_not_found(desk: Desk) -> None:
    with pytest.raises(ResourceNotFound, match="Function does not exist"):
        create(desk)
    with pytest.raises(ResourceNotFound, match="Function not found"):
        desk.call("ListFunctionUrlConfigs", function_name="orders")
    desk.create()
    with pytest.raises(ResourceNotFound, match="Function does not exist"):
        create(desk, qualifier="live")
    for name in ("GetFunctionUrlConfig", "UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig"):
        with pytest.raises(ResourceNotFound, match="The resource you requested does not exist"):
            desk.call(name, function_name="orders")


def test_update_changes_what_it_names(desk: Desk) -> None:
    desk.create()
    cors = api.Cors(allow_origins=["*"], allow_methods=["GET"], max_age=10)
    made = create(desk, cors=cors)
    assert made.cors == cors
    desk.clock.jump_to(desk.clock.now_ms() + 5_000)
    changed = desk.call("UpdateFunctionUrlConfig", function_name="orders", auth_type="AWS_IAM")
    assert (changed.auth_type, changed.cors) == ("AWS_IAM", cors)
    assert changed.function_url == made.function_url
    assert changed.creation_time == made.creation_time
    assert changed.last_modified_time > made.creation_time
    replaced = desk.call("UpdateFunctionUrlConfig", function_name="orders", cors=api.Cors(allow_credentials=True))
    assert replaced.cors == api.Cors(allow_credentials=True)
    assert desk.call("UpdateFunctionUrlConfig", function_name="orders", cors=api.Cors()).cors is None


def test_deleted_url_is_gone_and_a_new_one_is_another(desk: Desk) -> None:
    desk.create()
    made = create(desk)
    assert look(desk, made) is not None
    desk.call("DeleteFunctionUrlConfig", function_name="orders")
    assert look(desk, made) is None
    assert url_id(create(desk)) != url_id(made)


def test_urls_go_with_their_function(desk: Desk) -> None:
    desk.create(publish=True)
    desk.call("CreateAlias", function_name="orders", name="live", function_version="1")
    made = [create(desk), create(desk, qualifier="live")]
    desk.call("DeleteFunction", function_name="orders")
    assert [look(desk, url) for url in made] == [None, None]
    desk.create()
    assert desk.call("ListFunctionUrlConfigs", function_name="orders").function_url_configs == []


def test_url_is_found_from_anywhere_with_the_scope_of_its_function(desk: Desk) -> None:
    desk.scope = Scope("111111111111", "eu-west-1")
    desk.create()
    made = create(desk, auth_type="AWS_IAM")
    desk.scope = Scope()
    found = look(desk, made, "test")
    assert found is not None
    assert (found.scope, found.is_signed_only) == (Scope("111111111111", "eu-west-1"), True)
    assert found.credentials is not None
    assert found.credentials.signer.account == "000000000000"


@pytest.mark.parametrize(
    ("access_key", "account"),
    [
        ("test", "000000000000"),
        ("123456789012", "123456789012"),
        ("AKIAIOSFODNN7EXAMPLE", None),
        ("AKIABSCLAAAAAAAAAAAA", None),
        ("", None),
    ],
)
def test_access_keys_that_nobody_gave_out_are_unknown(desk: Desk, access_key: str, account: str | None) -> None:
    found = desk.store.read(lambda tx: credentials_of(tx.documents, access_key, partition="aws", now_ms=0))
    assert (None if found is None else found.signer.account) == account
