"""What a handler gets and what its caller gets back, by the rules of AWS's Python runtime."""

from __future__ import annotations

import json
import math

import pytest

from tests.e2e.runtime.conftest import RUNTIME, Machine


def test_a_handler_gets_the_event_and_its_result_comes_back(machine: Machine) -> None:
    assert machine.run("def handler(event, context): return {'got': event}", {"a": [1, None, "ü"]}) == {
        "got": {"a": [1, None, "ü"]}
    }


def test_no_result_is_null_and_no_payload_is_an_empty_event(machine: Machine) -> None:
    function = machine.deploy("def handler(event, context): assert event == {}, event")
    assert machine.invoke(function, payload=b"").payload == b"null"


def test_a_module_in_a_folder_is_named_with_slashes_or_dots(machine: Machine) -> None:
    files = {"src/__init__.py": "", "src/app.py": "def handler(event, context): return __name__"}
    assert machine.run(files, handler="src/app.handler") == "src.app"
    assert machine.run(files, handler="src.app.handler") == "src.app"


def test_decimals_become_numbers_digit_for_digit(machine: Machine) -> None:
    source = """
        from decimal import Decimal
        def handler(event, context): return [Decimal("1.10"), Decimal("NaN"), {"n": Decimal("12345678901234567890")}]
    """
    payload = machine.invoke(machine.deploy(source)).payload
    assert payload == b'[1.10, NaN, {"n": 12345678901234567890}]'
    assert math.isnan(json.loads(payload)[1])


def test_bytes_are_sent_as_they_are(machine: Machine) -> None:
    function = machine.deploy("def handler(event, context): return b'\\x00raw'")
    assert machine.invoke(function).payload == b"\x00raw"


@pytest.mark.parametrize(("runtime", "payload"), [("python3.11", b'"\\u00fc"'), ("python3.13", '"ü"'.encode())])
def test_newer_runtimes_do_not_escape_text(machine: Machine, runtime: str, payload: bytes) -> None:
    function = machine.deploy("def handler(event, context): return 'ü'", runtime=runtime)
    assert machine.invoke(function).payload == payload


def test_a_result_that_is_not_json_is_a_marshal_error(machine: Machine) -> None:
    error = machine.fail("def handler(event, context): return {1}")
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


def test_an_event_that_is_not_json_is_an_unmarshal_error(machine: Machine) -> None:
    result = machine.invoke(machine.deploy("def handler(event, context): return 1"), payload=b"{nope")
    assert result.error_type == "Runtime.UnmarshalError"
    assert result.error_message.startswith("Unable to unmarshal input: ")


def test_an_exception_is_described_in_awss_order_with_paths_of_the_lambda_machine(machine: Machine) -> None:
    function = machine.deploy("def inner():\n    raise KeyError('x')\ndef handler(event, context):\n    inner()\n")
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    assert result.function_error == "Unhandled"
    assert list(json.loads(result.payload).items()) == [
        ("errorMessage", "'x'"),
        ("errorType", "KeyError"),
        ("requestId", invocation.request_id),
        (
            "stackTrace",
            [
                '  File "/var/task/app.py", line 4, in handler\n    inner()\n',
                "  File \"/var/task/app.py\", line 2, in inner\n    raise KeyError('x')\n",
            ],
        ),
    ]


def test_an_exception_keeps_the_environment_and_its_globals(machine: Machine) -> None:
    function = machine.deploy("""
        calls = []
        def handler(event, context):
            calls.append(1)
            if len(calls) == 1: raise ValueError("first")
            return len(calls)
    """)
    assert machine.invoke(function).error_type == "ValueError"
    assert machine.invoke(function).payload == b"2"


