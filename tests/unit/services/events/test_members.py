"""Every input member of every operation, and what it does here. The table must name each member of the model."""

from __future__ import annotations

import pytest

from bascule.api import events as api
from bascule.kernel.errors import NotImplementedHere
from bascule.services.events import SERVICE
from tests.unit.services.events.desk import HOME, Desk

BUS = {"EventBusName": "names the bus, also by its ARN"}
RULE = {"Name": "names the rule"} | BUS
PAGE = {"NextToken": "goes on after a page", "Limit": "bounds the page"}
NOT_BUILT = "refused: not built"

ACTS: dict[str, dict[str, str]] = {
    "CreateEventBus": {
        "Name": "checked",
        "EventSourceName": "refused: there are no partner sources",
        "Description": "kept and shown",
        "KmsKeyIdentifier": NOT_BUILT,
        "DeadLetterConfig": "kept and shown: it is about encryption with customer keys, which is refused",
        "LogConfig": NOT_BUILT,
        "Tags": "kept",
    },
    "DeleteEventBus": {"Name": "names the bus"},
    "DeleteRule": RULE | {"Force": "is about rules that AWS services manage, and there are none"},
    "DescribeEventBus": {"Name": "names the bus"},
    "DescribeRule": RULE,
    "DisableRule": RULE,
    "EnableRule": RULE,
    "ListEventBuses": PAGE | {"NamePrefix": "selects"},
    "ListRuleNamesByTarget": BUS | PAGE | {"TargetArn": "selects"},
    "ListRules": BUS | PAGE | {"NamePrefix": "selects"},
    "ListTagsForResource": {"ResourceARN": "names the rule or bus"},
    "ListTargetsByRule": BUS | PAGE | {"Rule": "names the rule"},
    "PutEvents": {"Entries": "1 to 10, each on its own", "EndpointId": NOT_BUILT},
    "PutPermission": BUS
    | {
        "Action": "action of the statement; checked",
        "Principal": "who may; checked",
        "StatementId": "names the statement",
        "Condition": "condition of the statement; checked",
        "Policy": "the whole policy; checked",
    },
    "PutRule": RULE
    | {
        "ScheduleExpression": "fires the rule; checked",
        "EventPattern": "compiled; decides which events match",
        "State": "a disabled rule neither matches nor fires",
        "Description": "kept and shown",
        "RoleArn": "kept and shown",
        "Tags": "kept when the rule is new",
    },
    "PutTargets": BUS | {"Rule": "names the rule", "Targets": "see TARGET"},
    "RemovePermission": BUS | {"StatementId": "names the statement", "RemoveAllPermissions": "removes the policy"},
    "RemoveTargets": BUS
    | {"Rule": "names the rule", "Ids": "name the targets", "Force": "is about rules that AWS services manage"},
    "TagResource": {"ResourceARN": "names the rule or bus", "Tags": "kept"},
    "TestEventPattern": {"EventPattern": "compiled", "Event": "matched; checked"},
    "UntagResource": {"ResourceARN": "names the rule or bus", "TagKeys": "removed"},
    "UpdateEventBus": {
        "Name": "names the bus",
        "KmsKeyIdentifier": NOT_BUILT,
        "Description": "kept and shown",
        "DeadLetterConfig": "kept and shown, as for CreateEventBus",
        "LogConfig": NOT_BUILT,
    },
}
TARGET = {
    "Id": "names the target",
    "Arn": "where events go",
    "RoleArn": "kept and shown; needed for targets that are reached by a role",
    "Input": "what is sent instead of the event",
    "InputPath": "what is sent of the event",
    "InputTransformer": "what is made of the event",
    "SqsParameters": "MessageGroupId of the message; refused for other targets than queues",
    "DeadLetterConfig": "takes what cannot be delivered; checked",
    "RetryPolicy": "how often and how long a delivery is tried",
    "KinesisParameters": NOT_BUILT,
    "RunCommandParameters": NOT_BUILT,
    "EcsParameters": NOT_BUILT,
    "BatchParameters": NOT_BUILT,
    "HttpParameters": NOT_BUILT,
    "RedshiftDataParameters": NOT_BUILT,
    "SageMakerPipelineParameters": NOT_BUILT,
    "AppSyncParameters": NOT_BUILT,
}
ENTRY = {
    "Time": "time of the event, in whole seconds",
    "Source": "checked; the event's",
    "Resources": "the event's",
    "DetailType": "checked; the event's",
    "Detail": "checked; the event's, compact",
    "EventBusName": "the bus, by name or ARN",
    "TraceHeader": "goes on with every delivery",
}
#: A value of each parameter structure that is not built.
VALUES: dict[str, object] = {
    "KinesisParameters": api.KinesisParameters(partition_key_path="$.id"),
    "RunCommandParameters": api.RunCommandParameters(run_command_targets=[]),
    "EcsParameters": api.EcsParameters(task_definition_arn="t"),
    "BatchParameters": api.BatchParameters(job_definition="d", job_name="n"),
    "HttpParameters": api.HttpParameters(),
    "RedshiftDataParameters": api.RedshiftDataParameters(database="d"),
    "SageMakerPipelineParameters": api.SageMakerPipelineParameters(),
    "AppSyncParameters": api.AppSyncParameters(),
}


def test_the_table_names_every_input_member() -> None:
    assert set(ACTS) == set(SERVICE.operations)
    for name, members in ACTS.items():
        assert set(api.OPERATIONS[name][0].__struct_encode_fields__) == set(members), name


def test_targets_and_entries_have_the_members_of_their_tables() -> None:
    assert set(api.Target.__struct_encode_fields__) == set(TARGET)
    assert set(api.PutEventsRequestEntry.__struct_encode_fields__) == set(ENTRY)
    assert api.RetryPolicy.__struct_encode_fields__ == ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
    assert api.SqsParameters.__struct_encode_fields__ == ("MessageGroupId",)
    assert api.DeadLetterConfig.__struct_encode_fields__ == ("Arn",)
    assert api.InputTransformer.__struct_encode_fields__ == ("InputPathsMap", "InputTemplate")


def test_members_that_are_not_built_are_refused() -> None:
    for name, members in ACTS.items():
        refused = {member for member, act in members.items() if act == NOT_BUILT}
        assert set(SERVICE.operations[name].refuses) == refused, name


@pytest.mark.parametrize("member", [member for member, act in TARGET.items() if act == NOT_BUILT])
def test_parameters_of_targets_that_are_not_built_are_refused(desk: Desk, member: str) -> None:
    desk.rule("r")
    attribute = dict(zip(api.Target.__struct_encode_fields__, api.Target.__struct_fields__, strict=True))[member]
    target = api.Target(id="1", arn=HOME.arn("sqs", "q"), **{attribute: VALUES[member]})  # type: ignore[arg-type]  # by name
    with pytest.raises(NotImplementedHere, match=member):
        desk.call("PutTargets", rule="r", targets=[target])


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in ACTS if name.startswith(("Describe", "List", "Test"))}
