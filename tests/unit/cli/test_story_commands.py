"""``bascule story`` and ``bascule tail`` as a user meets them; the server is scripted at the level of HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bascule.cli.story import story
from bascule.cli.tail import tail

STORY = {
    "event_id": "e-1",
    "event": {
        "id": "e-1",
        "bus": "shop",
        "source": "myapp.orders",
        "detail_type": "Order Created",
        "received_ms": 1_700_000_000_000,
        "bytes": 12,
        "body": {"detail": {"amount": 1}},
    },
    "rules": [{"name": "big", "arn": "r", "bus_arn": "b", "matched": False, "sentence": "detail.amount is 1."}],
    "deliveries": [],
    "invocations": [],
    "caused_by": None,
    "caused": [],
}
HAPPENING = {
    "kind": "event",
    "at_ms": 1_700_000_000_000,
    "event_id": "e-1",
    "bus": "shop",
    "source": "s",
    "detail_type": "t",
    "bytes": 3,
    "matched": [],
}
Answers = Callable[[str], tuple[int, bytes]]


@pytest.fixture
def serve() -> Iterator[Callable[[Answers], str]]:
    """Start a server on a free port that answers each path as told; gives its address."""
    running: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers(self.path)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command("story")(story)
    made.command("tail")(tail)
    return made


def run(app: typer.Typer, *arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_a_story_is_told_for_people(app: typer.Typer, serve: Callable[[Answers], str]) -> None:
    asked: list[str] = []

    def answers(path: str) -> tuple[int, bytes]:
        asked.append(path)
        return 200, json.dumps(STORY).encode()

    result = run(app, "story", "e/1", "--url", serve(answers))
    assert result.exit_code == 0
    assert "rule big did not match: detail.amount is 1." in result.stdout
    assert asked == ["/_bascule/stories/e%2F1"]


def test_a_story_is_passed_through_for_programs(app: typer.Typer, serve: Callable[[Answers], str]) -> None:
    result = run(app, "story", "e-1", "--json", "--url", serve(lambda path: (200, json.dumps(STORY).encode())))
    assert json.loads(result.stdout) == STORY


def test_an_unknown_event_is_one_sentence_and_exit_code_1(app: typer.Typer, serve: Callable[[Answers], str]) -> None:
    result = run(app, "story", "e-404", "--url", serve(lambda path: (404, b"{}")))
    assert result.exit_code == 1
    assert result.stderr.startswith("bascule: no event 'e-404' is in the journal")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [("story", "e-1"), ("tail",)])
def test_no_server_is_one_sentence_and_exit_code_1(app: typer.Typer, command: tuple[str, ...]) -> None:
    result = run(app, *command, "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.stderr.startswith("bascule: no server answers at http://127.0.0.1:9")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_tail_goes_on_from_its_cursor_until_the_server_is_gone(
    app: typer.Typer, serve: Callable[[Answers], str], flags: tuple[str, ...]
) -> None:
    asked: list[str] = []

    def answers(path: str) -> tuple[int, bytes]:
        asked.append(path.partition("?")[2])
        if len(asked) == 3:
            return 503, b""
        happenings = [HAPPENING] if len(asked) == 1 else []
        return 200, json.dumps({"happenings": happenings, "cursor": f"c{len(asked)}"}).encode()

    result = run(app, "tail", "--url", serve(answers), *flags)
    assert result.exit_code == 1
    assert asked == ["after=&wait=20", "after=c1&wait=20", "after=c2&wait=20"]
    (line,) = result.stdout.splitlines()
    if flags:
        assert json.loads(line) == HAPPENING
    else:
        assert line == "22:13:20.000 e-1 event       s 't' on shop, 3 bytes -> no rule"


def test_a_tail_of_something_else_says_so(app: typer.Typer, serve: Callable[[Answers], str]) -> None:
    result = run(app, "tail", "--url", serve(lambda path: (404, b"")))
    assert result.exit_code == 1
    assert "is not Bascule" in result.stderr
