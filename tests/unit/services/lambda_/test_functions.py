"""Creating, showing, changing, listing and deleting functions."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from typing import Any

import pytest

from bascule.api import lambda_ as api
from bascule.kernel import limits
from bascule.kernel.errors import NotImplementedHere
from bascule.services.lambda_.errors import (
    AccessDenied,
    InvalidParameterValue,
    PreconditionFailed,
    RequestEntityTooLarge,
    ResourceConflict,
    ResourceNotFound,
)
from bascule.services.lambda_.loops import empty_deleted_queues
from bascule.services.lambda_.state import FUNCTIONS, queue_name
from tests.unit.services.lambda_.desk import BASE_URL, ROLE, Desk, package


def test_new_function_answers_pending_and_is_active_right_after(desk: Desk) -> None:
    made = desk.create()
    assert (made.state, made.state_reason, made.state_reason_code) == (
        "Pending",
        "The function is being created.",
        "Creating",
    )
    assert made.last_update_status is None
    shown = desk.call("GetFunctionConfiguration", function_name="orders")
    assert (shown.state, shown.last_update_status) == ("Active", "Successful")
    assert shown.revision_id != made.revision_id


def test_new_function_has_the_defaults_of_lambda(desk: Desk) -> None:
    made = desk.create()
    assert (made.timeout, made.memory_size, made.version, made.description) == (3, 128, "$LATEST", "")
    assert made.ephemeral_storage == api.EphemeralStorage(size=512)
    assert made.package_type == "Zip"
    assert made.architectures == ["x86_64"]
    assert made.tracing_config == api.TracingConfigResponse(mode="PassThrough")
    assert made.snap_start == api.SnapStartResponse(apply_on="None", optimization_status="Off")
    assert made.logging_config == api.LoggingConfig(log_format="Text", log_group="/aws/lambda/orders")
    assert made.environment is None
    assert made.function_arn == desk.arn()
    assert made.last_modified == "2023-11-14T22:13:20.000+0000"
    assert made.code_sha256 == base64.b64encode(hashlib.sha256(package()).digest()).decode()


def test_empty_environment_is_shown_when_it_was_sent(desk: Desk) -> None:
    made = desk.create(environment=api.Environment(variables={}))
    assert made.environment == api.EnvironmentResponse(variables={})


def test_created_and_published_function_shows_version_one_with_an_unqualified_arn(desk: Desk) -> None:
    made = desk.create(publish=True)
    assert (made.version, made.function_arn) == ("1", desk.arn())


def test_existing_name_is_refused(desk: Desk) -> None:
    desk.create()
    with pytest.raises(ResourceConflict, match="Function already exist: orders"):
        desk.create()


def test_name_over_64_characters_is_refused_in_the_words_of_lambda(desk: Desk) -> None:
    with pytest.raises(InvalidParameterValue, match=r"at 'functionName' failed .* less than or equal to 64"):
        desk.create("n" * 65)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"runtime": None}, "Runtime and Handler are mandatory"),
        ({"runtime": "python3.7"}, "python3.7 is no longer supported"),
        ({"timeout": 901}, "'timeout' .* less than or equal to 900"),
        ({"memory_size": 10241}, "'memorySize' .* less than or equal to 10240"),
        (
            {"environment": api.Environment(variables={"AWS_REGION": "x"})},
            "Reserved keys used in this request: AWS_REGION",
        ),
        ({"environment": api.Environment(variables={"BIG": "x" * 4096})}, "exceeded the 4KB limit. String measured"),
        ({"tags": {str(number): "" for number in range(51)}}, "Number of tags exceeds resource tag limit."),
        ({"code": api.FunctionCode()}, "Please provide a source for function code."),
        ({"code": api.FunctionCode(zip_file=b"no zip")}, "Could not unzip uploaded file."),
        ({"logging_config": api.LoggingConfig(application_log_level="DEBUG")}, "JSON log format"),
    ],
)
def test_setting_out_of_range_is_refused(desk: Desk, members: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        desk.create(**members)


@pytest.mark.parametrize(
    "members",
    [
        {"vpc_config": api.VpcConfig(subnet_ids=["subnet-1"])},
        {"kms_key_arn": "arn:aws:kms:us-east-1:000000000000:key/1"},
        {"snap_start": api.SnapStart(apply_on="PublishedVersions")},
        {"code": api.FunctionCode(s3_bucket="bucket", s3_key="key")},
        {"code": api.FunctionCode(image_uri="image")},
    ],
)
def test_what_is_not_built_is_refused_loudly(desk: Desk, members: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedHere):
        desk.create(**members)


def test_harmless_values_of_members_that_are_not_built_are_accepted(desk: Desk) -> None:
    desk.create(vpc_config=api.VpcConfig(subnet_ids=[]), kms_key_arn="", layers=[], file_system_configs=[])


def test_package_over_50_mb_is_refused(desk: Desk) -> None:
    with pytest.raises(RequestEntityTooLarge, match="Zipped size must be smaller than 52428800 bytes"):
        desk.create(code=api.FunctionCode(zip_file=b"P" * 52_428_801))


def test_package_that_unpacks_to_more_than_250_mb_is_refused(desk: Desk) -> None:
    archive = io.BytesIO()
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped,
        zipped.open("zeros", "w") as file,
    ):
        for _ in range(250):
            file.write(bytes(1_048_576))
    with pytest.raises(InvalidParameterValue, match="Unzipped size must be smaller than 262144000 bytes"):
        desk.create(code=api.FunctionCode(zip_file=archive.getvalue()))


@pytest.mark.parametrize("name", ["../escape.py", "/etc/passwd"])
def test_package_with_a_name_that_leaves_its_directory_is_refused(desk: Desk, name: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(name, "x")
    with pytest.raises(InvalidParameterValue, match="Could not unzip"):
        desk.create(code=api.FunctionCode(zip_file=archive.getvalue()))


def test_get_function_shows_where_the_package_is_with_tags_and_concurrency(desk: Desk) -> None:
    desk.create(tags={"team": "a"})
    desk.call("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=5)
    shown = desk.call("GetFunction", function_name="orders")
    digest = hashlib.sha256(package()).hexdigest()
    assert shown.code.location == f"{BASE_URL}/_bascule/code/{digest}"
    assert shown.tags == {"team": "a"}
    assert shown.concurrency == api.Concurrency(reserved_concurrent_executions=5)


def test_configuration_with_latest_shows_a_qualified_arn(desk: Desk) -> None:
    desk.create()
    shown = desk.call("GetFunctionConfiguration", function_name="orders", qualifier="$LATEST")
    assert shown.function_arn == f"{desk.arn()}:$LATEST"


@pytest.mark.parametrize(
    "name",
    [
        "orders",
        "000000000000:function:orders",
        "arn:aws:lambda:us-east-1:000000000000:function:orders",
        "function:orders",
        "orders:$LATEST",
    ],
)
def test_function_is_found_by_every_form_of_its_name(desk: Desk, name: str) -> None:
    desk.create()
    assert desk.call("GetFunction", function_name=name).configuration.function_name == "orders"


def test_qualifiers_that_differ_are_refused(desk: Desk) -> None:
    desk.create()
    with pytest.raises(InvalidParameterValue, match="derived qualifier"):
        desk.call("GetFunction", function_name="orders:1", qualifier="2")


def test_function_of_another_region_is_not_reachable(desk: Desk) -> None:
    with pytest.raises(ResourceNotFound, match="Functions from 'eu-west-1' are not reachable in this region"):
        desk.call("GetFunction", function_name="arn:aws:lambda:eu-west-1:000000000000:function:orders")


def test_function_of_another_account_is_denied(desk: Desk) -> None:
    with pytest.raises(AccessDenied):
        desk.call("GetFunction", function_name="arn:aws:lambda:us-east-1:111122223333:function:orders")


def test_unknown_function_is_named_as_the_caller_named_it(desk: Desk) -> None:
    with pytest.raises(ResourceNotFound, match=r"Function not found: arn:.*:function:nobody:live"):
        desk.call("GetFunction", function_name="nobody", qualifier="live")


def test_update_answers_in_progress_and_has_ended_right_after(desk: Desk) -> None:
    desk.create()
    before = desk.call("GetFunctionConfiguration", function_name="orders")
    answer = desk.call("UpdateFunctionConfiguration", function_name="orders", timeout=10)
    assert (answer.state, answer.last_update_status, answer.last_update_status_reason_code) == (
        "Active",
        "InProgress",
        "Creating",
    )
    after = desk.call("GetFunctionConfiguration", function_name="orders")
    assert (after.timeout, after.memory_size, after.last_update_status) == (10, 128, "Successful")
    assert len({before.revision_id, answer.revision_id, after.revision_id}) == 3


def test_update_with_an_old_revision_is_refused(desk: Desk) -> None:
    made = desk.create()
    with pytest.raises(PreconditionFailed):
        desk.call("UpdateFunctionConfiguration", function_name="orders", timeout=10, revision_id=made.revision_id)


def test_dry_run_of_new_code_changes_nothing(desk: Desk) -> None:
    desk.create()
    before = desk.call("GetFunctionConfiguration", function_name="orders")
    desk.call("UpdateFunctionCode", function_name="orders", zip_file=package("x = 1"), dry_run=True)
    assert desk.call("GetFunctionConfiguration", function_name="orders") == before


def test_json_logging_adds_levels_and_going_back_to_text_drops_them(desk: Desk) -> None:
    desk.create()
    desk.call(
        "UpdateFunctionConfiguration", function_name="orders", logging_config=api.LoggingConfig(log_format="JSON")
    )
    logging = desk.call("GetFunctionConfiguration", function_name="orders").logging_config
    assert (logging.application_log_level, logging.system_log_level) == ("INFO", "INFO")
    desk.call(
        "UpdateFunctionConfiguration", function_name="orders", logging_config=api.LoggingConfig(log_format="Text")
    )
    logging = desk.call("GetFunctionConfiguration", function_name="orders").logging_config
    assert (logging.log_format, logging.application_log_level) == ("Text", None)


def test_dead_letter_target_is_removed_by_an_empty_arn(desk: Desk) -> None:
    desk.create(dead_letter_config=api.DeadLetterConfig(target_arn="arn:aws:sqs:us-east-1:000000000000:dead"))
    desk.call(
        "UpdateFunctionConfiguration", function_name="orders", dead_letter_config=api.DeadLetterConfig(target_arn="")
    )
    assert desk.call("GetFunctionConfiguration", function_name="orders").dead_letter_config is None


def test_list_pages_through_functions_by_name(desk: Desk) -> None:
    for name in ("c", "a", "b"):
        desk.create(name)
    first = desk.call("ListFunctions", max_items=2)
    assert [shown.function_name for shown in first.functions] == ["a", "b"]
    second = desk.call("ListFunctions", max_items=2, marker=first.next_marker)
    assert [shown.function_name for shown in second.functions] == ["c"]
    assert second.next_marker is None


def test_list_of_all_versions_pages_across_functions(desk: Desk) -> None:
    desk.create("a", publish=True)
    desk.create("b")
    seen: list[str] = []
    marker = None
    while True:
        page = desk.call("ListFunctions", function_version="ALL", max_items=1, marker=marker)
        seen += [shown.function_arn for shown in page.functions]
        marker = page.next_marker
        if marker is None:
            break
    assert seen == [f"{desk.arn('a')}:$LATEST", f"{desk.arn('a')}:1", f"{desk.arn('b')}:$LATEST"]


def test_marker_that_is_not_ours_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidParameterValue):
        desk.call("ListFunctions", marker="\N{SNOWMAN}")


def test_deleted_function_is_gone_with_everything_of_it(desk: Desk) -> None:
    desk.create(publish=True)
    desk.call("CreateAlias", function_name="orders", name="live", function_version="1")
    desk.call("PutFunctionEventInvokeConfig", function_name="orders", maximum_retry_attempts=0)
    desk.call("Invoke", function_name="orders", invocation_type="Event")
    assert desk.call("DeleteFunction", function_name="orders").status_code == 204
    desk.create()
    assert desk.call("ListAliases", function_name="orders").aliases == []
    assert len(desk.call("ListVersionsByFunction", function_name="orders").versions) == 1
    with pytest.raises(ResourceNotFound):
        desk.call("GetFunctionEventInvokeConfig", function_name="orders")
    ctx = desk.context()
    due = [desk.store.write(lambda tx: empty_deleted_queues(ctx, tx)) for _ in range(3)]
    assert due[-1] is None


def test_events_of_a_deleted_function_are_removed_in_steps_of_bounded_size(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMOVE_STEP_MAX", 4)
    desk.create()
    for _ in range(10):
        desk.call("Invoke", function_name="orders", invocation_type="Event")
    stored = desk.store.read(lambda tx: FUNCTIONS.get(tx.documents, desk.scope, "orders"))
    assert stored is not None
    queue = queue_name(stored.uuid)
    desk.call("DeleteFunction", function_name="orders")
    ctx, left = desk.context(), []
    while desk.store.write(lambda tx: empty_deleted_queues(ctx, tx)) is not None:
        left.append(desk.store.read(lambda tx: len(tx.queues.peek(queue, count_max=100))))
    assert left == [6, 2, 0]


def test_latest_alone_cannot_be_deleted_but_a_missing_version_can(desk: Desk) -> None:
    desk.create()
    with pytest.raises(InvalidParameterValue, match="without deleting the function"):
        desk.call("DeleteFunction", function_name="orders", qualifier="$LATEST")
    for _ in range(2):
        desk.call("DeleteFunction", function_name="orders", qualifier="9")
    with pytest.raises(ResourceNotFound):
        desk.call("DeleteFunction", function_name="nobody", qualifier="9")


def test_account_settings_count_functions_and_unreserved_concurrency(desk: Desk) -> None:
    desk.create()
    desk.call("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=100)
    shown = desk.call("GetAccountSettings")
    assert shown.account_usage.function_count == 1
    assert shown.account_limit.unreserved_concurrent_executions == 900


def test_reservation_may_not_leave_fewer_than_100_unreserved(desk: Desk) -> None:
    desk.create()
    with pytest.raises(InvalidParameterValue, match=r"below its minimum value of \[100\]"):
        desk.call("PutFunctionConcurrency", function_name="orders", reserved_concurrent_executions=901)
    with pytest.raises(InvalidParameterValue, match="permitted on Lambda functions only"):
        desk.call("PutFunctionConcurrency", function_name="orders:1", reserved_concurrent_executions=1)
    desk.call("DeleteFunctionConcurrency", function_name="orders")
    assert desk.call("GetFunctionConcurrency", function_name="orders").reserved_concurrent_executions is None


def test_standing_settings_answer_as_for_a_plain_function(desk: Desk) -> None:
    desk.create()
    assert desk.call("GetFunctionCodeSigningConfig", function_name="orders").code_signing_config_arn is None
    assert desk.call("GetRuntimeManagementConfig", function_name="orders").update_runtime_on == "Auto"
    assert desk.call("GetFunctionRecursionConfig", function_name="orders").recursive_loop == "Terminate"
    desk.call("PutFunctionRecursionConfig", function_name="orders", recursive_loop="Allow")
    assert desk.call("GetFunctionRecursionConfig", function_name="orders").recursive_loop == "Allow"


def test_tags_are_kept_of_functions_only(desk: Desk) -> None:
    desk.create(role=ROLE)
    desk.call("TagResource", resource=desk.arn(), tags={"a": "1", "b": "2"})
    desk.call("UntagResource", resource=desk.arn(), tag_keys=["a", "nothing"])
    assert desk.call("ListTags", resource=desk.arn()).tags == {"b": "2"}
    with pytest.raises(InvalidParameterValue, match="aliases and versions are not supported"):
        desk.call("TagResource", resource=f"{desk.arn()}:1", tags={})
