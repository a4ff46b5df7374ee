"""``bascule replay``: a past event reaches a function again as it was, and mistakes are one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("replay")) as running:
        functions = running.client("lambda")
        create_function(
            functions,
            "shop",
            """
            def handler(event, context):
                print("order", event["detail"]["order"])
                if event["detail"]["order"] == "poison":
                    raise ValueError("no stock")
                return event
            """,
        )
        yield running


def put(server: Server, order: str) -> str:
    detail = json.dumps({"order": order, "text": "ä\\n"})
    entry = {"Source": "shop", "DetailType": "Order", "Detail": detail, "Resources": ["arn:x"]}
    answer: str = server.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"]
    return answer


def replay(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bascule", "replay", *arguments, "--url", server.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_past_event_reaches_the_function_as_it_came(server: Server) -> None:
    event_id = put(server, "o-1")
    done = replay(server, event_id, "--to", "shop")
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert (event["id"], event["source"], event["resources"]) == (event_id, "shop", ["arn:x"])
    assert event["detail"] == {"order": "o-1", "text": "ä\\n"}
    assert "order o-1" in done.stderr
    assert "REPORT RequestId" in done.stderr


def test_a_failure_is_shown_and_is_the_exit_code(server: Server) -> None:
    done = replay(server, put(server, "poison"), "--to", "arn:aws:lambda:us-east-1:000000000000:function:shop")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorMessage"] == "no stock"
    assert "the function failed (Unhandled)" in done.stderr


def test_it_can_be_queued(server: Server) -> None:
    done = replay(server, put(server, "o-2"), "--to", "shop", "--async")
    assert done.stdout.startswith("queued as request ")
    logs = server.client("logs")

    def lines() -> bool:
        found = logs.filter_log_events(logGroupName="/aws/lambda/shop")["events"]
        return any("order o-2" in event["message"] for event in found)

    eventually(lines, what="the line of the replayed event")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("00000000-0000-0000-0000-000000000000", "--to", "shop"), "is in the journal"),
        (("not-an-id", "--to", "shop"), "is in the journal"),
    ],
)
def test_an_event_that_is_not_there_is_one_sentence(server: Server, arguments: tuple[str, ...], words: str) -> None:
    done = replay(server, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bascule: no event")
    assert words in done.stderr


def test_a_function_that_is_not_there_is_one_sentence(server: Server) -> None:
    done = replay(server, put(server, "o-3"), "--to", "nobody")
    assert done.returncode == 1
    assert "ResourceNotFoundException: Function not found: arn:aws:lambda" in done.stderr
