"""A policy document as the evaluator uses it: read once, kept by its text.

Reading is lenient where AWS is: a single value stands for a list of one, ``true`` and ``5`` for their texts. What cannot be
read as a policy raises ``PolicyProblem``.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import msgspec

from bascule.policies.problems import PolicyProblem

#: Policies that stay read. count
DOCUMENTS_KEPT_MAX = 1_024
#: The version without policy variables, which is what a document without a version has.
VERSION_OLD = "2008-10-17"
VERSION = "2012-10-17"

#: Principal kinds -> values; ``*`` alone is kind ``AWS``.
Principals = dict[str, tuple[str, ...]]


class Condition(msgspec.Struct, frozen=True):
    """One operator over one key: ``values`` are alternatives."""

    operator: str
    key: str
    values: tuple[str, ...]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. Of each pair (``actions``, ``not_actions``) at most one is set; None means that it is not there."""

    sid: str
    is_allow: bool
    principals: Principals | None
    not_principals: Principals | None
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    conditions: tuple[Condition, ...]


class Document(msgspec.Struct, frozen=True):
    """A whole policy."""

    has_variables: bool
    statements: tuple[Statement, ...]


def texts(value: Any) -> tuple[str, ...]:
    """A value or list of values as texts.

    Raises   PolicyProblem for anything but texts, numbers, booleans and lists of them.
    """
    found: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool):
            found.append("true" if item else "false")
        elif isinstance(item, str | int | float):
            found.append(str(item))
        else:
            raise PolicyProblem("Syntax errors in policy.")
    return tuple(found)


def _optional(statement: dict[str, Any], name: str) -> tuple[str, ...] | None:
    return texts(statement[name]) if name in statement else None


def _principals(value: Any) -> Principals:
    if isinstance(value, str):
        return {"AWS": (value,)}
    if not isinstance(value, dict):
        raise PolicyProblem("Syntax errors in policy.")
    return {kind: texts(names) for kind, names in value.items()}


def _conditions(block: Any) -> tuple[Condition, ...]:
    if not isinstance(block, dict):
        raise PolicyProblem("Syntax errors in policy.")
    found: list[Condition] = []
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise PolicyProblem("Syntax errors in policy.")
        found.extend(Condition(operator, key.lower(), texts(values)) for key, values in keys.items())
    return tuple(found)


def _statement(value: Any) -> Statement:
    if not isinstance(value, dict) or value.get("Effect") not in ("Allow", "Deny"):
        raise PolicyProblem("Syntax errors in policy.")
    sid = value.get("Sid", "")
    return Statement(
        sid=sid if isinstance(sid, str) else "",
        is_allow=value["Effect"] == "Allow",
        principals=_principals(value["Principal"]) if "Principal" in value else None,
        not_principals=_principals(value["NotPrincipal"]) if "NotPrincipal" in value else None,
        actions=_optional(value, "Action"),
        not_actions=_optional(value, "NotAction"),
        resources=_optional(value, "Resource"),
        not_resources=_optional(value, "NotResource"),
        conditions=_conditions(value.get("Condition", {})),
    )


@lru_cache(maxsize=DOCUMENTS_KEPT_MAX)
def read(text: str) -> Document:
    """The policy of a JSON text.

    Raises   PolicyProblem.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyProblem("Syntax errors in policy.") from None
    if not isinstance(value, dict):
        raise PolicyProblem("Syntax errors in policy.")
    statements = value.get("Statement", [])
    if not isinstance(statements, list):
        statements = [statements]
    return Document(value.get("Version", VERSION_OLD) == VERSION, tuple(_statement(item) for item in statements))
