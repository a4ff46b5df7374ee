"""``bascule package DIR``: a folder and its ``requirements.txt`` as a zip file that CreateFunction or PublishLayerVersion takes.

The same folder with the same versions gives the same bytes: names are sorted, times are fixed, and what pip writes about this
machine (scripts with the path of an interpreter, where a package came from) is left out. So an unchanged function keeps its
``CodeSha256``, and nothing of the machine that built it leaves it.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from bascule.cli.client import fail

REQUIREMENTS = "requirements.txt"
#: What Lambda takes. bytes; Lambda quotas, deployment package
ZIPPED_BYTES_MAX = 52_428_800
UNZIPPED_BYTES_MAX = 262_144_000
#: Folders and files that are no part of a function. ``node_modules`` is.
LEFT_OUT = {
    *(".git", ".hg", ".svn", ".DS_Store", ".idea", ".vscode"),
    *(".venv", "venv", ".tox", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *(".bascule", ".aws-sam"),
}
#: A zip file knows no earlier moment.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_COPY_BYTES = 1024 * 1024


def package(
    folder: Annotated[Path, typer.Argument(help="Folder with the function's code.", metavar="DIR")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The zip file to write; default: DIR's name and .zip, here.")
    ] = None,
    layer: Annotated[bool, typer.Option("--layer", help="Make a layer: everything goes below python/.")] = False,
    python: Annotated[
        str, typer.Option("--python", envvar="BASCULE_PYTHON", help="Interpreter that the functions run on.")
    ] = sys.executable,
) -> None:
    """Pack a folder and what its requirements.txt asks for into a zip file for a function or a layer."""
    if not folder.is_dir():
        fail(f"there is no folder '{folder}'; give the one with the function's code.")
    target = output if output is not None else Path(f"{folder.resolve().name}.zip")
    if not target.absolute().parent.is_dir():
        fail(f"'{target}' cannot be written: there is no folder '{target.parent}'; make it first.")
    with tempfile.TemporaryDirectory(prefix="bascule-package-") as scratch:
        installed = Path(scratch) / "installed"
        installed.mkdir()
        if (folder / REQUIREMENTS).is_file():
            _install(python, folder, installed)
        files = {**dict(_installed_files(installed)), **dict(_own_files(folder, target))}
        if not files:
            fail(f"'{folder}' has no files to pack; is it the right folder?")
        unpacked = sum(path.stat().st_size for path in files.values())
        if unpacked >= UNZIPPED_BYTES_MAX:
            fail(
                f"unpacked this is {_megabytes(unpacked)}, and Lambda takes less than {_megabytes(UNZIPPED_BYTES_MAX)}; "
                f"{_heaviest(files)}"
            )
        made = Path(scratch) / "package.zip"
        _write(made, files, prefix="python/" if layer else "")
        zipped = made.stat().st_size
        if zipped > ZIPPED_BYTES_MAX:
            fail(
                f"the zip file would be {_megabytes(zipped)}, and Lambda takes {_megabytes(ZIPPED_BYTES_MAX)}; "
                f"{_heaviest(files)}"
            )
        try:
            target.write_bytes(made.read_bytes())
        except OSError as error:
            fail(f"'{target}' cannot be written: {error.strerror}.")
    typer.echo(f"{target}: {len(files)} files, {_megabytes(zipped)}, {_megabytes(unpacked)} unpacked")


def _install(python: str, folder: Path, target: Path) -> None:
    """Have pip install the requirements; relative paths in them are relative to the folder, as pip users expect."""
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    try:
        done = subprocess.run(
            [*command, "--target", str(target), "--requirement", REQUIREMENTS],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        fail(f"the interpreter '{python}' cannot be started: {error.strerror}; name another with --python.")
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        fail(f"'{python}' has no pip; run '{python} -m ensurepip' or name another interpreter with --python.")
    reason = "\n".join(done.stderr.strip().splitlines()[-5:])
    fail(f"pip could not install '{folder / REQUIREMENTS}':\n{reason}")


def _is_left_out(name: str) -> bool:
    return name in LEFT_OUT or name.endswith((".pyc", ".pyo"))


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name in the zip, path) of every file, without what is no part of a function."""
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not _is_left_out(name))
        for name in [*names, *(name for name in folders if (Path(root) / name).is_symlink())]:
            path = Path(root) / name
            if not _is_left_out(name):
                yield path.relative_to(folder).as_posix(), path


def _own_files(folder: Path, target: Path) -> Iterator[tuple[str, Path]]:
    """The folder's own files. A link counts as what it leads to; one that leads out of the folder would take along anything."""
    inside, written = folder.resolve(), target.resolve()
    for name, path in _walk(folder):
        real = path.resolve()
        if path.is_symlink() and not real.is_relative_to(inside):
            fail(f"'{path}' is a link that leads out of '{folder}'; put the file itself there.")
        if real.is_dir():
            fail(f"'{path}' is a link to a folder; put the folder itself there.")
        if not real.is_file():
            fail(f"'{path}' is not a file that can be packed; remove it or pack another folder.")
        if real != written:
            yield name, real


def _installed_files(installed: Path) -> Iterator[tuple[str, Path]]:
    """What pip installed, without its scripts and without where it came from; its lists of files are cut to match."""
    kept = {
        name: path
        for name, path in _walk(installed)
        if not name.startswith("bin/") and not name.endswith(".dist-info/direct_url.json")
    }
    for name, path in kept.items():
        if name.endswith(".dist-info/RECORD"):
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(line for line in lines if line.split(",")[0].strip('"') in kept))
        yield name, path


def _write(made: Path, files: dict[str, Path], *, prefix: str) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            path = files[name]
            is_program = path.stat().st_mode & stat.S_IXUSR
            entry = zipfile.ZipInfo(prefix + name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: the permissions below count wherever this runs
            entry.external_attr = (stat.S_IFREG | (0o755 if is_program else 0o644)) << 16
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as packed:
                while chunk := source.read(_COPY_BYTES):
                    packed.write(chunk)


def _heaviest(files: dict[str, Path]) -> str:
    """What to leave out first."""
    sizes: dict[str, int] = {}
    for name, path in files.items():
        top = name.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + path.stat().st_size
    heaviest = sorted(sizes, key=lambda top: (-sizes[top], top))[:3]
    return "the largest parts are " + ", ".join(f"{top} ({_megabytes(sizes[top])})" for top in heaviest) + "."


def _megabytes(size: int) -> str:
    return f"{size / 1_048_576:.1f} MB"
