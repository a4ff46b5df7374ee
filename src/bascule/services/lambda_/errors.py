"""Every error the Lambda operations raise, once. The docstring is the default message, in AWS's words.

Most of Lambda's error bodies carry ``Type: "User"`` beside the message, so it is added here rather than at every raise.
"""

from __future__ import annotations

from bascule.kernel.errors import AwsError


class LambdaError(AwsError):
    """The request was refused."""

    def __init__(self, message: str | None = None, /, **members: object) -> None:
        super().__init__(message, **{"Type": "User" if self.sender_fault else "Service", **members})


class AccessDenied(AwsError):
    code = "AccessDeniedException"
    status = 403


class AliasLimitExceeded(LambdaError):
    """The function has reached its maximum number of aliases."""

    code = "AliasLimitExceededException"


class InvalidParameterValue(LambdaError):
    """One of the parameters in the request is not valid."""

    code = "InvalidParameterValueException"


class InvalidRequestContent(LambdaError):
    """The request body could not be parsed as JSON."""

    code = "InvalidRequestContentException"


class InvalidRuntime(LambdaError):
    """The runtime or runtime version specified is not supported."""

    code = "InvalidRuntimeException"
    status = 502
    sender_fault = False


class PolicyLengthExceeded(LambdaError):
    """The permissions policy for the resource is too large."""

    code = "PolicyLengthExceededException"


class PreconditionFailed(LambdaError):
    """The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"""  # noqa: E501 - one sentence of AWS

    code = "PreconditionFailedException"
    status = 412


class ProvisionedConcurrencyConfigNotFound(LambdaError):
    """No Provisioned Concurrency Config found for this function"""

    code = "ProvisionedConcurrencyConfigNotFoundException"
    status = 404


class RecursiveInvocation(LambdaError):
    """Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation."""  # noqa: E501 - one sentence of AWS

    code = "RecursiveInvocationException"


class RequestEntityTooLarge(AwsError):
    """The request payload exceeded the limit."""

    code = "RequestEntityTooLargeException"
    status = 413


class RequestTooLarge(LambdaError):
    """The request payload exceeded the Invoke request body JSON input quota."""

    code = "RequestTooLargeException"
    status = 413


class ResourceConflict(LambdaError):
    """The resource already exists, or another operation is in progress."""

    code = "ResourceConflictException"
    status = 409


class ResourceInUse(LambdaError):
    """Cannot update the event source mapping because it is in use."""

    code = "ResourceInUseException"


class ResourceNotFound(LambdaError):
    """The resource you requested does not exist."""

    code = "ResourceNotFoundException"
    status = 404


class TooManyRequests(LambdaError):
    """Rate Exceeded."""

    code = "TooManyRequestsException"
    status = 429
