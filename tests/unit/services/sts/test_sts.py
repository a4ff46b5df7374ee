"""Who calls, and temporary credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bascule.api import sts as api
from bascule.engines.sqlite import open_store
from bascule.identity.access_keys import account_of, new_access_key
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.ids import SeededIds
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.services.sts import SERVICE
from bascule.services.sts.errors import InvalidRequest
from bascule.services.sts.sessions import forget_expired

ROLE = "arn:aws:iam::111122223333:role/service-role/reader"


class Desk:
    def __init__(self) -> None:
        self.store = open_store(None)
        self.clock = SimulatedClock()
        self.ids = SeededIds(3)

    def context(self, access_key: str = "test") -> Context:
        nobody: Any = None
        return Context(
            scope=Scope(account_of(access_key) or "000000000000"),
            now_ms=self.clock.now_ms(),
            request_id="r",
            ids=self.ids,
            courier=nobody,
            journal=nobody,
            metrics=Metrics(),
            settings=Settings(),
            access_key=access_key,
        )

    def call(self, name: str, access_key: str = "test", **members: Any) -> Any:
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        ctx = self.context(access_key)
        run = self.store.read if operation.reads else self.store.write
        return run(lambda tx: operation.run(ctx, tx, given))


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
    assert desk.call("GetCallerIdentity", key).arn == "arn:aws:iam::111122223333:root"
    ctx = desk.context()
    assert desk.store.write(lambda tx: forget_expired(ctx, tx)) is None


def test_session_token_stays_in_the_callers_account(desk: Desk) -> None:
    credentials = desk.call("GetSessionToken", "111122223333").credentials
    assert account_of(credentials.access_key_id) == "111122223333"


def test_what_is_no_role_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidRequest, match="is invalid"):
        desk.call("AssumeRole", role_arn="arn:aws:iam::111122223333:user/ann", role_session_name="me")


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
