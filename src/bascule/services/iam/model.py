"""What IAM keeps besides roles, users and groups, which are in ``bascule.identity``."""

from __future__ import annotations

import msgspec

from bascule.kernel.documents import Collection


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a managed policy."""

    number: int
    document: str
    created_ms: int

    @property
    def version_id(self) -> str:
        """``v1``, ``v2`` ..."""
        return f"v{self.number}"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A managed policy. Numbers of versions are not used again; ``versions`` are oldest first."""

    name: str
    path: str
    unique_id: str
    created_ms: int
    updated_ms: int
    default: int
    versions: tuple[PolicyVersion, ...]
    next_number: int = 2
    description: str = ""
    tags: dict[str, str] = {}


class InstanceProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What EC2 would hand a role to a machine with; tools create and read them."""

    name: str
    path: str
    unique_id: str
    created_ms: int
    tags: dict[str, str] = {}
    role_name: str = ""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """That a role, user or group uses a managed policy; ``kind`` is ``role``, ``user`` or ``group``."""

    kind: str
    name: str


class DeletionTask(msgspec.Struct, frozen=True, kw_only=True):
    """A service-linked role that was deleted. The deletion is done when the task exists."""

    role_name: str


#: name: the policy's name in lower case.
POLICIES = Collection("iam.policy", Policy)
#: name: the profile's name in lower case.
INSTANCE_PROFILES = Collection("iam.instance-profile", InstanceProfile)
#: parent: ARN of the managed policy; name: kind/key of who has it attached.
ATTACHMENTS = Collection("iam.attachment", Use)
#: parent: ARN of the managed policy; name: kind/key of whom it bounds.
BOUNDARIES = Collection("iam.boundary", Use)
DELETION_TASKS = Collection("iam.deletion-task", DeletionTask)
