"""Unpacked function packages on disk: each digest once, shared by all environments that use it.

An archive comes from a user and is not trusted: names that leave the directory, too many files and too many bytes are
refused. A directory appears by a rename, so it is whole or not there. Users are counted; directories nobody uses are kept
for a while (a function that was idle comes back) and then removed, longest unused first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from bascule.kernel.ids import Ids
from bascule.kernel.invocation import RuntimeUnavailable
from bascule.runtime.limits import PACKAGE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGES_IDLE_MAX
from bascule.runtime.ports import CodeSource

_COPY_BYTES = 1024 * 1024


class BadPackage(ValueError):
    """The archive cannot be unpacked; the message says why."""


class Packages:
    """Directories of unpacked archives under ``root``."""

    def __init__(self, root: Path, code: CodeSource, ids: Ids) -> None:
        self._root = root
        self._code = code
        self._ids = ids
        self._users: Counter[tuple[str, ...]] = Counter()
        self._unpacking: dict[tuple[str, ...], asyncio.Task[Path]] = {}
        #: Ready directories, longest unused first.
        self._ready: dict[tuple[str, ...], Path] = {}
        #: Removed as soon as nobody uses them: nobody can ask for them again.
        self._passing: set[tuple[str, ...]] = set()

    async def acquire(self, digests: tuple[str, ...]) -> Path:
        """The directory that holds these packages, unpacked one over the other, until ``release``.

        Raises   RuntimeUnavailable when a package is missing or bad.
        """
        self._users[digests] += 1
        try:
            if (root := self._ready.pop(digests, None)) is None:
                if digests not in self._unpacking:
                    self._unpacking[digests] = asyncio.create_task(self._unpack(digests))
                root = await asyncio.shield(self._unpacking[digests])
            self._ready.pop(digests, None)
            self._ready[digests] = root
            return root
        except BaseException:  # raised again below
            self._users[digests] -= 1
            raise

    def place(self) -> Path:
        """A name below the same directory, for what ``adopt`` takes over."""
        return self._root / f".{self._ids.token(8)}"

    def adopt(self, digest: str, built: Path) -> Path:
        """Take over a directory as if it had been unpacked from ``digest``; the caller is its first user until ``release``.

        Gives    where it is now. It is removed with its last user.
        """
        root = self._root / digest
        built.rename(root)
        root.chmod(0o555)
        self._ready[(digest,)] = root
        self._users[(digest,)] += 1
        self._passing.add((digest,))
        return root

    async def prepare(self, digests: tuple[str, ...]) -> None:
        """Unpack ahead of need. What cannot be unpacked is said by the invocation that needs it."""
        with contextlib.suppress(RuntimeUnavailable):
            await self.acquire(digests)
            self.release(digests)

    def release(self, digests: tuple[str, ...]) -> None:
        """One user less; removes directories beyond the number kept."""
        self._users[digests] -= 1
        if digests in self._passing and self._users[digests] <= 0:
            self._passing.discard(digests)
            self._remove(digests)
        idle = [key for key in self._ready if self._users[key] <= 0]
        for key in idle[: max(0, len(idle) - PACKAGES_IDLE_MAX)]:
            self._remove(key)

    def _remove(self, key: tuple[str, ...]) -> None:
        del self._users[key]
        dead = self.place()
        self._ready.pop(key).rename(dead)
        asyncio.get_running_loop().run_in_executor(None, remove_tree, dead)

    async def _unpack(self, digests: tuple[str, ...]) -> Path:
        archives = []
        for digest in digests:
            archive = self._code.package_path(digest)
            if archive is None:
                raise RuntimeUnavailable(f"The package {digest} is not in the store; upload the function's code again.")
            archives.append(archive)
        name = digests[0] if len(digests) == 1 else f"{digests[0][:16]}-and-{len(digests) - 1}-{self._ids.token(8)}"
        try:
            return await asyncio.to_thread(_unpack_all, archives, self._root / name, self._ids.token(8))
        except (BadPackage, zipfile.BadZipFile, OSError) as error:
            raise RuntimeUnavailable(f"The function's package cannot be unpacked: {error}.") from error
        finally:
            del self._unpacking[digests]


def _unpack_all(archives: list[Path], root: Path, token: str) -> Path:
    building = root.with_name(f".{token}")
    building.mkdir(parents=True)
    try:
        left_bytes = PACKAGE_BYTES_MAX
        for archive in archives:
            left_bytes = unpack(archive, building, left_bytes)
        open_directories(building)
        if root.exists():
            remove_tree(root)
        building.rename(root)
        root.chmod(0o555)
    except BaseException:  # raised again below
        remove_tree(building)
        raise
    return root


def open_directories(root: Path) -> None:
    """Functions in a sandbox are another user: what they read must not depend on the server's file mode mask."""
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)


def unpack(archive: Path, root: Path, left_bytes: int) -> int:
    """Unpack a zip file into an existing directory; gives the bytes still allowed.

    Raises   BadPackage, zipfile.BadZipFile, OSError. What was written until then stays for the caller to remove.
    Promise  nothing is written outside ``root``: no absolute names, no ``..``, no link that leads out, and nothing is
             written through a link. Files keep their permissions but nobody may write to them.
    """
    with zipfile.ZipFile(archive) as package:
        entries = package.infolist()
        if len(entries) > PACKAGE_FILES_MAX:
            raise BadPackage(f"it holds more than {PACKAGE_FILES_MAX} files")
        for entry in entries:
            target = path_inside(root, entry.filename)
            mode = entry.external_attr >> 16
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_symlink() or target.exists():
                target.unlink()
            if stat.S_ISLNK(mode):
                _link(package.read(entry).decode(), target, root)
                continue
            left_bytes = _copy(package, entry, target, left_bytes)
            target.chmod(mode & 0o555 | 0o444)
    return left_bytes


def _copy(package: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left_bytes: int) -> int:
    with package.open(entry) as source, target.open("wb") as copy:
        while chunk := source.read(_COPY_BYTES):
            left_bytes -= len(chunk)
            if left_bytes < 0:
                raise BadPackage(f"Unzipped size must be smaller than {PACKAGE_BYTES_MAX} bytes")
            copy.write(chunk)
    return left_bytes


def path_inside(root: Path, name: str) -> Path:
    """Where a file of a package goes. Raises BadPackage when its name leads out of the package."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise BadPackage(f"the name {name!r} leads out of the package")
    target = root
    for part in path.parts[:-1]:
        target = target / part
        if target.is_symlink():
            raise BadPackage(f"the name {name!r} passes through a link")
    return target / path.parts[-1]


def _link(destination: str, target: Path, root: Path) -> None:
    resolved = os.path.normpath(target.parent / destination)
    if os.path.isabs(destination) or not Path(resolved).is_relative_to(root):
        raise BadPackage(f"the link {target.name!r} leads out of the package")
    target.symlink_to(destination)


def remove_tree(root: Path) -> None:
    """Remove a directory, read-only ones inside it too; one that is gone already is fine."""
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)
    shutil.rmtree(root, ignore_errors=True)