@pytest.mark.parametrize(
    ("files", "handler", "error_type", "message"),
    [
        ({"app.py": ""}, "app", "Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
        ({"app.py": ""}, "nope.handler", "Runtime.ImportModuleError", "Unable to import module 'nope': No module named 'nope'"),
        ({"app.py": "import nope"}, "app.handler", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nope'"),
        ({"app.py": "x = 1"}, "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ({"app.py": ""}, "sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ],
)  # fmt: skip
def test_a_handler_that_cannot_be_found(
    machine: Machine, files: dict[str, str], handler: str, error_type: str, message: str
) -> None:
    error = machine.fail(files, handler=handler)
    assert error == {"errorMessage": message, "errorType": error_type, "requestId": "", "stackTrace": []}


def test_a_syntax_error_names_file_and_line(machine: Machine) -> None:
    error = machine.fail("x = 1\ndef handler(event, context)\n    pass\n")
    assert error["errorType"] == "Runtime.UserCodeSyntaxError"
    assert error["errorMessage"] == "Syntax error in module 'app': expected ':' (app.py, line 2)"
    assert error["stackTrace"] == ['  File "/var/task/app.py" Line 2\n    def handler(event, context)\n']


def test_an_exception_at_import_keeps_its_own_type_and_whole_stack(machine: Machine) -> None:
    error = machine.fail("raise LookupError('at import')")
    assert (error["errorType"], error["errorMessage"], error["requestId"]) == ("LookupError", "at import", "")
    assert error["stackTrace"][-1].startswith('  File "/var/task/app.py", line 1, in <module>')
    assert not any("bascule" in line for line in error["stackTrace"])


def test_the_context_has_all_its_fields(machine: Machine) -> None:
    function = machine.deploy(
        """
        def handler(event, context):
            left = context.get_remaining_time_in_millis()
            fields = {name: getattr(context, name) for name in (
                "aws_request_id function_name function_version invoked_function_arn memory_limit_in_mb "
                "log_group_name log_stream_name tenant_id").split()}
            identity = [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id]
            client = context.client_context
            return {"left": left, "fields": fields, "identity": identity,
                    "client": [client.custom, client.env, client.client.app_title, client.client.installation_id]}
        """,
        timeout_s=9,
        memory_mb=256,
    )
    client_context = json.dumps({"custom": {"k": "v"}, "env": {"e": 1}, "client": {"app_title": "shop"}})
    invocation = machine.invocation(function, invoked_arn=f"{function.arn}:$LATEST", client_context=client_context)
    result = machine.wait(machine.runtime.invoke(invocation))
    got = json.loads(result.payload)
    assert 0 < got["left"] <= 9000
    assert got["fields"] == {
        "aws_request_id": invocation.request_id,
        "function_name": function.name,
        "function_version": "$LATEST",
        "invoked_function_arn": f"{function.arn}:$LATEST",
        "memory_limit_in_mb": "256",
        "log_group_name": f"/aws/lambda/{function.name}",
        "log_stream_name": result.log_stream,
        "tenant_id": None,
    }
    assert got["identity"] == [None, None]
    assert got["client"] == [{"k": "v"}, {"e": 1}, "shop", None]


def test_the_trace_header_is_set_for_each_invocation(machine: Machine) -> None:
    function = machine.deploy("import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']")
    given = "Root=1-67a1-abc;Parent=53995c3f42cd8ad8;Sampled=1"
    assert json.loads(machine.invoke(function, trace_header=given).payload) == given
    assert json.loads(machine.invoke(function).payload).startswith("Root=1-")
    assert any(
        line.endswith("XRAY TraceId: 1-67a1-abc\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t\n")
        for line in machine.logs
    )


def test_boto3_is_there_and_calls_come_back_to_bascule_in_the_functions_account(machine: Machine) -> None:
    source = """
        import boto3
        client = boto3.client("events")
        def handler(event, context):
            return [client.meta.endpoint_url, client.meta.region_name, client._request_signer._credentials.access_key]
    """
    assert machine.run(source) == ["http://127.0.0.1:4566", "us-east-1", "000000000000"]


def test_a_boto3_in_the_package_wins_over_the_preloaded_one(machine: Machine) -> None:
    files = {
        "boto3/__init__.py": "__version__ = 'mine'",
        "app.py": "import boto3\ndef handler(event, context): return boto3.__version__",
    }
    assert machine.run(files) == "mine"


@pytest.mark.parametrize("module", ["bascule", "msgspec", "httptools", "pytest"])
def test_nothing_of_the_servers_installation_can_be_imported(machine: Machine, module: str) -> None:
    assert machine.fail(f"import {module}")["errorType"] == "Runtime.ImportModuleError"


def test_the_environment_is_the_functions_and_nothing_of_the_servers(machine: Machine, server_secret: str) -> None:
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    variables = machine.run(source, environment={"STAGE": "test", "LANG": "de_DE.UTF-8", "PYTHONPATH": "/var/task/lib"})
    assert server_secret not in variables
    assert variables["STAGE"] == "test"
    assert variables["LANG"] == "de_DE.UTF-8"
    assert variables["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{RUNTIME}"
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert variables["TZ"] == ":UTC"
    assert variables["_HANDLER"] == "app.handler"


def test_the_functions_python_path_is_searched(machine: Machine) -> None:
    files = {"lib/extra.py": "value = 42", "app.py": "import extra\ndef handler(event, context): return extra.value"}
    assert machine.run(files, environment={"PYTHONPATH": "/var/task/lib"}) == 42


def test_layers_are_importable_and_a_later_one_wins(machine: Machine) -> None:
    site = f"python/lib/{RUNTIME}/site-packages"
    layers = (
        machine.store({"python/shared.py": "value = 1", f"{site}/deep.py": "value = 'deep'"}),
        machine.store({"python/shared.py": "value = 2"}),
    )
    source = "import deep, shared\ndef handler(event, context): return [shared.value, deep.value]"
    assert machine.run(source, layer_digests=layers) == [2, "deep"]


def test_payloads_of_six_megabytes_pass_both_ways_and_more_is_refused(machine: Machine) -> None:
    function = machine.deploy("def handler(event, context): return 'x' * event", memory_mb=512)
    largest = 6_291_556 - 2
    assert len(machine.invoke(function, largest).payload) == largest + 2
    too_large = machine.invoke(function, largest + 1)
    assert json.loads(too_large.payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    length = machine.deploy("def handler(event, context): return len(event)", memory_mb=512)
    assert machine.invoke(length, "y" * 6_000_000).payload == b"6000000"
