"""The code blocks of the documents run as they stand, one after the other, against a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import Server

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.S)


@pytest.mark.parametrize("page", ["docs/tutorial/first-hour.md", "README.md"])
def test_python_blocks_of_a_page_run_in_order(tmp_path: Path, page: str) -> None:
    program = tmp_path / "page.py"
    program.write_text("\n".join(BLOCK.findall((ROOT / page).read_text())))
    with Server(tmp_path, "--async-retry-base", "0.1") as server:
        done = subprocess.run(
            [sys.executable, str(program)],
            env=server.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout
