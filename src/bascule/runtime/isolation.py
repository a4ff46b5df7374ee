"""What locks functions in on this machine, as the server sees it: whether it can be had, and what it looks like to a function.

The sandbox itself is made inside the processes (``bascule_environment.sandbox``). It is whole or not used: a part of it would be
said to protect and would not. Whether it can be had is found out once, by making one in a process of its own.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bascule.kernel.settings import Settings
from bascule.runtime.ports import Plan
from bascule.runtime.worker.bascule_environment.sandbox_root import INTERPRETERS, PACKAGES, SHOWN, SYSTEM

log = logging.getLogger("bascule.runtime")

#: A probe that has not answered by then is given up. seconds; ours
_PROBE_S_MAX = 10.0
_PACKAGE_ROOT = Path(__file__).parent / "worker"
_ENTRY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bascule_environment.sandbox_probe import main; main()"
#: What is missing without the sandbox, one sentence each.
_PROTECTIONS = (
    "files: a function can read what the server's user can, the data directory and other functions' code included",
    "processes: a function can see, signal and trace processes of the server's user",
    "user: a function runs as the server's user, with its privileges",
    "process count: a runaway function is stopped by counting, 100 ms late, not by the kernel",
    "/tmp: what a function writes is measured now and then, so it can fill the disk for a moment",
)
_RUNTIME_API = "Runtime API: whoever finds the port of an environment can speak for it"
_NETWORK = "network: functions reach everything that this machine reaches, in spite of --function-network bascule"


class Root(msgspec.Struct, frozen=True):
    """The root directory of functions, asked of a zygote; see ``sandbox_root.enter``."""

    scratch: str
    packages: str
    shows: list[str]


class Ground(msgspec.Struct, frozen=True):
    """What the programs of one language need of this machine, besides the system's directories."""

    #: Seen in ``/var/runtime``.
    root: Path
    #: More files and directories, seen in ``/var/bascule``.
    shows: tuple[Path, ...] = ()
    #: A Python whose programs they are, seen in ``/var/lang/bin``; empty: none.
    interpreter: str = ""


class Box(msgspec.Struct, frozen=True):
    """A sandbox asked of a zygote; see ``bascule_environment.sandbox.Box``."""

    code_root: str
    layer_root: str
    tmp_dir: str
    tmp_mb: int
    ports: list[int] | None = None


@functools.cache
def why_not(*, restricts_network: bool) -> str:
    """Why this machine cannot isolate functions; empty when it can. Takes some tens of milliseconds, once in a process."""
    if sys.platform != "linux":
        return "it is not Linux"
    with tempfile.TemporaryDirectory(prefix="bascule-probe-") as root:
        scratch, place = Path(root) / "root", Path(root) / "place"
        scratch.mkdir()
        place.mkdir()
        network = "yes" if restricts_network else "no"
        arguments = [str(_PACKAGE_ROOT), os.path.realpath(scratch), os.path.realpath(place), network]
        try:
            probe = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _ENTRY, *arguments],
                capture_output=True,
                text=True,
                timeout=_PROBE_S_MAX,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                cwd="/",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"the probe failed: {error}"
    said = probe.stdout.strip()
    if said == "ok":
        return ""
    return said or f"the probe ended with status {probe.returncode}"


def missing_protections(settings: Settings, work_dir: Path) -> tuple[str, ...]:
    """What functions of a server with these settings are not protected from, one line each; empty when all is there.

    Takes    work_dir: what no function may see of others; below the data directory.
    """
    restricts_network = settings.function_network == "bascule"
    if settings.isolation == "off":
        reason = "isolation is off"
    elif shared := _seen_by_all(work_dir):
        reason = f"the data directory lies in {shared}, which functions must see"
    else:
        reason = why_not(restricts_network=restricts_network)
    if not reason:
        return ()
    protections = (*_PROTECTIONS, _NETWORK) if restricts_network else _PROTECTIONS
    if sys.platform != "linux":
        protections = (*protections, _RUNTIME_API)
    return tuple(f"{protection} ({reason})" for protection in protections)


