"""Writes ``src/bascule/api``: typed structs for the operations' inputs and outputs, from botocore's service models.

Rules of the file: the output depends only on botocore's data and on the tables below, never on time, order of directories or
a formatter; so a test can generate again and compare. The modules are generated (not built at run time) because services are
then checked by mypy against the model, and because making the classes from a compiled module costs 20 us each.

    python tools/generate_api.py            rewrite the modules
    python tools/generate_api.py --check    exit 1 when they differ from what would be written
"""

from __future__ import annotations

import argparse
import keyword
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import botocore
from botocore import xform_name
from botocore.loaders import Loader

API = Path(__file__).resolve().parent.parent / "src" / "bascule" / "api"

#: Module name -> (botocore's directory, the style most members are written in).
SERVICES = {
    "events": ("events", "pascal"),
    "iam": ("iam", "pascal"),
    "lambda_": ("lambda", "pascal"),
    "logs": ("logs", "camel"),
    "sns": ("sns", "pascal"),
    "sqs": ("sqs", "pascal"),
    "sts": ("sts", "pascal"),
}

#: Only these operations; a service that is not here has all of them. Fewer classes keep the start short.
ONLY = {
    "iam": """
        CreateRole GetRole ListRoles UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole
        TagRole UntagRole ListRoleTags PutRolePermissionsBoundary DeleteRolePermissionsBoundary
        PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies
        AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies
        CreateUser GetUser ListUsers DeleteUser TagUser UntagUser ListUserTags
        PutUserPermissionsBoundary DeleteUserPermissionsBoundary
        PutUserPolicy GetUserPolicy DeleteUserPolicy ListUserPolicies
        AttachUserPolicy DetachUserPolicy ListAttachedUserPolicies
        CreateAccessKey ListAccessKeys UpdateAccessKey DeleteAccessKey
        CreateGroup GetGroup ListGroups DeleteGroup AddUserToGroup RemoveUserFromGroup ListGroupsForUser
        PutGroupPolicy GetGroupPolicy DeleteGroupPolicy ListGroupPolicies
        AttachGroupPolicy DetachGroupPolicy ListAttachedGroupPolicies
        CreatePolicy GetPolicy ListPolicies DeletePolicy ListEntitiesForPolicy
        CreatePolicyVersion GetPolicyVersion ListPolicyVersions SetDefaultPolicyVersion DeletePolicyVersion
        TagPolicy UntagPolicy ListPolicyTags
        CreateInstanceProfile GetInstanceProfile ListInstanceProfiles ListInstanceProfilesForRole DeleteInstanceProfile
        AddRoleToInstanceProfile RemoveRoleFromInstanceProfile
        TagInstanceProfile UntagInstanceProfile ListInstanceProfileTags
        CreateServiceLinkedRole DeleteServiceLinkedRole GetServiceLinkedRoleDeletionStatus
        ListAccountAliases GetAccountSummary
    """,
    "lambda": """
        CreateFunction GetFunction GetFunctionConfiguration ListFunctions UpdateFunctionCode UpdateFunctionConfiguration
        DeleteFunction Invoke InvokeAsync InvokeWithResponseStream PublishVersion ListVersionsByFunction
        CreateAlias GetAlias ListAliases UpdateAlias DeleteAlias
        AddPermission RemovePermission GetPolicy
        PutFunctionConcurrency GetFunctionConcurrency DeleteFunctionConcurrency
        PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig
        ListFunctionEventInvokeConfigs DeleteFunctionEventInvokeConfig
        TagResource UntagResource ListTags GetAccountSettings GetFunctionCodeSigningConfig
        GetRuntimeManagementConfig PutRuntimeManagementConfig GetFunctionRecursionConfig PutFunctionRecursionConfig
        PublishLayerVersion GetLayerVersion GetLayerVersionByArn ListLayerVersions ListLayers DeleteLayerVersion
        AddLayerVersionPermission RemoveLayerVersionPermission GetLayerVersionPolicy
        CreateEventSourceMapping GetEventSourceMapping ListEventSourceMappings UpdateEventSourceMapping
        DeleteEventSourceMapping
        CreateFunctionUrlConfig GetFunctionUrlConfig UpdateFunctionUrlConfig DeleteFunctionUrlConfig
        ListFunctionUrlConfigs
        PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig
        ListProvisionedConcurrencyConfigs
    """,
    "logs": """
        CreateLogGroup DeleteLogGroup DescribeLogGroups ListLogGroups
        CreateLogStream DeleteLogStream DescribeLogStreams
        PutLogEvents GetLogEvents FilterLogEvents
        PutRetentionPolicy DeleteRetentionPolicy
        TagResource UntagResource ListTagsForResource TagLogGroup UntagLogGroup ListTagsLogGroup
        PutSubscriptionFilter DescribeSubscriptionFilters DeleteSubscriptionFilter
        PutResourcePolicy DescribeResourcePolicies DeleteResourcePolicy
    """,
    "sns": """
        CreateTopic DeleteTopic ListTopics GetTopicAttributes SetTopicAttributes
        Subscribe ConfirmSubscription Unsubscribe ListSubscriptions ListSubscriptionsByTopic
        GetSubscriptionAttributes SetSubscriptionAttributes
        Publish PublishBatch TagResource UntagResource ListTagsForResource AddPermission RemovePermission
    """,
    "sts": "GetCallerIdentity AssumeRole GetSessionToken GetAccessKeyInfo",
}

#: The formatter's line length, so that generated code is formatted code.
LINE_MAX = 120

