"""Delivery policies: what holds when topic and subscription both say something, and when retries fall."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.services.sns.delivery_policy import Retry, effective, read_of_subscription, read_of_topic
from bascule.services.sns.errors import InvalidParameter


def delays(**policy: Any) -> list[float]:
    """All delays of a policy in seconds."""
    retry = Retry(**policy)
    found = []
    for number in range(1000):
        delay_ms = retry.delay_ms(number)
        if delay_ms is None:
            return found
        found.append(delay_ms / 1000)
    raise AssertionError("it never ends")


def of_topic(**policy: Any) -> str:
    return json.dumps({"http": policy})


def test_the_default_is_three_retries_twenty_seconds_apart() -> None:
    assert delays() == [20, 20, 20]


def test_phases_follow_each_other() -> None:
    found = delays(
        num_retries=9,
        num_no_delay_retries=2,
        num_min_delay_retries=2,
        num_max_delay_retries=2,
        min_delay_target=1,
        max_delay_target=5,
    )
    assert found == [0, 0, 1, 1, 1, 3, 5, 5, 5]


@pytest.mark.parametrize("function", ["linear", "arithmetic", "geometric", "exponential"])
def test_every_back_off_climbs_from_the_least_to_the_greatest_delay(function: str) -> None:
    found = delays(num_retries=10, min_delay_target=2, max_delay_target=60, backoff_function=function)
    assert (found[0], found[-1]) == (2, 60)
    assert found == sorted(found)


def test_other_functions_back_off_later_than_the_linear_one() -> None:
    def middle(function: str) -> float:
        return delays(num_retries=11, min_delay_target=1, max_delay_target=100, backoff_function=function)[5]

    assert middle("linear") > middle("arithmetic") > middle("geometric")
    assert middle("linear") > middle("exponential")


def test_a_single_retry_waits_the_least_delay() -> None:
    assert delays(num_retries=1, min_delay_target=3, max_delay_target=9) == [3]
    assert delays(num_retries=0) == []


def test_what_a_subscription_says_replaces_what_its_topic_says() -> None:
    topic = of_topic(
        defaultHealthyRetryPolicy={"numRetries": 7, "minDelayTarget": 5},
        defaultThrottlePolicy={"maxReceivesPerSecond": 9},
        defaultRequestPolicy={"headerContentType": "application/json"},
    )
    own = json.dumps({"healthyRetryPolicy": {"numRetries": 2}, "requestPolicy": {"headerContentType": "text/csv"}})
    found = effective(topic, own)
    assert (found.retry.num_retries, found.retry.min_delay_target) == (2, 5)
    assert (found.per_second_max, found.content_type) == (9, "text/csv")


def test_a_topic_may_forbid_it() -> None:
    topic = of_topic(disableSubscriptionOverrides=True, defaultHealthyRetryPolicy={"numRetries": 7})
    assert effective(topic, '{"healthyRetryPolicy": {"numRetries": 2}}').retry.num_retries == 7


def test_a_least_delay_above_the_default_lifts_the_greatest() -> None:
    assert effective("", '{"healthyRetryPolicy": {"minDelayTarget": 30}}').retry.max_delay_target == 30


@pytest.mark.parametrize(
    "retry",
    [
        {"numRetries": -1},
        {"numRetries": 101},
        {"numNoDelayRetries": 4},
        {"minDelayTarget": 0},
        {"minDelayTarget": 30, "maxDelayTarget": 20},
        {"maxDelayTarget": 3601},
        {"numRetries": 100, "minDelayTarget": 60, "maxDelayTarget": 60},
        {"backoffFunction": "cubic"},
        {"numberOfRetries": 3},
    ],
)
def test_a_retry_policy_that_cannot_hold_is_refused(retry: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter):
        read_of_subscription(json.dumps({"healthyRetryPolicy": retry}), "DeliveryPolicy")
    with pytest.raises(InvalidParameter):
        read_of_topic(of_topic(defaultHealthyRetryPolicy=retry), "DeliveryPolicy")


@pytest.mark.parametrize(
    "policy",
    [
        {"throttlePolicy": {"maxReceivesPerSecond": 0}},
        {"requestPolicy": {"headerContentType": "image/png"}},
        {"healthyRetryPolicy": []},
        [],
    ],
)
def test_any_other_part_that_cannot_hold_is_refused(policy: Any) -> None:
    with pytest.raises(InvalidParameter):
        read_of_subscription(json.dumps(policy), "DeliveryPolicy")
