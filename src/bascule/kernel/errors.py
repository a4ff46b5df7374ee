"""Errors a caller can cause, as values the wire layer can serialise.

A service declares each of its errors once, as a subclass with ``code`` and ``status``; the class docstring is the default
message. Whatever is not an ``AwsError`` is our bug and answers InternalFailure without a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class AwsError(Exception):
    """The request was refused."""

    code: ClassVar[str] = "InternalFailure"
    status: ClassVar[int] = 400
    sender_fault: ClassVar[bool] = True

    def __init__(self, message: str | None = None, /, **members: object) -> None:
        text = message if message is not None else (type(self).__doc__ or "").strip()
        super().__init__(text)
        self.message = text
        #: Further members of the modelled error shape, by wire name (``Reason``, ``Type``, ``Item`` ...).
        self.members: Mapping[str, object] = members


class InternalFailure(AwsError):
    """The request processing has failed because of an unknown error, exception or failure."""

    code = "InternalFailure"
    status = 500
    sender_fault = False


class ValidationError(AwsError):
    """The input fails to satisfy the constraints specified by the service."""

    code = "ValidationException"


class Throttled(AwsError):
    """Rate exceeded"""

    code = "ThrottlingException"


class NotImplementedHere(AwsError):
    """Bascule does not implement this yet."""

    code = "NotImplemented"
    status = 501
    sender_fault = False
