"""The README's tour by hand: its commands run in order, and its claim about the order that did not match holds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from bascule.cli.environment import sdk_environment
from tests.server import Server

README = (Path(__file__).parents[2] / "README.md").read_text()
BIN = Path(sys.executable).parent


def test_the_commands_of_the_tour_work_and_the_story_explains(server: Server, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    environment.update(sdk_environment(server.url, environment))

    def run(*command: str) -> str:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    commands = [line.removeprefix("$ ") for line in README.splitlines() if line.startswith("$ aws ")]
    assert len(commands) == 3
    for command in commands:
        run(*shlex.split(command))
    program = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    (tmp_path / "orders.py").write_text(program)
    small, large = run(sys.executable, str(tmp_path / "orders.py")).split()
    told = " ".join(run(sys.executable, "-m", "bascule", "story", small, "--url", server.url).split())
    assert "rule large did not match: detail.amount is 999, but it should be a number >= 1000." in told
    assert "rule large matched" in " ".join(
        run(sys.executable, "-m", "bascule", "story", large, "--url", server.url).split()
    )
