"""Is a document an identity policy, or a trust policy? Refused in IAM's words.

The words come from errors that users of IAM report; where none is known the nearest is used (``Syntax errors in policy.``).
What IAM checks against the world (does the principal exist, is the action one of the service's) is not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bascule.policies.conditions import NULL, parts_of
from bascule.policies.document import VERSION, VERSION_OLD, read
from bascule.policies.problems import PolicyProblem

_SYNTAX = "Syntax errors in policy."
_DOCUMENT_MEMBERS = frozenset(("Version", "Id", "Statement"))
_STATEMENT_MEMBERS = frozenset(
    (
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    )
)
_SID = re.compile(r"[0-9A-Za-z]*")
_VENDOR = re.compile(r"[A-Za-z0-9-]+")
_PARTITIONS = frozenset(
    ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*")
)
_TRUST_ACTIONS = frozenset(
    (
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:tagsession",
        "sts:setsourceidentity",
        "sts:setcontext",
    )
)
_PRINCIPAL_FORMS = {
    "AWS": re.compile(
        r"\*|\d{12}|arn:[\w-]+:(iam::\d{12}:(root|(user|role)/.+)|sts::\d{12}:(assumed-role|federated-user)/.+)|A(ROA|IDA)\w+"
    ),
    "Service": re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    "Federated": re.compile(r"arn:[\w-]+:iam::\d{12}:(saml|oidc)-provider/.+|[A-Za-z0-9.-]+"),
    "CanonicalUser": re.compile(r"\w+"),
}


def size_of(text: str) -> int:
    """The size that quotas count: characters without white space."""
    return len("".join(text.split()))


def check_identity_policy(text: str) -> None:
    """Check an inline, managed or session policy.

    Raises   PolicyProblem.
    """
    document = _document(text, _SYNTAX)
    statements = _statements(document, _SYNTAX)
    if document.get("Version", VERSION_OLD) != VERSION:
        if document.get("Version", VERSION_OLD) != VERSION_OLD:
            raise PolicyProblem(_SYNTAX)
        raise PolicyProblem("Policy document must be version 2012-10-17 or greater.")
    _check_sids(statements)
    for statement in statements:
        _check_identity_statement(statement)
    read(text)


def check_trust_policy(text: str) -> None:
    """Check the policy that says who may assume a role.

    Raises   PolicyProblem.
    """
    invalid = "This policy contains invalid Json"
    document = _document(text, invalid)
    if document.get("Version", VERSION_OLD) not in (VERSION, VERSION_OLD):
        raise PolicyProblem(_SYNTAX)
    if "Statement" not in document:
        raise PolicyProblem("Missing required field Statement")
    statements = _statements(document, invalid)
    _check_sids(statements)
    for statement in statements:
        _check_trust_statement(statement)
    read(text)


def _document(text: str, message: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyProblem(message) from None
    if not isinstance(document, dict):
        raise PolicyProblem(message)
    if not document.keys() <= _DOCUMENT_MEMBERS:
        raise PolicyProblem(_SYNTAX)
    return document


def _statements(document: dict[str, Any], message: str) -> list[dict[str, Any]]:
    found = document.get("Statement")
    given: list[Any] = found if isinstance(found, list) else [found]
    statements = [statement for statement in given if isinstance(statement, dict)]
    if not statements or len(statements) < len(given):
        raise PolicyProblem(message)
    return statements


def _check_sids(statements: list[dict[str, Any]]) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if not all(isinstance(sid, str) for sid in sids):
        raise PolicyProblem(_SYNTAX)
    if not all(_SID.fullmatch(sid) for sid in sids):
        raise PolicyProblem(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
        )
    if len(set(sids)) < len(sids):
        raise PolicyProblem("Statement IDs (SID) in a single policy must be unique.")


def _texts(statement: dict[str, Any], *members: str) -> Iterator[str]:
    for member in members:
        value = statement.get(member, [])
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, str):
                raise PolicyProblem(_SYNTAX)
            yield item


def _check_identity_statement(statement: dict[str, Any]) -> None:
    if "Principal" in statement or "NotPrincipal" in statement:
        raise PolicyProblem("Policy document should not specify a principal.")
    if not statement.keys() <= _STATEMENT_MEMBERS or statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyProblem(_SYNTAX)
    actions = list(_texts(statement, "Action", "NotAction"))
    resources = list(_texts(statement, "Resource", "NotResource"))
    if not actions:
        raise PolicyProblem("Policy statement must contain actions.")
    if not resources:
        raise PolicyProblem("Policy statement must contain resources.")
    if {"Action", "NotAction"} <= statement.keys() or {"Resource", "NotResource"} <= statement.keys():
        raise PolicyProblem(_SYNTAX)
    for action in actions:
        _check_action(action)
    for resource in resources:
        _check_resource(resource)
    _check_conditions(statement)


def _check_action(action: str) -> None:
    if action == "*":
        return
    if ":" not in action:
        raise PolicyProblem("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if action.count(":") > 1:
        raise PolicyProblem("Actions/Condition can contain only one colon.")
    vendor = action.partition(":")[0]
    if not _VENDOR.fullmatch(vendor):
        raise PolicyProblem(f"Vendor {vendor} is not valid")


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    if not resource.startswith("arn:"):
        raise PolicyProblem(f'Resource {resource} must be in ARN format or "*".')
    parts = resource.split(":", 5)
    if parts[1] not in _PARTITIONS:
        raise PolicyProblem(f'Partition "{parts[1]}" is not valid for resource "{resource}".')
    if len(parts) < 3 or (len(parts) < 6 and "*" not in parts[-1]):
        raise PolicyProblem("The policy failed legacy parsing")
    if len(parts) > 3 and ("*" in parts[2] or "?" in parts[2]):
        raise PolicyProblem("Resource vendor must be fully qualified and cannot contain regexes.")
    if parts[2] == "iam" and len(parts) == 6 and parts[3] not in ("", "*"):
        raise PolicyProblem(f"IAM resource {resource} cannot contain region information.")


def _check_conditions(statement: dict[str, Any]) -> None:
    block = statement.get("Condition", {})
    if not isinstance(block, dict):
        raise PolicyProblem(_SYNTAX)
    for operator, keys in block.items():
        if (operator != NULL and parts_of(operator) is None) or not isinstance(keys, dict):
            raise PolicyProblem(_SYNTAX)
        if not all(":" in key for key in keys):
            raise PolicyProblem("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")


def _check_trust_statement(statement: dict[str, Any]) -> None:
    for member in ("Resource", "NotResource", "NotPrincipal"):
        if member in statement:
            raise PolicyProblem(f"Has prohibited field {member}")
    for member in sorted(statement.keys() - _STATEMENT_MEMBERS):
        raise PolicyProblem(f"Unknown field {member}")
    for member in ("Effect", "Principal"):
        if member not in statement:
            raise PolicyProblem(f"Missing required field {member}")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise PolicyProblem(f"Invalid effect: {statement['Effect']}")
    actions = list(_texts(statement, "Action"))
    if not actions:
        raise PolicyProblem("Missing required field Action")
    if not all(_is_trust_action(action) for action in actions):
        raise PolicyProblem("AssumeRole policy may only specify STS AssumeRole actions.")
    _check_principal(statement["Principal"])
    _check_conditions(statement)


def _is_trust_action(action: str) -> bool:
    return action.lower() in _TRUST_ACTIONS or (action.lower().startswith("sts:") and action.endswith("*"))


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        raise PolicyProblem(f'Invalid principal in policy: "AWS":"{principal}"')
    for kind in principal:
        form = _PRINCIPAL_FORMS.get(kind)
        if form is None:
            raise PolicyProblem(f'Invalid principal in policy: "{kind}"')
        for name in _texts(principal, kind):
            if not form.fullmatch(name):
                raise PolicyProblem(f'Invalid principal in policy: "{kind.upper()}":"{name}"')
