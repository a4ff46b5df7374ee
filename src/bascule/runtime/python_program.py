"""``python3.x`` as a program that speaks the Runtime API, for functions with a wrapper or with extensions.

Most Python functions are forks of a zygote (``python_factory``), which no wrapper can start and which knows no extensions.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from bascule.runtime.api_factory import WRAPPER, extension_programs
from bascule.runtime.interpreters import Interpreters, link_bundled
from bascule.runtime.isolation import Ground
from bascule.runtime.ports import Plan

_PACKAGE_ROOT = Path(__file__).parent / "worker"
_ENTRY = "import sys; sys.path.insert(0, sys.argv[1]); from bascule_environment.program import main; main()"
#: The server refuses what is too large; the program need not.
_ANY_SIZE = 1 << 40


def needs_program(plan: Plan) -> bool:
    """Whether a fork of a zygote would not do."""
    return bool(plan.function.environment.get(WRAPPER)) or bool(extension_programs(plan.layer_root))


def start_values(plan: Plan, library_root: Path) -> dict[str, object]:
    """What the Python runtime is told in either form: its handler, where it imports from, and how places are shown."""
    layers: list[str] = []
    shown = [(str(plan.code_root), "/var/task"), (str(library_root), "/var/runtime")]
    if plan.layer_root is not None:
        site = f"{plan.layer_root}/python/lib/{plan.function.runtime}/site-packages"
        layers = [f"{plan.layer_root}/python", site]
        shown.append((str(plan.layer_root), "/opt"))
    return {
        "handler": plan.function.handler,
        "code_root": str(plan.code_root),
        "library_roots": [*layers, str(library_root)],
        "shown_paths": shown,
        "debug": msgspec.to_builtins(plan.function.debug),
    }


class PythonProgram:
    """Implements ``api_factory.Language``."""

    takes_wrapper = True

    def __init__(self, library_root: Path, interpreters: Interpreters) -> None:
        self.root = library_root
        self._interpreters = interpreters

    def runs(self, runtime: str) -> bool:
        """See ``Language``."""
        return self._interpreters.is_python(runtime)

    def version(self, runtime: str) -> str:
        """See ``Language``."""
        return runtime.replace("python", "python:")

    def ground(self, runtime: str) -> Ground:
        """See ``Language``."""
        return Ground(self.root, (_PACKAGE_ROOT,), self._interpreters.interpreter(runtime))

    async def command(self, plan: Plan) -> tuple[str, ...]:
        """See ``Language``."""
        link_bundled(self.root)
        interpreter = self._interpreters.interpreter(plan.function.runtime)
        start = json.dumps(start_values(plan, self.root) | {"response_bytes_max": _ANY_SIZE})
        return (interpreter, "-S", "-c", _ENTRY, str(_PACKAGE_ROOT), start)

    def variables(self, plan: Plan) -> dict[str, str]:
        """See ``Language``."""
        return {"PYTHONPATH": str(self.root)}
