"""Lasting access keys of users. Their ids name the account, so a request signed with one acts there."""

from __future__ import annotations

import msgspec

from bascule.api import iam as api
from bascule.identity.access_keys import LASTING, new_access_key, new_secret
from bascule.identity.records import ACCESS_KEYS, AccessKey, User, home
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam.errors import LimitExceeded, NoSuchEntity
from bascule.services.iam.kinds import USER
from bascule.services.iam.limits import ACCESS_KEYS_MAX
from bascule.services.iam.paging import page_of
from bascule.services.iam.showing import seconds
from bascule.services.iam.users import named_user


def _status(key: AccessKey) -> str:
    return "Active" if key.is_active else "Inactive"


def _found(ctx: Context, tx: Tx, user: User, access_key: str) -> AccessKey:
    key = ACCESS_KEYS.get(tx.documents, home(ctx.scope.account), access_key)
    if key is None or access_key not in user.access_keys:
        raise NoSuchEntity(f"The Access Key with id {access_key} cannot be found.")
    return key


@operation("CreateAccessKey")
def create_access_key(ctx: Context, tx: Tx, inp: api.CreateAccessKeyRequest) -> api.CreateAccessKeyResponse:
    """Create a key of a user, without a name of the caller. The secret is shown here and never again.

    Raises   NoSuchEntity, LimitExceeded, ValidationError.
    """
    user = named_user(ctx, tx, inp.user_name)
    if len(user.access_keys) >= ACCESS_KEYS_MAX:
        raise LimitExceeded.of("AccessKeysPerUser", ACCESS_KEYS_MAX)
    scope = home(ctx.scope.account)
    access_key = new_access_key(
        scope.account,
        ctx.ids,
        kind=LASTING,
        is_free=lambda candidate: ACCESS_KEYS.get(tx.documents, scope, candidate) is None,
    )
    key = AccessKey(user_name=user.name, created_ms=ctx.now_ms, secret=new_secret(ctx.ids))
    ACCESS_KEYS.put(tx.documents, scope, access_key, key)
    USER.keep(ctx, tx, msgspec.structs.replace(user, access_keys=(*user.access_keys, access_key)))
    return api.CreateAccessKeyResponse(
        access_key=api.AccessKey(
            user_name=user.name,
            access_key_id=access_key,
            status=_status(key),
            secret_access_key=key.secret,
            create_date=seconds(key.created_ms),
        )
    )


@operation("ListAccessKeys", reads=True)
def list_access_keys(ctx: Context, tx: Tx, inp: api.ListAccessKeysRequest) -> api.ListAccessKeysResponse:
    """The keys of a user, without a name of the caller.

    Raises   NoSuchEntity, ValidationError.
    """
    user = named_user(ctx, tx, inp.user_name)
    rows = []
    for access_key in user.access_keys:
        key = _found(ctx, tx, user, access_key)
        shown = api.AccessKeyMetadata(
            user_name=user.name,
            access_key_id=access_key,
            status=_status(key),
            create_date=seconds(key.created_ms),
        )
        rows.append((access_key, shown))
    found = page_of(rows, inp)
    return api.ListAccessKeysResponse(
        access_key_metadata=found.items, is_truncated=found.is_truncated, marker=found.marker
    )


@operation("UpdateAccessKey")
def update_access_key(ctx: Context, tx: Tx, inp: api.UpdateAccessKeyRequest) -> api.Empty:
    """Switch a key on or off; one that is off stands for the root of its account.

    Raises   NoSuchEntity, ValidationError.
    """
    key = _found(ctx, tx, named_user(ctx, tx, inp.user_name), inp.access_key_id)
    changed = msgspec.structs.replace(key, is_active=inp.status == "Active")
    ACCESS_KEYS.put(tx.documents, home(ctx.scope.account), inp.access_key_id, changed)
    return api.Empty()


@operation("DeleteAccessKey")
def delete_access_key(ctx: Context, tx: Tx, inp: api.DeleteAccessKeyRequest) -> api.Empty:
    """Delete a key.

    Raises   NoSuchEntity, ValidationError.
    """
    user = named_user(ctx, tx, inp.user_name)
    _found(ctx, tx, user, inp.access_key_id)
    ACCESS_KEYS.delete(tx.documents, home(ctx.scope.account), inp.access_key_id)
    kept = tuple(other for other in user.access_keys if other != inp.access_key_id)
    USER.keep(ctx, tx, msgspec.structs.replace(user, access_keys=kept))
    return api.Empty()
