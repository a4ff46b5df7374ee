"""Every error the Logs operations raise, once."""

from __future__ import annotations

from bascule.kernel.errors import AwsError


class InvalidParameter(AwsError):
    """A parameter is specified incorrectly."""

    code = "InvalidParameterException"


class LimitExceeded(AwsError):
    """Resource limit exceeded."""

    code = "LimitExceededException"


class OperationAborted(AwsError):
    """Multiple concurrent requests to update the same resource were in conflict."""

    code = "OperationAbortedException"


class ResourceAlreadyExists(AwsError):
    """The specified resource already exists."""

    code = "ResourceAlreadyExistsException"


class ResourceNotFound(AwsError):
    """The specified resource does not exist."""

    code = "ResourceNotFoundException"


class TooManyTags(AwsError):
    """A resource can have no more than 50 tags."""

    code = "TooManyTagsException"
