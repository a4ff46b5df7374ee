"""Policy documents on their way in and out: checked and measured when they come, percent-encoded when they are shown."""

from __future__ import annotations

from urllib.parse import quote

from bascule.policies import PolicyProblem, check_identity_policy, check_trust_policy, size_of
from bascule.services.iam.errors import LimitExceeded, MalformedPolicyDocument
from bascule.services.iam.limits import POLICY_SIZE_MAX, TRUST_POLICY_SIZE_MAX


def checked_policy(text: str) -> str:
    """The text of an inline policy.

    Raises   MalformedPolicyDocument.
    """
    try:
        check_identity_policy(text)
    except PolicyProblem as problem:
        raise MalformedPolicyDocument(problem.message) from None
    return text


def checked_managed_policy(text: str) -> str:
    """The text of a managed policy.

    Raises   LimitExceeded, MalformedPolicyDocument.
    """
    if size_of(text) > POLICY_SIZE_MAX:
        raise LimitExceeded.of("PolicySize", POLICY_SIZE_MAX)
    return checked_policy(text)


def checked_trust_policy(text: str) -> str:
    """The text of a trust policy.

    Raises   LimitExceeded, MalformedPolicyDocument.
    """
    try:
        check_trust_policy(text)
    except PolicyProblem as problem:
        raise MalformedPolicyDocument(problem.message) from None
    if size_of(text) > TRUST_POLICY_SIZE_MAX:
        raise LimitExceeded.of("ACLSizePerRole", TRUST_POLICY_SIZE_MAX)
    return text


def shown(text: str) -> str:
    """As IAM shows documents: percent-encoded after RFC 3986."""
    return quote(text, safe="")
