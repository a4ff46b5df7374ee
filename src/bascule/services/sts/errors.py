"""Every error the STS operations raise, once."""

from __future__ import annotations

from bascule.kernel.errors import AwsError


class InvalidRequest(AwsError):
    """The request is not valid."""

    code = "ValidationError"


class AccessDenied(AwsError):
    """Access denied"""

    code = "AccessDenied"
    status = 403


class MalformedPolicyDocument(AwsError):
    """The request was rejected because the policy document was malformed."""

    code = "MalformedPolicyDocument"


class ExpiredToken(AwsError):
    """The security token included in the request is expired"""

    code = "ExpiredToken"
    status = 403
