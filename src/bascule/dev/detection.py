"""Finds the handler in a folder: what AWS's examples, SAM and people call it, and nothing that has to be guessed.

Python is parsed, not imported: looking at a folder must not run it. A file that does not parse is read by its lines, because
somebody may start ``bascule dev`` with a half-written handler.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from bascule.dev.functions import CannotDevelop, LocalFunction, name_of

#: Names of handlers, best first.
HANDLERS = ("lambda_handler", "handler")
#: Files that win over others with a handler, without their ending.
USUAL_FILES = ("lambda_function", "app", "main", "handler", "index")
TEMPLATES = ("template.yaml", "template.yml", "template.json")
NODE_ENDINGS = (".mjs", ".js", ".cjs")
NODE_RUNTIME = "nodejs22.x"
PROVIDED_RUNTIME = "provided.al2023"
_PYTHON_LINE = re.compile(r"^(?:async )?def (lambda_handler|handler)\b|^(lambda_handler|handler)\s*=", re.M)
_NODE_HANDLER = re.compile(
    r"export\s+(?:const|let|var|async\s+function|function)\s+handler\b"
    r"|export\s*\{[^}]*\bhandler\b"
    r"|exports\.handler\s*="
    r"|module\.exports\s*=\s*\{[^}]*\bhandler\b"
)


class Found(NamedTuple):
    """A handler in a file, and the runtime it needs."""

    handler: str
    runtime: str


def python_runtime() -> str:
    """The runtime of the interpreter that runs Bascule."""
    return f"python3.{sys.version_info.minor}"


def template_in(folder: Path) -> Path | None:
    """The template of a folder, if it has one."""
    return next((folder / name for name in TEMPLATES if (folder / name).is_file()), None)


def detect(folder: Path, *, name: str = "", handler: str = "", runtime: str = "") -> LocalFunction:
    """The function in a folder.

    Takes    name, handler, runtime: what the person said; empty: look.
    Raises   CannotDevelop when there is no handler, or more than one that could be meant.
    """
    name = name_of(name or folder.resolve().name)
    if handler:
        runtime = runtime or _runtime_of(folder, handler)
    else:
        found = _only(folder, _handlers(folder))
        handler, runtime = found.handler, runtime or found.runtime
    return LocalFunction(name=name, folder=folder, handler=handler, runtime=runtime)


def _only(folder: Path, found: list[Found]) -> Found:
    if not found:
        raise CannotDevelop(
            f"there is no handler in '{folder}': no file there has a function 'lambda_handler' or 'handler'; "
            "name one with --handler FILE.FUNCTION, or give another folder or a template."
        )
    usual = [one for one in found if one.handler.rpartition(".")[0] in USUAL_FILES]
    for candidates in (found, usual):
        if len(candidates) == 1:
            return candidates[0]
    names = ", ".join(one.handler for one in found)
    raise CannotDevelop(f"'{folder}' has several handlers ({names}); say which with --handler.")


def _handlers(folder: Path) -> list[Found]:
    found: list[Found] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        if path.suffix == ".py" and (function := _python_handler(path)):
            found.append(Found(f"{path.stem}.{function}", python_runtime()))
        elif path.suffix in NODE_ENDINGS and _NODE_HANDLER.search(_text(path)):
            found.append(Found(f"{path.stem}.handler", NODE_RUNTIME))
    if not found and os.access(folder / "bootstrap", os.X_OK):
        found.append(Found("bootstrap", PROVIDED_RUNTIME))
    return found


def _python_handler(path: Path) -> str:
    text = _text(path)
    try:
        names = {name for node in ast.parse(text).body for name in _bound(node)}
    except (SyntaxError, ValueError):
        names = {one or other for one, other in _PYTHON_LINE.findall(text)}
    return next((name for name in HANDLERS if name in names), "")


def _bound(node: ast.stmt) -> list[str]:
    """Names that a statement of a module makes. Of imports only renamed ones: a file that imports a handler tests it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom():
            return [alias.asname for alias in node.names if alias.asname]
    return []


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace")


def _runtime_of(folder: Path, handler: str) -> str:
    """The runtime for a handler that was named: by the ending of its file."""
    file = handler.rpartition(".")[0] or handler
    if (folder / f"{file}.py").is_file() or (folder / file.replace(".", "/")).with_suffix(".py").is_file():
        return python_runtime()
    if any((folder / f"{file}{ending}").is_file() for ending in NODE_ENDINGS):
        return NODE_RUNTIME
    if os.access(folder / "bootstrap", os.X_OK):
        return PROVIDED_RUNTIME
    raise CannotDevelop(
        f"'{folder}' has no file for the handler '{handler}'; check it, or name the runtime with --runtime."
    )
