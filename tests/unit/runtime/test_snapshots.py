"""Snapshots of a folder never change, and cost what was saved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bascule.runtime.packages import BadPackage
from bascule.runtime.snapshots import is_current, take_snapshot


def folder(root: Path, **files: str) -> dict[str, str]:
    root.mkdir(exist_ok=True)
    found: dict[str, str] = {}
    for name, text in files.items():
        path = root / f"{name}.py"
        path.write_text(text)
        os.utime(path, (1_000_000, 1_000_000))
        found[f"pkg/{path.name}"] = str(path)
    return found


def test_a_snapshot_does_not_follow_what_is_written_into_a_file(tmp_path: Path) -> None:
    files = folder(tmp_path / "src", app="one")
    taken = take_snapshot(files, tmp_path / "a", None)
    with (tmp_path / "src" / "app.py").open("r+") as file:
        file.write("two")
    assert (taken.root / "pkg" / "app.py").read_text() == "one"
    assert not is_current(taken)


def test_unchanged_files_are_shared_with_the_last_snapshot(tmp_path: Path) -> None:
    files = folder(tmp_path / "src", app="one", big="lots")
    first = take_snapshot(files, tmp_path / "a", None)
    folder(tmp_path / "src", app="other")
    second = take_snapshot(files, tmp_path / "b", first)
    assert (second.root / "pkg/app.py").read_text() == "other"
    assert (second.root / "pkg/big.py").samefile(first.root / "pkg/big.py")
    assert not (second.root / "pkg/big.py").samefile(tmp_path / "src" / "big.py")


def test_a_file_written_just_before_the_last_snapshot_is_copied_again(tmp_path: Path) -> None:
    files = folder(tmp_path / "src", app="one")
    (tmp_path / "src" / "app.py").write_text("two")
    first = take_snapshot(files, tmp_path / "a", None)
    second = take_snapshot(files, tmp_path / "b", first)
    assert not (second.root / "pkg/app.py").samefile(first.root / "pkg/app.py")


def test_programs_are_executable_for_the_functions_user_and_nobody_may_write(tmp_path: Path) -> None:
    files = folder(tmp_path / "src", run="")
    (tmp_path / "src" / "run.py").chmod(0o700)
    taken = take_snapshot(files, tmp_path / "a", None)
    assert (taken.root / "pkg/run.py").stat().st_mode & 0o777 == 0o555


@pytest.mark.parametrize("name", ["../out.py", "/etc/out.py"])
def test_a_name_that_leads_out_is_refused_and_nothing_stays(tmp_path: Path, name: str) -> None:
    files = folder(tmp_path / "src", app="one")
    with pytest.raises(BadPackage):
        take_snapshot({name: files["pkg/app.py"]}, tmp_path / "a", None)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "out.py").exists()


def test_a_file_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        take_snapshot({"app.py": str(tmp_path / "gone.py")}, tmp_path / "a", None)
    assert not (tmp_path / "a").exists()
