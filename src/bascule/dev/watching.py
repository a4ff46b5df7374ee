"""Which changes of a folder are saves of the code. Editors write in bursts, so changes that follow at once are one save."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import Change, awatch

from bascule.dev.packing import is_left_out

#: A burst is over when nothing has changed for this long, or has lasted for that long. milliseconds; ours
QUIET_MS = 25
BURST_MS = 200
#: Without a hint for this long the folder is looked at. milliseconds; ours
LOOK_MS = 500
#: Available to the function, but what happens in them is not a save: an installation changes thousands of files.
UNWATCHED = {"node_modules"}


class Saves:
    """``watchfiles`` filter for one folder: what belongs to the code."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def __call__(self, change: Change, path: str) -> bool:
        """Whether a change is one of the code."""
        try:
            parts = Path(path).relative_to(self._folder).parts
        except ValueError:
            return False
        return bool(parts) and not any(is_left_out(part) or part in UNWATCHED for part in parts)


Fingerprint = dict[str, tuple[int, int, int]]


def fingerprint(folder: Path) -> Fingerprint:
    """What tells a folder from another state of it: inode, size and time of each file that is watched."""
    found: Fingerprint = {}
    root = folder.resolve()
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not is_left_out(name) and name not in UNWATCHED]
        for name in names:
            if is_left_out(name):
                continue
            path = os.path.join(place, name)
            with contextlib.suppress(FileNotFoundError):
                state = os.stat(path)
                found[os.path.relpath(path, root)] = (state.st_ino, state.st_size, state.st_mtime_ns)
    return found


async def saves(folder: Path, known: Callable[[], Fingerprint]) -> AsyncIterator[list[str]]:
    """Names of the files of each save, for ever.

    The system's hints come at once; a hint that was lost, or came before watching had begun, is found by looking.
    Takes    known: the fingerprint of what runs.
    Raises   OSError or RuntimeError when the system cannot watch the folder.
    """
    root = folder.resolve()
    async for changes in awatch(
        root, watch_filter=Saves(root), step=QUIET_MS, debounce=BURST_MS, rust_timeout=LOOK_MS, yield_on_timeout=True
    ):
        if changes:
            yield sorted({Path(path).relative_to(root).as_posix() for _, path in changes})
            continue
        now, before = await asyncio.to_thread(fingerprint, root), known()
        if missed := sorted(name for name in {*now, *before} if now.get(name) != before.get(name)):
            yield missed
