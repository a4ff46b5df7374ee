"""What the wire layer itself refuses. The words are AWS's; the code of a constraint failure differs by service (dialects.py)."""

from __future__ import annotations

from bascule.kernel.errors import AwsError


class SerializationException(AwsError):
    """The request could not be read."""

    code = "SerializationException"


class MalformedInput(AwsError):
    """The request could not be read."""

    code = "MalformedInput"


class InvalidRequestContent(AwsError):
    """Could not parse request body into json."""

    code = "InvalidRequestContentException"


class UnknownOperation(AwsError):
    """The requested operation is not known to this service."""

    code = "UnknownOperationException"


class UnknownPath(AwsError):
    """No operation has this method and path."""

    code = "UnknownOperationException"
    status = 404


class InvalidAction(AwsError):
    """The action is not valid for this web service."""

    code = "InvalidAction"


class MissingAction(AwsError):
    """The request must contain the parameter Action."""

    code = "MissingAction"


class MissingParameter(AwsError):
    """The request must contain a parameter."""

    code = "MissingRequiredParameterException"


class ConstraintFailure(AwsError):
    """The input fails to satisfy the constraints of the model."""

    code = "ValidationException"


class ConstraintFailureOfQuery(ConstraintFailure):
    """The same in services that speak Query."""

    code = "ValidationError"


class ConstraintFailureOfLogs(ConstraintFailure):
    """The same in CloudWatch Logs."""

    code = "InvalidParameterException"


class LengthFailureOfLambda(ConstraintFailure):
    """The same in Lambda when only lengths are wrong."""

    code = "InvalidParameterValueException"
