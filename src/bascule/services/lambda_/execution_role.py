"""The credentials of a function: a session of its execution role, named after the function."""

from __future__ import annotations

from bascule.identity.records import ROLES, home, key_of
from bascule.identity.role_sessions import open_role_session
from bascule.kernel.ids import Ids
from bascule.kernel.invocation import FunctionVersion, RoleCredentials
from bascule.kernel.store import Tx
from bascule.services.lambda_.limits import ROLE_SESSION_MS


def open_execution_role(tx: Tx, function: FunctionVersion, *, ids: Ids, now_ms: int) -> RoleCredentials:
    """New credentials for environments of a function.

    Promise  durable when the transaction is: STS and the checks of signatures know them until they expire.
    Differs  the role is that of the function's account, whatever account its ARN names: its form alone is checked when a
             function is created, and calls of a function must reach what belongs to it.
    """
    account = function.scope.account
    path = function.role_arn.rpartition(":")[2]
    name = path.rpartition("/")[2]
    access_key, session = open_role_session(
        tx,
        ids,
        account=account,
        partition=function.scope.partition,
        role_arn=f"arn:{function.scope.partition}:iam::{account}:{path}",
        role=ROLES.get(tx.documents, home(account), key_of(name)),
        session_name=function.name,
        expires_ms=now_ms + ROLE_SESSION_MS,
    )
    return RoleCredentials(
        access_key=access_key,
        secret=session.secret,
        session_token=session.session_token,
        expires_ms=session.expires_ms,
    )
