"""Every input member of every operation, nested ones too, and what it does here. The tables must name each member of the model."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bascule.api import lambda_ as api
from bascule.kernel.errors import AwsError, NotImplementedHere
from bascule.services.lambda_ import SERVICE
from bascule.services.lambda_.configuration import check_settings
from bascule.services.lambda_.errors import InvalidParameterValue
from bascule.services.lambda_.event_source_checks import check_members
from tests.unit.services import members
from tests.unit.services.lambda_.desk import Desk

NOT_BUILT = "refused: not built"
NOT_FOR_QUEUES = "refused: queues have none"
NAME = {"FunctionName": "names the function, also by its ARN"}
VERSION = NAME | {"Qualifier": "names the version or alias"}
PAGE = {"Marker": "goes on after a page", "MaxItems": "bounds the page"}
REVISION = {"RevisionId": "must be the current one, else 412"}
LAYER = {"LayerName": "names the layer, also by its ARN", "VersionNumber": "names the version"}
SETTINGS = {
    "Runtime": "decides what runs the handler; deprecated ones refused",
    "Role": "signs the function's calls",
    "Handler": "what is called",
    "Description": "kept and shown",
    "Timeout": "ends a run; checked",
    "MemorySize": "bounds memory and processor; checked",
    "VpcConfig": "see VpcConfig",
    "DeadLetterConfig": "takes what failed; checked",
    "Environment": "variables of the process; checked",
    "KMSKeyArn": "refused unless empty: nothing is encrypted",
    "TracingConfig": "kept and shown",
    "Layers": "unpacked to /opt in order; checked",
    "FileSystemConfigs": "refused unless empty",
    "EphemeralStorage": "bounds /tmp; checked",
    "SnapStart": "see SnapStart",
    "LoggingConfig": "see LoggingConfig",
    "ImageConfig": NOT_BUILT,
    "CapacityProviderConfig": NOT_BUILT,
    "DurableConfig": NOT_BUILT,
    "RuntimeConfig": NOT_BUILT,
    "AcceleratorConfig": NOT_BUILT,
}
EVENTS = VERSION | {
    "MaximumRetryAttempts": "retries of a failing event",
    "MaximumEventAgeInSeconds": "age at which an event is given up",
    "DestinationConfig": "where records go; checked",
}
MAPPING = {
    "Enabled": "whether messages are read",
    "BatchSize": "messages of a batch at most",
    "FilterCriteria": "messages that match none are deleted; checked",
    "KMSKeyArn": NOT_BUILT,
    "MetricsConfig": "EventCount has events counted",
    "LoggingConfig": NOT_FOR_QUEUES,
    "ScalingConfig": "batches at once at most",
    "MaximumBatchingWindowInSeconds": "how long a batch gathers",
    "ParallelizationFactor": NOT_FOR_QUEUES,
    "DestinationConfig": NOT_FOR_QUEUES,
    "MaximumRecordAgeInSeconds": NOT_FOR_QUEUES,
    "BisectBatchOnFunctionError": NOT_FOR_QUEUES,
    "MaximumRetryAttempts": NOT_FOR_QUEUES,
    "TumblingWindowInSeconds": NOT_FOR_QUEUES,
    "SourceAccessConfigurations": NOT_FOR_QUEUES,
    "FunctionResponseTypes": "whether the answer may name failures",
    "AmazonManagedKafkaEventSourceConfig": NOT_FOR_QUEUES,
    "SelfManagedKafkaEventSourceConfig": NOT_FOR_QUEUES,
    "DocumentDBEventSourceConfig": NOT_FOR_QUEUES,
    "ProvisionedPollerConfig": "batches at once, ten for each poller",
}
URL = VERSION | {
    "AuthType": "whether calls must be signed",
    "Cors": "answers preflights, adds headers",
    "InvokeMode": "buffered or streamed",
}
CALL = VERSION | {
    "InvocationType": "waits, queues the event (Invoke only), or only checks",
    "LogType": "Tail has the end of the log answered",
    "ClientContext": "reaches the handler",
    "Payload": "the event; checked for size",
    "TenantId": NOT_BUILT,
}
ALIAS = NAME | {
    "Name": "names the alias",
    "FunctionVersion": "where calls go",
    "Description": "kept and shown",
    "RoutingConfig": "part of calls that go to a second version; checked",
}
FITTING = {"CompatibleArchitecture": "selects", "CompatibleRuntime": "selects"}
RESOURCE = {"Resource": "names the function or mapping"}

ACTS: dict[str, dict[str, str]] = {
    "AddLayerVersionPermission": LAYER
    | REVISION
    | {
        "StatementId": "names the statement",
        "Action": "of the statement",
        "Principal": "who may; checked",
        "OrganizationId": "kept and shown; never applies, as there are no organisations",
    },
    "AddPermission": VERSION
    | REVISION
    | {
        "StatementId": "names the statement",
        "Action": "of the statement",
        "Principal": "who may; checked",
        "SourceArn": "condition of the statement",
        "SourceAccount": "condition of the statement",
        "FunctionUrlAuthType": "condition of the statement",
        "InvokedViaFunctionUrl": "condition of the statement",
        "EventSourceToken": "condition of the statement",
        "PrincipalOrgID": "condition of the statement",
    },
    "CreateAlias": ALIAS,
    "CreateEventSourceMapping": NAME
    | MAPPING
    | {
        "EventSourceArn": "names the queue; other sources refused",
        "StartingPosition": NOT_FOR_QUEUES,
        "StartingPositionTimestamp": NOT_FOR_QUEUES,
        "Tags": "kept",
        "Topics": NOT_FOR_QUEUES,
        "Queues": NOT_FOR_QUEUES,
        "SelfManagedEventSource": NOT_FOR_QUEUES,
    },
    "CreateFunction": NAME
    | SETTINGS
    | {
        "Code": "see FunctionCode",
        "Publish": "publishes version 1",
        "PublishTo": NOT_BUILT,
        "PackageType": "Zip; Image refused",
        "Tags": "kept",
        "CodeSigningConfigArn": NOT_BUILT,
        "Architectures": "kept and shown: functions run on the processor that there is",
        "TenancyConfig": NOT_BUILT,
    },
    "CreateFunctionUrlConfig": URL,
    "DeleteAlias": NAME | {"Name": "names the alias"},
    "DeleteEventSourceMapping": {"UUID": "names the mapping"},
    "DeleteFunction": VERSION,
    "DeleteFunctionConcurrency": NAME,
    "DeleteFunctionEventInvokeConfig": VERSION,
    "DeleteFunctionUrlConfig": VERSION,
    "DeleteLayerVersion": LAYER,
    "DeleteProvisionedConcurrencyConfig": VERSION,
    "GetAccountSettings": {},
    "GetAlias": NAME | {"Name": "names the alias"},
    "GetEventSourceMapping": {"UUID": "names the mapping"},
    "GetFunction": VERSION,
    "GetFunctionCodeSigningConfig": NAME,
    "GetFunctionConcurrency": NAME,
    "GetFunctionConfiguration": VERSION,
    "GetFunctionEventInvokeConfig": VERSION,
    "GetFunctionRecursionConfig": NAME,
    "GetFunctionUrlConfig": VERSION,
    "GetLayerVersion": LAYER,
    "GetLayerVersionByArn": {"Arn": "names the version"},
    "GetLayerVersionPolicy": LAYER,
    "GetPolicy": VERSION,
    "GetProvisionedConcurrencyConfig": VERSION,
    "GetRuntimeManagementConfig": VERSION,
    "Invoke": CALL | {"DurableExecutionName": NOT_BUILT},
    "InvokeAsync": NAME | {"InvokeArgs": "the event; checked for size"},
    "InvokeWithResponseStream": CALL,
    "ListAliases": NAME | PAGE | {"FunctionVersion": "selects"},
    "ListEventSourceMappings": NAME | PAGE | {"EventSourceArn": "selects"},
    "ListFunctionEventInvokeConfigs": NAME | PAGE,
    "ListFunctionUrlConfigs": NAME | PAGE,
    "ListFunctions": PAGE | {"MasterRegion": NOT_BUILT, "FunctionVersion": "ALL lists versions, too"},
    "ListLayerVersions": PAGE | FITTING | {"LayerName": "names the layer"},
    "ListLayers": PAGE | FITTING,
    "ListProvisionedConcurrencyConfigs": NAME | PAGE,
    "ListTags": RESOURCE,
    "ListVersionsByFunction": NAME | PAGE,
    "PublishLayerVersion": {
        "LayerName": "names the layer",
        "Description": "kept and shown",
        "Content": "see LayerVersionContentInput",
        "CompatibleArchitectures": "kept, shown and selected by",
        "CompatibleRuntimes": "kept, shown and selected by",
        "LicenseInfo": "kept and shown",
    },
    "PublishVersion": NAME
    | REVISION
    | {
        "CodeSha256": "must be that of $LATEST",
        "Description": "kept and shown",
        "PublishTo": NOT_BUILT,
    },
    "PutFunctionConcurrency": NAME | {"ReservedConcurrentExecutions": "bounds runs; checked"},
    "PutFunctionEventInvokeConfig": EVENTS,
    "PutFunctionRecursionConfig": NAME | {"RecursiveLoop": "whether loops are ended"},
    "PutProvisionedConcurrencyConfig": VERSION
    | {"ProvisionedConcurrentExecutions": "environments kept ready; checked"},
    "PutRuntimeManagementConfig": VERSION
    | {
        "UpdateRuntimeOn": "Auto; Manual and FunctionUpdate refused",
        "RuntimeVersionArn": "goes with Manual only, which is refused",
    },
    "RemoveLayerVersionPermission": LAYER | REVISION | {"StatementId": "names the statement"},
    "RemovePermission": VERSION | REVISION | {"StatementId": "names the statement"},
    "TagResource": RESOURCE | {"Tags": "kept; checked"},
    "UntagResource": RESOURCE | {"TagKeys": "removed"},
    "UpdateAlias": ALIAS | REVISION,
    "UpdateEventSourceMapping": NAME | MAPPING | {"UUID": "names the mapping"},
    "UpdateFunctionCode": NAME
    | REVISION
    | {
        "ZipFile": "the code; checked",
        "S3Bucket": "refused: there is no S3",
        "S3Key": "refused: there is no S3",
        "S3ObjectVersion": "refused: there is no S3",
        "S3ObjectStorageMode": NOT_BUILT,
        "ImageUri": "refused: there are no images",
        "Architectures": "kept and shown",
        "Publish": "publishes a version",
        "PublishTo": NOT_BUILT,
        "DryRun": "checks and changes nothing",
        "SourceKMSKeyArn": NOT_BUILT,
    },
    "UpdateFunctionConfiguration": NAME | REVISION | SETTINGS,
    "UpdateFunctionEventInvokeConfig": EVENTS,
    "UpdateFunctionUrlConfig": URL,
}
_REFUSED = "its owner is refused"
PARTS: dict[str, dict[str, str]] = {
    "AliasRoutingConfiguration": {"AdditionalVersionWeights": "part of calls by version; one, from 0 to 1"},
    "FilterCriteria": {"Filters": "any of them"},
    "Filter": {"Pattern": "compiled; decides"},
    "EventSourceMappingMetricsConfig": {"Metrics": "EventCount; checked by the model"},
    "EventSourceMappingLoggingConfig": {"SystemLogLevel": _REFUSED},
    "ScalingConfig": {"MaximumConcurrency": "batches at once at most; checked"},
    "ProvisionedPollerConfig": {
        "MinimumPollers": "ten batches at once each, from the start",
        "MaximumPollers": "ten batches at once each, at most",
        "PollerGroupName": "refused: queues have none",
    },
    "DestinationConfig": {"OnSuccess": "see OnSuccess", "OnFailure": "see OnFailure"},
    "OnSuccess": {"Destination": "gets records of runs that ended well; checked"},
    "OnFailure": {"Destination": "gets records of events given up; checked"},
    "SourceAccessConfiguration": {"Type": _REFUSED, "URI": _REFUSED},
    "SelfManagedEventSource": {"Endpoints": _REFUSED},
    "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": _REFUSED, "SchemaRegistryConfig": _REFUSED},
    "SelfManagedKafkaEventSourceConfig": {
        "ConsumerGroupId": _REFUSED,
        "SchemaRegistryConfig": _REFUSED,
        "ConsumptionMode": _REFUSED,
    },
    "KafkaSchemaRegistryConfig": {
        "SchemaRegistryURI": _REFUSED,
        "EventRecordFormat": _REFUSED,
        "AccessConfigs": _REFUSED,
        "SchemaValidationConfigs": _REFUSED,
    },
    "KafkaSchemaRegistryAccessConfig": {"Type": _REFUSED, "URI": _REFUSED},
    "KafkaSchemaValidationConfig": {"Attribute": _REFUSED},
    "DocumentDBEventSourceConfig": {
        "DatabaseName": _REFUSED,
        "CollectionName": _REFUSED,
        "FullDocument": _REFUSED,
    },
    "FunctionCode": {
        "ZipFile": "the code; checked",
        "S3Bucket": "refused: there is no S3",
        "S3Key": "refused: there is no S3",
        "S3ObjectVersion": "refused: there is no S3",
        "S3ObjectStorageMode": NOT_BUILT,
        "ImageUri": "refused: there are no images",
        "SourceKMSKeyArn": NOT_BUILT,
    },
    "LayerVersionContentInput": {
        "ZipFile": "the content; checked",
        "S3Bucket": "refused: there is no S3",
        "S3Key": "refused: there is no S3",
        "S3ObjectVersion": "refused: there is no S3",
        "S3ObjectStorageMode": NOT_BUILT,
    },
    "VpcConfig": {
        "SubnetIds": "refused unless empty",
        "SecurityGroupIds": "refused unless empty",
        "Ipv6AllowedForDualStack": "refused when true: it is about subnets",
    },
    "DeadLetterConfig": {"TargetArn": "a standard queue or topic, or empty for none"},
    "Environment": {"Variables": "variables of the process; checked"},
    "TracingConfig": {"Mode": "kept and shown"},
    "FileSystemConfig": {"Arn": _REFUSED, "LocalMountPath": _REFUSED, "S3FilesConfig": _REFUSED},
    "S3FilesConfig": {"DirectS3Read": _REFUSED},
    "ImageConfig": {"EntryPoint": _REFUSED, "Command": _REFUSED, "WorkingDirectory": _REFUSED},
    "EphemeralStorage": {"Size": "bounds /tmp; checked"},
    "SnapStart": {"ApplyOn": "None; PublishedVersions refused"},
    "LoggingConfig": {
        "LogFormat": "form of what is logged",
        "ApplicationLogLevel": "least level of the handler's lines; with JSON only",
        "SystemLogLevel": "least level of the platform's lines; with JSON only",
        "LogGroup": "where lines go",
    },
    "TenancyConfig": {"TenantIsolationMode": _REFUSED},
    "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": _REFUSED},
    "LambdaManagedInstancesCapacityProviderConfig": {
        "CapacityProviderArn": _REFUSED,
        "PerExecutionEnvironmentMaxConcurrency": _REFUSED,
        "ExecutionEnvironmentMemoryGiBPerVCpu": _REFUSED,
    },
    "DurableConfig": {"KMSKeyArn": _REFUSED, "RetentionPeriodInDays": _REFUSED, "ExecutionTimeout": _REFUSED},
    "FunctionRuntimeConfig": {"RuntimeArn": _REFUSED, "RuntimeAlias": _REFUSED},
    "AcceleratorConfig": {"AcceleratorMemorySize": _REFUSED},
    "Cors": {
        "AllowCredentials": "header of answers",
        "AllowHeaders": "header of preflights",
        "AllowMethods": "decides which methods pass",
        "AllowOrigins": "decides which origins pass",
        "ExposeHeaders": "header of answers",
        "MaxAge": "header of preflights",
    },
}


def test_the_tables_name_every_input_member() -> None:
    members.check(api, SERVICE.operations, ACTS, PARTS, NOT_BUILT)


def test_nested_members_that_are_not_built_are_refused_by_their_operations() -> None:
    owners = {
        "FunctionCode": ("CreateFunction", "Code"),
        "LayerVersionContentInput": ("PublishLayerVersion", "Content"),
    }
    for part, (name, member) in owners.items():
        refused = {f"{member}.{inner}" for inner, act in PARTS[part].items() if act == NOT_BUILT}
        assert refused == {text for text in SERVICE.operations[name].refuses if "." in text}


def _some(kind: Any) -> Any:
    """Any value of a member that may be left out."""
    (given,) = (
        part for part in msgspec.inspect.type_info(kind).types if not isinstance(part, msgspec.inspect.NoneType)
    )
    if isinstance(given, msgspec.inspect.StructType):
        return msgspec.convert(
            {field.encode_name: "x" for field in given.fields if field.required}, given.cls, strict=False
        )
    if isinstance(given, msgspec.inspect.ListType):
        return []
    return {msgspec.inspect.BoolType: True, msgspec.inspect.IntType: 1}.get(type(given), "x")


@pytest.mark.parametrize("name", ["CreateEventSourceMapping", "UpdateEventSourceMapping"])
def test_members_that_queues_have_not_are_refused(name: str) -> None:
    kind = api.OPERATIONS[name][0]
    wanted = {"function_name": "f"} if name == "CreateEventSourceMapping" else {"uuid": "u"}
    for field in msgspec.structs.fields(kind):
        if ACTS[name][field.encode_name] != NOT_FOR_QUEUES or field.encode_name.startswith("StartingPosition"):
            continue
        given = kind(**wanted, **{field.name: _some(field.type)})
        with pytest.raises(InvalidParameterValue, match=field.encode_name):
            check_members(given)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("starting_position", "LATEST"),
        ("starting_position_timestamp", 1.0),
        ("provisioned_poller_config", api.ProvisionedPollerConfig(poller_group_name="g")),
    ],
)
def test_what_else_queues_have_not_is_refused(member: str, value: object) -> None:
    desk = Desk()
    queue = desk.scope.arn("sqs", "q")
    with pytest.raises(InvalidParameterValue):
        desk.call("CreateEventSourceMapping", function_name="f", event_source_arn=queue, **{member: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"vpc_config": api.VpcConfig(subnet_ids=["s"])},
        {"vpc_config": api.VpcConfig(security_group_ids=["s"])},
        {"vpc_config": api.VpcConfig(ipv6_allowed_for_dual_stack=True)},
        {"kms_key_arn": "arn:aws:kms:us-east-1:000000000000:key/k"},
        {"file_system_configs": [api.FileSystemConfig(arn="a", local_mount_path="/mnt/a")]},
        {"snap_start": api.SnapStart(apply_on="PublishedVersions")},
    ],
)
def test_settings_without_anything_behind_them_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedHere):
        check_settings(api.UpdateFunctionConfigurationRequest(function_name="f", **settings))


@pytest.mark.parametrize("mode", ["Manual", "FunctionUpdate"])
def test_only_automatic_updates_of_runtimes_are_offered(mode: str) -> None:
    desk = Desk()
    desk.create()
    with pytest.raises(AwsError):
        desk.call("PutRuntimeManagementConfig", function_name="orders", update_runtime_on=mode)


def test_operations_that_only_look_run_on_a_snapshot() -> None:
    looking = {name for name, operation in SERVICE.operations.items() if operation.reads}
    assert looking == {name for name in SERVICE.operations if name.startswith(("Get", "List"))} | {
        "Invoke",
        "InvokeWithResponseStream",
    }
