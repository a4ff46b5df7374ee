"""The session that a function's calls are signed with."""

from __future__ import annotations

import msgspec

from bascule.identity.records import ROLES, Role, home
from bascule.kernel.invocation import FunctionVersion, RoleCredentials
from bascule.services.lambda_.execution_role import open_execution_role
from bascule.services.lambda_.function_url_callers import credentials_of
from tests.unit.services.lambda_.desk import Desk

FUNCTION = FunctionVersion(
    scope=Desk().scope,
    name="shop",
    version="1",
    revision_id="r",
    runtime="python3.12",
    handler="a.b",
    code_digest="d",
    role_arn="arn:aws:iam::999999999999:role/service/Worker",
)


def opened(desk: Desk, function: FunctionVersion = FUNCTION) -> RoleCredentials:
    now_ms = desk.clock.now_ms()
    return desk.store.write(lambda tx: open_execution_role(tx, function, ids=desk.contexts.ids, now_ms=now_ms))


def test_signatures_of_a_function_are_those_of_its_role_in_its_own_account(desk: Desk) -> None:
    made = opened(desk)
    known = desk.store.read(
        lambda tx: credentials_of(tx.documents, made.access_key, partition="aws", now_ms=desk.clock.now_ms())
    )
    assert known is not None
    assert (known.secret, known.session_token) == (made.secret, made.session_token)
    assert known.signer.arn == "arn:aws:sts::000000000000:assumed-role/Worker/shop"
    assert known.signer.principal_arn == "arn:aws:iam::000000000000:role/service/Worker"


def test_role_that_is_kept_gives_its_id(desk: Desk) -> None:
    role = Role(name="Worker", path="/service/", unique_id="AROAWORKER", created_ms=0, trust_policy="{}")
    desk.store.write(lambda tx: ROLES.put(tx.documents, home("000000000000"), "worker", role))
    made = opened(desk)
    known = desk.store.read(
        lambda tx: credentials_of(tx.documents, made.access_key, partition="aws", now_ms=desk.clock.now_ms())
    )
    assert known is not None
    assert known.signer.user_id == "AROAWORKER:shop"


def test_session_ends(desk: Desk) -> None:
    made = opened(desk, msgspec.structs.replace(FUNCTION, name="other"))
    assert made.expires_ms is not None
    end_ms = made.expires_ms
    assert (
        desk.store.read(lambda tx: credentials_of(tx.documents, made.access_key, partition="aws", now_ms=end_ms))
        is None
    )
