"""The errors of SQS: one class for each, named by its JSON shape; the class docstring is the default message.

``entry_code`` is the older name (the one of the Query protocol), which SQS still uses for failed entries of a batch.
The status is 400 but where AWS's recorded answers have another one.
"""

from __future__ import annotations

from typing import ClassVar

from bascule.kernel.errors import AwsError


class SqsError(AwsError):
    """The request was refused."""

    entry_code: ClassVar[str] = "InternalFailure"


class QueueDoesNotExist(SqsError):
    """The specified queue does not exist."""

    code = "QueueDoesNotExist"
    entry_code = "AWS.SimpleQueueService.NonExistentQueue"


class QueueNameExists(SqsError):
    """A queue already exists with the same name and a different value for an attribute"""

    code = "QueueNameExists"
    entry_code = "QueueAlreadyExists"

    def __init__(self, attribute: str) -> None:
        super().__init__(
            f"A queue already exists with the same name and a different value for attribute {attribute}",
        )


class QueueDeletedRecently(SqsError):
    """You must wait 60 seconds after deleting a queue before you can create another with the same name."""

    code = "QueueDeletedRecently"
    entry_code = "AWS.SimpleQueueService.QueueDeletedRecently"


class InvalidAddress(SqsError):
    """The address is not valid for this endpoint."""

    code = "InvalidAddress"
    entry_code = "InvalidAddress"

    def __init__(self, address: str) -> None:
        super().__init__(f"The address {address} is not valid for this endpoint.")


class InvalidAttributeName(SqsError):
    """Unknown Attribute."""

    code = "InvalidAttributeName"
    entry_code = "InvalidAttributeName"

    @classmethod
    def unknown(cls, name: str) -> InvalidAttributeName:
        """The error for an attribute that does not exist, or not on this kind of queue."""
        return cls(f"Unknown Attribute {name}.")


class InvalidAttributeValue(SqsError):
    """Invalid value for the parameter."""

    code = "InvalidAttributeValue"
    entry_code = "InvalidAttributeValue"

    @classmethod
    def of(cls, name: str, reason: str = "") -> InvalidAttributeValue:
        """The error for a value out of its range or form."""
        return cls(f"Invalid value for the parameter {name}." + (f" Reason: {reason}" if reason else ""))


class InvalidParameterValue(SqsError):
    """One or more parameters are invalid."""

    code = "InvalidParameterValueException"
    entry_code = "InvalidParameterValue"

    @classmethod
    def of(cls, value: object, name: str, reason: str) -> InvalidParameterValue:
        """SQS's usual sentence: value, parameter and reason."""
        return cls(f"Value {value} for parameter {name} is invalid. Reason: {reason}")

    @classmethod
    def wrong_queue_type(cls, value: object, name: str) -> InvalidParameterValue:
        """A parameter of FIFO queues on a standard queue, or the reverse."""
        return cls.of(value, name, "The request include parameter that is not valid for this queue type.")


class MissingParameter(SqsError):
    """The request is missing a required parameter."""

    code = "MissingRequiredParameterException"
    entry_code = "MissingParameter"

    @classmethod
    def named(cls, name: str) -> MissingParameter:
        """The error for an absent or empty parameter."""
        return cls(f"The request must contain the parameter {name}.")


class InvalidMessageContents(SqsError):
    """Invalid characters were found in the message body. The allowed set is #x9 | #xA | #xD | #x20 to #xD7FF |
    #xE000 to #xFFFD | #x10000 to #x10FFFF"""

    code = "InvalidMessageContents"
    entry_code = "InvalidMessageContents"

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


class ReceiptHandleIsInvalid(SqsError):
    """The specified receipt handle isn't valid."""

    code = "ReceiptHandleIsInvalid"
    entry_code = "ReceiptHandleIsInvalid"

    @classmethod
    def given(cls, handle: str) -> ReceiptHandleIsInvalid:
        """The error for a handle that this queue never gave."""
        return cls(f'The input receipt handle "{handle}" is not a valid receipt handle.')


class MessageNotInflight(SqsError):
    """The specified message isn't in flight."""

    code = "MessageNotInflight"
    entry_code = "AWS.SimpleQueueService.MessageNotInflight"


class OverLimit(SqsError):
    """The specified action violates a limit."""

    code = "OverLimit"
    entry_code = "OverLimit"


class PurgeQueueInProgress(SqsError):
    """Only one PurgeQueue operation on a queue is allowed every 60 seconds."""

    code = "PurgeQueueInProgress"
    status = 403
    entry_code = "AWS.SimpleQueueService.PurgeQueueInProgress"

    def __init__(self, queue_name: str) -> None:
        super().__init__(f"Only one PurgeQueue operation on {queue_name} is allowed every 60 seconds.")


class EmptyBatchRequest(SqsError):
    """There should be at least one entry in the request."""

    code = "EmptyBatchRequest"
    entry_code = "AWS.SimpleQueueService.EmptyBatchRequest"


class TooManyEntriesInBatchRequest(SqsError):
    """Maximum number of entries per request are 10."""

    code = "TooManyEntriesInBatchRequest"
    entry_code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"


class BatchEntryIdsNotDistinct(SqsError):
    """Two or more batch entries in the request have the same Id."""

    code = "BatchEntryIdsNotDistinct"
    entry_code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


class BatchRequestTooLong(SqsError):
    """The length of all the messages put together is more than the limit."""

    code = "BatchRequestTooLong"
    entry_code = "AWS.SimpleQueueService.BatchRequestTooLong"


class InvalidBatchEntryId(SqsError):
    """A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."""

    code = "InvalidBatchEntryId"
    entry_code = "AWS.SimpleQueueService.InvalidBatchEntryId"


class UnsupportedOperation(SqsError):
    """Unsupported operation."""

    code = "UnsupportedOperation"
    entry_code = "AWS.SimpleQueueService.UnsupportedOperation"


class ResourceNotFound(SqsError):
    """One or more specified resources don't exist."""

    code = "ResourceNotFoundException"
    status = 404
    entry_code = "ResourceNotFoundException"
