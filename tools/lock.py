"""Rewrite requirements.lock: every dependency with its version and the hashes of its files, and no address of any index.

Needs ``uv`` on the path (``pip install uv``); the lock file itself is installed by plain pip.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    uv = shutil.which("uv")
    if uv is None:
        print("tools/lock.py needs uv: pip install uv", file=sys.stderr)
        return 1
    flags = [
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--no-emit-index-url",
    ]
    command = [uv, "pip", "compile", *flags, "--group", "dev", "pyproject.toml", "-o", "requirements.lock"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
