"""``bascule package``: what it makes runs as a function and as a layer, and is the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bascule.cli import package as package_command
from tests.functions import ROLE
from tests.world import World

HANDLER = """
import greetings

def handler(event, context):
    return greetings.hello(event["name"])
"""


def wheel(folder: Path) -> None:
    """A wheel with a module and a script, made by hand so that nothing has to be fetched."""
    folder.mkdir()
    info = "greetings-1.0.dist-info"
    files = {
        "greetings/__init__.py": "def hello(name):\n    return f'hello {name}'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ngreet = greetings:hello\n",
    }
    with zipfile.ZipFile(folder / "greetings-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A function's folder with a requirement and things that do not belong into a package."""
    wheel(tmp_path / "wheels")
    made = tmp_path / "hello"
    made.mkdir()
    (made / "app.py").write_text(HANDLER)
    (made / "requirements.txt").write_text("--no-index\n--find-links ../wheels\ngreetings==1.0\n")
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o700)
    for unwanted in (".git/config", "__pycache__/app.pyc", ".venv/lib/x.py"):
        (made / unwanted).parent.mkdir(parents=True)
        (made / unwanted).write_text("x")
    return made


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bascule", "package", *arguments],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_package_runs_as_a_function_and_as_a_layer(folder: Path) -> None:
    done = run(folder, "hello")
    assert done.returncode == 0, done.stderr
    assert "hello.zip: " in done.stdout
    assert run(folder, "hello", "--layer", "-o", "layer.zip").returncode == 0
    content, layer = (folder.parent / "hello.zip").read_bytes(), (folder.parent / "layer.zip").read_bytes()
    with World() as world:
        functions = world.client("lambda")
        settings = {"Role": ROLE, "Runtime": "python3.12", "Handler": "app.handler", "Timeout": 10}
        functions.create_function(FunctionName="packed", Code={"ZipFile": content}, **settings)
        arn = functions.publish_layer_version(LayerName="packed", Content={"ZipFile": layer})["LayerVersionArn"]
        bare = folder.parent / "bare"
        bare.mkdir()
        (bare / "app.py").write_text(HANDLER)
        assert run(folder, "bare").returncode == 0
        functions.create_function(
            FunctionName="layered",
            Code={"ZipFile": (folder.parent / "bare.zip").read_bytes()},
            Layers=[arn],
            **settings,
        )
        for name in ("packed", "layered"):
            answer = functions.invoke(FunctionName=name, Payload=json.dumps({"name": "you"}))
            assert json.load(answer["Payload"]) == "hello you"


def test_package_holds_the_code_and_its_requirements_and_nothing_of_this_machine(folder: Path) -> None:
    assert run(folder, "hello").returncode == 0
    with zipfile.ZipFile(folder.parent / "hello.zip") as archive:
        names = archive.namelist()
        record = archive.read("greetings-1.0.dist-info/RECORD").decode()
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert names == sorted(names)
    assert {"app.py", "run.sh", "requirements.txt", "greetings/__init__.py"} < set(names)
    assert not [name for name in names if name.startswith((".git", ".venv", "bin/")) or name.endswith(".pyc")]
    assert {line.split(",")[0] for line in record.splitlines()} <= set(names)
    assert (modes["run.sh"], modes["app.py"]) == (0o755, 0o644)


def test_same_folder_gives_the_same_bytes(folder: Path) -> None:
    digests = set()
    for moment in (1_000_000_000, 1_700_000_000):
        os.utime(folder / "app.py", (moment, moment))
        assert run(folder, "hello", "-o", "hello/out.zip").returncode == 0
        digests.add(hashlib.sha256((folder / "out.zip").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("missing",), "there is no folder 'missing'"),
        (("hello", "-o", "nowhere/out.zip"), "there is no folder 'nowhere'"),
        (("hello", "-o", "hello"), "cannot be written"),
        (("hello", "--python", "/nonexistent/python"), "cannot be started"),
        (("empty",), "has no files to pack"),
    ],
)
def test_mistake_is_one_sentence_and_no_file(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    (folder.parent / "empty").mkdir()
    done = run(folder, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("bascule: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.parent.glob("*.zip"))


def test_requirement_that_pip_cannot_find_is_named(folder: Path) -> None:
    (folder / "requirements.txt").write_text("--no-index\nno-such-thing==1\n")
    done = run(folder, "hello")
    assert done.returncode == 1
    assert "pip could not install" in done.stderr
    assert "no-such-thing" in done.stderr


def test_links_that_lead_out_are_refused(folder: Path) -> None:
    (folder / "secret").symlink_to(folder.parent / "wheels" / "greetings-1.0-py3-none-any.whl")
    assert "is a link that leads out" in run(folder, "hello").stderr


def test_links_inside_are_packed_as_what_they_lead_to(folder: Path) -> None:
    (folder / "again.py").symlink_to("app.py")
    assert run(folder, "hello").returncode == 0
    with zipfile.ZipFile(folder.parent / "hello.zip") as archive:
        assert archive.read("again.py").decode() == HANDLER


@pytest.mark.parametrize(
    ("limit", "sentence"), [("UNZIPPED_BYTES_MAX", "unpacked"), ("ZIPPED_BYTES_MAX", "the zip file")]
)
def test_package_over_the_limits_is_refused_naming_its_largest_parts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: str,
    sentence: str,
) -> None:
    source = tmp_path / "large"
    (source / "vendor").mkdir(parents=True)
    (source / "vendor" / "data.bin").write_bytes(os.urandom(2_000_000))
    (source / "app.py").write_text("x = 1\n")
    monkeypatch.setattr(package_command, limit, 1_048_576)
    output = tmp_path / "out.zip"
    with pytest.raises(package_command.typer.Exit):
        package_command.package(source, output)
    said = capsys.readouterr().err
    assert sentence in said
    assert "the largest parts are vendor (1.9 MB), app.py" in said
    assert not output.exists()
