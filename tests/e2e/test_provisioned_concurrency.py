"""Provisioned concurrency on a real server: the first call is fast, the dead are replaced, a restart brings them back."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually

SOURCE = """
import os, time
time.sleep(1)
def handler(event, context):
    return [os.getpid(), os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
"""


def publish(functions: Any, name: str = "slow") -> None:
    """A function whose import takes a second, its version 1 and the alias ``live``, with one environment provisioned."""
    runtime = f"python3.{sys.version_info.minor}"
    create_function(functions, name, SOURCE, Runtime=runtime)
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    put = functions.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    assert (put["Status"], put["ResponseMetadata"]["HTTPStatusCode"]) == ("IN_PROGRESS", 202)


def status(functions: Any, name: str = "slow") -> str:
    shown = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    return str(shown["Status"])


def call(functions: Any, name: str = "slow") -> tuple[list[Any], float]:
    began = time.monotonic()
    payload = functions.invoke(FunctionName=name, Qualifier="live")["Payload"].read()
    return json.loads(payload), time.monotonic() - began


def test_slow_import_is_over_before_the_first_call_also_after_a_death_and_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path, "--isolation", "off") as server:
        functions = server.client("lambda")
        publish(functions)
        eventually(lambda: status(functions) == "READY")
        (pid, kind), seconds = call(functions)
        assert (kind, seconds < 0.7) == ("provisioned-concurrency", True), seconds

        os.kill(pid, signal.SIGKILL)
        eventually(lambda: status(functions) == "IN_PROGRESS", what="the death of the environment")
        eventually(lambda: status(functions) == "READY")
        (fresh, kind), seconds = call(functions)
        assert (fresh != pid, kind, seconds < 0.7) == (True, "provisioned-concurrency", True), seconds

        server.kill()
        server.start()
        functions = server.client("lambda")
        eventually(lambda: status(functions) == "READY")
        (again, kind), seconds = call(functions)
        assert (again != fresh, kind, seconds < 0.7) == (True, "provisioned-concurrency", True), seconds


WHO = """
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Arn"]
"""


def test_calls_of_a_function_are_known_as_its_roles(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        functions = server.client("lambda")
        create_function(functions, "who", WHO)
        found = json.loads(functions.invoke(FunctionName="who")["Payload"].read())
        assert found == "arn:aws:sts::000000000000:assumed-role/test/who"


def children(server: Server) -> set[int]:
    """The processes that the server has started and that are there now."""
    assert server.process is not None
    found = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return {int(pid) for pid in found.split()}


def test_used_functions_are_prepared_after_a_restart_and_servers_without_any_start_nothing(tmp_path: Path) -> None:
    with Server(tmp_path, "--isolation", "off") as server:
        time.sleep(1.5)  # longer than a start waits before it prepares anything
        assert children(server) == set()
        functions = server.client("lambda")
        create_function(functions, "used", WHO, Runtime=f"python3.{sys.version_info.minor}")
        functions.invoke(FunctionName="used", InvocationType="DryRun")
        eventually(lambda: children(server), what="the interpreter of a new function")
        server.kill()
        server.start()
        eventually(lambda: children(server), what="the interpreter of a function that was used before")
