"""Copies of a folder that somebody edits: each is whole and never changes, so what runs never sees half a save.

A file that has not changed since the last snapshot is a hard link to its copy there, so a save costs what was saved and not
what the folder holds. Never a link to the person's own file: editors write into files, and links would change with them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bascule.runtime.packages import BadPackage, open_directories, path_inside, remove_tree

#: A file that was written this shortly before the last snapshot may have changed within one tick of its clock. nanoseconds
_TICK_NS = 1_000_000_000


class Mark(msgspec.Struct, frozen=True):
    """What tells a file from another state of it."""

    source: str
    inode: int
    bytes: int
    mode: int
    modified_ns: int


class Snapshot(msgspec.Struct, frozen=True):
    """A directory that holds a copy of every file, and what the originals were."""

    root: Path
    marks: dict[str, Mark]
    taken_ns: int


def mark_of(source: str) -> Mark:
    """The state of a file now. Raises OSError."""
    found = os.stat(source)
    return Mark(source, found.st_ino, found.st_size, found.st_mode, found.st_mtime_ns)


def is_current(snapshot: Snapshot) -> bool:
    """Whether every file is still what was copied; says nothing of files that are new."""
    try:
        return all(mark_of(mark.source) == mark for mark in snapshot.marks.values())
    except OSError:
        return False


def take_snapshot(files: Mapping[str, str], root: Path, previous: Snapshot | None) -> Snapshot:
    """Copy files into a new directory.

    Takes    files: name in the package -> path; root: does not exist yet; previous: whose copies may be shared.
    Raises   OSError for a file that cannot be read; BadPackage for a name that leads out. Nothing stays behind then.
    """
    root.mkdir()
    taken_ns = root.stat().st_mtime_ns
    marks: dict[str, Mark] = {}
    known = previous.marks if previous is not None else {}
    try:
        for name, source in files.items():
            mark = marks[name] = mark_of(source)
            target = path_inside(root, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if previous is not None and known.get(name) == mark and mark.modified_ns < previous.taken_ns - _TICK_NS:
                os.link(previous.root / name, target)
            else:
                shutil.copyfile(source, target)
                target.chmod(0o555 if mark.mode & 0o111 else 0o444)
        open_directories(root)
    except (OSError, BadPackage):
        remove_tree(root)
        raise
    return Snapshot(root, marks, taken_ns)
