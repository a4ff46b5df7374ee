"""``bascule env`` and ``bascule run``: have AWS SDKs and tools talk to Bascule without a line of code.

Both set what every AWS SDK reads: the endpoint, a region and credentials. On loopback any credentials are accepted.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bascule.cli.client import DEFAULT_URL, url_option

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}


SHIMS = Path(__file__).with_name("shims")


def sdk_environment(url: str, given: Mapping[str, str]) -> dict[str, str]:
    """The variables that point AWS SDKs and tools at ``url``; a region that is already set in ``given`` is kept.

    ``PATH`` is among them where the AWS command line is installed, because its version 1 needs help (``shims/aws``).
    """
    region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or ENVIRONMENT["AWS_REGION"]
    variables = {"AWS_ENDPOINT_URL": url, **ENVIRONMENT, "AWS_DEFAULT_REGION": region, "AWS_REGION": region}
    path = [folder for folder in given.get("PATH", os.defpath).split(os.pathsep) if folder != str(SHIMS)]
    if shutil.which("aws", path=os.pathsep.join(path)):
        variables["PATH"] = os.pathsep.join([str(SHIMS), *path])
    return variables


def env(url: Annotated[str, url_option] = DEFAULT_URL) -> None:
    """Print export lines for a shell: eval "$(bascule env)"."""
    for name, value in sdk_environment(url, os.environ).items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def run(
    command: Annotated[list[str], typer.Argument(help="The program and its arguments, after --.", metavar="-- CMD...")],
    url: Annotated[str, url_option] = DEFAULT_URL,
) -> None:
    """Run a program with the environment set so that AWS SDKs talk to Bascule; exits as the program does."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("AWS_PROFILE", "AWS_SESSION_TOKEN")
    }
    environment.update(sdk_environment(url, environment))
    try:
        done = subprocess.run(command, env=environment, check=False)
    except FileNotFoundError:
        typer.echo(f"bascule: there is no program '{command[0]}'; check its name or give its path.", err=True)
        raise typer.Exit(127) from None
    except PermissionError:
        typer.echo(f"bascule: '{command[0]}' is not executable; make it so or run it by its interpreter.", err=True)
        raise typer.Exit(126) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)
