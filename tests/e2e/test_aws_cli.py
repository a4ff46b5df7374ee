"""The main job by hand, with the AWS command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bascule.cli.environment import sdk_environment
from tests.functions import ROLE, package
from tests.server import Server
from tests.waiting import eventually

HANDLER = """
def handler(event, context):
    print("order", event["detail"]["orderId"] if "detail" in event else "direct")
    return {"handled": True}
"""


def _aws(server: Server, *arguments: str) -> Any:
    """Run the AWS command line of this virtual environment as a person would after eval "$(bascule env)"."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = sdk_environment(server.url, {**os.environ, "PATH": path})
    done = subprocess.run(
        ["aws", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout


def test_the_steps_of_the_main_job_by_hand(server: Server, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(package(HANDLER))
    queue = _aws(server, "sqs", "create-queue", "--queue-name", "cli")["QueueUrl"]
    function_arn = _aws(
        server,
        *("lambda", "create-function", "--function-name", "cli", "--runtime", "python3.12", "--role", ROLE),
        *("--handler", "handler.handler", "--zip-file", f"fileb://{tmp_path / 'code.zip'}"),
    )["FunctionArn"]
    _aws(server, "lambda", "wait", "function-active-v2", "--function-name", "cli")
    pattern = json.dumps({"source": ["cli"], "detail": {"amount": [{"numeric": [">", 10]}]}})
    _aws(server, "events", "put-rule", "--name", "cli", "--event-pattern", pattern)
    targets = f"Id=1,Arn={function_arn}", "Id=2,Arn=arn:aws:sqs:us-east-1:000000000000:cli"
    assert _aws(server, "events", "put-targets", "--rule", "cli", "--targets", *targets)["FailedEntryCount"] == 0
    entries = [{"Source": "cli", "DetailType": "Order", "Detail": json.dumps({"orderId": "o-7", "amount": 11})}]
    event_id = _aws(server, "events", "put-events", "--entries", json.dumps(entries))["Entries"][0]["EventId"]

    received = _aws(server, "sqs", "receive-message", "--queue-url", queue, "--wait-time-seconds", "10")["Messages"]
    assert json.loads(received[0]["Body"])["id"] == event_id

    invoked = _aws(
        server, "lambda", "invoke", "--function-name", "cli", "--log-type", "Tail", str(tmp_path / "out.json")
    )
    assert invoked["StatusCode"] == 200
    assert json.loads((tmp_path / "out.json").read_text()) == {"handled": True}

    def logged() -> str:
        # what "aws logs tail" of version 2 asks for; version 1, which the package index has, lacks that command
        found = _aws(server, "logs", "filter-log-events", "--log-group-name", "/aws/lambda/cli", "--start-time", "0")
        text = "".join(event["message"] for event in found["events"])
        return text if "order o-7" in text and "order direct" in text else ""

    lines = eventually(logged, what="both invocations in the log")
    assert lines.count("START RequestId:") == 2
    assert lines.count("REPORT RequestId:") == 2
