"""What belongs to a function's package, and the zip file of it. Used by ``bascule package`` and ``bascule dev``.

The same folder with the same versions gives the same bytes: names are sorted, times are fixed, and what pip writes about this
machine (scripts with the path of an interpreter, where a package came from) is left out. So an unchanged function keeps its
``CodeSha256``, and nothing of the machine that built it leaves it.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

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
#: Compiled modules, and what editors write beside a file while they save it.
_LEFT_OUT_NAMES = re.compile(
    "|".join(
        fnmatch.translate(pattern)
        for pattern in (
            *("*.py[co]", "*~", "*.sw[a-z]", "4913", ".#*", "#*#"),
            *("*___jb_tmp___", "*___jb_old___", ".goutputstream-*", "*.kate-swp", ".*.tmp-*"),
        )
    )
)
#: A zip file knows no earlier moment.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_COPY_BYTES = 1024 * 1024


class CannotPack(Exception):
    """The folder cannot become a package; the message is one sentence that says why and what to do."""


def install(python: str, folder: Path, target: Path) -> None:
    """Have pip install the requirements; relative paths in them are relative to the folder, as pip users expect.

    Raises   CannotPack.
    """
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
        raise CannotPack(
            f"the interpreter '{python}' cannot be started: {error.strerror}; name another with --python."
        ) from None
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise CannotPack(
            f"'{python}' has no pip; run '{python} -m ensurepip' or name another interpreter with --python."
        )
    reason = "\n".join(done.stderr.strip().splitlines()[-5:])
    raise CannotPack(f"pip could not install '{folder / REQUIREMENTS}':\n{reason}")


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is no part of a function."""
    return name in LEFT_OUT or _LEFT_OUT_NAMES.match(name) is not None


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name in the zip, path) of every file, without what is no part of a function."""
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not is_left_out(name))
        for name in [*names, *(name for name in folders if (Path(root) / name).is_symlink())]:
            path = Path(root) / name
            if not is_left_out(name):
                yield path.relative_to(folder).as_posix(), path


def own_files(folder: Path, written: Path | None = None) -> Iterator[tuple[str, Path]]:
    """(name in the package, path) of the folder's own files, by name, without the one that is being written.

    A link counts as what it leads to; one that leads out of the folder would take along anything.
    Raises   CannotPack.
    """
    inside = folder.resolve()
    own = written.resolve() if written is not None else None
    for name, path in _walk(inside):
        real = path
        if path.is_symlink():
            real = path.resolve()
            if not real.is_relative_to(inside):
                raise CannotPack(
                    f"'{folder / name}' is a link that leads out of '{folder}'; put the file itself there."
                )
            if real.is_dir():
                raise CannotPack(f"'{folder / name}' is a link to a folder; put the folder itself there.")
        if not real.is_file():
            raise CannotPack(f"'{folder / name}' is not a file that can be packed; remove it or pack another folder.")
        if real != own:
            yield name, real


def installed_files(installed: Path) -> Iterator[tuple[str, Path]]:
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


def write(made: Path, files: Mapping[str, Path], *, prefix: str = "") -> None:
    """Write the zip file."""
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


def heaviest(files: Mapping[str, Path]) -> str:
    """What to leave out first."""
    sizes: dict[str, int] = {}
    for name, path in files.items():
        top = name.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + path.stat().st_size
    heaviest = sorted(sizes, key=lambda top: (-sizes[top], top))[:3]
    return "the largest parts are " + ", ".join(f"{top} ({megabytes(sizes[top])})" for top in heaviest) + "."


def megabytes(size: int) -> str:
    """A size in words."""
    return f"{size / 1_048_576:.1f} MB"
