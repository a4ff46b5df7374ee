"""Delivery policies of HTTP and HTTPS subscriptions: read, merged, and the moment of the next retry.

A topic's policy gives defaults, a subscription's own values replace them, unless the topic disables that. Retries come in
four phases: at once, after the least delay, backing off from the least to the greatest delay, after the greatest delay.
Source: SNS guide, "Message delivery retries".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from bascule.services.sns import limits
from bascule.services.sns.errors import InvalidParameter

P = TypeVar("P")
Backoff = Literal["linear", "arithmetic", "geometric", "exponential"]
CONTENT_TYPE_DEFAULT = "text/plain; charset=UTF-8"
CONTENT_TYPES = frozenset(
    {
        "application/atom+xml",
        "application/json",
        "application/octet-stream",
        "application/soap+xml",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
        "application/xhtml+xml",
        "application/xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/plain",
        "text/xml",
    }
)


class _Strict(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Unknown members are refused, so that a misspelt one is not lost."""


class RetryGiven(_Strict, frozen=True, kw_only=True):
    """A retry policy as it is given: everything may be left out."""

    min_delay_target: int | None = None
    max_delay_target: int | None = None
    num_retries: int | None = None
    num_max_delay_retries: int | None = None
    num_no_delay_retries: int | None = None
    num_min_delay_retries: int | None = None
    backoff_function: Backoff | None = None


class Throttle(_Strict, frozen=True, kw_only=True):
    """How many deliveries a subscription receives in a second."""

    max_receives_per_second: int | None = None


class RequestForm(_Strict, frozen=True, kw_only=True):
    """What requests look like."""

    header_content_type: str | None = None


class OfSubscription(_Strict, frozen=True, kw_only=True):
    """The policy of a subscription, as it is given."""

    healthy_retry_policy: RetryGiven | None = None
    sickly_retry_policy: None = None
    throttle_policy: Throttle | None = None
    request_policy: RequestForm | None = None
    guaranteed: Literal[False] | None = None


class OfHttp(_Strict, frozen=True, kw_only=True):
    """The part of a topic's policy that is about HTTP, as it is given."""

    default_healthy_retry_policy: RetryGiven | None = None
    default_sickly_retry_policy: None = None
    disable_subscription_overrides: bool | None = None
    default_throttle_policy: Throttle | None = None
    default_request_policy: RequestForm | None = None


class OfTopic(_Strict, frozen=True, kw_only=True):
    """The policy of a topic, as it is given."""

    http: OfHttp | None = None


class Retry(msgspec.Struct, frozen=True, rename="camel"):
    """A retry policy that is complete. Delays are seconds, the others counts."""

    min_delay_target: int = 20
    max_delay_target: int = 20
    num_retries: int = 3
    num_max_delay_retries: int = 0
    num_no_delay_retries: int = 0
    num_min_delay_retries: int = 0
    backoff_function: Backoff = "linear"

    def delay_ms(self, retry: int) -> int | None:
        """How long to wait before a retry, or None when there is no such retry.

        Takes    retry: 0 for the first one.
        """
        if retry >= self.num_retries:
            return None
        if retry < self.num_no_delay_retries:
            return 0
        retry -= self.num_no_delay_retries
        if retry < self.num_min_delay_retries:
            return self.min_delay_target * 1000
        retry -= self.num_min_delay_retries
        fixed = self.num_no_delay_retries + self.num_min_delay_retries + self.num_max_delay_retries
        backing_off = self.num_retries - fixed
        if retry >= backing_off:
            return self.max_delay_target * 1000
        part = 0.0 if backing_off == 1 else retry / (backing_off - 1)
        least, greatest = self.min_delay_target, self.max_delay_target
        if part in (0.0, 1.0):
            return (least if part == 0.0 else greatest) * 1000
        return round((least + (greatest - least) * _BACKOFF[self.backoff_function](part, greatest / least)) * 1000)


#: How far between the least and the greatest delay a retry is, by how far it is among the retries of the phase.
_BACKOFF: dict[str, Callable[[float, float], float]] = {
    "linear": lambda part, ratio: part,
    "arithmetic": lambda part, ratio: part * (1 + part) / 2,
    "geometric": lambda part, ratio: (ratio**part - 1) / (ratio - 1) if ratio > 1 else part,
    "exponential": lambda part, ratio: math.expm1(4 * part) / math.expm1(4),
}


class Effective(msgspec.Struct, frozen=True):
    """What holds for one subscription. ``per_second_max`` 0: as many as come."""

    retry: Retry = Retry()
    per_second_max: int = 0
    content_type: str = CONTENT_TYPE_DEFAULT


def read_of_subscription(text: str, parameter: str) -> OfSubscription:
    """A subscription's delivery policy. Raises InvalidParameter."""
    policy = _decode(text, OfSubscription, parameter)
    _check(policy.healthy_retry_policy, policy.throttle_policy, policy.request_policy, parameter)
    return policy


