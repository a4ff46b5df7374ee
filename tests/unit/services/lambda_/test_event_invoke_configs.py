"""Event invoke configs."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.errors import NotImplementedHere
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceNotFound
from tests.unit.services.lambda_.desk import Desk

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"


def put(desk: Desk, **members: Any) -> Any:
    return desk.call("PutFunctionEventInvokeConfig", function_name="orders", **members)


def destinations(success: str | None = None, failure: str | None = None) -> api.DestinationConfig:
    return api.DestinationConfig(
        on_success=None if success is None else api.OnSuccess(destination=success),
        on_failure=None if failure is None else api.OnFailure(destination=failure),
    )


def test_config_is_shown_with_the_qualified_arn_and_empty_destinations(desk: Desk) -> None:
    desk.create()
    shown = put(desk, maximum_retry_attempts=1)
    assert shown.function_arn == f"{desk.arn()}:$LATEST"
    assert shown.destination_config == api.DestinationConfig(on_success=api.OnSuccess(), on_failure=api.OnFailure())
    assert (shown.maximum_retry_attempts, shown.maximum_event_age_in_seconds) == (1, None)
    assert shown.last_modified == desk.clock.now_ms() / 1000


def test_put_replaces_all_and_update_keeps_the_rest(desk: Desk) -> None:
    desk.create()
    put(desk, maximum_retry_attempts=1, destination_config=destinations(failure=QUEUE))
    updated = desk.call("UpdateFunctionEventInvokeConfig", function_name="orders", maximum_event_age_in_seconds=60)
    assert (updated.maximum_retry_attempts, updated.maximum_event_age_in_seconds) == (1, 60)
    assert updated.destination_config.on_failure.destination == QUEUE
    replaced = put(desk, maximum_event_age_in_seconds=70)
    assert (replaced.maximum_retry_attempts, replaced.destination_config.on_failure.destination) == (None, None)


def test_configs_belong_to_qualifiers(desk: Desk) -> None:
    desk.create(publish=True)
    put(desk, maximum_retry_attempts=0)
    put(desk, qualifier="1", maximum_retry_attempts=1)
    listed = desk.call("ListFunctionEventInvokeConfigs", function_name="orders").function_event_invoke_configs
    assert [(shown.function_arn, shown.maximum_retry_attempts) for shown in listed] == [
        (f"{desk.arn()}:$LATEST", 0),
        (f"{desk.arn()}:1", 1),
    ]
    desk.call("DeleteFunctionEventInvokeConfig", function_name="orders", qualifier="1")
    with pytest.raises(ResourceNotFound, match=f"The function {desk.arn()}:1 doesn't have an EventInvokeConfig"):
        desk.call("GetFunctionEventInvokeConfig", function_name="orders", qualifier="1")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "You must specify at least one of error handling or destination setting."),
        (
            destinations(success="arn:aws:kinesis:us-east-1:000000000000:stream/s"),
            r"DestinationConfig\(onSuccess=OnSuccess\(destination=arn:aws:kinesis.*\), onFailure=null\) is invalid",
        ),
        (destinations(success="arn:aws:s3:::bucket"), "is invalid"),
        (destinations(failure="arn:aws:sqs:us-east-1:000000000000:orders.fifo"), "The destination ARN .* is invalid"),
        (
            destinations(failure="arn:aws:events:us-east-1:000000000000:rule/orders"),
            "The destination ARN .* is invalid",
        ),
        (
            destinations(success="arn:aws:lambda:us-east-1:000000000000:layer:orders"),
            "The destination ARN .* is invalid",
        ),
        (
            destinations(failure="arn:aws:lambda:us-east-1:000000000000:function:nobody"),
            "The destination ARN .* is invalid",
        ),
        (
            destinations(failure="arn:aws:lambda:us-east-1:000000000000:function:orders"),
            "You can't specify the function as a destination for itself.",
        ),
    ],
)
def test_destination_that_cannot_be_is_refused(desk: Desk, config: api.DestinationConfig | None, message: str) -> None:
    desk.create()
    with pytest.raises(InvalidParameterValue, match=message):
        put(desk, destination_config=config)


def test_failures_cannot_go_to_a_bucket_while_there_are_none(desk: Desk) -> None:
    desk.create()
    with pytest.raises(NotImplementedHere, match="no S3 service yet"):
        put(desk, destination_config=destinations(failure="arn:aws:s3:::bucket"))


def test_unknown_function_and_missing_config_are_told_apart(desk: Desk) -> None:
    with pytest.raises(ResourceNotFound, match="The function doesn't exist"):
        put(desk, maximum_retry_attempts=0)
    desk.create()
    with pytest.raises(ResourceNotFound, match="doesn't have an EventInvokeConfig"):
        desk.call("UpdateFunctionEventInvokeConfig", function_name="orders", maximum_retry_attempts=0)
