"""Functions whose network is Bascule and nothing else, and servers that must isolate."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bascule.runtime.isolation import why_not
from tests.e2e.runtime.conftest import Machine
from tests.functions import create_function
from tests.server import Server

SOURCE = """
import os, socket, urllib.request
def attempt(address):
    try:
        socket.create_connection(tuple(address), 2).close()
        return "connected"
    except OSError as error:
        return type(error).__name__
def handler(event, context):
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"], data=b"x" * 300_000) as answer:
        said = answer.read().decode()
    return [said, *(attempt(address) for address in event)]
"""


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{length} bytes".encode() + b"." * 200_000)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _needs_isolation() -> None:
    if reason := why_not(restricts_network=True):
        pytest.skip(f"this machine cannot isolate functions and their network: {reason}")


def test_a_function_reaches_bascule_and_nothing_else(fresh_machine: Callable[..., Machine], endpoint: str) -> None:
    machine = fresh_machine(function_network="bascule")
    machine.base_url = endpoint
    with socket.create_server(("127.0.0.1", 0)) as other:
        function = machine.deploy(SOURCE)
        for _ in range(2):
            result = machine.invoke(function, [other.getsockname(), ("192.0.2.1", 80)])
            said, of_machine, of_world = json.loads(result.payload)
            assert said.startswith("300000 bytes....")
            assert len(said) > 200_000
            assert (of_machine, of_world) == ("ConnectionRefusedError", "OSError")


def test_without_the_setting_a_function_has_the_machines_network(machine: Machine, endpoint: str) -> None:
    machine.base_url = endpoint
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = machine.invoke(machine.deploy(SOURCE), [other.getsockname()])
    assert json.loads(result.payload)[1] == "connected"


def test_a_runtime_that_speaks_http_finds_its_api(fresh_machine: Callable[..., Machine]) -> None:
    machine = fresh_machine(function_network="bascule")
    script = f"""\
        #!{os.path.realpath(sys.executable)}
        import os, urllib.request
        api = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2018-06-01/runtime/invocation"
        while True:
            with urllib.request.urlopen(f"{{api}}/next") as event:
                body, request_id = event.read(), event.headers["Lambda-Runtime-Aws-Request-Id"]
            urllib.request.urlopen(f"{{api}}/{{request_id}}/response", body).close()
        """
    function = machine.deploy({"bootstrap": script}, programs=["bootstrap"], runtime="provided.al2023")
    assert [machine.invoke(function, number).payload for number in (1, 2)] == [b"1", b"2"]


def test_a_server_that_must_isolate_does_and_its_functions_call_it(tmp_path: Path) -> None:
    source = """
        import boto3
        def handler(event, context):
            return boto3.client("sqs").create_queue(QueueName="made-inside")["QueueUrl"]
    """
    with Server(tmp_path, "--require-isolation", "--function-network", "bascule") as server:
        functions = server.client("lambda")
        create_function(functions, "caller", source, Timeout=30)
        answer = json.loads(functions.invoke(FunctionName="caller")["Payload"].read())
        assert answer.endswith("/made-inside")
        with urllib.request.urlopen(f"{server.url}/_bascule/status") as status:
            assert json.load(status)["missing_isolation"] == []


def test_a_server_that_must_isolate_and_may_not_refuses_in_one_sentence(tmp_path: Path) -> None:
    flags = ["--port", "0", "--data", str(tmp_path / "data"), "--require-isolation", "--isolation", "off"]
    done = subprocess.run(
        [sys.executable, "-m", "bascule", "serve", *flags], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "isolation of functions is required and incomplete (isolation is off): files, processes" in done.stderr
