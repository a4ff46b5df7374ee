"""Unpacking archives that come from anybody."""

from __future__ import annotations

import asyncio
import stat
import zipfile
from pathlib import Path

import pytest

from bascule.kernel.ids import SeededIds
from bascule.kernel.invocation import RuntimeUnavailable
from bascule.runtime import packages as packages_module
from bascule.runtime.packages import BadPackage, Packages, remove_tree, unpack

LIMIT = 1_000_000


def archive(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            package.writestr(info, content)
    return path


def test_files_keep_their_bits_but_nobody_may_write(tmp_path: Path) -> None:
    packed = archive(tmp_path / "p.zip", ("a/run.sh", b"#!", 0o755), ("a/data", b"x", 0o640), ("windows.py", b"", 0))
    root = tmp_path / "root"
    root.mkdir()
    assert unpack(packed, root, LIMIT) == LIMIT - 3
    modes = {name: stat.S_IMODE((root / name).stat().st_mode) for name in ("a/run.sh", "a/data", "windows.py")}
    assert modes == {"a/run.sh": 0o555, "a/data": 0o444, "windows.py": 0o444}


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "..\\out", "."])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(BadPackage, match="leads out"):
        unpack(archive(tmp_path / "p.zip", (name, b"x", 0o644)), root, LIMIT)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("destination", [b"../../out", b"/etc/passwd"])
def test_links_that_lead_out_are_refused(tmp_path: Path, destination: bytes) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(BadPackage, match="leads out"):
        unpack(archive(tmp_path / "p.zip", ("link", destination, stat.S_IFLNK | 0o777)), root, LIMIT)


def test_links_inside_work_but_nothing_is_written_through_one(tmp_path: Path) -> None:
    link = ("lib/link", b"../real", stat.S_IFLNK | 0o777)
    root = tmp_path / "root"
    root.mkdir()
    unpack(archive(tmp_path / "p.zip", ("real/f", b"x", 0o644), link), root, LIMIT)
    assert (root / "lib/link/f").read_bytes() == b"x"
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(BadPackage, match="through a link"):
        unpack(archive(tmp_path / "q.zip", link, ("lib/link/f", b"y", 0o644)), other, LIMIT)


def test_a_bomb_is_refused_when_its_bytes_exceed_the_bound(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(BadPackage, match="Unzipped size must be smaller than"):
        unpack(archive(tmp_path / "p.zip", ("zeros", bytes(LIMIT + 1), 0o644)), root, LIMIT)


class Source:
    def __init__(self, root: Path) -> None:
        self.root = root

    def package_path(self, digest: str) -> Path | None:
        path = self.root / digest
        return path if path.exists() else None


def shelf(tmp_path: Path) -> Packages:
    (tmp_path / "code").mkdir()
    return Packages(tmp_path / "code", Source(tmp_path), SeededIds(1))


def test_a_package_is_unpacked_once_for_all_who_ask_at_once(tmp_path: Path) -> None:
    archive(tmp_path / "digest", ("app.py", b"x", 0o644))

    async def ask() -> list[Path]:
        packages = shelf(tmp_path)
        return await asyncio.gather(*(packages.acquire(("digest",)) for _ in range(3)))

    assert asyncio.run(ask()) == [tmp_path / "code" / "digest"] * 3


def test_layers_are_unpacked_one_over_the_other(tmp_path: Path) -> None:
    archive(tmp_path / "one", ("python/a.py", b"1", 0o644), ("python/b.py", b"1", 0o644))
    archive(tmp_path / "two", ("python/b.py", b"2", 0o644))
    root = asyncio.run(shelf(tmp_path).acquire(("one", "two")))
    assert ((root / "python/a.py").read_bytes(), (root / "python/b.py").read_bytes()) == (b"1", b"2")


def test_missing_and_broken_packages_are_explained(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"this is no archive")
    packages = shelf(tmp_path)
    with pytest.raises(RuntimeUnavailable, match="missing is not in the store"):
        asyncio.run(packages.acquire(("missing",)))
    with pytest.raises(RuntimeUnavailable, match="cannot be unpacked: File is not a zip file"):
        asyncio.run(packages.acquire(("broken",)))
    assert list((tmp_path / "code").iterdir()) == []


def test_directories_in_use_stay_and_the_longest_unused_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages_module, "PACKAGES_IDLE_MAX", 1)
    for name in ("one", "two", "three"):
        archive(tmp_path / name, ("app.py", name.encode(), 0o644))

    async def play() -> None:
        packages = shelf(tmp_path)
        for name in ("one", "two", "three"):
            await packages.acquire((name,))
        packages.release(("two",))
        packages.release(("three",))

    asyncio.run(play())
    left = {path.name for path in (tmp_path / "code").iterdir() if not path.name.startswith(".")}
    assert left == {"one", "three"}


def test_a_read_only_tree_can_be_removed(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    (root / "a").mkdir(parents=True)
    (root / "a/f").touch()
    (root / "a").chmod(0o555)
    root.chmod(0o555)
    remove_tree(root)
    assert not root.exists()
    remove_tree(root)
