"""Every error the IAM operations raise, once."""

from __future__ import annotations

from bascule.kernel.errors import AwsError


class NoSuchEntity(AwsError):
    """The request was rejected because it referenced a resource entity that does not exist."""

    code = "NoSuchEntity"
    status = 404


class EntityAlreadyExists(AwsError):
    """The request was rejected because it attempted to create a resource that already exists."""

    code = "EntityAlreadyExists"
    status = 409


class DeleteConflict(AwsError):
    """The request was rejected because it attempted to delete a resource that has attached subordinate entities."""

    code = "DeleteConflict"
    status = 409


class LimitExceeded(AwsError):
    """The request was rejected because it attempted to create resources beyond the current account limits."""

    code = "LimitExceeded"
    status = 409

    @classmethod
    def of(cls, quota: str, count: int) -> LimitExceeded:
        """The refusal of one more than a quota allows."""
        return cls(f"Cannot exceed quota for {quota}: {count}")


class MalformedPolicyDocument(AwsError):
    """The request was rejected because the policy document was malformed."""

    code = "MalformedPolicyDocument"


class InvalidInput(AwsError):
    """The request was rejected because an invalid or out-of-range value was supplied for an input parameter."""

    code = "InvalidInput"


class UnmodifiableEntity(AwsError):
    """The request was rejected because service-linked roles are protected AWS resources."""

    code = "UnmodifiableEntity"


class InvalidRequest(AwsError):
    """The request is not valid."""

    code = "ValidationError"
