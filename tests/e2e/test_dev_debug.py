"""A debugger attaches to a function that ``bascule dev --debug`` runs: a real one, over its protocol."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.debug_client import DebugClient
from tests.developer import Developer
from tests.server import Server
from tests.waiting import eventually

CODE = """\
def handler(event, context):
    price = event["price"]
    total = price * 2
    return {"total": total, "left_ms": context.get_remaining_time_in_millis()}
"""


@pytest.fixture(scope="module", params=["auto", "off"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("debug"), "--isolation", request.param) as running:
        yield running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Call(threading.Thread):
    """An invocation in the background."""

    def __init__(self, server: Server, name: str, price: int) -> None:
        super().__init__()
        self._functions = server.client("lambda", read_timeout=60)
        self._name = name
        self._price = price
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        answer = self._functions.invoke(FunctionName=self._name, Payload=json.dumps({"price": self._price}))
        self.answer = json.loads(answer["Payload"].read())

    def result(self) -> Any:
        self.join(60)
        assert not self.is_alive()
        return self.answer


def test_a_breakpoint_stops_the_function_past_its_timeout_and_values_can_be_changed(
    server: Server, tmp_path: Path
) -> None:
    place = tmp_path / "debugged"
    place.mkdir()
    (place / "app.py").write_text(CODE)
    port = free_port()
    flags = ("--url", server.url, "--timeout", "1", "--debug", "--debug-port", str(port))
    with Developer(place, *flags) as dev:
        dev.saw(f"debugger of debugged on 127.0.0.1:{port}")
        dev.saw('"type": "debugpy"')
        with DebugClient(port) as debugger:
            assert debugger.attach({place / "app.py": [3]}) == [True]
            first = Call(server, "debugged", 21)
            thread = debugger.event("stopped")["threadId"]
            second = Call(server, "debugged", 100)
            frame = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]
            assert (frame["line"], Path(frame["source"]["path"])) == (3, place / "app.py")
            value = debugger.ask("evaluate", expression="price", frameId=frame["id"], context="hover")
            assert value["result"] == "21"
            time.sleep(1.3)  # longer than the function's time-out
            debugger.ask("evaluate", expression="price = 50", frameId=frame["id"], context="repl")
            assert second.answer is None, "only one invocation may run while a function is debugged"
            debugger.ask("continue", threadId=thread)
            answer = first.result()
            assert answer["total"] == 100
            assert answer["left_ms"] > 3_600_000
            thread = debugger.event("stopped")["threadId"]
            debugger.ask("continue", threadId=thread)
            assert second.result()["total"] == 200
        (place / "app.py").write_text(CODE.replace("* 2", "* 3"))
        dev.saw("attach again")
        with DebugClient(port) as debugger:
            debugger.attach({place / "app.py": [3]})
            call = Call(server, "debugged", 2)
            debugger.ask("continue", threadId=debugger.event("stopped")["threadId"])
            assert call.result()["total"] == 6
    functions = server.client("lambda")
    ended = json.loads(functions.invoke(FunctionName="debugged", Payload='{"price": 1}')["Payload"].read())
    assert ended["left_ms"] <= 1_000


def test_a_function_can_wait_for_the_debugger_before_it_is_imported(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "waiting"
    place.mkdir()
    (place / "app.py").write_text("WORD = 'imported'\n" + CODE)
    port = free_port()
    with Developer(place, "--url", server.url, "--debug", "--debug-port", str(port), "--wait"):
        call = Call(server, "waiting", 4)
        with DebugClient(port) as debugger:
            debugger.attach({place / "app.py": [1]})
            thread = debugger.event("stopped")["threadId"]
            assert call.answer is None
            debugger.ask("continue", threadId=thread)
            assert call.result()["total"] == 8


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_nodes_inspector_listens_and_the_function_answers(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "node"
    place.mkdir()
    (place / "index.mjs").write_text("export const handler = async (event) => event.price * 2;\n")
    port = free_port()
    with Developer(place, "--url", server.url, "--debug", "--debug-port", str(port)) as dev:
        dev.saw('"type": "node"')
        eventually(lambda: "ws://" in inspected(port), what="the inspector")
        call = Call(server, "node", 21)
        assert call.result() == 42


def inspected(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""
