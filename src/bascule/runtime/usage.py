"""What processes use, read from ``/proc``. A process that is gone uses nothing; no function here raises for that."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

FAMILY_SAMPLE_MAX = 32
_PAGE_KB = mmap.PAGESIZE // 1024


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def resident_kb(pid: int) -> int:
    """Resident memory of one process, shared pages included. kilobytes"""
    fields = _read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * _PAGE_KB if fields else 0


def peak_kb(pid: int) -> int:
    """The most resident memory that one program has had since it was executed. kilobytes"""
    _, found, rest = _read(f"/proc/{pid}/status").partition("VmHWM:")
    return int(rest.split(maxsplit=1)[0]) if found else 0


def cpu_ticks(pid: int) -> int:
    """Processor time that a process has used, all its threads. clock ticks"""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if fields else 0


def inner_pid(pid: int) -> int:
    """What a process is called in its own namespace, where ids are given out one after the other; 0 when it is gone."""
    _, found, rest = _read(f"/proc/{pid}/status").partition("NSpid:")
    return int(rest.partition("\n")[0].split()[-1]) if found else 0


def family_kb(pids: list[int], unless_below_kb: int) -> int:
    """Memory of several processes, each shared page counted once in total. kilobytes

    Reading that costs a fraction of a millisecond a process, so it is 0 when even their plain sum stays below
    ``unless_below_kb``, and only the largest ``FAMILY_SAMPLE_MAX`` are read.
    """
    resident = sorted(((resident_kb(pid), pid) for pid in pids), reverse=True)
    if sum(kb for kb, _ in resident) < unless_below_kb:
        return 0
    total_kb = 0
    for _, pid in resident[:FAMILY_SAMPLE_MAX]:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                total_kb += int(line.split()[1])
    return total_kb


def descendants(pid: int, count_max: int) -> list[int]:
    """Children, their children and so on, at most ``count_max`` of them."""
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < count_max:
        parent = waiting.pop()
        children = _children(parent)
        found += children
        waiting += children
    return found[:count_max]


def youngest_first(pid: int) -> Iterator[int]:
    """Children, their children and so on as they are asked for; of each process the last one that it made comes first."""
    waiting = _children(pid)
    while waiting:
        yield (child := waiting.pop())
        waiting += _children(child)


def _children(pid: int) -> list[int]:
    return [int(child) for thread in _threads(pid) for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
