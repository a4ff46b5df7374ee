"""Who may call a function URL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bascule.services.lambda_.function_url_access import forbidden_because
from bascule.services.lambda_.function_url_callers import Signer

ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders"


def grant(action: str, condition: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    statement = {"Sid": action, "Effect": "Allow", "Principal": "*", "Action": action, "Resource": ARN, **members}
    return statement | ({"Condition": condition} if condition else {})


def for_urls(auth_type: str = "NONE") -> dict[str, Any]:
    return grant("lambda:InvokeFunctionUrl", {"StringEquals": {"lambda:FunctionUrlAuthType": auth_type}})


VIA_URL = grant("lambda:InvokeFunction", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}})


def signer(account: str) -> Signer:
    arn = f"arn:aws:iam::{account}:user/ann"
    return Signer(access_key="AKIA", account=account, arn=arn, user_id="AIDA", principal_arn=arn)


def reason(*statements: dict[str, Any], auth_type: str = "NONE", by: Signer | None = None) -> str | None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
    return forbidden_because(
        policy, auth_type=auth_type, signer=by, function_arn=ARN, account="000000000000", source_ip="127.0.0.1"
    )


def test_url_without_authentication_needs_both_grants() -> None:
    assert reason(for_urls(), VIA_URL) is None
    for statements, missing in (
        ((), "lambda:InvokeFunctionUrl"),
        ((for_urls(),), "lambda:InvokeFunction "),
        ((VIA_URL,), "lambda:InvokeFunctionUrl"),
    ):
        assert missing in str(reason(*statements))


def test_grant_for_another_kind_of_authentication_does_not_count() -> None:
    assert reason(for_urls("AWS_IAM"), VIA_URL) is not None


def test_grant_for_a_qualifier_does_not_count_for_the_function() -> None:
    assert reason(for_urls() | {"Resource": f"{ARN}:live"}, VIA_URL) is not None


def test_unsigned_call_of_a_signed_url_is_forbidden() -> None:
    assert "not signed" in str(reason(for_urls("AWS_IAM"), VIA_URL, auth_type="AWS_IAM"))


def test_signed_call_of_the_own_account_needs_no_grant_but_a_deny_holds() -> None:
    own = signer("000000000000")
    assert reason(auth_type="AWS_IAM", by=own) is None
    deny = grant("lambda:InvokeFunctionUrl", Effect="Deny", Principal={"AWS": own.arn})
    assert "denies lambda:InvokeFunctionUrl" in str(reason(deny, auth_type="AWS_IAM", by=own))


@pytest.mark.parametrize(("account", "is_allowed"), [("111111111111", True), ("222222222222", False)])
def test_signed_call_of_another_account_needs_both_grants(account: str, is_allowed: bool) -> None:
    principal = {"AWS": "arn:aws:iam::111111111111:root"}
    statements = (for_urls("AWS_IAM") | {"Principal": principal}, VIA_URL | {"Principal": principal})
    assert (reason(*statements, auth_type="AWS_IAM", by=signer(account)) is None) is is_allowed
