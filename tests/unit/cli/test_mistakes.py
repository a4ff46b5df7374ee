"""What a person types wrong, or types again: one sentence, a code that is not 0, no traceback."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from bascule import cli
from bascule.dev import session


def told(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.build([arguments[0]]), list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stderr


@pytest.mark.parametrize("address", ["", "nope", "ftp://x", "http://", "http://[x", "http://127.0.0.1:99999"])
@pytest.mark.parametrize("command", [("status",), ("env",), ("run",), ("dlq", "ls"), ("dev", ".")])
def test_what_is_no_address_is_refused_by_every_command(command: tuple[str, ...], address: str) -> None:
    rest = ("--", "true") if command == ("run",) else ()
    assert told(*command, "--url", address, *rest) == (
        1,
        f"bascule: '{address}' is not an address; give one such as --url http://127.0.0.1:4566.\n",
    )


def test_an_address_may_end_with_a_slash() -> None:
    done = CliRunner().invoke(cli.build(["env"]), ["env", "--url", "http://127.0.0.1:4566/"])
    assert done.stdout.splitlines()[0] == "export AWS_ENDPOINT_URL=http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--wait",), "so it needs --debug"),
        (("--parameter", "a=b"), "is run as the folder of a function"),
        (("--url", "http://127.0.0.1:1", "--data", "{folder}/app.py"), "choose another with --data"),
    ],
)
def test_flags_of_dev_that_would_do_nothing_are_refused(tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    (tmp_path / "app.py").write_text("handler = 1")
    code, sentence = told("dev", str(tmp_path), *(flag.replace("{folder}", str(tmp_path)) for flag in flags))
    assert code == 1
    assert sentence.startswith("bascule: ")
    assert words in sentence


@pytest.mark.parametrize("flag", [("--memory", "1"), ("--timeout", "0"), ("--debug-port", "99999")])
def test_numbers_of_dev_that_cannot_be_are_refused(tmp_path: Path, flag: tuple[str, str]) -> None:
    code, sentence = told("dev", str(tmp_path), *flag)
    assert code == 2
    assert flag[0] in sentence


def test_a_disk_that_is_full_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "build", build)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    assert capsys.readouterr().err == "bascule: the output cannot be read or written: No space left on device.\n"


class Impatient:
    """A session whose person presses Ctrl-C, and again while it ends."""

    def __init__(self) -> None:
        self.said = ""

    async def open(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    async def close(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    def say(self, text: str) -> None:
        self.said = text


def test_a_second_ctrl_c_ends_dev_at_once() -> None:
    impatient = Impatient()
    session.develop(cast(session.Session, impatient))
    assert impatient.said == "ended at once; the last save may not be kept"
