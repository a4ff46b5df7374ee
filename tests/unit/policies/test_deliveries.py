"""What the policy of a target means for a delivery to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.policies import check_delivery, check_delivery_between_accounts

HOME = Scope("111122223333", "us-east-1")
QUEUE = HOME.arn("sqs", "q")
RULE = HOME.arn("events", "rule/r")
TOPIC = HOME.arn("sns", "t")
FUNCTION = HOME.arn("lambda", "function:f")
OFF, ON = Settings(), Settings(enforce_policies=True)


def delivery(source_arn: str = RULE) -> Delivery:
    return Delivery("d", HOME, "rule", source_arn, QUEUE, b"{}", 0)


def policy(effect: str = "Allow", service: str = "events", **condition: Any) -> str:
    statement = {
        "Effect": effect,
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


EVERYBODY_DENIED = policy("Deny").replace('{"Service": "events.amazonaws.com"}', '"*"')


def is_refused(settings: Settings, text: str | None, source_arn: str = RULE) -> bool:
    try:
        check_delivery(settings, delivery(source_arn), text, action="sqs:SendMessage", resource=QUEUE)
    except Refused:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "source_arn", "is_refused_when_on"),
    [
        (None, RULE, True),
        (policy(), RULE, False),
        (policy(), TOPIC, True),
        (policy(service="sns", ArnLike={"aws:SourceArn": TOPIC}), TOPIC, False),
        (policy(service="sns", ArnEquals={"aws:SourceArn": TOPIC + "2"}), TOPIC, True),
        (policy(StringEquals={"aws:SourceAccount": HOME.account}), RULE, False),
        (policy(StringEquals={"AWS:SourceAccount": "999999999999"}), RULE, True),
        (policy(Bool={"aws:PrincipalIsAWSService": "true", "aws:SecureTransport": "true"}), RULE, False),
        (None, FUNCTION, False),
        ("no policy", RULE, True),
        ("no policy", FUNCTION, False),
    ],
)
def test_a_service_needs_permission_only_when_policies_are_enforced(
    text: str | None, source_arn: str, is_refused_when_on: bool
) -> None:
    assert is_refused(ON, text, source_arn) is is_refused_when_on
    assert not is_refused(OFF, text, source_arn)


@pytest.mark.parametrize("settings", [OFF, ON])
def test_an_explicit_deny_counts_always(settings: Settings) -> None:
    assert is_refused(settings, policy("Deny"))
    assert is_refused(settings, EVERYBODY_DENIED, FUNCTION)
    assert not is_refused(settings, policy("Deny"), FUNCTION)


def test_the_refusal_says_who_may_not_do_what_and_why() -> None:
    with pytest.raises(Refused) as silent:
        check_delivery(ON, delivery(), None, action="sqs:SendMessage", resource=QUEUE)
    assert (silent.value.code, silent.value.is_retryable) == ("NO_PERMISSIONS", False)
    assert silent.value.message == (
        f"events.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: {QUEUE} "
        "because no resource-based policy allows the sqs:SendMessage action"
    )
    with pytest.raises(Refused, match="with an explicit deny in a resource-based policy"):
        check_delivery(OFF, delivery(), policy("Deny"), action="sqs:SendMessage", resource=QUEUE)


def test_between_accounts_only_another_account_needs_permission() -> None:
    open_to = policy().replace('{"Service": "events.amazonaws.com"}', json.dumps({"AWS": HOME.account}))

    def check(settings: Settings, text: str | None, account: str) -> None:
        check_delivery_between_accounts(
            settings, delivery(), text, action="sqs:SendMessage", resource=QUEUE, account=account
        )

    check(ON, None, HOME.account)
    check(OFF, None, "999999999999")
    check(ON, open_to, "999999999999")
    with pytest.raises(Refused, match="111122223333 is not authorized"):
        check(ON, None, "999999999999")
    with pytest.raises(Refused):
        check(OFF, EVERYBODY_DENIED, HOME.account)