def _seen_by_all(work_dir: Path) -> str:
    """The directory that every function sees and that holds the work directory; empty: none does."""
    place = os.path.realpath(work_dir)
    seen = (*SYSTEM, os.path.realpath(sys.base_prefix), str(_PACKAGE_ROOT))
    return next((each for each in seen if place.startswith(f"{each}/")), "")


def refusal(missing: tuple[str, ...]) -> str:
    """One sentence for a server that must isolate functions and cannot."""
    names = ", ".join(each.partition(":")[0] for each in missing)
    return f"isolation of functions is required and incomplete {missing[0][missing[0].rindex('(') :]}: {names} missing."


class Isolation:
    """The sandbox of one runtime: ask ``is_on`` first, once."""

    def __init__(self, settings: Settings, scratch: Path, base_url: Callable[[], str]) -> None:
        self._settings = settings
        self._base_url = base_url
        self._scratch = scratch
        self._found: asyncio.Task[tuple[str, ...]] | None = None
        #: What is missing; None until it is known.
        self.missing: tuple[str, ...] | None = None

    def look(self) -> None:
        """Begin to find out; says in the server's log what is missing."""
        if self._found is None:
            self._found = asyncio.ensure_future(self._find())

    async def _find(self) -> tuple[str, ...]:
        missing = self.missing = await asyncio.to_thread(missing_protections, self._settings, self._scratch)
        for each in missing:
            log.warning("functions are not isolated; missing %s", each)
        return missing

    async def is_on(self) -> bool:
        """Whether functions go into sandboxes."""
        self.look()
        assert self._found is not None
        return not await asyncio.shield(self._found)

    async def separates_networks(self) -> bool:
        """Whether each sandbox has a network of its own, with nobody else in it."""
        return self._settings.function_network == "bascule" and await self.is_on()

    async def judges_peers(self) -> bool:
        """Whether somebody else than an environment's processes could connect to its ports, and can be told from them."""
        return sys.platform == "linux" and not await self.separates_networks()

    async def root(self, packages: Path, shows: tuple[Path, ...] = ()) -> Root | None:
        """The root directory for the forks of a zygote, None when they are not isolated.

        Takes    packages: what functions see in ``/var/runtime``; shows: see ``Ground``.
        """
        if not await self.is_on():
            return None
        await asyncio.to_thread(self._scratch.mkdir, parents=True, exist_ok=True)
        packages_or_none = os.path.realpath(packages) if packages.is_dir() else ""
        return Root(os.path.realpath(self._scratch), packages_or_none, [str(path) for path in shows])

    async def box(self, plan: Plan, *api_ports: int) -> Box | None:
        """The sandbox for a process of this plan, None when there is none.

        Takes    api_ports: of 127.0.0.1, which the process must reach besides Bascule itself.
        """
        if not await self.is_on():
            return None
        return Box(
            code_root=os.path.realpath(plan.code_root),
            layer_root=os.path.realpath(plan.layer_root) if plan.layer_root else "",
            tmp_dir=os.path.realpath(plan.tmp_dir),
            tmp_mb=plan.function.tmp_mb,
            ports=[urlsplit(self._base_url()).port or 80, *api_ports] if await self.separates_networks() else None,
        )


def seen_inside(plan: Plan) -> Plan:
    """The plan in the paths that a function in a sandbox sees."""
    return msgspec.structs.replace(
        plan, code_root=Path("/var/task"), layer_root=Path("/opt") if plan.layer_root else None, tmp_dir=Path("/tmp")
    )


def inside(text: str, plan: Plan, ground: Ground) -> str:
    """Text in the paths that a function in a sandbox sees: places of the machine are replaced."""
    for real, seen in (
        *((shown, f"{SHOWN}{shown}") for shown in ground.shows),
        (plan.code_root, "/var/task"),
        (plan.layer_root, "/opt"),
        (plan.tmp_dir, "/tmp"),
        (ground.root, PACKAGES),
        (ground.interpreter, f"{INTERPRETERS}/python3"),
        (ground.interpreter and Path(ground.interpreter).parent, INTERPRETERS),
    ):
        # What lies in /usr is seen where it is.
        if real and not str(real).startswith("/usr/"):
            text = text.replace(str(real), seen)
    return text
