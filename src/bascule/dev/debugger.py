"""A debugger for the functions of one ``bascule dev``: the files it needs inside the function, and how a person attaches."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from bascule.dev.functions import CannotDevelop, LocalFunction

#: Where debugpy lies in the package; as in ``bascule_environment.debugging``.
PLACE = ".bascule-debugger"


def files_for(function: LocalFunction) -> dict[str, Path]:
    """Files that the function's process needs, by their names in its package.

    Raises   CannotDevelop when the runtime has no debugger, or debugpy is not installed.
    """
    if function.runtime.startswith("nodejs"):
        return {}
    if not function.runtime.startswith("python"):
        raise CannotDevelop(
            f"functions of runtime {function.runtime} have no debugger; leave --debug out and start one in 'bootstrap'."
        )
    spec = importlib.util.find_spec("debugpy")
    if spec is None or not spec.submodule_search_locations:
        raise CannotDevelop("debugpy is not installed; run: pip install 'bascule[debug]'")
    root = Path(next(iter(spec.submodule_search_locations)))
    files: dict[str, Path] = {}
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = Path(place) / name
            files[f"{PLACE}/debugpy/{path.relative_to(root).as_posix()}"] = path
    return files


def request(function: LocalFunction, port: int, *, is_awaited: bool) -> dict[str, Any]:
    """What the server is asked for."""
    return {"port": port, "is_awaited": is_awaited, "source": str(function.folder.resolve())}


def attaching(function: LocalFunction, port: int, *, is_isolated: bool) -> str:
    """How to attach, with the entry for ``launch.json``."""
    name = f"bascule: {function.name}"
    entry: dict[str, Any]
    if function.runtime.startswith("nodejs"):
        entry = {"name": name, "type": "node", "request": "attach", "address": "127.0.0.1", "port": port}
        if is_isolated:
            entry |= {"localRoot": str(function.folder.resolve()), "remoteRoot": "/var/task"}
        how = f"debugger of {function.name} on 127.0.0.1:{port}; chrome://inspect, or in .vscode/launch.json:"
    else:
        entry = {
            "name": name,
            "type": "debugpy",
            "request": "attach",
            "connect": {"host": "127.0.0.1", "port": port},
        }
        how = f"debugger of {function.name} on 127.0.0.1:{port}; in .vscode/launch.json:"
    return f"{how}\n  {json.dumps(entry)}"
