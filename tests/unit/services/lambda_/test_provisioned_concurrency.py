"""Provisioned concurrency of versions and aliases."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.invocation import Provisioned
from bascule.services.lambda_.allocations import provisions, reservation, reservations
from bascule.services.lambda_.errors import (
    InvalidParameterValue,
    ProvisionedConcurrencyConfigNotFound,
    ResourceConflict,
    ResourceNotFound,
)
from tests.unit.services.lambda_.desk import Desk, package


@pytest.fixture
def published(desk: Desk) -> Desk:
    """A desk with the function ``orders``, its versions 1 and 2 and the alias ``live`` for 1."""
    desk.create(publish=True)
    desk.call("UpdateFunctionCode", function_name="orders", zip_file=package("x = 2\n"), publish=True)
    desk.call("CreateAlias", function_name="orders", name="live", function_version="1")
    return desk


def put(desk: Desk, qualifier: str, count: int = 2, name: str = "orders") -> Any:
    return desk.call(
        "PutProvisionedConcurrencyConfig",
        function_name=name,
        qualifier=qualifier,
        provisioned_concurrent_executions=count,
    )


def get(desk: Desk, qualifier: str) -> Any:
    return desk.call("GetProvisionedConcurrencyConfig", function_name="orders", qualifier=qualifier)


def test_put_answers_in_progress_and_a_look_right_after_ready(published: Desk) -> None:
    made = put(published, "live")
    assert (made.status, made.requested_provisioned_concurrent_executions) == ("IN_PROGRESS", 2)
    assert (made.allocated_provisioned_concurrent_executions, made.available_provisioned_concurrent_executions) == (
        0,
        0,
    )
    shown = get(published, "live")
    assert (shown.status, shown.available_provisioned_concurrent_executions) == ("READY", 2)
    assert shown.last_modified == made.last_modified


def test_look_shows_what_the_runtime_has(published: Desk) -> None:
    put(published, "live", 3)
    owner = f"{published.arn()}:live"
    published.provisioned[owner] = Provisioned(ready=1)
    shown = get(published, "live")
    assert (shown.status, shown.allocated_provisioned_concurrent_executions, shown.status_reason) == (
        "IN_PROGRESS",
        1,
        None,
    )
    published.provisioned[owner] = Provisioned(ready=0, failure="FUNCTION_ERROR_INIT_FAILURE")
    shown = get(published, "live")
    assert (shown.status, shown.available_provisioned_concurrent_executions, shown.status_reason) == (
        "FAILED",
        0,
        "FUNCTION_ERROR_INIT_FAILURE",
    )
    listed = published.call("ListProvisionedConcurrencyConfigs", function_name="orders").provisioned_concurrency_configs
    assert [(item.status, item.status_reason) for item in listed] == [("FAILED", "FUNCTION_ERROR_INIT_FAILURE")]


def wishes(desk: Desk) -> list[tuple[str, str, int]]:
    found = desk.store.read(provisions)
    return [(wish.owner.rpartition(":")[2], wish.function.version, wish.count) for wish in found]


def test_environments_of_an_alias_are_split_as_its_calls_are(published: Desk) -> None:
    put(published, "live", 10)
    assert wishes(published) == [("live", "1", 10)]
    routing = api.AliasRoutingConfiguration(additional_version_weights={"2": 0.3})
    published.call("UpdateAlias", function_name="orders", name="live", routing_config=routing)
    assert wishes(published) == [("live", "2", 3), ("live", "1", 7)]
    routing = api.AliasRoutingConfiguration(additional_version_weights={})
    published.call("UpdateAlias", function_name="orders", name="live", function_version="2", routing_config=routing)
    assert wishes(published) == [("live", "2", 10)]
    published.call("DeleteAlias", function_name="orders", name="live")
    assert wishes(published) == []


def test_reservations_are_listed_with_the_functions_of_some_packages(published: Desk) -> None:
    published.call("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=7)
    published.create("plain")
    found = published.store.read(lambda tx: reservations(tx, [published.store.blobs.put(package())]))
    assert found.reserved == {(published.scope, "orders"): 7}
    assert [function.name for function in found.used] == ["plain"]
    assert published.store.read(lambda tx: reservation(tx, published.scope, "orders")) == 7
    assert published.store.read(lambda tx: reservation(tx, published.scope, "none")) is None


def test_latest_cannot_be_provisioned_even_through_an_alias(published: Desk) -> None:
    published.call("CreateAlias", function_name="orders", name="newest", function_version="$LATEST")
    for qualifier in ("$LATEST", "newest"):
        with pytest.raises(InvalidParameterValue, match="cannot be applied to unpublished function versions"):
            put(published, qualifier)


def test_what_does_not_exist_is_not_found(published: Desk) -> None:
    arn = published.arn()
    for qualifier, message in (("9", f"Function not found: {arn}:9"), ("gone", f"Cannot find alias arn: {arn}:gone")):
        with pytest.raises(ResourceNotFound, match=message):
            put(published, qualifier)
    with pytest.raises(ResourceNotFound, match="Function not found"):
        put(published, "1", name="missing")
    with pytest.raises(ProvisionedConcurrencyConfigNotFound, match="No Provisioned Concurrency Config found"):
        get(published, "live")


def test_alias_and_its_version_cannot_both_be_provisioned(published: Desk) -> None:
    put(published, "live")
    with pytest.raises(ResourceConflict, match="Version is pointed by a Provisioned Concurrency alias"):
        put(published, "1")
    put(published, "2")
    published.call("CreateAlias", function_name="orders", name="next", function_version="2")
    with pytest.raises(ResourceConflict, match="on an already Provisioned version"):
        put(published, "next")


def test_configuration_moves_with_its_alias(published: Desk) -> None:
    put(published, "live")
    published.call("UpdateAlias", function_name="orders", name="live", function_version="2")
    assert get(published, "live").status == "READY"
    put(published, "1")
    with pytest.raises(ResourceConflict, match="on an already Provisioned version"):
        published.call("UpdateAlias", function_name="orders", name="live", function_version="1")
    with pytest.raises(InvalidParameterValue, match="unpublished function versions"):
        published.call("UpdateAlias", function_name="orders", name="live", function_version="$LATEST")


def test_no_more_than_the_function_has_reserved(published: Desk) -> None:
    published.call("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=3)
    put(published, "1", 2)
    with pytest.raises(InvalidParameterValue, match="should not be greater than the reservedConcurrentExecution"):
        put(published, "2", 2)
    put(published, "1", 3)
    with pytest.raises(InvalidParameterValue) as caught:
        published.call("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=1)
    assert caught.value.message == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [3]."
    )


def test_account_keeps_a_hundred_unreserved(published: Desk) -> None:
    with pytest.raises(InvalidParameterValue, match=r"greater than account's unreserved concurrency \[1000\]"):
        put(published, "1", 1001)
    with pytest.raises(InvalidParameterValue, match=r"below its minimum value of \[100\]"):
        put(published, "1", 901)
    put(published, "1", 900)
    limit = published.call("GetAccountSettings").account_limit
    assert limit.unreserved_concurrent_executions == 100
    published.create("other")
    with pytest.raises(InvalidParameterValue, match=r"below its minimum value of \[100\]"):
        published.call("PutFunctionConcurrency", function_name="other", reserved_concurrent_executions=1)


def test_configurations_are_listed_in_pages(published: Desk) -> None:
    put(published, "2", 5)
    put(published, "live", 7)
    first = published.call("ListProvisionedConcurrencyConfigs", function_name="orders", max_items=1)
    rest = published.call("ListProvisionedConcurrencyConfigs", function_name="orders", marker=first.next_marker)
    shown = first.provisioned_concurrency_configs + rest.provisioned_concurrency_configs
    assert [(item.function_arn, item.requested_provisioned_concurrent_executions) for item in shown] == [
        (f"{published.arn()}:2", 5),
        (f"{published.arn()}:live", 7),
    ]


def test_deleted_configuration_is_gone_and_none_is_no_error(published: Desk) -> None:
    put(published, "live")
    for _ in range(2):
        published.call("DeleteProvisionedConcurrencyConfig", function_name="orders", qualifier="live")
    with pytest.raises(ProvisionedConcurrencyConfigNotFound):
        get(published, "live")


def test_configurations_go_with_alias_version_and_function(published: Desk) -> None:
    put(published, "live")
    published.call("DeleteAlias", function_name="orders", name="live")
    put(published, "1")
    put(published, "2")
    published.call("DeleteFunction", function_name="orders", qualifier="2")
    named = {"function_name": "orders"}
    shown = published.call("ListProvisionedConcurrencyConfigs", **named).provisioned_concurrency_configs
    assert [item.function_arn for item in shown] == [f"{published.arn()}:1"]
    published.call("DeleteFunction", function_name="orders")
    published.create(publish=True)
    assert published.call(
        "ListProvisionedConcurrencyConfigs", **named
    ) == api.ListProvisionedConcurrencyConfigsResponse(provisioned_concurrency_configs=[])


def test_function_with_a_similar_name_is_another(published: Desk) -> None:
    published.create("orders-eu", publish=True)
    put(published, "1", name="orders-eu")
    shown = published.call("ListProvisionedConcurrencyConfigs", function_name="orders").provisioned_concurrency_configs
    assert shown == []
