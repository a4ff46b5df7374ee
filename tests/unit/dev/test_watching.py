"""Which changes of a folder are saves."""

from __future__ import annotations

from pathlib import Path

import pytest
from watchfiles import Change

from bascule.dev.packing import own_files
from bascule.dev.watching import Saves


@pytest.mark.parametrize("name", ["app.py", "lib/deep/rules.py", "data.json", ".env"])
def test_files_of_the_function_are_saves(tmp_path: Path, name: str) -> None:
    assert Saves(tmp_path)(Change.modified, str(tmp_path / name))


@pytest.mark.parametrize(
    "name",
    [
        ".git/index",
        "__pycache__/app.cpython-311.pyc",
        ".venv/lib/x.py",
        "node_modules/left-pad/index.js",
        "app.py~",
        ".app.py.swp",
        "4913",
        ".#app.py",
        "#app.py#",
        "app.py___jb_tmp___",
        ".goutputstream-AB12",
        "lib/old.pyc",
    ],
)
def test_what_editors_and_tools_leave_is_none(tmp_path: Path, name: str) -> None:
    assert not Saves(tmp_path)(Change.added, str(tmp_path / name))


def test_other_folders_are_none(tmp_path: Path) -> None:
    assert not Saves(tmp_path / "a")(Change.modified, str(tmp_path / "b" / "app.py"))


def test_node_modules_are_part_of_the_code_although_they_are_not_watched(tmp_path: Path) -> None:
    for name in ("index.mjs", "node_modules/pad/index.js", ".git/config", "index.mjs~"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert sorted(dict(own_files(tmp_path))) == ["index.mjs", "node_modules/pad/index.js"]
