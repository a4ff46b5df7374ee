"""A Runtime API answers its own environment: not other functions, not other processes of the machine."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Callable

import pytest

from bascule.runtime.isolation import why_not
from tests.e2e.runtime.conftest import Machine

#: Answers an event with what it asks for. ``by``: another process than the runtime's own sends the answer.
RUNTIME = f"""\
#!{os.path.realpath(sys.executable)} -I
import json, os, socket, subprocess, sys, urllib.request
address = os.environ["AWS_LAMBDA_RUNTIME_API"]
api = f"http://{{address}}/2018-06-01/runtime/invocation"
CALL = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], sys.argv[2].encode()).close()"
def send(url, answer, by):
    command = [sys.executable, "-I", "-c", CALL, url, answer]
    if by == "child":
        subprocess.run(command, check=True)
    elif by == "daemon":
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(command[0], command)
            os._exit(0)
        os.wait()
        os.close(writing)
        os.read(reading, 1)  # the daemon has ended
        os.close(reading)
    elif by == "ipv6 socket":
        host, _, port = address.partition(":")
        with socket.create_connection((f"::ffff:{{host}}", int(port))) as connection:
            head = f"POST {{url.partition(address)[2]}} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {{len(answer)}}\\r\\n\\r\\n"
            connection.sendall((head + answer).encode())
            connection.recv(1000)
    else:
        urllib.request.urlopen(url, answer.encode()).close()
while True:
    with urllib.request.urlopen(f"{{api}}/next") as event:
        asked, request_id = json.load(event), event.headers["Lambda-Runtime-Aws-Request-Id"]
    send(f"{{api}}/{{request_id}}/response", json.dumps([address, asked]), asked.get("by"))
"""

#: Finds a port as anybody can, and asks it for what it must not get.
HOSTILE = """
import socket
def ask(port, request):
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        try:
            connection.sendall(request.encode())
            return connection.recv(10_000).decode()
        except ConnectionError:
            return ""
def handler(event, context):
    port = event["port"]
    with open("/proc/net/tcp") as listing:
        assert any(line.split()[1] == f"0100007F:{port:04X}" for line in listing), "it is not in sight"
    base = "HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
    return [
        ask(port, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"),
        ask(port, f"POST /2018-06-01/runtime/invocation/{event['id']}/response {base}"),
        ask(port, f"POST /2020-01-01/extension/register {base}"),
    ]
"""


@pytest.fixture(params=["auto", "off"])
def machine(request: pytest.FixtureRequest, fresh_machine: Callable[..., Machine]) -> Machine:
    if request.param == "auto" and (reason := why_not(restricts_network=False)):
        pytest.skip(f"this machine cannot isolate functions: {reason}")
    return fresh_machine(isolation=request.param)


def deploy_victim(machine: Machine) -> Callable[[object], tuple[int, object]]:
    """A function with a Runtime API; gives what invokes it: its port, and the event that came to it."""
    function = machine.deploy({"bootstrap": RUNTIME}, programs=["bootstrap"], runtime="provided.al2023")

    def invoke(event: object) -> tuple[int, object]:
        result = machine.invoke(function, event)
        assert result.function_error is None, result.payload
        address, came = json.loads(result.payload)
        return int(address.rpartition(":")[2]), came

    return invoke


def refused_count(machine: Machine) -> int:
    return sum(machine.metrics.snapshot().get("lambda.runtime_api_strangers", {}).values())


def test_a_function_gets_nothing_of_another_ones_runtime_api(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bascule.runtime")
    victim = deploy_victim(machine)
    port, _ = victim({"secret": 1})
    assert machine.run(HOSTILE, {"port": port, "id": "any"}) == ["", "", ""]
    assert victim({"secret": 2}) == (port, {"secret": 2})
    assert refused_count(machine) == 3
    assert sum("was refused" in record.message for record in caplog.records) == 1


def test_nor_does_a_function_that_has_a_runtime_api_of_its_own(machine: Machine) -> None:
    victim = deploy_victim(machine)
    port, _ = victim({})
    result = machine.invoke(
        machine.deploy(
            {"app.py": HOSTILE, "wrapper": '#!/bin/sh\nexec "$@"\n'},
            programs=["wrapper"],
            environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"},
        ),
        {"port": port, "id": "any"},
    )
    assert json.loads(result.payload) == ["", "", ""]
    assert victim({"still": "mine"}) == (port, {"still": "mine"})


def test_nor_does_another_process_of_the_machine(machine: Machine) -> None:
    victim = deploy_victim(machine)
    port, _ = victim({})
    with socket.create_connection(("127.0.0.1", port)) as connection:
        victim({})  # the runtime works meanwhile
        connection.settimeout(30)
        try:
            said = connection.recv(1)
        except ConnectionResetError:
            said = b""
    assert said == b""


def test_nor_is_anything_taken_from_a_stranger_that_does_not_wait(machine: Machine) -> None:
    victim = deploy_victim(machine)
    port, _ = victim({})
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
    assert victim({"still": "mine"}) == (port, {"still": "mine"})
    machine.until(lambda: refused_count(machine) == 20)
    assert victim({"now": "too"}) == (port, {"now": "too"})


@pytest.mark.parametrize("by", ["child", "daemon", "ipv6 socket"])
def test_whatever_process_of_the_environment_asks_is_answered(machine: Machine, by: str) -> None:
    if by == "ipv6 socket" and not os.path.exists("/proc/net/tcp6"):
        pytest.skip("this machine has no IPv6")
    victim = deploy_victim(machine)
    ports = {victim({"by": by})[0] for _ in range(2)}
    assert len(ports) == 1
    assert machine.metrics.snapshot() == {}
