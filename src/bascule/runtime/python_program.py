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
from bascule.runtime.worker.bascule_environment.frames import START_VARIABLE

_PACKAGE_ROOT = Path(__file__).parent / "worker"
#: The last argument is a file, as on AWS: wrappers put options of the interpreter before it.
_ENTRY = _PACKAGE_ROOT / "bootstrap.py"
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
        return (interpreter, "-S", str(_ENTRY))

    def variables(self, plan: Plan) -> dict[str, str]:
        """See ``Language``."""
        start = json.dumps(start_values(plan, self.root) | {"response_bytes_max": _ANY_SIZE})
        return {"PYTHONPATH": str(self.root), START_VARIABLE: start}
