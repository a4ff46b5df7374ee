"""Row 5: the command line. One file a command; every user's mistake is one sentence and a way forward, never a traceback.

Only the module of the command that is called is imported, and heavy imports stay inside the commands, because a server that
starts in half a second must not wait for the help texts of the others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer

#: Command -> the module here and the attribute in it; a group of commands has its help beside it.
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "serve": ("serve", "serve", ""),
    "dev": ("dev", "dev", ""),
    "status": ("status", "status", ""),
    "tail": ("tail", "tail", ""),
    "story": ("story", "story", ""),
    "replay": ("replay", "replay", ""),
    "dlq": ("dlq", "app", "Dead-letter queues: what died, why, and sending it again."),
    "retries": ("retries", "retries", ""),
    "clock": ("clock", "app", "Steer the time of a server that runs with --test."),
    "faults": ("faults", "app", "Have targets of a server that runs with --test fail."),
    "env": ("environment", "env", ""),
    "run": ("environment", "run", ""),
    "package": ("package", "package", ""),
    "coverage": ("coverage", "coverage", ""),
    "pattern": ("pattern", "app", "Try event patterns."),
}
#: ``bascule run`` hands everything after the program's name on.
_PASSING_ON = {"run": {"ignore_unknown_options": True, "allow_interspersed_args": False}}
HELP = (
    "An event-driven serverless platform anyone can own: EventBridge, Lambda and neighbours, wire-compatible with AWS."
)


def build(names: Iterable[str]) -> typer.Typer:
    """The command line with the named commands."""
    app = typer.Typer(
        name="bascule", help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    app.callback(help=HELP)(_together)
    for name in names:
        module, attribute, group_help = _COMMANDS[name]
        found: Any = getattr(import_module(f"{__name__}.{module}"), attribute)
        if group_help:
            app.add_typer(found, name=name, help=group_help)
        else:
            app.command(name, context_settings=_PASSING_ON.get(name))(found)
    return app


def _together() -> None:
    """Keeps a single command a command with a name."""


def main() -> None:
    """The ``bascule`` command."""
    called = sys.argv[1:2]
    try:
        build(called if called and called[0] in _COMMANDS else _COMMANDS)()
    except OSError as error:
        what = f"'{error.filename}'" if error.filename else "the output"
        typer.echo(f"bascule: {what} cannot be read or written: {error.strerror or error}.", err=True)
        sys.exit(1)
