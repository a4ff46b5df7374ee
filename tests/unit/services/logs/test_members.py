"""Every input member of every operation, nested ones too, and what it does here. The tables must name each member of the model."""

from __future__ import annotations

import inspect
import sys

import pytest

from bascule.api import logs as api
from bascule.services.logs import SERVICE
from tests.unit.services import members

NOT_BUILT = "refused: not built"
GROUP = {"logGroupName": "names the group"}
STREAM = {"logStreamName": "names the stream"}
#: By name or ARN; exactly one of both.
EITHER = GROUP | {"logGroupIdentifier": "names the group, also by its ARN"}
PAGE = {"nextToken": "goes on after a page", "limit": "bounds the page"}
RESOURCE = {"resourceArn": "names the group"}
POLICY = {
    "policyName": "names the policy",
    "resourceArn": "names the group of a policy of its own",
    "expectedRevisionId": "must be the current one",
}
SPAN = {"startTime": "first moment", "endTime": "moment after the last", "unmask": "nothing is masked here"}
ACCOUNTS = {"accountIdentifiers": NOT_BUILT, "includeLinkedAccounts": NOT_BUILT}

ACTS = {
    "CreateLogGroup": GROUP
    | {
        "kmsKeyId": NOT_BUILT,
        "tags": "kept",
        "logGroupClass": "kept, shown and selected by",
        "deletionProtectionEnabled": "refuses to delete the group",
    },
    "CreateLogStream": GROUP | STREAM,
    "DeleteLogGroup": GROUP,
    "DeleteLogStream": GROUP | STREAM,
    "DeleteResourcePolicy": POLICY,
    "DeleteRetentionPolicy": GROUP,
    "DescribeLogGroups": PAGE
    | ACCOUNTS
    | {
        "logGroupNamePrefix": "selects",
        "logGroupNamePattern": "selects",
        "logGroupClass": "selects",
        "logGroupIdentifiers": "selects",
    },
    "DescribeLogStreams": EITHER
    | PAGE
    | {"logStreamNamePrefix": "selects", "orderBy": "decides the order", "descending": "turns the order"},
    "DescribeResourcePolicies": PAGE | {"resourceArn": "selects", "policyScope": "selects"},
    "FilterLogEvents": EITHER
    | SPAN
    | PAGE
    | {
        "logStreamNames": "selects streams",
        "logStreamNamePrefix": "selects streams",
        "filterPattern": "selects events",
        "startFromHead": "oldest or newest first",
        "interleaved": "always so, as on AWS since 2019",
    },
    "GetLogEvents": EITHER | STREAM | SPAN | PAGE | {"startFromHead": "where the first page is"},
    "ListLogGroups": PAGE
    | ACCOUNTS
    | {
        "logGroupNamePattern": "selects",
        "logGroupClass": "selects",
        "dataSources": NOT_BUILT,
        "fieldIndexNames": NOT_BUILT,
        "logGroupTags": NOT_BUILT,
    },
    "ListTagsForResource": RESOURCE,
    "ListTagsLogGroup": GROUP,
    "PutLogEvents": GROUP
    | STREAM
    | {"logEvents": "kept; each checked", "sequenceToken": "ignored, by AWS too since 2023", "entity": NOT_BUILT},
    "PutResourcePolicy": POLICY | {"policyDocument": "who may deliver; checked"},
    "PutRetentionPolicy": GROUP | {"retentionInDays": "how long events are kept"},
    "TagLogGroup": GROUP | {"tags": "kept"},
    "TagResource": RESOURCE | {"tags": "kept"},
    "UntagLogGroup": GROUP | {"tags": "removed"},
    "UntagResource": RESOURCE | {"tagKeys": "removed"},
}
_REFUSED = "its owner is refused"
PARTS = {
    "DataSourceFilter": {"name": _REFUSED, "type": _REFUSED},
    "Entity": {"keyAttributes": _REFUSED, "attributes": _REFUSED},
    "InputLogEvent": {"timestamp": "of the event; checked", "message": "of the event; checked"},
    "TagFilter": {"key": _REFUSED, "values": _REFUSED},
}
#: Read by nobody, with a reason that the table gives.
WITHOUT_EFFECT = {"unmask", "interleaved", "sequenceToken"}


def test_the_tables_name_every_input_member() -> None:
    members.check(api, SERVICE.operations, ACTS, PARTS, NOT_BUILT)


@pytest.mark.parametrize("name", sorted(SERVICE.operations))
def test_what_acts_is_read(name: str) -> None:
    operation = SERVICE.operations[name]
    source = inspect.getsource(sys.modules[operation.run.__module__])
    kind = api.OPERATIONS[name][0]
    for attribute, wire in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        if wire not in operation.refuses and wire not in WITHOUT_EFFECT:
            assert f"inp.{attribute}" in source, f"{name}.{wire} does nothing"


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in SERVICE.operations if name.startswith(("Get", "List", "Describe", "Filter"))}
