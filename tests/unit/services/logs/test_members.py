"""Every input member of every operation acts, is refused, or is named here with what it does instead."""

from __future__ import annotations

import inspect
import sys

import pytest

from bascule.api import logs as api
from bascule.services.logs import SERVICE

#: Accepted without an effect, and why that is honest.
ACCEPTED = {
    ("PutLogEvents", "sequence_token"): "ignored by AWS too since 2023",
    ("GetLogEvents", "unmask"): "nothing is masked here",
    ("FilterLogEvents", "unmask"): "nothing is masked here",
    ("FilterLogEvents", "interleaved"): "always so, as on AWS since 2019",
}


@pytest.mark.parametrize("name", sorted(SERVICE.operations))
def test_every_input_member_acts_or_is_refused(name: str) -> None:
    operation = SERVICE.operations[name]
    given = api.OPERATIONS[name][0]
    source = inspect.getsource(sys.modules[operation.run.__module__])
    refused = {member.split(".")[0] for member in operation.refuses}
    for attribute, wire in zip(given.__struct_fields__, given.__struct_encode_fields__, strict=True):
        if wire in refused or (name, attribute) in ACCEPTED:
            continue
        assert f"inp.{attribute}" in source, f"{name}.{wire} does nothing"


def test_refused_members_are_members_of_the_model() -> None:
    for name, operation in SERVICE.operations.items():
        members = set(api.OPERATIONS[name][0].__struct_encode_fields__)
        assert {member.split(".")[0] for member in operation.refuses} <= members


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in SERVICE.operations if name.startswith(("Get", "List", "Describe", "Filter"))}
