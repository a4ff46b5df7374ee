"""Which documents are policies, and what is said of the others."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.policies import PolicyProblem, check_identity_policy, check_trust_policy, size_of

SYNTAX = "Syntax errors in policy."


def identity(version: str | None = "2012-10-17", **changes: Any) -> str:
    found = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"} | changes
    head = {} if version is None else {"Version": version}
    return json.dumps(head | {"Statement": {name: value for name, value in found.items() if value is not None}})


def trust(**changes: Any) -> str:
    found = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"} | changes
    statements = [{name: value for name, value in found.items() if value is not None}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.mark.parametrize(
    "text",
    [
        identity(),
        identity(Sid="Read1", Action=["s3:Get*", "*"], Resource=["arn:aws:s3:::b/*", "arn:*:s3:::b"]),
        identity(Action=None, NotAction="iam:*"),
        identity(Resource=None, NotResource="arn:aws:iam::111122223333:role/x"),
        identity(Condition={"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a"]}, "Null": {"aws:x": True}}),
        identity(Resource="arn:aws:logs:*"),
        identity().replace('"Version"', '"Id": "x", "Version"'),
    ],
)
def test_identity_policies(text: str) -> None:
    check_identity_policy(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", SYNTAX),
        ("[]", SYNTAX),
        ('{"Version": "2012-10-17"}', SYNTAX),
        ('{"Version": "2012-10-17", "Statement": []}', SYNTAX),
        ('{"Version": "2012-10-17", "Statement": [1]}', SYNTAX),
        ('{"Version": "2012-10-17", "Statements": []}', SYNTAX),
        (identity(None), "Policy document must be version 2012-10-17 or greater."),
        (identity("2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
        (identity("2020-10-17"), SYNTAX),
        (identity(Principal="*"), "Policy document should not specify a principal."),
        (identity(Effect="allow"), SYNTAX),
        (identity(Effect=None), SYNTAX),
        (identity(Resources="*"), SYNTAX),
        (identity(Action=None), "Policy statement must contain actions."),
        (identity(Action=[]), "Policy statement must contain actions."),
        (identity(Resource=None), "Policy statement must contain resources."),
        (identity(NotAction="a:b"), SYNTAX),
        (identity(Action=5), SYNTAX),
        (identity(Action="SendMessage"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (identity(Action="arn:aws:sqs"), "Actions/Condition can contain only one colon."),
        (identity(Action="s q s:Send"), "Vendor s q s is not valid"),
        (identity(Resource="orders"), 'Resource orders must be in ARN format or "*".'),
        (identity(Resource="arn:azure:s3:::b"), 'Partition "azure" is not valid for resource "arn:azure:s3:::b".'),
        (identity(Resource="arn:aws:s3"), "The policy failed legacy parsing"),
        (identity(Resource="arn:aws:s*:::b"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (
            identity(Resource="arn:aws:iam:us-east-1:111122223333:role/x"),
            "IAM resource arn:aws:iam:us-east-1:111122223333:role/x cannot contain region information.",
        ),
        (identity(Sid="not good"), "Statement IDs \\(SID\\) must be alpha-numeric"),
        (identity(Sid=5), SYNTAX),
        (identity(Condition=[]), SYNTAX),
        (identity(Condition={"Fuzzy": {"aws:x": "1"}}), SYNTAX),
        (identity(Condition={"Bool": {"x": "1"}}), "Actions/Conditions must be prefaced"),
        (identity(Condition={"Bool": {"aws:x": {}}}), SYNTAX),
    ],
)
def test_what_is_no_identity_policy(text: str, message: str) -> None:
    with pytest.raises(PolicyProblem, match=message.replace("*", "\\*")):
        check_identity_policy(text)


def test_statement_ids_are_unique() -> None:
    one = json.loads(identity(Sid="a"))["Statement"]
    with pytest.raises(PolicyProblem, match="must be unique"):
        check_identity_policy(json.dumps({"Version": "2012-10-17", "Statement": [one, one]}))


@pytest.mark.parametrize(
    "text",
    [
        trust(),
        trust(Principal="*"),
        trust(Principal={"AWS": ["111122223333", "arn:aws:iam::111122223333:root", "*"]}),
        trust(
            Principal={"AWS": "arn:aws:sts::111122223333:assumed-role/r/s"}, Action=["sts:AssumeRole", "sts:TagSession"]
        ),
        trust(Principal={"Federated": "cognito-identity.amazonaws.com"}, Action="sts:AssumeRoleWithWebIdentity"),
        trust(Condition={"StringEquals": {"sts:ExternalId": "x"}}),
        trust().replace("2012", "2008"),
        trust(Sid=""),
    ],
)
def test_trust_policies(text: str) -> None:
    check_trust_policy(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "This policy contains invalid Json"),
        ('"text"', "This policy contains invalid Json"),
        ('{"Version": "2012-10-17"}', "Missing required field Statement"),
        ('{"Version": "2012-10-17", "Statement": "x"}', "This policy contains invalid Json"),
        ('{"Version": "2013", "Statement": []}', SYNTAX),
        (trust(Resource="*"), "Has prohibited field Resource"),
        (trust(NotResource="*"), "Has prohibited field NotResource"),
        (trust(NotPrincipal="*"), "Has prohibited field NotPrincipal"),
        (trust(Principal=None), "Missing required field Principal"),
        (trust(Effect=None), "Missing required field Effect"),
        (trust(Action=None), "Missing required field Action"),
        (trust(Effect="allow"), "Invalid effect: allow"),
        (trust(Actions="x"), "Unknown field Actions"),
        (trust(Action="sqs:SendMessage"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (trust(Principal={"AWS": "ann"}), 'Invalid principal in policy: "AWS":"ann"'),
        (trust(Principal={"Service": "lambda"}), 'Invalid principal in policy: "SERVICE":"lambda"'),
        (trust(Principal={"Robot": "x"}), 'Invalid principal in policy: "Robot"'),
        (trust(Principal="ann"), 'Invalid principal in policy: "AWS":"ann"'),
        (trust(Principal={}), "Invalid principal in policy"),
    ],
)
def test_what_is_no_trust_policy(text: str, message: str) -> None:
    with pytest.raises(PolicyProblem, match=message):
        check_trust_policy(text)


def test_white_space_does_not_count() -> None:
    assert size_of('{ "a":\n\t"b c" }') == len('{"a":"bc"}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Version",
                    "Statement",
                    "Effect",
                    "Action",
                    "Resource",
                    "Principal",
                    "Condition",
                    "Sid",
                    "AWS",
                    "Bool",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_accepted_or_refused_and_never_breaks(value: Any) -> None:
    for check in (check_identity_policy, check_trust_policy):
        with contextlib.suppress(PolicyProblem):
            check(json.dumps(value))
