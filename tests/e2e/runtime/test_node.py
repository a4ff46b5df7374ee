"""Functions of ``nodejs`` runtimes, with the machine's Node."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from bascule.kernel.invocation import InvocationResult, RuntimeUnavailable
from bascule.runtime import node as node_module
from tests.e2e.runtime.conftest import Machine

needs_node = pytest.mark.skipif(
    shutil.which("node") is None and shutil.which("nodejs") is None, reason="no Node.js on this machine"
)
pytestmark = needs_node


def deployed(machine: Machine, source: str | dict[str, str], **fields: Any) -> Any:
    files: dict[str, str | bytes] = {"index.mjs": source} if isinstance(source, str) else dict(source)
    return machine.deploy(files, **({"runtime": "nodejs20.x", "handler": "index.handler"} | fields))


def run(machine: Machine, source: str | dict[str, str], event: object = None, **fields: Any) -> Any:
    result = machine.invoke(deployed(machine, source, **fields), event)
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def fail(machine: Machine, source: str | dict[str, str], event: object = None, **fields: Any) -> dict[str, Any]:
    result = machine.invoke(deployed(machine, source, **fields), event)
    assert result.function_error == "Unhandled", result.payload
    error: dict[str, Any] = json.loads(result.payload)
    return error


def logged(machine: Machine, result: InvocationResult) -> list[str]:
    """What the function itself wrote."""
    lines = next(lines for stream, lines in machine.streams.items() if stream.endswith(result.log_stream))
    return [line for line in lines if not line.startswith(("INIT_", "START ", "END ", "REPORT "))]


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": "exports.handler = async (event) => event.n + 1"}, "index.handler"),
        ({"index.cjs": "exports.handler = async (event) => event.n + 1"}, "index.handler"),
        ({"index.mjs": "export const handler = async (event) => event.n + 1"}, "index.handler"),
        (
            {"index.js": "export const handler = async (event) => event.n + 1", "package.json": '{"type":"module"}'},
            "index.handler",
        ),
        ({"src/deep/app.js": "exports.api = {get: async (event) => event.n + 1}"}, "src/deep/app.api.get"),
        (
            {"node_modules/shop/index.js": "exports.handler = async (event) => event.n + 1"},
            "shop.handler",
        ),
        (
            {
                "index.mjs": "import {one} from 'one'; export const handler = async (event) => event.n + one",
                "node_modules/one/package.json": '{"main": "one.js"}',
                "node_modules/one/one.js": "exports.one = 1",
            },
            "index.handler",
        ),
        ({"index.mjs": "const n = await 1; export const handler = async (event) => event.n + n"}, "index.handler"),
        ({"index.js": "exports.handler = (event, context, callback) => callback(null, event.n + 1)"}, "index.handler"),
        (
            {"index.js": "exports.handler = (e, c, done) => setTimeout(() => done(null, e.n + 1), 5)"},
            "index.handler",
        ),
        ({"index.js": "exports.handler = (event, context) => context.succeed(event.n + 1)"}, "index.handler"),
        ({"index.js": "exports.handler = (event, context) => context.done(null, event.n + 1)"}, "index.handler"),
        ({"index.js": "exports.handler = (event) => Promise.resolve(event.n + 1)"}, "index.handler"),
    ],
)
def test_every_way_to_write_a_handler(machine: Machine, files: dict[str, str], handler: str) -> None:
    assert run(machine, files, {"n": 41}, handler=handler) == 42


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        ("async () => undefined", b"null"),
        ("() => {}", b"null"),
        ("() => 5", b"null"),
        ("async () => '\\u00fc\\u2028'", '"ü\u2028"'.encode()),
        ("async () => ({a: undefined, b: new Date(0)})", b'{"b":"1970-01-01T00:00:00.000Z"}'),
    ],
)
def test_results(machine: Machine, body: str, payload: bytes) -> None:
    assert machine.invoke(deployed(machine, f"export const handler = {body}")).payload == payload


def test_the_process_is_kept_and_globals_survive_an_error(machine: Machine) -> None:
    source = "let n = 0; export const handler = async (e) => { n += 1; if (e.fail) throw new Error('x'); return n }"
    function = deployed(machine, source)
    assert machine.invoke(function).init_ms is not None
    assert machine.invoke(function, {"fail": True}).function_error == "Unhandled"
    again = machine.invoke(function)
    assert (again.payload, again.init_ms) == (b"3", None)


def test_the_context_has_every_field(machine: Machine) -> None:
    source = """
        export const handler = async (event, context) => ({
            ...context, left: context.getRemainingTimeInMillis(), methods: ["done", "succeed", "fail"].map((name) => typeof context[name]),
            trace: process.env._X_AMZN_TRACE_ID, api: process.env.AWS_EXECUTION_ENV, custom: context.clientContext.custom.a })
    """
    function = deployed(machine, source, memory_mb=256, timeout_s=30)
    invocation = machine.invocation(
        function, client_context='{"custom":{"a":"ü"}}', trace_header="Root=1-2-3;Sampled=0"
    )
    result = machine.wait(machine.runtime.invoke(invocation))
    context = json.loads(result.payload)
    assert 20_000 < context.pop("left") <= 30_000
    assert context == {
        "functionVersion": "$LATEST",
        "functionName": function.name,
        "memoryLimitInMB": "256",
        "logGroupName": f"/aws/lambda/{function.name}",
        "logStreamName": result.log_stream,
        "clientContext": {"custom": {"a": "ü"}},
        "invokedFunctionArn": function.arn,
        "awsRequestId": invocation.request_id,
        "callbackWaitsForEmptyEventLoop": True,
        "methods": ["function"] * 3,
        "trace": "Root=1-2-3;Sampled=0",
        "api": "AWS_Lambda_nodejs20.x",
        "custom": "ü",
    }


def test_a_callback_waits_for_the_event_loop_unless_told_not_to(machine: Machine) -> None:
    source = """
        let late = 0;
        exports.handler = (event, context, callback) => {
            context.callbackWaitsForEmptyEventLoop = event.waits;
            setTimeout(() => { late += 1; }, 200);
            callback(null, () => 0);
            callback(null, "second");
        };
        exports.count = async () => late;
    """
    for waits in (True, False):
        function = deployed(machine, {"index.js": source})
        result = machine.invoke(function, {"waits": waits})
        assert result.payload == b"null"
        assert (result.duration_ms >= 200) is waits


def test_errors_of_the_handler(machine: Machine) -> None:
    function = deployed(
        machine,
        "class Mine extends TypeError { name = 'Mine' }\nexport const handler = async () => {\n throw new Mine('no') }",
    )
    result = machine.invoke(function)
    error = json.loads(result.payload)
    assert (error["errorType"], error["errorMessage"]) == ("Mine", "no")
    assert error["trace"][:2] == ["Mine: no", "    at handler (file:///var/task/index.mjs:3:8)"]
    line = logged(machine, result)[0]
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z\t[0-9a-f-]{36}\tERROR\tInvoke Error \t\{\"errorType\":\"Mine\"", line)
    assert json.loads(line.split("\t")[4])["stack"] == error["trace"]


@pytest.mark.parametrize(
    ("statement", "error_type", "message"),
    [
        ("throw 'text'", "string", "text"),
        ("throw {a: 1}", "object", "[object Object]"),
        ("throw null", "string", "handled"),
        ("return 1n", "Error", "Unable to stringify response body"),
        ("const a = {}; a.a = a; return a", "Error", "Unable to stringify response body"),
        (
            "return new Promise(() => {})",
            "Runtime.NodeJsExit",
            "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that "
            "was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes",
        ),
    ],
)
def test_unusual_errors(machine: Machine, statement: str, error_type: str, message: str) -> None:
    error = fail(machine, f"export const handler = async () => {{ {statement} }}")
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)


@pytest.mark.parametrize(
    ("statement", "error_type", "message"),
    [
        ("Promise.reject(new Error('lost'))", "Runtime.UnhandledPromiseRejection", "Error: lost"),
        ("setImmediate(() => { throw new RangeError('later') })", "RangeError", "later"),
    ],
)
def test_what_nobody_catches_is_the_error_and_ends_the_process(
    machine: Machine, statement: str, error_type: str, message: str
) -> None:
    source = f"let n = 0; export const handler = async (e) => {{ n += 1; if (!e.fail) return n; {statement}; await new Promise((r) => setTimeout(r, 60000)) }}"
    function = deployed(machine, source)
    assert machine.invoke(function).payload == b"1"
    error = json.loads(machine.invoke(function, {"fail": True}).payload)
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)
    assert machine.invoke(function).payload == b"1"


def test_an_exit_is_an_exit_error(machine: Machine) -> None:
    for statement, reason in (
        ("process.exit(3)", "Runtime exited with error: exit status 3"),
        ("process.exit(0)", "Runtime exited without providing a reason"),
        ("process.kill(process.pid, 'SIGKILL')", "Runtime exited with error: signal: killed"),
    ):
        error = fail(
            machine,
            f"export const handler = async () => {{ {statement}; await new Promise((r) => setTimeout(r, 9999)) }}",
        )
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith(f" Error: {reason}")


@pytest.mark.parametrize(
    ("files", "handler", "error_type", "message"),
    [
        (
            {"other.js": ""},
            "index.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs",
        ),
        (
            {"index.js": "require('gone')"},
            "index.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'gone'\nRequire stack:\n- /var/task/index.js\n- /var/runtime/index.mjs",
        ),
        ({"index.js": "exports.x = ("}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
        ({"index.js": ""}, "index.handler", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ({"index.js": "exports.handler = 1"}, "index.handler", "Runtime.HandlerNotFound", "index.handler is not a function"),
        ({"index.js": ""}, "index", "Runtime.MalformedHandlerName", "Bad handler"),
        (
            {"index.js": ""},
            "../index.handler",
            "Runtime.MalformedHandlerName",
            "'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.",
        ),
        ({"index.js": "throw new EvalError('at import')"}, "index.handler", "EvalError", "at import"),
        ({"index.mjs": "setTimeout(() => { throw new Error('x') }); await new Promise(() => {})"}, "index.handler", "Error", "x"),
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_used(
    machine: Machine, files: dict[str, str], handler: str, error_type: str, message: str
) -> None:
    function = deployed(machine, files, handler=handler)
    result = machine.invoke(function)
    error = json.loads(result.payload)
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)
    first = logged(machine, result)[0]
    assert first.split("\t")[1:4] == ["undefined", "ERROR", "Uncaught Exception "]


def test_callback_handlers_are_refused_from_node_24_on(machine: Machine) -> None:
    error = fail(
        machine, {"index.js": "exports.handler = (event, context, callback) => callback()"}, runtime="nodejs24.x"
    )
    assert error["errorType"] == "Runtime.CallbackHandlerDeprecated"


def test_console_lines_have_time_request_and_level(machine: Machine) -> None:
    source = """
        console.log("at init");
        export const handler = async () => {
            console.log("%s is %d\\nand more", "one", 1, {a: 1}); console.debug("d"); console.warn("w"); console.error(new Error("e"));
            process.stdout.write("plain\\n"); process.stderr.write("no end");
        }
    """
    function = deployed(machine, source)
    invocation = machine.invocation(function)
    lines = logged(machine, machine.wait(machine.runtime.invoke(invocation)))
    stamps = [line.split("\t") for line in lines]
    assert stamps[0][1:] == ["undefined", "INFO", "at init\n"]
    assert stamps[1][1:] == [invocation.request_id, "INFO", "one is 1\nand more { a: 1 }\n"]
    assert [stamp[2] for stamp in stamps[2:5]] == ["DEBUG", "WARN", "ERROR"]
    assert stamps[4][3].startswith("Error: e\n    at ")
    assert lines[5:] == ["plain\n", "no end\n"]


def test_json_log_lines_and_levels(machine: Machine) -> None:
    source = """
        export const handler = async () => {
            console.debug("hidden"); console.log("text"); console.info({a: 1}); console.warn("two", 2); console.error(new RangeError("e"));
            throw new Error("end");
        }
    """
    function = deployed(machine, source, log_format="JSON", application_log_level="INFO")
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    entries = [json.loads(line) for line in logged(machine, result)]
    own = [entry for entry in entries if "level" in entry]
    assert [entry["level"] for entry in own] == ["INFO", "INFO", "WARN", "ERROR", "ERROR"]
    assert {entry["requestId"] for entry in own} == {invocation.request_id}
    assert [entry["message"] for entry in own[:3]] == ["text", {"a": 1}, "two 2"]
    assert own[3]["message"]["errorType"] == "RangeError"
    assert own[4]["message"]["errorMessage"] == "end"


def test_a_flood_of_output_is_cut_and_does_not_hang(machine: Machine) -> None:
    source = "export const handler = async () => { for (let i = 0; i < 20000; i++) console.log('x'.repeat(1000)); return 'through' }"
    function = deployed(machine, source)
    result = machine.invoke(function)
    assert result.payload == b'"through"'
    assert "was dropped" in logged(machine, result)[-1]


def test_limits_are_those_of_every_function(machine: Machine) -> None:
    timed_out = fail(machine, "export const handler = () => { for (;;); }", timeout_s=1)
    assert timed_out["errorType"] == "Sandbox.Timedout"
    large = fail(machine, "export const handler = async () => 'x'.repeat(7000000)")
    assert large["errorType"] == "Function.ResponseSizeTooLarge"
    buffers = "export const handler = async () => { const b = []; for (;;) b.push(Buffer.alloc(1 << 20, 1)); }"
    assert fail(machine, buffers)["errorType"] == "Runtime.OutOfMemory"


def test_streamed_answers_are_collected(machine: Machine) -> None:
    source = """
        export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
            if (event.http) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
            stream.write('{"a":');
            if (event.fail) throw new Error("half way");
            stream.end("1}");
        });
    """
    function = deployed(machine, source)
    assert json.loads(machine.invoke(function).payload) == {"a": 1}
    assert machine.invoke(function, {"http": True}).payload == b'{"statusCode":201}' + bytes(8) + b'{"a":1}'
    error = json.loads(machine.invoke(function, {"fail": True}).payload)
    assert (error["errorType"], error["errorMessage"]) == ("Error", "half way")
    assert json.loads(machine.invoke(function).payload) == {"a": 1}


def test_layers_bring_modules(machine: Machine) -> None:
    layer = machine.store({"nodejs/node_modules/shared/index.js": "exports.value = 'from the layer'"})
    for source in (
        {"index.js": "const { value } = require('shared'); exports.handler = async () => value"},
        {"index.mjs": "import { value } from 'shared'; export const handler = async () => value"},
        {"index.js": "exports.handler = async () => (await import('shared')).value"},
    ):
        assert run(machine, source, layer_digests=(layer,)) == "from the layer"
    missing = fail(machine, "import 'gone'; export const handler = 1", layer_digests=(layer,))
    assert missing["errorMessage"] == "Cannot find package 'gone' imported from /var/task/index.mjs"


def test_a_wrapper_starts_the_runtime_in_its_own_way(machine: Machine) -> None:
    script = '#!/bin/sh\nexport WRAPPED="by $0"\nexec "$@"\n'
    layer = machine.store({"wrap": script}, programs=["wrap"])
    function = deployed(
        machine,
        "export const handler = async () => process.env.WRAPPED",
        layer_digests=(layer,),
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"},
    )
    assert json.loads(machine.invoke(function).payload).endswith("/wrap")
    gone = deployed(machine, "", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/gone"}, layer_digests=(layer,))
    result = machine.invoke(gone)
    assert result.error_type == "Runtime.InvalidEntrypoint"
    assert result.error_message.endswith("fork/exec /opt/gone: no such file or directory")


def test_nothing_of_the_server_is_seen(machine: Machine, server_secret: str) -> None:
    variables = run(
        machine, "export const handler = async () => process.env", environment={"STAGE": "test", "TZ": "UTC"}
    )
    assert server_secret not in variables
    assert (variables["STAGE"], variables["AWS_ENDPOINT_URL"]) == ("test", "http://127.0.0.1:4566")
    assert not [name for name in variables if "BASCULE" in name]


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """An HTTP server that plays Bascule: its address and what it was asked."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            asked.append((self.headers.get("x-amz-target", ""), self.rfile.read(length).decode()))
            body = b'{"FailedEntryCount":0,"Entries":[{"EventId":"e1"}]}'
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_function_calls_back_by_fetch(machine: Machine, upstream: tuple[str, list[tuple[str, str]]]) -> None:
    url, asked = upstream
    source = """
        export const handler = async () => {
            const answer = await fetch(process.env.AWS_ENDPOINT_URL, { method: "POST", body: "{}", headers: {"x-amz-target": "AWSEvents.PutEvents"} });
            return await answer.json();
        }
    """
    assert run(machine, source, environment={"AWS_ENDPOINT_URL": url})["FailedEntryCount"] == 0
    assert asked == [("AWSEvents.PutEvents", "{}")]


def test_the_sdk_calls_back_without_end_point_code(
    machine: Machine, upstream: tuple[str, list[tuple[str, str]]]
) -> None:
    url, asked = upstream
    program = Path(shutil.which("node") or "").resolve()
    if not (program.parents[1] / "lib/node_modules/@aws-sdk/client-eventbridge").exists():
        pytest.skip("no @aws-sdk/client-eventbridge among this machine's global Node modules")
    source = """
        const { EventBridgeClient, PutEventsCommand } = require("@aws-sdk/client-eventbridge");
        exports.handler = async () => (await new EventBridgeClient({}).send(new PutEventsCommand({ Entries: [] }))).FailedEntryCount;
    """
    assert run(machine, {"index.js": source}, environment={"AWS_ENDPOINT_URL": url}) == 0
    assert asked[0][0] == "AWSEvents.PutEvents"


def test_a_machine_without_node_says_what_to_do(
    fresh_machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module.shutil, "which", lambda *_, **__: None)
    machine = fresh_machine()
    with pytest.raises(RuntimeUnavailable, match=r"no Node\.js.*install Node\.js 18 or later"):
        machine.invoke(deployed(machine, ""))
