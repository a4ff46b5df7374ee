"""``bascule pattern``: try an event pattern on an event without a server, and be told why it does not match.

PATTERN and EVENT are JSON, ``@file``, the path of a file, or ``-`` for standard input.
Exit codes: 0 the event matches, 1 it does not, 2 the pattern or an argument is not valid.
"""

from __future__ import annotations

import enum
import os
import sys
from typing import Annotated

import msgspec
import typer

from bascule.patterns import Dialect, Explanation, Pattern, PatternError

app = typer.Typer(help="Try event patterns.", no_args_is_help=True)


class DialectName(enum.StrEnum):
    """The places a pattern can be written for."""

    EVENT_BUS = "event-bus"
    PIPES = "pipes"
    EVENT_SOURCE_MAPPING = "event-source-mapping"
    SNS_ATTRIBUTES = "sns-attributes"
    SNS_BODY = "sns-body"


@app.callback()
def pattern() -> None:
    """Try event patterns."""


@app.command("test")
def run_test(
    pattern: Annotated[str, typer.Argument(help="The event pattern: JSON, @file, a path, or - for standard input.")],
    event: Annotated[str, typer.Argument(help="The event: JSON, @file, a path, or - for standard input.")],
    is_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON, for programs.")] = False,
    dialect: Annotated[DialectName, typer.Option(help="Where the pattern is meant for.")] = DialectName.EVENT_BUS,
) -> None:
    """Say whether EVENT matches PATTERN, and if not, which field stands in the way."""
    if pattern == event == "-":
        _refuse("Only one of PATTERN and EVENT can be standard input.", is_json)
    try:
        text, data = _read(pattern).decode("utf-8"), _read(event)
        if text == pattern and not text.lstrip().startswith(("{", "[", '"')):
            _refuse(f"The pattern is neither JSON nor the path of a file that exists: '{pattern}'.", is_json)
        parsed = Pattern.parse(text, Dialect[dialect.name])
    except (PatternError, OSError, UnicodeDecodeError) as error:
        _refuse(str(error), is_json)
    if not _is_object(data):
        _refuse("The event is not a JSON object; give JSON, @file, the path of a file that exists, or -.", is_json)
    explanation = parsed.explain(data)
    if is_json:
        typer.echo(msgspec.json.encode(explanation).decode())
    else:
        _show(explanation)
    raise typer.Exit(0 if explanation.matched else 1)


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(data), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _refuse(message: str, is_json: bool) -> None:
    if is_json:
        typer.echo(msgspec.json.encode({"error": message}).decode())
    else:
        typer.echo(message, err=True)
    raise typer.Exit(2)


def _show(explanation: Explanation) -> None:
    typer.echo(f"{'match' if explanation.matched else 'no match'}: {explanation.sentence}")
    if len(explanation.branches) > 1 and not explanation.matched:
        for number, branch in enumerate(explanation.branches, start=1):
            typer.echo(
                f"  branch {number} ({branch.satisfied_count} of {branch.field_count} fields): {branch.sentence}"
            )


def _read(argument: str) -> bytes:
    """Give the bytes an argument stands for."""
    if argument == "-":
        return sys.stdin.buffer.read()
    if argument.startswith("@"):
        return _read_file(argument[1:])
    if not argument.lstrip().startswith("{") and os.path.isfile(argument):
        return _read_file(argument)
    return argument.encode("utf-8", "surrogateescape")


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
