"""Every error the events service answers on purpose. HTTP 400 throughout, as recorded."""

from __future__ import annotations

from bascule.kernel.errors import AwsError, ValidationError


class BusNotFound(AwsError):
    """The bus does not exist."""

    code = "ResourceNotFoundException"

    def __init__(self, bus: str) -> None:
        super().__init__(f"Event bus {bus} does not exist.")


class BusExists(AwsError):
    """The bus exists already."""

    code = "ResourceAlreadyExistsException"

    def __init__(self, bus: str) -> None:
        super().__init__(f"Event bus {bus} already exists.")


class EventSourceNotFound(AwsError):
    """The partner event source does not exist."""

    code = "ResourceNotFoundException"

    def __init__(self, source: str) -> None:
        super().__init__(f"Event source {source} does not exist.")


class RuleNotFound(AwsError):
    """The rule does not exist."""

    code = "ResourceNotFoundException"

    def __init__(self, rule: str, bus: str) -> None:
        super().__init__(f"Rule {rule} does not exist on EventBus {bus}.")


class StatementNotFound(AwsError):
    """Statement with the provided id does not exist."""

    code = "ResourceNotFoundException"


class PolicyTooLong(AwsError):
    """The event bus policy is too long. For more information, see the limits."""

    code = "PolicyLengthExceededException"


class LimitExceeded(AwsError):
    """The requested resource exceeds the maximum number allowed."""

    code = "LimitExceededException"


class InvalidPattern(AwsError):
    """The event pattern is not valid."""

    code = "InvalidEventPatternException"


class ParameterInvalid(ValidationError):
    """A parameter is not valid."""

    def __init__(self, parameter: str, reason: str = "") -> None:
        super().__init__(f"Parameter {parameter} is not valid." + (f" Reason: {reason}" if reason else ""))
