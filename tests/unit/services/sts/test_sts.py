"""Who calls, and temporary credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.api import sts as api
from bascule.engines.sqlite import open_store
from bascule.identity.access_keys import LASTING, account_of, new_access_key
from bascule.identity.records import ACCESS_KEYS, ROLES, USERS, AccessKey, Role, User, home, key_of
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.ids import SeededIds
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.services.sts import SERVICE
from bascule.services.sts.errors import AccessDenied, ExpiredToken, InvalidRequest, MalformedPolicyDocument
from bascule.services.sts.sessions import forget_expired

ROLE = "arn:aws:iam::111122223333:role/service-role/reader"


class Desk:
    def __init__(self) -> None:
        self.store = open_store(None)
        self.clock = SimulatedClock()
        self.ids = SeededIds(3)

    def context(self, access_key: str = "test", *, enforce_policies: bool = False) -> Context:
        nobody: Any = None
        return Context(
            scope=Scope(account_of(access_key) or "000000000000"),
            now_ms=self.clock.now_ms(),
            request_id="r",
            ids=self.ids,
            courier=nobody,
            journal=nobody,
            metrics=Metrics(),
            settings=Settings(enforce_policies=enforce_policies),
            access_key=access_key,
        )

    def call(self, name: str, access_key: str = "test", *, enforce_policies: bool = False, **members: Any) -> Any:
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        ctx = self.context(access_key, enforce_policies=enforce_policies)
        run = self.store.read if operation.reads else self.store.write
        return run(lambda tx: operation.run(ctx, tx, given))

    def role(self, name: str = "reader", *, session_s_max: int = 3_600, **statement: Any) -> str:
        """A role of account 111122223333 whose trust policy has one statement; gives its ARN."""
        trust = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"} | statement
        made = Role(
            name=name,
            path="/service-role/",
            unique_id="AROAREADER",
            created_ms=0,
            trust_policy=json.dumps({"Version": "2012-10-17", "Statement": trust}),
            session_s_max=session_s_max,
        )
        self.store.write(lambda tx: ROLES.put(tx.documents, home("111122223333"), key_of(name), made))
        return f"arn:aws:iam::111122223333:role/service-role/{name}"

    def user(self, *, is_active: bool = True) -> str:
        """A user of account 111122223333; gives the access key id."""
        access_key = new_access_key("111122223333", self.ids, kind=LASTING, is_free=lambda key: True)
        ann = User(name="ann", path="/x/", unique_id="AIDAANN", created_ms=0, access_keys=(access_key,))
        key = AccessKey(user_name="ann", created_ms=0, is_active=is_active)
        scope = home("111122223333")
        self.store.write(lambda tx: USERS.put(tx.documents, scope, "ann", ann))
        self.store.write(lambda tx: ACCESS_KEYS.put(tx.documents, scope, access_key, key))
        return access_key


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.store.close()


def test_caller_is_the_root_of_the_account_of_its_key(desk: Desk) -> None:
    shown = desk.call("GetCallerIdentity", "111122223333")
    assert (shown.account, shown.user_id, shown.arn) == (
        "111122223333",
        "111122223333",
        "arn:aws:iam::111122223333:root",
    )


def test_assumed_role_acts_in_the_account_of_the_role_until_it_expires(desk: Desk) -> None:
    answer = desk.call("AssumeRole", role_arn=ROLE, role_session_name="me", duration_seconds=900)
    key = answer.credentials.access_key_id
    assert answer.credentials.expiration == desk.clock.now_ms() // 1000 + 900
    assert answer.assumed_role_user.arn == "arn:aws:sts::111122223333:assumed-role/reader/me"
    shown = desk.call("GetCallerIdentity", key)
    assert (shown.account, shown.arn) == ("111122223333", answer.assumed_role_user.arn)
    desk.clock.advance(900_000)
    with pytest.raises(ExpiredToken):
        desk.call("GetCallerIdentity", key)
    ctx = desk.context()
    assert desk.store.write(lambda tx: forget_expired(ctx, tx)) is None
    with pytest.raises(ExpiredToken):
        desk.call("GetCallerIdentity", key)


def test_session_token_stays_in_the_callers_account(desk: Desk) -> None:
    credentials = desk.call("GetSessionToken", "111122223333").credentials
    assert account_of(credentials.access_key_id) == "111122223333"


@pytest.mark.parametrize(("is_active", "name"), [(True, "user/x/ann"), (False, "root")])
def test_a_lasting_key_stands_for_its_user_while_it_is_active(desk: Desk, is_active: bool, name: str) -> None:
    shown = desk.call("GetCallerIdentity", desk.user(is_active=is_active))
    assert shown.arn == f"arn:aws:iam::111122223333:{name}"


def test_session_token_of_a_user_stands_for_the_user(desk: Desk) -> None:
    access_key = desk.user()
    given = desk.call("GetSessionToken", access_key).credentials
    assert given.access_key_id.startswith("ASIA")
    assert desk.call("GetCallerIdentity", given.access_key_id) == desk.call("GetCallerIdentity", access_key)


def test_once_an_account_has_roles_only_those_can_be_assumed(desk: Desk) -> None:
    arn = desk.role()
    answer = desk.call("AssumeRole", desk.user(), role_arn=arn, role_session_name="me")
    assert answer.assumed_role_user.assumed_role_id == "AROAREADER:me"
    for other in ("arn:aws:iam::111122223333:role/other", "arn:aws:iam::111122223333:role/reader"):
        with pytest.raises(AccessDenied, match="user/x/ann is not authorized to perform: sts:AssumeRole on resource"):
            desk.call("AssumeRole", desk.user(), role_arn=other, role_session_name="me")


def test_a_role_must_exist_when_policies_are_enforced(desk: Desk) -> None:
    with pytest.raises(AccessDenied):
        desk.call("AssumeRole", enforce_policies=True, role_arn=ROLE, role_session_name="me")


@pytest.mark.parametrize("enforce_policies", [True, False])
def test_a_trust_policy_that_denies_is_heard_and_one_that_is_silent_only_when_enforced(
    desk: Desk, enforce_policies: bool
) -> None:
    def assume(arn: str, **members: Any) -> Any:
        return desk.call(
            "AssumeRole",
            "111122223333",
            enforce_policies=enforce_policies,
            role_arn=arn,
            role_session_name="me",
            **members,
        )

    external = {"StringEquals": {"sts:ExternalId": "x"}}
    with pytest.raises(AccessDenied):
        assume(desk.role("denied", Effect="Deny"))
    assert assume(desk.role("allowed")).credentials
    assert assume(desk.role("external", Condition=external), external_id="x").credentials
    tagged = {"StringEquals": {"aws:RequestTag/team": "a"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    arn = desk.role("tagged", Condition=tagged | {"StringLike": {"sts:SourceIdentity": "a*"}})
    assert assume(arn, tags=[api.Tag(key="team", value="a")], source_identity="ann").packed_policy_size == 0
    silent = desk.role("silent", Condition=external)
    if enforce_policies:
        with pytest.raises(AccessDenied):
            assume(silent, external_id="y")
    else:
        assert assume(silent, external_id="y").credentials


def test_sessions_are_no_longer_than_the_role_allows(desk: Desk) -> None:
    arn = desk.role(session_s_max=7_200)
    answer = desk.call("AssumeRole", role_arn=arn, role_session_name="me", duration_seconds=7_200)
    with pytest.raises(InvalidRequest, match="exceeds the MaxSessionDuration set for this role"):
        desk.call("AssumeRole", role_arn=arn, role_session_name="me", duration_seconds=7_201)
    key = answer.credentials.access_key_id
    with pytest.raises(InvalidRequest, match="role chaining"):
        desk.call("AssumeRole", key, role_arn=arn, role_session_name="me", duration_seconds=3_601)
    with pytest.raises(AccessDenied, match="Cannot call GetSessionToken with session credentials"):
        desk.call("GetSessionToken", key)


def test_session_policies_are_checked(desk: Desk) -> None:
    with pytest.raises(MalformedPolicyDocument):
        desk.call("AssumeRole", role_arn=ROLE, role_session_name="me", policy="{}")
    arns = [api.PolicyDescriptorType(arn="arn:aws:iam::aws:policy/ReadOnlyAccess")] * 11
    with pytest.raises(InvalidRequest):
        desk.call("AssumeRole", role_arn=ROLE, role_session_name="me", policy_arns=arns)


def test_access_key_info_reads_the_account_out_of_the_id(desk: Desk) -> None:
    assert desk.call("GetAccessKeyInfo", access_key_id=desk.user()).account == "111122223333"
    with pytest.raises(InvalidRequest):
        desk.call("GetAccessKeyInfo", access_key_id="AKIAIOSFODNN7EXAMPLE")


def test_keys_are_drawn_again_when_they_are_taken() -> None:
    taken: set[str] = set()

    def is_free(key: str) -> bool:
        is_new = len(taken) > 3
        taken.add(key)
        return is_new

    assert new_access_key("111122223333", SeededIds(1), is_free=is_free) in taken
    assert len(taken) == 5


def test_what_is_no_role_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidRequest, match="is invalid"):
        desk.call("AssumeRole", role_arn="arn:aws:iam::111122223333:user/ann", role_session_name="me")
    with pytest.raises(InvalidRequest, match="is invalid"):
        desk.call("AssumeRole", role_arn="arn:aws:iam::aws:role/reader", role_session_name="me")


@pytest.mark.parametrize("account", ["000000000000", "111122223333", "999999999999"])
def test_account_comes_back_out_of_its_key(account: str) -> None:
    key = new_access_key(account, SeededIds(1), is_free=lambda key: True)
    assert len(key) == 20
    assert account_of(key) == account
    assert account_of(account) == account


@pytest.mark.parametrize(
    "key", ["", "test", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "ASIABSCL7777777799AA", "ASIABSCL!!!!!!!!9999"]
)
def test_any_other_key_names_no_account(key: str) -> None:
    assert account_of(key) is None