def read_of_topic(text: str, parameter: str) -> OfHttp:
    """The HTTP part of a topic's delivery policy. Raises InvalidParameter."""
    policy = _decode(text, OfTopic, parameter).http or OfHttp()
    _check(
        policy.default_healthy_retry_policy, policy.default_throttle_policy, policy.default_request_policy, parameter
    )
    return policy


def _decode(text: str, kind: type[P], parameter: str) -> P:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParameter.of(f"{parameter}: {error}") from None


def _complete(given: RetryGiven | None, base: Retry) -> Retry:
    if given is None:
        return base
    set_ones = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not None}
    return msgspec.structs.replace(base, **set_ones)


def _check(given: RetryGiven | None, throttle: Throttle | None, form: RequestForm | None, parameter: str) -> None:
    def refuse(reason: str) -> InvalidParameter:
        return InvalidParameter.of(f"{parameter}: {reason}")

    retry = _complete(given, Retry())
    if given is not None and given.max_delay_target is None and given.min_delay_target is not None:
        retry = msgspec.structs.replace(retry, max_delay_target=max(given.min_delay_target, retry.max_delay_target))
    for name in ("num_retries", "num_max_delay_retries", "num_no_delay_retries", "num_min_delay_retries"):
        if not 0 <= getattr(retry, name) <= limits.HTTP_RETRIES_MAX:
            raise refuse(f"{_camel(name)} must be between 0 and {limits.HTTP_RETRIES_MAX}")
    if not 1 <= retry.min_delay_target <= retry.max_delay_target <= limits.HTTP_RETRIES_S_MAX:
        raise refuse("minDelayTarget must be at least 1 and at most maxDelayTarget, which is at most 3600")
    if retry.num_no_delay_retries + retry.num_min_delay_retries + retry.num_max_delay_retries > retry.num_retries:
        raise refuse("numRetries must be at least the sum of the retries of all phases")
    total_ms = sum(delay or 0 for delay in map(retry.delay_ms, range(retry.num_retries)))
    if total_ms > limits.HTTP_RETRIES_S_MAX * 1000:
        raise refuse("all retries together may take at most 3600 seconds")
    if throttle is not None and throttle.max_receives_per_second is not None and throttle.max_receives_per_second < 1:
        raise refuse("maxReceivesPerSecond must be at least 1")
    if form is not None and form.header_content_type is not None:
        kind = form.header_content_type.partition(";")[0].strip().lower()
        if kind not in CONTENT_TYPES:
            raise refuse(f"headerContentType {form.header_content_type} is not supported")


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def effective(topic_text: str, subscription_text: str) -> Effective:
    """What holds for a subscription. Both texts have passed the checks; empty when there is none."""
    topic = read_of_topic(topic_text, "DeliveryPolicy") if topic_text else OfHttp()
    own = read_of_subscription(subscription_text, "DeliveryPolicy") if subscription_text else OfSubscription()
    retry = _widened(_complete(topic.default_healthy_retry_policy, Retry()))
    throttle, form = topic.default_throttle_policy, topic.default_request_policy
    if not topic.disable_subscription_overrides:
        retry = _widened(_complete(own.healthy_retry_policy, retry))
        throttle, form = own.throttle_policy or throttle, own.request_policy or form
    return Effective(
        retry,
        (throttle.max_receives_per_second or 0) if throttle else 0,
        (form.header_content_type if form else None) or CONTENT_TYPE_DEFAULT,
    )


def _widened(retry: Retry) -> Retry:
    """Only the least delay was given and is above the default of the greatest: both are the same."""
    if retry.min_delay_target <= retry.max_delay_target:
        return retry
    return msgspec.structs.replace(retry, max_delay_target=retry.min_delay_target)


def show_for_topic(topic_text: str) -> str:
    """The attribute EffectiveDeliveryPolicy of a topic."""
    given = read_of_topic(topic_text, "DeliveryPolicy") if topic_text else OfHttp()
    shown = effective(topic_text, "")
    http: dict[str, object] = {
        "defaultHealthyRetryPolicy": shown.retry,
        "disableSubscriptionOverrides": bool(given.disable_subscription_overrides),
    }
    if shown.per_second_max:
        http["defaultThrottlePolicy"] = {"maxReceivesPerSecond": shown.per_second_max}
    http["defaultRequestPolicy"] = {"headerContentType": shown.content_type}
    return msgspec.json.encode({"http": http}).decode()


def show_for_subscription(topic_text: str, subscription_text: str) -> str:
    """The attribute EffectiveDeliveryPolicy of a subscription."""
    shown = effective(topic_text, subscription_text)
    throttle = {"maxReceivesPerSecond": shown.per_second_max} if shown.per_second_max else None
    return msgspec.json.encode(
        {
            "healthyRetryPolicy": shown.retry,
            "sicklyRetryPolicy": None,
            "throttlePolicy": throttle,
            "requestPolicy": {"headerContentType": shown.content_type},
            "guaranteed": False,
        }
    ).decode()
