"""Paths, ARNs and unique ids of IAM resources."""

from __future__ import annotations

import base64

from bascule.kernel.context import Context
from bascule.kernel.ids import Ids
from bascule.services.iam.errors import InvalidRequest

_ID_DIGITS = 17


def unique_id(prefix: str, ids: Ids) -> str:
    """A unique id as IAM's: four letters of the kind (``AROA``) and 17 base-32 digits."""
    return prefix + base64.b32encode(bytes.fromhex(ids.token(11))).decode()[:_ID_DIGITS]


def iam_arn(ctx: Context, resource: str, path: str, name: str) -> str:
    """``arn:aws:iam::<account>:<resource><path><name>``; there is no region in it."""
    return f"arn:{ctx.scope.partition}:iam::{ctx.scope.account}:{resource}{path}{name}"


def checked_path(path: str | None) -> str:
    """The path, ``/`` by default.

    Raises   ValidationError for one with empty parts; the model has checked the rest.
    """
    if path is None:
        return "/"
    if "//" in path:
        raise InvalidRequest(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters."
        )
    return path
