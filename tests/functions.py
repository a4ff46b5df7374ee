"""Small function packages for tests."""

from __future__ import annotations

import io
import textwrap
import zipfile
from typing import Any

ROLE = "arn:aws:iam::000000000000:role/test"


def package(source: str, name: str = "handler.py") -> bytes:
    """A zip with one Python file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(name, textwrap.dedent(source))
    return archive.getvalue()


def create_function(functions: Any, name: str, source: str, **configuration: Any) -> str:
    """Create a Python function and wait until it is active; gives its ARN."""
    arn: str = functions.create_function(
        **{
            "FunctionName": name,
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "handler.handler",
            "Code": {"ZipFile": package(source)},
            "Timeout": 10,
            **configuration,
        }
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return arn
