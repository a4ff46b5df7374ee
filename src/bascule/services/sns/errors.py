"""The errors of SNS: one class for each, named by its shape in the model; the class docstring is the default message.

``wire_code`` is what a client reads as the code; the wire layer derives it from the model, failed entries of a batch need it
here.
"""

from __future__ import annotations

from typing import ClassVar

from bascule.kernel.errors import AwsError


class SnsError(AwsError):
    """The request was refused."""

    wire_code: ClassVar[str] = "InternalError"


class InvalidParameter(SnsError):
    """Invalid parameter"""

    code = "InvalidParameterException"
    wire_code = "InvalidParameter"

    @classmethod
    def of(cls, name: str, reason: str = "") -> InvalidParameter:
        """SNS's usual sentence: the parameter, and what is wrong with it."""
        return cls(f"Invalid parameter: {name}" + (f" Reason: {reason}" if reason else ""))


class InvalidParameterValue(SnsError):
    """Invalid parameter value"""

    code = "InvalidParameterValueException"
    wire_code = "ParameterValueInvalid"


class NotFound(SnsError):
    """Topic does not exist"""

    code = "NotFoundException"
    wire_code = "NotFound"
    status = 404


class ResourceNotFound(SnsError):
    """Resource does not exist"""

    code = "ResourceNotFoundException"
    wire_code = "ResourceNotFound"
    status = 404


class AuthorizationError(SnsError):
    """Access to this resource is denied."""

    code = "AuthorizationErrorException"
    wire_code = "AuthorizationError"
    status = 403


class FilterPolicyLimitExceeded(SnsError):
    """The number of filter policies of the topic exceeds the limit."""

    code = "FilterPolicyLimitExceededException"
    wire_code = "FilterPolicyLimitExceeded"
    status = 403


class SubscriptionLimitExceeded(SnsError):
    """The topic has the maximum number of subscriptions."""

    code = "SubscriptionLimitExceededException"
    wire_code = "SubscriptionLimitExceeded"
    status = 403


class TagLimitExceeded(SnsError):
    """Could not complete request: tag quota of per resource exceeded"""

    code = "TagLimitExceededException"
    wire_code = "TagLimitExceeded"


class EmptyBatchRequest(SnsError):
    """The batch request doesn't contain any entries."""

    code = "EmptyBatchRequestException"
    wire_code = "EmptyBatchRequest"


class TooManyEntriesInBatchRequest(SnsError):
    """The batch request contains more entries than permissible."""

    code = "TooManyEntriesInBatchRequestException"
    wire_code = "TooManyEntriesInBatchRequest"


class BatchEntryIdsNotDistinct(SnsError):
    """Two or more batch entries in the request have the same Id."""

    code = "BatchEntryIdsNotDistinctException"
    wire_code = "BatchEntryIdsNotDistinct"


class InvalidBatchEntryId(SnsError):
    """The Id of a batch entry in a batch request doesn't abide by the specification."""

    code = "InvalidBatchEntryIdException"
    wire_code = "InvalidBatchEntryId"


class BatchRequestTooLong(SnsError):
    """The length of all the messages put together is more than the limit."""

    code = "BatchRequestTooLongException"
    wire_code = "BatchRequestTooLong"
