"""``nodejs*`` runtimes: the machine's Node and our runtime client (``worker/node``).

Any Node from 18 runs every ``nodejs`` runtime; INIT_START says which one does. The AWS SDK is not part of Node: packages and
layers bring their own, or the machine has it among its global modules.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

from bascule.kernel.invocation import RuntimeUnavailable
from bascule.runtime.isolation import Ground
from bascule.runtime.ports import Plan

_RUNTIME = re.compile(r"nodejs(\d+)\.x")
_VERSION = re.compile(r"v(\d+)\.\d+\.\d+")
_MAJOR_MIN = 18
_VERSION_S_MAX = 10.0
#: Where Node usually is, besides the search path.
_PLACES = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/opt/node/bin", "/snap/bin")
_WAY_FORWARD = "install Node.js 18 or later, put it on PATH and invoke again"
#: Shares of the memory size that go to the old and the young part of the heap. percent; as AWS sets them
_OLD_SPACE, _SEMI_SPACE = 90, 5


class Node:
    """Implements ``api_factory.Language``."""

    takes_wrapper = True
    root = Path(__file__).parent / "worker" / "node"

    def __init__(self) -> None:
        self._program = ""
        self._found_version = ""
        self._search = asyncio.Lock()

    def runs(self, runtime: str) -> bool:
        """See ``Language``."""
        return _RUNTIME.fullmatch(runtime) is not None

    def version(self, runtime: str) -> str:
        """See ``Language``."""
        match = _RUNTIME.fullmatch(runtime)
        is_as_asked = match is not None and self._found_version.startswith(f"{match[1]}.")
        return f"nodejs:{self._found_version}" if is_as_asked else f"{runtime} on nodejs:{self._found_version}"

    def ground(self, runtime: str) -> Ground:
        """See ``Language``."""
        program = Path(self._program)
        shared = program.resolve().parents[1] / "lib" / "node_modules"
        shows = [program, *([shared] if shared.is_dir() else [])] if self._program else []
        return Ground(self.root, tuple(path for path in shows if not path.is_relative_to("/usr")))

    async def command(self, plan: Plan) -> tuple[str, ...]:
        """See ``Language``."""
        async with self._search:
            if not self._program:
                self._program, self._found_version = await _find_node()
        memory_mb = plan.function.memory_mb
        return (
            self._program,
            f"--max-semi-space-size={memory_mb * _SEMI_SPACE // 100}",
            f"--max-old-space-size={memory_mb * _OLD_SPACE // 100}",
            str(self.root / "index.mjs"),
        )

    def variables(self, plan: Plan) -> dict[str, str]:
        """See ``Language``."""
        major = plan.function.runtime.removeprefix("nodejs").removesuffix(".x")
        places = [str(plan.code_root)]
        shared = Path(self._program).resolve().parents[1] / "lib" / "node_modules"
        if (shared / "@aws-sdk").is_dir():
            places.append(str(shared))
        variables = {}
        if plan.layer_root is not None:
            modules = plan.layer_root / "nodejs"
            places = [f"{modules}/node{major}/node_modules", f"{modules}/node_modules", *places]
            variables["_BASCULE_LAYER_ROOT"] = str(plan.layer_root)
        return {"NODE_PATH": ":".join(places), **variables}


async def _find_node() -> tuple[str, str]:
    """The path and version of a Node that is new enough. Raises RuntimeUnavailable with the way forward."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    program = shutil.which("node", path=path) or shutil.which("nodejs", path=path)
    if program is None:
        raise RuntimeUnavailable(f"This machine has no Node.js, which nodejs functions need: {_WAY_FORWARD}.")
    version = await _version_of(program)
    match = _VERSION.fullmatch(version)
    if match is None or int(match[1]) < _MAJOR_MIN:
        raise RuntimeUnavailable(
            f"{program} is Node.js {version or 'of no version'}, which is too old: {_WAY_FORWARD}."
        )
    return program, version.removeprefix("v")


async def _version_of(program: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise RuntimeUnavailable(f"{program} cannot be started ({error.strerror}): {_WAY_FORWARD}.") from error
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _VERSION_S_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""
    return said.decode("utf-8", "replace").strip()
