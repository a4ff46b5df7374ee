"""Memory that belongs to no process's resident memory: files that exist only in memory, open or mapped, but not touched.

A process may write to a ``memfd`` and never map it, or share anonymous memory and tell the kernel to forget its page tables; the
pages stay. Without a control group from the start nothing charges them, so they are looked for: in the open files and in
the mappings of an environment's processes, when the machine has enough of such memory to matter. What is resident is charged
already and taken off.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

#: What the kernel calls files that exist only in memory.
_NAMES = ("/memfd:", "/dev/zero (deleted)", "/SYSV")
_BLOCKS_PER_KB = 2


def hidden_kb(pids: list[int], unless_below_kb: int) -> int:
    """Memory of these processes in files of memory that is not resident in them. kilobytes

    0 when all such memory of the machine is below ``unless_below_kb``. Mappings can be looked into by root only.
    """
    if _field(_read("/proc/meminfo"), "Shmem:") < unless_below_kb:
        return 0
    device = _device()
    sizes_kb: dict[int, int] = {}
    resident_kb = 0
    for pid in pids:
        for path in _places(pid):
            try:
                found = os.stat(path)
            except OSError:
                continue
            if found.st_dev == device:
                sizes_kb[found.st_ino] = found.st_blocks // _BLOCKS_PER_KB
        resident_kb += _field(_read(f"/proc/{pid}/smaps_rollup"), "Pss_Shmem:")
    return max(0, sum(sizes_kb.values()) - resident_kb)


@functools.cache
def _device() -> int:
    """The file system that such files are of."""
    fd = os.memfd_create("bascule")
    try:
        return os.fstat(fd).st_dev
    finally:
        os.close(fd)


def _places(pid: int) -> Iterator[str]:
    try:
        yield from (f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return
    for line in _read(f"/proc/{pid}/maps").splitlines():
        if any(name in line for name in _NAMES):
            yield f"/proc/{pid}/map_files/{line.partition(' ')[0]}"


def _field(text: str, name: str) -> int:
    _, found, rest = text.partition(f"\n{name}")
    return int(rest.split(maxsplit=1)[0]) if found else 0


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
