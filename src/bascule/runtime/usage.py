"""What processes use, read from ``/proc``. A process that is gone uses nothing; no function here raises for that."""

from __future__ import annotations

import mmap
import os

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


def private_kb(pids: list[int]) -> int:
    """Memory of several processes, each shared page counted once in total. kilobytes"""
    total_kb = 0
    for pid in pids:
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
        for thread in _threads(parent):
            children = [int(child) for child in _read(f"/proc/{parent}/task/{thread}/children").split()]
            found += children
            waiting += children
    return found[:count_max]


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
