"""The environment variables of a function process."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bascule.kernel.invocation import FunctionVersion, RoleCredentials
from bascule.kernel.scope import Scope
from bascule.runtime.ports import Plan
from bascule.runtime.variables import function_variables

FUNCTION = FunctionVersion(
    scope=Scope("111122223333", "eu-west-1"),
    name="shop",
    version="3",
    revision_id="r",
    runtime="python3.13",
    handler="app.handler",
    code_digest="d",
    memory_mb=256,
)

#: lambda.md 3.4, but for HOME, TMPDIR and AWS_ENDPOINT_URL, which are ours, and _X_AMZN_TRACE_ID, which is set per invocation.
AWS_NAMES = """
AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_EXECUTION_ENV
AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_FUNCTION_MEMORY_SIZE
AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API
AWS_XRAY_CONTEXT_MISSING AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT
LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR _HANDLER LANG LC_CTYPE LD_LIBRARY_PATH PATH PWD PYTHONPATH SHLVL TZ
"""


def variables(*, layer_root: Path | None = None, is_isolated: bool = True, **fields: object) -> dict[str, str]:
    plan = Plan(
        function=msgspec.structs.replace(FUNCTION, **fields),
        code_root=Path("/srv/code"),
        layer_root=layer_root,
        tmp_dir=Path("/srv/tmp"),
        log_stream="stream",
        printed=lambda lines: True,
        credentials=RoleCredentials(access_key="ASIA1", secret="s3cret", session_token="t0ken"),
    )
    return function_variables(
        plan,
        runtime_root=Path("/srv/lib"),
        is_isolated=is_isolated,
        base_url="http://127.0.0.1:4566",
        program_dir=Path("/opt/venv/bin"),
        of_runtime={"PYTHONPATH": "/srv/lib"},
    )


def test_the_names_are_awss_and_three_of_ours() -> None:
    assert set(variables()) == set(AWS_NAMES.split()) | {"AWS_ENDPOINT_URL", "HOME", "TMPDIR"}


def test_values_tell_the_function_who_and_where_it_is() -> None:
    got = variables()
    assert (got["AWS_ACCESS_KEY_ID"], got["AWS_SECRET_ACCESS_KEY"], got["AWS_SESSION_TOKEN"]) == (
        "ASIA1",
        "s3cret",
        "t0ken",
    )
    assert got["AWS_REGION"] == got["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert got["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert got["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert got["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_the_function_wins_over_open_variables_and_loses_against_reserved_ones() -> None:
    got = variables(environment={"AWS_XRAY_DAEMON_ADDRESS": "10.0.0.1:2000", "AWS_REGION": "moon", "STAGE": "test"})
    assert got["AWS_XRAY_DAEMON_ADDRESS"] == "10.0.0.1:2000"
    assert got["AWS_REGION"] == "eu-west-1"
    assert got["STAGE"] == "test"


def test_log_settings_appear_only_when_set() -> None:
    got = variables(log_format="JSON", application_log_level="DEBUG")
    assert (got["AWS_LAMBDA_LOG_FORMAT"], got["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "DEBUG")


def test_programs_of_layers_are_found_where_layers_are() -> None:
    layers = Path("/srv/layers")
    assert variables(layer_root=layers, is_isolated=False)["PATH"].endswith(":/bin:/srv/layers/bin")
    assert variables(layer_root=Path("/opt"))["PATH"].endswith(":/bin:/opt/bin")


def test_opt_of_the_machine_is_nobodys() -> None:
    assert variables()["PATH"].endswith(":/opt/bin")
    assert variables(is_isolated=False)["PATH"].endswith(":/usr/bin:/bin")


def test_search_paths_of_the_function_are_led_to_the_real_places_without_isolation() -> None:
    own = {"PATH": "/opt/tools:/usr/bin:/var/task/bin:/optional", "PLACE": "/opt/tools"}
    got = variables(layer_root=Path("/srv/layers"), is_isolated=False, environment=own)
    assert got["PATH"] == "/srv/layers/tools:/usr/bin:/srv/code/bin:/optional"
    assert got["PLACE"] == "/opt/tools"
    assert variables(layer_root=Path("/opt"), environment=own)["PATH"] == own["PATH"]


def test_credentials_do_not_show_their_secret() -> None:
    assert "s3cret" not in repr(RoleCredentials(access_key="a", secret="s3cret", session_token="t0ken"))
