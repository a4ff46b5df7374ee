"""A desk to try IAM on: an in-memory store, simulated time, operations called by name."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from bascule.api import iam as api
from bascule.engines.sqlite import open_store
from bascule.kernel.clock import SimulatedClock
from bascule.kernel.context import Context
from bascule.kernel.ids import SeededIds
from bascule.kernel.metrics import Metrics
from bascule.kernel.scope import Scope
from bascule.kernel.settings import Settings
from bascule.kernel.store import Store
from bascule.services.iam import SERVICE

ACCOUNT = "111122223333"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def document(action: str = "sqs:SendMessage", *, size: int = 0) -> str:
    """A policy of one statement, at least ``size`` characters long."""
    resources = ["*", "arn:aws:sqs:us-east-1:111122223333:" + "q" * size]
    statement = {"Effect": "Allow", "Action": action, "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Desk:
    """Calls operations of one account; the region may differ from call to call."""

    def __init__(self) -> None:
        self.store: Store = open_store(None)
        self.clock = SimulatedClock()
        self.ids = SeededIds(7)
        self.scope = Scope(ACCOUNT)
        self.access_key = "test"

    def call(self, name: str, /, **members: Any) -> Any:
        nobody: Any = None
        operation = SERVICE.operations[name]
        given = api.OPERATIONS[name][0](**members)
        ctx = Context(
            scope=self.scope,
            now_ms=self.clock.now_ms(),
            request_id=self.ids.uuid(),
            ids=self.ids,
            courier=nobody,
            journal=nobody,
            metrics=Metrics(),
            settings=Settings(),
            access_key=self.access_key,
        )
        run = self.store.read if operation.reads else self.store.write
        return run(lambda tx: operation.run(ctx, tx, given))

    def role(self, name: str = "r", **members: Any) -> Any:
        return self.call("CreateRole", role_name=name, assume_role_policy_document=TRUST, **members).role

    def policy(self, name: str = "p", **members: Any) -> str:
        """Create a managed policy; gives its ARN."""
        given = {"policy_document": document()} | members
        arn: str = self.call("CreatePolicy", policy_name=name, **given).policy.arn
        return arn

    def pages(self, name: str, member: str, **members: Any) -> list[list[Any]]:
        """All pages of a List operation."""
        found, marker = [], None
        while True:
            answer = self.call(name, marker=marker, **members)
            found.append(getattr(answer, member))
            marker = answer.marker
            assert answer.is_truncated is (marker is not None)
            if marker is None:
                return found


def decoded(text: str) -> Any:
    """A document as IAM shows it, read."""
    return json.loads(unquote(text))
