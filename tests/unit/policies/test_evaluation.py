"""What a resource policy says of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.policies import Decision, PolicyProblem, Verdict, allows

QUEUE = "arn:aws:sqs:us-east-1:111122223333:orders"
RULE = "arn:aws:events:us-east-1:111122223333:rule/all"
EVENTS = "events.amazonaws.com"


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def statement(**changes: Any) -> dict[str, Any]:
    found = {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"Service": EVENTS},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
    } | changes
    return {name: value for name, value in found.items() if value is not None}


def decide(
    text: str | None,
    *,
    principal: str = EVENTS,
    action: str = "sqs:SendMessage",
    resource: str = QUEUE,
    **conditions: Any,
) -> Decision:
    given = {name.replace("__", ":"): value for name, value in conditions.items()}
    return allows(text, principal=principal, action=action, resource=resource, conditions=given).decision


def test_no_policy_mentions_nothing() -> None:
    assert decide(None) is Decision.NOT_MENTIONED
    assert decide('{"Version": "2012-10-17"}') is Decision.NOT_MENTIONED


def test_verdict_names_the_statement() -> None:
    text = policy(statement(Sid="a"), statement(Sid="b", Effect="Deny", Condition={"Bool": {"aws:x": "true"}}))
    ask = {"principal": EVENTS, "action": "SQS:sendmessage", "resource": QUEUE}
    assert allows(text, **ask, conditions={}) == Verdict(Decision.ALLOWED, "a")
    assert allows(text, **ask, conditions={"AWS:X": "TRUE"}) == Verdict(Decision.DENIED, "b")


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({}, Decision.ALLOWED),
        ({"Action": "sqs:*"}, Decision.ALLOWED),
        ({"Action": ["sqs:Send*", "x:y"]}, Decision.ALLOWED),
        ({"Action": "sqs:ReceiveMessage"}, Decision.NOT_MENTIONED),
        ({"Action": None, "NotAction": "sqs:Receive*"}, Decision.ALLOWED),
        ({"Action": None, "NotAction": "sqs:Send*"}, Decision.NOT_MENTIONED),
        ({"Action": None}, Decision.NOT_MENTIONED),
        ({"Resource": "*"}, Decision.ALLOWED),
        ({"Resource": "arn:aws:sqs:*:*:ord?rs"}, Decision.ALLOWED),
        ({"Resource": "arn:aws:sqs:*:*:Orders"}, Decision.NOT_MENTIONED),
        ({"Resource": None, "NotResource": QUEUE}, Decision.NOT_MENTIONED),
        ({"Resource": None, "NotResource": "arn:aws:sqs:*:*:other"}, Decision.ALLOWED),
        ({"Resource": None}, Decision.ALLOWED),
        ({"Principal": "*"}, Decision.ALLOWED),
        ({"Principal": {"AWS": "*"}}, Decision.ALLOWED),
        ({"Principal": {"Service": ["sns.amazonaws.com", EVENTS]}}, Decision.ALLOWED),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, Decision.NOT_MENTIONED),
        ({"Principal": {"AWS": "111122223333"}}, Decision.NOT_MENTIONED),
        ({"Principal": None, "NotPrincipal": {"Service": EVENTS}}, Decision.NOT_MENTIONED),
        ({"Principal": None, "NotPrincipal": {"AWS": "111122223333"}}, Decision.ALLOWED),
        ({"Principal": None}, Decision.NOT_MENTIONED),
    ],
)
def test_a_statement_applies_when_all_its_parts_fit(changes: dict[str, Any], decision: Decision) -> None:
    assert decide(policy(statement(**changes))) is decision


@pytest.mark.parametrize(
    ("named", "principal", "is_allowed"),
    [
        ("111122223333", "arn:aws:iam::111122223333:user/ann", True),
        ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/x", True),
        ("arn:aws:iam::111122223333:root", "111122223333", True),
        ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/ann", True),
        ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/bob", False),
        ("arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:role/x", False),
        ("arn:aws:iam::444455556666:root", "*", False),
    ],
)
def test_an_account_stands_for_everybody_in_it(named: str, principal: str, is_allowed: bool) -> None:
    text = policy(statement(Principal={"AWS": named}))
    assert (decide(text, principal=principal) is Decision.ALLOWED) is is_allowed


@pytest.mark.parametrize(
    ("block", "given", "is_met"),
    [
        ({"ArnEquals": {"aws:SourceArn": RULE}}, RULE, True),
        ({"ArnLike": {"AWS:sourcearn": "arn:aws:events:*:*:rule/*"}}, RULE, True),
        ({"ArnLike": {"aws:SourceArn": ["arn:aws:sns:*:*:*", RULE]}}, RULE, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, RULE, False),
        ({"ArnLike": {"aws:SourceArn": RULE}}, None, False),
        ({"ArnNotLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, RULE, True),
        ({"ArnNotEquals": {"aws:SourceArn": RULE}}, None, True),
        ({"ArnLikeIfExists": {"aws:SourceArn": RULE}}, None, True),
        ({"StringEquals": {"aws:SourceArn": RULE.upper()}}, RULE, False),
        ({"StringEqualsIgnoreCase": {"aws:SourceArn": RULE.upper()}}, RULE, True),
        ({"StringNotEquals": {"aws:SourceArn": ["a", RULE]}}, RULE, False),
        ({"StringLike": {"aws:SourceArn": "*rule/al?"}}, RULE, True),
        ({"StringNotLike": {"aws:SourceArn": "*rule/al?"}}, RULE, False),
        ({"Null": {"aws:SourceArn": "true"}}, None, True),
        ({"Null": {"aws:SourceArn": False}}, RULE, True),
        ({"Null": {"aws:SourceArn": "false"}}, None, False),
        ({"Bool": {"aws:SourceArn": True}}, "TRUE", True),
        ({"NumericLessThan": {"aws:SourceArn": 5}}, "4", True),
        ({"NumericEquals": {"aws:SourceArn": "5"}}, "five", False),
        ({"NumericGreaterThanEquals": {"aws:SourceArn": "5"}}, "5", True),
        ({"DateLessThan": {"aws:SourceArn": "2026-01-01T00:00:00Z"}}, "2025-12-31T23:59:59Z", True),
        ({"DateGreaterThan": {"aws:SourceArn": "1767225600"}}, "2026-01-01T00:00:01Z", True),
        ({"DateGreaterThan": {"aws:SourceArn": "yesterday"}}, "2026-01-01T00:00:01Z", False),
        ({"IpAddress": {"aws:SourceArn": "10.0.0.0/8"}}, "10.1.2.3", True),
        ({"NotIpAddress": {"aws:SourceArn": "10.0.0.0/8"}}, "10.1.2.3", False),
        ({"IpAddress": {"aws:SourceArn": "10.0.0.0/8"}}, "here", False),
        ({"ForAnyValue:StringEquals": {"aws:SourceArn": ["a", "b"]}}, ["c", "b"], True),
        ({"ForAnyValue:StringEquals": {"aws:SourceArn": ["a"]}}, None, False),
        ({"ForAnyValue:StringNotEquals": {"aws:SourceArn": ["a"]}}, ["a"], False),
        ({"ForAllValues:StringEquals": {"aws:SourceArn": ["a", "b"]}}, ["a", "c"], False),
        ({"ForAllValues:StringEquals": {"aws:SourceArn": ["a"]}}, None, True),
        ({"StringEquals": {"aws:SourceAccount": "1"}, "ArnLike": {"aws:SourceArn": RULE}}, RULE, False),
        ({"StringEquals": {"aws:SourceArn": "${aws:PrincipalArn}"}}, "me", False),
        ({"StringEquals": {"aws:SourceArn": "${aws:SourceArn}"}}, "me*", True),
        ({"FuzzyEquals": {"aws:SourceArn": RULE}}, RULE, False),
    ],
)
def test_conditions(block: dict[str, Any], given: Any, is_met: bool) -> None:
    conditions = {} if given is None else {"aws__SourceArn": given}
    assert (decide(policy(statement(Condition=block)), **conditions) is Decision.ALLOWED) is is_met


def test_an_unknown_operator_denies_for_safety() -> None:
    text = policy(statement(), statement(Effect="Deny", Condition={"FuzzyEquals": {"aws:SourceArn": RULE}}))
    assert decide(text) is Decision.DENIED


def test_an_old_document_has_no_variables() -> None:
    block = {"StringEquals": {"aws:SourceArn": "${aws:SourceArn}"}}
    text = policy(statement(Condition=block), version="2008-10-17")
    assert decide(text, aws__SourceArn="me") is Decision.NOT_MENTIONED


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"Statement": 5}',
        '{"Statement": {"Effect": "Maybe"}}',
        '{"Statement": {"Effect": "Allow", "Action": {}}}',
        '{"Statement": {"Effect": "Allow", "Principal": 7}}',
        '{"Statement": {"Effect": "Allow", "Condition": []}}',
        '{"Statement": {"Effect": "Allow", "Condition": {"Bool": "x"}}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_policy_is_said_to_be_none(text: str) -> None:
    with pytest.raises(PolicyProblem):
        decide(text)


STATEMENTS = st.builds(
    statement,
    Effect=st.sampled_from(["Allow", "Deny"]),
    Principal=st.sampled_from([{"Service": EVENTS}, "*", {"AWS": "111122223333"}]),
    Action=st.sampled_from(["sqs:SendMessage", "sqs:*", "sqs:Receive*", "*"]),
    Resource=st.sampled_from([QUEUE, "*", "arn:aws:sqs:*:*:other"]),
)


@given(st.lists(STATEMENTS, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(statements: list[dict[str, Any]], chance: Any) -> None:
    shuffled = chance.sample(statements, len(statements))
    assert decide(policy(*statements)) is decide(policy(*shuffled))


@given(st.lists(STATEMENTS, max_size=5), STATEMENTS)
def test_a_policy_decides_as_its_statements_do_one_by_one(
    statements: list[dict[str, Any]], another: dict[str, Any]
) -> None:
    each = {decide(policy(one)) for one in (*statements, another)}
    order = (Decision.DENIED, Decision.ALLOWED, Decision.NOT_MENTIONED)
    assert decide(policy(*statements, another)) is next(decision for decision in order if decision in each)
