"""Python functions that cannot be forks: with a wrapper, and with extensions in a layer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from bascule.kernel.invocation import FunctionVersion
from tests.e2e.runtime.conftest import Machine

WRAPPER = '#!/bin/sh\nexport WRAPPED="with $# arguments"\nexec "$@"\n'
EXTENSION = (
    f"#!{os.path.realpath(sys.executable)} -I\n" + (Path(__file__).parent / "programs" / "extension.py").read_text()
)


def wrapped(machine: Machine, source: str, **fields: Any) -> FunctionVersion:
    layer = machine.store({"wrap": WRAPPER, "python/shared.py": "value = 'from the layer'"}, programs=["wrap"])
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"}
    return machine.deploy(source, layer_digests=(layer,), environment=environment, **fields)


def test_a_wrapper_starts_the_interpreter(machine: Machine) -> None:
    function = wrapped(
        machine,
        """
        import os, shared, boto3, sys
        calls = []
        def handler(event, context):
            calls.append(1)
            return [os.environ["WRAPPED"][:4], shared.value, len(calls), context.aws_request_id, event, "bascule_environment" in str(sys.path)]
        """,
    )
    for count in (1, 2):
        invocation = machine.invocation(function, {"a": "ü"})
        payload = machine.wait(machine.runtime.invoke(invocation)).payload
        assert json.loads(payload) == ["with", "from the layer", count, invocation.request_id, {"a": "ü"}, False]


def test_a_wrapper_may_put_options_before_the_last_argument(machine: Machine) -> None:
    """The wrapper of AWS's guide adds ``-X importtime`` this way."""
    wrapper = '#!/bin/bash\nargs=("$@")\nexec "${args[@]:0:$#-1}" -X utf8=0 -X importtime "${args[@]: -1}"\n'
    layer = machine.store({"wrap": wrapper}, programs=["wrap"])
    function = machine.deploy(
        """
        import os, sys
        def handler(event, context):
            return [sorted(sys._xoptions), sys.argv, [name for name in os.environ if "BASCULE" in name]]
        """,
        layer_digests=(layer,),
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"},
    )
    assert json.loads(machine.invoke(function).payload) == [["importtime", "utf8"], ["bootstrap"], []]


def test_errors_and_limits_are_the_same(machine: Machine) -> None:
    function = wrapped(
        machine,
        """
        import logging, sys, time
        def handler(event, context):
            logging.getLogger().warning("two\\nlines")
            if event == "raise": raise ValueError("no")
            if event == "exit": sys.exit(3)
            if event == "large": return "x" * 7_000_000
            if event == "hang": time.sleep(60)
            return context.get_remaining_time_in_millis()
        """,
        timeout_s=3,
    )
    raised = machine.invoke(function, "raise")
    error = json.loads(raised.payload)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no")
    assert error["stackTrace"][0].startswith('  File "/var/task/app.py", line 5, in handler')
    assert any("two\nlines" in line for line in machine.logs)
    assert 0 < int(machine.invoke(function).payload) <= 3000
    assert machine.invoke(function, "large").error_type == "Function.ResponseSizeTooLarge"
    exited = machine.invoke(function, "exit")
    assert exited.error_message.endswith("Runtime exited with error: exit status 3")
    assert machine.invoke(function, "hang").error_type == "Sandbox.Timedout"


def test_an_import_error_is_the_payload(machine: Machine) -> None:
    result = machine.invoke(wrapped(machine, "import gone"))
    assert json.loads(result.payload)["errorMessage"] == "Unable to import module 'app': No module named 'gone'"
    assert result.error_type == "Runtime.ImportModuleError"


def test_extensions_run_beside_python(machine: Machine) -> None:
    layer = machine.store({"extensions/first": EXTENSION}, programs=["extensions/first"])
    function = machine.deploy("def handler(event, context): return 1", layer_digests=(layer,))
    invocation = machine.invocation(function)
    assert machine.wait(machine.runtime.invoke(invocation)).payload == b"1"
    assert f"first heard of {invocation.request_id}\n" in machine.logs
