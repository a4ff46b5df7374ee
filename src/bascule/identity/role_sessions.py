"""Sessions of roles: temporary credentials that act as a role under a session name.

STS opens them for whoever may assume a role, Lambda for the functions it runs; both leave the same record, so that
GetCallerIdentity and the checks of signatures know them alike.
"""

from __future__ import annotations

from bascule.identity.access_keys import new_access_key, new_secret, new_session_token
from bascule.identity.records import SESSIONS, Role, Session, home
from bascule.kernel.ids import Ids
from bascule.kernel.store import Tx


def fresh_key(tx: Tx, ids: Ids, account: str) -> str:
    """An access key id of ``account`` that no session has."""
    scope = home(account)
    return new_access_key(account, ids, is_free=lambda key: SESSIONS.get(tx.documents, scope, key) is None)


def open_role_session(
    tx: Tx,
    ids: Ids,
    *,
    account: str,
    partition: str,
    role_arn: str,
    role: Role | None,
    session_name: str,
    expires_ms: int,
) -> tuple[str, Session]:
    """Keep a new session; gives its access key id and its record.

    Takes    account: what the credentials act in; role: None when it is not known here, and gets an id of its own.
    """
    access_key = fresh_key(tx, ids, account)
    role_name = role_arn.rpartition("/")[2]
    role_id = role.unique_id if role is not None else f"AROA{access_key[4:]}"
    session = Session(
        arn=f"arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}",
        user_id=f"{role_id}:{session_name}",
        expires_ms=expires_ms,
        role_arn=role_arn,
        secret=new_secret(ids),
        session_token=new_session_token(ids),
    )
    SESSIONS.put(tx.documents, home(account), access_key, session)
    return access_key, session
