"""The verdict of one resource policy on one request: an explicit Deny wins, then an Allow, else nothing was said."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

from bascule.policies.conditions import holds
from bascule.policies.document import Document, Principals, Statement, read
from bascule.policies.variables import filled
from bascule.policies.wildcards import matches

#: Values of the request by key in lower case.
Values = Mapping[str, Sequence[str]]


class Decision(enum.Enum):
    """What a policy says of a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NOT_MENTIONED = "not mentioned"


class Verdict(msgspec.Struct, frozen=True):
    """The decision and the Sid of the statement that made it; empty when it has none."""

    decision: Decision
    statement_sid: str = ""


NOT_MENTIONED = Verdict(Decision.NOT_MENTIONED)


def allows(
    policy: str | None,
    *,
    principal: str,
    action: str,
    resource: str,
    conditions: Mapping[str, str | Sequence[str]],
) -> Verdict:
    """What a resource policy says of one request.

    Takes    policy: JSON text, None for no policy. principal: a service (``events.amazonaws.com``), an ARN (a role's own ARN
             for a session of it), an account id, or ``*`` for nobody known. action: ``sqs:SendMessage``. resource: an ARN.
             conditions: condition key -> value or values, as the request has them; case of keys does not matter.
    Gives    DENIED when any statement denies, else ALLOWED when any allows, else NOT_MENTIONED.
    Raises   PolicyProblem for a text that is no policy.
    Promise  an unknown condition operator never allows and always denies.
    """
    if policy is None:
        return NOT_MENTIONED
    document = read(policy)
    values = {key.lower(): [given] if isinstance(given, str) else given for key, given in conditions.items()}
    verdict = NOT_MENTIONED
    for statement in document.statements:
        if statement.is_allow and verdict.decision is Decision.ALLOWED:
            continue
        if _applies(document, statement, principal, action, resource, values):
            if not statement.is_allow:
                return Verdict(Decision.DENIED, statement.sid)
            verdict = Verdict(Decision.ALLOWED, statement.sid)
    return verdict


def _applies(
    document: Document, statement: Statement, principal: str, action: str, resource: str, values: Values
) -> bool:
    return (
        _has_action(statement, action)
        and _has_principal(statement, principal)
        and _has_resource(document, statement, resource, values)
        and _has_conditions(document, statement, values)
    )


def _has_action(statement: Statement, action: str) -> bool:
    asked = action.lower()
    if statement.actions is not None:
        return any(matches(pattern.lower(), asked) for pattern in statement.actions)
    if statement.not_actions is not None:
        return not any(matches(pattern.lower(), asked) for pattern in statement.not_actions)
    return False


def _has_principal(statement: Statement, principal: str) -> bool:
    if statement.principals is not None:
        return _is_among(statement.principals, principal)
    return statement.not_principals is not None and not _is_among(statement.not_principals, principal)


def _is_among(principals: Principals, principal: str) -> bool:
    return any(_is_principal(kind, name, principal) for kind, names in principals.items() for name in names)


def _is_principal(kind: str, name: str, principal: str) -> bool:
    if name == principal:
        return True
    if kind != "AWS":
        return False
    if name == "*":
        return True
    account = _account_named(name)
    return account is not None and account == _account_of(principal)


def _account_named(name: str) -> str | None:
    """The account that a principal element means as a whole: ``111122223333`` or ``arn:aws:iam::111122223333:root``."""
    if name.isdigit():
        return name
    parts = name.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[2] == "iam" and parts[5] == "root" else None


def _account_of(principal: str) -> str:
    if principal.isdigit():
        return principal
    parts = principal.split(":", 5)
    return parts[4] if len(parts) == 6 else ""


def _has_resource(document: Document, statement: Statement, resource: str, values: Values) -> bool:
    """Trust policies have no resource: a statement without one is about what it is attached to."""
    patterns = statement.resources if statement.resources is not None else statement.not_resources
    if patterns is None:
        return True
    found = any(matches(pattern, resource) for pattern in _filled(document, patterns, values))
    return found == (statement.resources is not None)


def _filled(document: Document, patterns: Sequence[str], values: Values) -> Sequence[str]:
    if not document.has_variables:
        return patterns
    return [text for text in (filled(pattern, values) for pattern in patterns) if text is not None]


def _has_conditions(document: Document, statement: Statement, values: Values) -> bool:
    for condition in statement.conditions:
        answer = holds(condition, _filled(document, condition.values, values), values.get(condition.key))
        if answer is None:
            answer = not statement.is_allow
        if not answer:
            return False
    return True
