"""What is kept of roles, users, groups, access keys and sessions, and under which keys.

IAM is global: whatever the region of a request, an account's records lie under one scope (``home``). Names are unique
without regard to case, so a record's key is its name in lower case and the record keeps the name as it was written.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.documents import Collection
from bascule.kernel.scope import REGION_DEFAULT, Scope


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What roles, users and groups have in common."""

    name: str
    path: str
    unique_id: str
    created_ms: int
    tags: dict[str, str] = {}
    #: Inline policies: name -> document as it was given.
    policies: dict[str, str] = {}
    #: Attached managed policies, oldest first.
    policy_arns: tuple[str, ...] = ()
    boundary_arn: str = ""


class Role(Identity, frozen=True, kw_only=True):
    """Somebody that others can act as. ``linked_service`` names the AWS service that owns a service-linked role."""

    trust_policy: str
    description: str = ""
    session_s_max: int = 3_600
    linked_service: str = ""


class User(Identity, frozen=True, kw_only=True):
    """A person or program with lasting access keys; ``access_keys`` are their ids, oldest first."""

    access_keys: tuple[str, ...] = ()
    #: Names of the groups it is in.
    groups: tuple[str, ...] = ()


class Group(Identity, frozen=True, kw_only=True):
    """Users that share policies; ``users`` are their names."""

    users: tuple[str, ...] = ()


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """A lasting key of a user. The secret is shown once and kept to check signatures; empty: made before it was kept."""

    user_name: str
    created_ms: int
    is_active: bool = True
    secret: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who a temporary access key stands for, until it expires; GetCallerIdentity must name it."""

    arn: str
    user_id: str
    expires_ms: int
    #: ARN of the role it acts as; empty for GetSessionToken.
    role_arn: str = ""
    #: Kept to check signatures; empty: made before they were kept.
    secret: str = ""
    session_token: str = ""


#: name: the record's name in lower case; see ``key_of``.
ROLES = Collection("iam.role", Role)
USERS = Collection("iam.user", User)
GROUPS = Collection("iam.group", Group)
#: name: access key id.
ACCESS_KEYS = Collection("iam.access-key", AccessKey)
SESSIONS = Collection("sts.session", Session)


def home(account: str) -> Scope:
    """Where the records of an account lie, whatever the region of the request."""
    return Scope(account, REGION_DEFAULT)


def key_of(name: str) -> str:
    """The key of a role, user or group."""
    return name.lower()
