"""``bascule package DIR``: a folder and its ``requirements.txt`` as a zip file for CreateFunction or PublishLayerVersion."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bascule.cli.client import fail
from bascule.dev import packing
from bascule.dev.packing import UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX, CannotPack, heaviest, megabytes


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
    try:
        _pack(folder, target, layer, python)
    except CannotPack as error:
        fail(str(error))


def _pack(folder: Path, target: Path, layer: bool, python: str) -> None:
    with tempfile.TemporaryDirectory(prefix="bascule-package-") as scratch:
        installed = Path(scratch) / "installed"
        installed.mkdir()
        if (folder / packing.REQUIREMENTS).is_file():
            packing.install(python, folder, installed)
        files = {**dict(packing.installed_files(installed)), **dict(packing.own_files(folder, target))}
        if not files:
            raise CannotPack(f"'{folder}' has no files to pack; is it the right folder?")
        unpacked = sum(path.stat().st_size for path in files.values())
        if unpacked >= UNZIPPED_BYTES_MAX:
            raise CannotPack(
                f"unpacked this is {megabytes(unpacked)}, and Lambda takes less than {megabytes(UNZIPPED_BYTES_MAX)}; "
                f"{heaviest(files)}"
            )
        made = Path(scratch) / "package.zip"
        packing.write(made, files, prefix="python/" if layer else "")
        zipped = made.stat().st_size
        if zipped > ZIPPED_BYTES_MAX:
            raise CannotPack(
                f"the zip file would be {megabytes(zipped)}, and Lambda takes {megabytes(ZIPPED_BYTES_MAX)}; "
                f"{heaviest(files)}"
            )
        try:
            target.write_bytes(made.read_bytes())
        except OSError as error:
            raise CannotPack(f"'{target}' cannot be written: {error.strerror}.") from None
    typer.echo(
        f"{target}: {len(files)} {'file' if len(files) == 1 else 'files'}, {megabytes(zipped)}, {megabytes(unpacked)} unpacked"
    )