PYTHON_TYPES = {
    "string": "str",
    "character": "str",
    "boolean": "bool",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "timestamp": "float",
    "blob": "bytes",
}

HEAD = '''\
"""Shapes of {full_name}, generated by tools/generate_api.py. Do not edit.

Members are named in snake_case and renamed to their wire names. Required by the model means required here only in shapes
that an input reaches. Timestamps are epoch seconds, blobs bytes, enums plain strings.
"""

# botocore {version}: {service} {api_version}

from __future__ import annotations

import msgspec

'''

BASE = '''
class Shape(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, rename="{style}"):
    """A structure of the service model."""


class Empty(Shape, frozen=True, kw_only=True):
    """The input or output of an operation that has none."""

'''


def main() -> int:
    """Writes the modules, or with ``--check`` only compares them."""
    parser = argparse.ArgumentParser(description="Generate src/bascule/api from botocore's service models.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a module is out of date")
    check = parser.parse_args().check
    stale = []
    for name, text in sources().items():
        path = API / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    sys.stdout.write("".join(f"{name}\n" for name in stale))
    return 1 if check and stale else 0


def sources() -> dict[str, str]:
    """File name -> text of every generated module."""
    loader = Loader()
    return {f"{module}.py": module_source(loader, module) for module in SERVICES}


def module_source(loader: Loader, module: str) -> str:
    """The text of one module."""
    service, style = SERVICES[module]
    api_version = loader.determine_latest_version(service, "service-2")
    model = loader.load_service_model(service, "service-2", api_version)
    names = sorted(ONLY[service].split() if service in ONLY else model["operations"])
    operations = {name: model["operations"][name] for name in names}
    shapes = model["shapes"]
    from_inputs = reachable(shapes, (o["input"]["shape"] for o in operations.values() if "input" in o))
    from_outputs = reachable(shapes, (o["output"]["shape"] for o in operations.values() if "output" in o))
    head = HEAD.format(
        full_name=model["metadata"]["serviceFullName"],
        version=botocore.__version__,
        service=service,
        api_version=api_version,
    )
    classes = [
        "\n".join(class_lines(shapes, name, style, strict=name in from_inputs))
        for name in sorted(from_inputs | from_outputs)
        if shapes[name]["type"] == "structure"
    ]
    table = "\n".join(operation_lines(operations))
    return head + BASE.format(style=style) + "".join(f"\n{text}\n\n" for text in classes) + f"\n{table}\n"


def reachable(shapes: dict[str, Any], roots: Iterable[str]) -> set[str]:
    """The names of all shapes that the given ones contain, themselves included."""
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        shape = shapes[name]
        refs = [*shape.get("members", {}).values(), *(shape[k] for k in ("member", "key", "value") if k in shape)]
        todo.extend(ref["shape"] for ref in refs)
    return found


def is_event_stream(shape: dict[str, Any]) -> bool:
    """Whether the shape is one event of a stream: it has a class, but is no member of the output that announces it."""
    return bool(shape.get("eventstream"))


def class_lines(shapes: dict[str, Any], name: str, style: str, *, strict: bool) -> Iterator[str]:
    """The class of one structure; members keep the model's order."""
    yield f"class {name}(Shape, frozen=True, kw_only=True):"
    shape = shapes[name]
    members = {m: ref for m, ref in shape.get("members", {}).items() if not is_event_stream(shapes[ref["shape"]])}
    if not members:
        yield f'    """{name} has no members."""'
    for member, ref in members.items():
        attribute = attribute_name(member)
        required = strict and member in shape.get("required", ())
        annotation = python_type(shapes, ref["shape"])
        renamed = styled(attribute, style) != member
        options = ([] if required else ["default=None"]) + ([f'name="{member}"'] if renamed else [])
        head = f"    {attribute}: {annotation}" + ("" if required else " | None")
        if not renamed:
            yield head if required else f"{head} = None"
            continue
        line = f"{head} = msgspec.field({', '.join(options)})"
        yield line if len(line) <= LINE_MAX else f"{head} = msgspec.field(\n        {', '.join(options)}\n    )"


def attribute_name(member: str) -> str:
    """``EventBusName`` -> ``event_bus_name``, as in boto3; Python's keywords get a trailing underscore."""
    name: str = xform_name(member)
    return f"{name}_" if keyword.iskeyword(name) else name


def styled(attribute: str, style: str) -> str:
    """What msgspec's ``rename`` of that style makes of an attribute."""
    first, *others = attribute.split("_")
    tail = "".join(word.title() for word in others)
    return (first.title() if style == "pascal" else first) + tail


def python_type(shapes: dict[str, Any], name: str) -> str:
    """The annotation of a shape."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return name
    if kind == "list":
        return f"list[{python_type(shapes, shape['member']['shape'])}]"
    if kind == "map":
        return f"dict[str, {python_type(shapes, shape['value']['shape'])}]"
    return PYTHON_TYPES[kind]


def operation_lines(operations: dict[str, Any]) -> Iterator[str]:
    """The table from operation name to input and output class."""
    yield "#: Operation -> (input, output)."
    yield "OPERATIONS: dict[str, tuple[type[Shape], type[Shape]]] = {"
    for name, operation in operations.items():
        given, gives = (operation.get(side, {}).get("shape", "Empty") for side in ("input", "output"))
        line = f'    "{name}": ({given}, {gives}),'
        yield line if len(line) <= LINE_MAX else f'    "{name}": (\n        {given},\n        {gives},\n    ),'
    yield "}"


if __name__ == "__main__":
    raise SystemExit(main())
