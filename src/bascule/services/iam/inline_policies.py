"""Inline policies of roles, users and groups: one implementation, and a table of the kinds that gives each its operations."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from bascule.api import iam as api
from bascule.identity.records import Identity
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.policies import size_of
from bascule.services.iam import documents
from bascule.services.iam.errors import LimitExceeded, NoSuchEntity
from bascule.services.iam.kinds import GROUP, ROLE, USER, Kind
from bascule.services.iam.paging import Page, Paged, page_of

R = TypeVar("R", bound=Identity)


def _put(ctx: Context, tx: Tx, kind: Kind[R], name: str, policy: str, text: str) -> None:
    record = kind.find_own(ctx, tx, name)
    policies = record.policies | {policy: documents.checked_policy(text)}
    if sum(map(size_of, policies.values())) > kind.inline_size_max:
        raise LimitExceeded(f"Maximum policy size of {kind.inline_size_max} bytes exceeded for {kind.label} {name}")
    kind.keep(ctx, tx, msgspec.structs.replace(record, policies=policies))


def _text(kind: Kind[R], record: R, policy: str) -> str:
    text = record.policies.get(policy)
    if text is None:
        raise NoSuchEntity(f"The {kind.label} policy with name {policy} cannot be found.")
    return text


def _shown(ctx: Context, tx: Tx, kind: Kind[R], name: str, policy: str) -> str:
    return documents.shown(_text(kind, kind.find(ctx, tx, name), policy))


def _delete(ctx: Context, tx: Tx, kind: Kind[R], name: str, policy: str) -> None:
    record = kind.find_own(ctx, tx, name)
    _text(kind, record, policy)
    kept = {other: text for other, text in record.policies.items() if other != policy}
    kind.keep(ctx, tx, msgspec.structs.replace(record, policies=kept))


def _names(ctx: Context, tx: Tx, kind: Kind[R], name: str, inp: Paged) -> Page[str]:
    return page_of([(policy, policy) for policy in kind.find(ctx, tx, name).policies], inp)


def _operations(kind: Kind[R], got: Callable[..., Any], listed: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """The four operations of a kind; ``got`` and ``listed`` make the answers of Get and List."""
    member = f"{kind.label}_name"
    name_in = attrgetter(member)

    @operation(f"Put{kind.title}Policy")
    def put(ctx: Context, tx: Tx, inp: Any) -> api.Empty:
        """Create or replace an inline policy.

        Raises   NoSuchEntity, UnmodifiableEntity, MalformedPolicyDocument, LimitExceeded.
        """
        _put(ctx, tx, kind, name_in(inp), inp.policy_name, inp.policy_document)
        return api.Empty()

    @operation(f"Get{kind.title}Policy", reads=True)
    def get(ctx: Context, tx: Tx, inp: Any) -> Any:
        """An inline policy, percent-encoded.

        Raises   NoSuchEntity.
        """
        text = _shown(ctx, tx, kind, name_in(inp), inp.policy_name)
        return got(**{member: name_in(inp)}, policy_name=inp.policy_name, policy_document=text)

    @operation(f"Delete{kind.title}Policy")
    def delete(ctx: Context, tx: Tx, inp: Any) -> api.Empty:
        """Delete an inline policy.

        Raises   NoSuchEntity, UnmodifiableEntity.
        """
        _delete(ctx, tx, kind, name_in(inp), inp.policy_name)
        return api.Empty()

    @operation(f"List{kind.title}Policies", reads=True)
    def list_names(ctx: Context, tx: Tx, inp: Any) -> Any:
        """Names of the inline policies.

        Raises   NoSuchEntity.
        """
        found = _names(ctx, tx, kind, name_in(inp), inp)
        return listed(policy_names=found.items, is_truncated=found.is_truncated, marker=found.marker)

    return put, get, delete, list_names


OPERATIONS = (
    *_operations(ROLE, api.GetRolePolicyResponse, api.ListRolePoliciesResponse),
    *_operations(USER, api.GetUserPolicyResponse, api.ListUserPoliciesResponse),
    *_operations(GROUP, api.GetGroupPolicyResponse, api.ListGroupPoliciesResponse),
)
