"""Functions that stream, for tests: one whose event says step by step what it does (``programs/streaming.py``), one in Node."""

from __future__ import annotations

import io
import json
import shutil
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.functions import ROLE

PROGRAM = Path(__file__).parent / "e2e" / "runtime" / "programs" / "streaming.py"

needs_node = pytest.mark.skipif(
    shutil.which("node") is None and shutil.which("nodejs") is None, reason="no Node.js on this machine"
)


def bootstrap() -> str:
    """The program, for the interpreter of the tests."""
    return PROGRAM.read_text().replace("@PYTHON@", sys.executable)


def create_stepping(functions: Any, name: str, **configuration: Any) -> str:
    """Create the function that does what its event says; gives its ARN."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        zipped.writestr(entry, bootstrap())
    return _create(functions, name, archive.getvalue(), Runtime="provided.al2023", Handler="-", **configuration)


def create_node(functions: Any, name: str, source: str, **configuration: Any) -> str:
    """Create a Node function of one ES module; gives its ARN."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("index.mjs", textwrap.dedent(source))
    return _create(functions, name, archive.getvalue(), Runtime="nodejs20.x", Handler="index.handler", **configuration)


def _create(functions: Any, name: str, code: bytes, **configuration: Any) -> str:
    given = {"FunctionName": name, "Role": ROLE, "Code": {"ZipFile": code}, "Timeout": 20, **configuration}
    arn: str = functions.create_function(**given)["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return arn


def steps(*done: list[Any]) -> bytes:
    """The event that has them done."""
    return json.dumps({"steps": done}).encode()
