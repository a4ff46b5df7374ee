"""The background of this machine's processors: a control group of idle class, for what may run only when nobody else wants to.

Priorities do not do it: where the kernel groups processes by session (autogroup), niceness counts inside a session only,
and a function that makes a session for each process gets a full share for each. A control group of idle class is one entity,
however many processes and sessions are in it, and whoever wakes up outside goes first at once. It needs the right to make
a control group, which root has, and a service to which systemd delegates its group; ``open_background`` says why not.

Nobody is in it from the start: moving a process waits some milliseconds for the kernel, so only what misbehaves is moved.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PREFIX = "bascule-background-"
_V1, _V2 = "cgroup", "cgroup2"


class Background:
    """A control group that is ``group``; processes come from ``home`` and go back there. Blocking: call it in a thread."""

    def __init__(self, group: Path, home: Path) -> None:
        self._group = group
        self._home = home

    def holds(self, pid: int) -> bool:
        """Whether a process is in it; what it forks is, too. False for one that is gone."""
        try:
            return self._group.name in Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            return False

    def take(self, pids: list[int]) -> None:
        """Move processes in; those that are gone are nowhere."""
        _move(pids, self._group)

    def release(self, pids: list[int]) -> None:
        """Move processes back to where the server is."""
        _move(pids, self._home)

    def close(self) -> bool:
        """Remove it; False while it holds processes, killed ones included that the kernel has not forgotten yet."""
        with contextlib.suppress(OSError):
            # What was killed needs the processor once more to end, and others may want it for long.
            (self._group / "cpu.idle").write_text("0")
        try:
            self._group.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


def _move(pids: list[int], group: Path) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            (group / "cgroup.procs").write_text(str(pid))


def open_background(proc: Path = Path("/proc")) -> Background | str:
    """Make the group of this process, or say why it cannot be had.

    Takes    proc: where ``self/mountinfo`` and ``self/cgroup`` are read.
    """
    found = _own_group(proc)
    if found is None:
        return "no control group of the processor is mounted"
    home, is_v2 = found
    group = home / f"{_PREFIX}{os.getpid()}"
    _remove_left(home, proc)
    try:
        group.mkdir(exist_ok=True)
    except OSError as error:
        return f"no control group can be made: {(error.strerror or '').lower()}"
    try:
        if is_v2:
            _give_processor(home, group)
        (group / "cpu.idle").write_text("1")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        return f"control groups have no idle class: {(error.strerror or '').lower()}"
    return Background(group, home)


def _give_processor(home: Path, group: Path) -> None:
    """Version 2: the controller is enabled from above. Beside processes of the parent it must be a group of threads."""
    if not (group / "cpu.idle").exists():
        try:
            (home / "cgroup.subtree_control").write_text("+cpu")
        except OSError:
            (group / "cgroup.type").write_text("threaded")
            (home / "cgroup.subtree_control").write_text("+cpu")


def _own_group(proc: Path) -> tuple[Path, bool] | None:
    """Where the group that this process is in is mounted, for the processor; and whether it is of version 2."""
    try:
        mounts = (proc / "self/mountinfo").read_text().splitlines()
        groups = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return None
    paths = {
        controller: path
        for _, names, path in (line.split(":", 2) for line in groups)
        for controller in names.split(",")
    }
    candidates: dict[str, Path] = {}
    for mount in mounts:
        fields, _, rest = mount.partition(" - ")
        root, place = fields.split()[3:5]
        kind, _, options = rest.split(" ", 2)
        controller = "cpu" if kind == _V1 and "cpu" in options.split(",") else "" if kind == _V2 else None
        if controller is not None and controller in paths:
            # In a container the mount may show only the part of the tree below ``root``.
            path = paths[controller].removeprefix(root if root != "/" else "")
            candidates[kind] = Path(place) / path.lstrip("/")
    if _V1 in candidates:
        return candidates[_V1], False
    return (candidates[_V2], True) if _V2 in candidates else None


def _remove_left(home: Path, proc: Path) -> None:
    """Groups of servers that were killed; only empty ones can be removed."""
    for left in home.glob(f"{_PREFIX}*"):
        if not (proc / left.name.removeprefix(_PREFIX)).exists():
            with contextlib.suppress(OSError):
                left.rmdir()
