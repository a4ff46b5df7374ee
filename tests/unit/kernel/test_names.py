"""Scopes and ARNs."""

from __future__ import annotations

import pytest

from bascule.kernel.arns import Arn, parse_arn
from bascule.kernel.scope import Scope


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_follows_the_region(region: str, partition: str) -> None:
    scope = Scope("123456789012", region)
    assert scope.partition == partition
    assert scope.arn("sqs", "orders") == f"arn:{partition}:sqs:{region}:123456789012:orders"


def test_a_scope_has_the_conventional_defaults() -> None:
    assert Scope() == ("000000000000", "us-east-1")


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:events:us-east-1:000000000000:rule/bus/name",
        "arn:aws:lambda:us-east-1:000000000000:function:f:live",
        "arn:aws:s3:::bucket/key:with:colons",
    ],
)
def test_an_arn_comes_back_as_it_was_written(text: str) -> None:
    arn = parse_arn(text)
    assert arn is not None
    assert str(arn) == text


def test_the_parts_of_an_arn_have_names() -> None:
    arn = parse_arn("arn:aws:lambda:eu-west-1:123456789012:function:f:1")
    assert arn == Arn("aws", "lambda", "eu-west-1", "123456789012", "function:f:1")
    assert arn.scope == Scope("123456789012", "eu-west-1")


@pytest.mark.parametrize(
    "text", ["", "arn", "urn:aws:sqs:r:a:x", "arn::sqs:r:a:x", "arn:aws::r:a:x", "arn:aws:sqs:r:a:"]
)
def test_what_is_not_an_arn_is_none(text: str) -> None:
    assert parse_arn(text) is None
