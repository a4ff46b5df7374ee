"""How callers name functions: a name, a partial ARN or a whole ARN, each with an optional qualifier."""

from __future__ import annotations

import re
from typing import NamedTuple

from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.services.lambda_.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from bascule.services.lambda_.limits import NAME_CHARACTERS_MAX
from bascule.services.lambda_.model import LATEST

_REFERENCE = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?"
)


class FunctionReference(NamedTuple):
    """A function as the caller named it; ``qualifier`` is None when none was given."""

    scope: Scope
    name: str
    qualifier: str | None

    @property
    def arn(self) -> str:
        """The ARN without a qualifier."""
        return self.scope.arn("lambda", f"function:{self.name}")

    @property
    def named_arn(self) -> str:
        """The ARN as the caller named it: qualified only when the caller did."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"

    @property
    def qualified_arn(self) -> str:
        """The ARN with its qualifier, ``$LATEST`` when the caller gave none."""
        return f"{self.arn}:{self.qualifier or LATEST}"


def reference(ctx: Context, text: str, qualifier: str | None = None) -> FunctionReference:
    """Read a ``FunctionName`` and an optional ``Qualifier``.

    Raises   InvalidParameterValue when both carry a qualifier and they differ; ResourceNotFound for another region;
             AccessDenied for another account.
    Source   Lambda API, FunctionName; recorded errors in the specification, section 1.
    """
    if ":" not in text:
        return FunctionReference(ctx.scope, text, qualifier)
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise InvalidParameterValue(f"The function name {text} is not valid.")
    region = found["region"] or ctx.scope.region
    if region != ctx.scope.region:
        raise ResourceNotFound(f"Functions from '{region}' are not reachable in this region ('{ctx.scope.region}')")
    if (found["account"] or ctx.scope.account) != ctx.scope.account:
        raise AccessDenied()
    named = found["qualifier"]
    if named is not None and qualifier is not None and named != qualifier:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionReference(ctx.scope, found["name"], named if named is not None else qualifier)


def unqualified(ctx: Context, text: str, message: str) -> FunctionReference:
    """Read a ``FunctionName`` that must not carry a qualifier; ``message`` is what is answered when it does."""
    named = reference(ctx, text)
    if named.qualifier is not None:
        raise InvalidParameterValue(message)
    return named


def of_latest(ctx: Context, text: str) -> FunctionReference:
    """Read a ``FunctionName`` of an operation that acts on ``$LATEST`` only; the reference has no qualifier.

    Raises   as ``reference``; InvalidParameterValue for another version and for an alias.
    """
    named = reference(ctx, text)
    if named.qualifier not in (None, LATEST):
        raise InvalidParameterValue("Current operation does not support versions other than $LATEST")
    return named._replace(qualifier=None)


def checked_new_name(ctx: Context, text: str) -> str:
    """The name of a function about to be created.

    Raises   InvalidParameterValue when it is longer than 64 characters.
    """
    name = reference(ctx, text).name
    if len(name) > NAME_CHARACTERS_MAX:
        raise InvalidParameterValue(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {NAME_CHARACTERS_MAX}"
        )
    return name
