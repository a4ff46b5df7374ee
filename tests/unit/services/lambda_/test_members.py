"""Every input member of every operation acts, is refused, or is named here with what it does instead."""

from __future__ import annotations

import inspect
import sys

import pytest

from bascule.api import lambda_ as api
from bascule.services.lambda_ import SERVICE, event_source_checks

#: Read through a function that several operations share.
SHARED = {
    "CreateFunction": "checked_package check_settings changed_settings",
    "UpdateFunctionConfiguration": "check_settings changed_settings",
    "UpdateFunctionCode": "checked_package",
}
SETTINGS = {
    "runtime",
    "handler",
    "role",
    "description",
    "timeout",
    "memory_size",
    "ephemeral_storage",
    "environment",
    "tracing_config",
    "dead_letter_config",
    "logging_config",
    "vpc_config",
    "kms_key_arn",
    "layers",
    "file_system_configs",
    "snap_start",
}
#: Accepted without an effect, and why that is honest.
ACCEPTED = {
    ("PutRuntimeManagementConfig", "runtime_version_arn"): "only goes with Manual, which is refused",
}


@pytest.mark.parametrize("name", sorted(SERVICE.operations))
def test_every_input_member_acts_or_is_refused(name: str) -> None:
    operation = SERVICE.operations[name]
    given = api.OPERATIONS[name][0]
    source = inspect.getsource(sys.modules[operation.run.__module__])
    refused = {member.split(".")[0] for member in operation.refuses}
    if name in ("CreateEventSourceMapping", "UpdateEventSourceMapping"):
        source += inspect.getsource(event_source_checks)
        refused |= set(event_source_checks.NOT_FOR_QUEUES.values())
    for attribute, wire in zip(given.__struct_fields__, given.__struct_encode_fields__, strict=True):
        if wire in refused or (name, attribute) in ACCEPTED or (name in SHARED and attribute in SETTINGS):
            continue
        assert f"inp.{attribute}" in source, f"{name}.{wire} does nothing"


def test_refused_members_are_members_of_the_model() -> None:
    for name, operation in SERVICE.operations.items():
        members = set(api.OPERATIONS[name][0].__struct_encode_fields__)
        assert {member.split(".")[0] for member in operation.refuses} <= members


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in SERVICE.operations if name.startswith(("Get", "List"))} | {
        "Invoke",
        "InvokeWithResponseStream",
    }
