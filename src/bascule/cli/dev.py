"""``bascule dev``: a folder or a template is what functions run, and every save is in the next invocation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from bascule.cli.client import DEFAULT_URL, fail, url_option

if TYPE_CHECKING:
    from bascule.dev import session
    from bascule.dev.functions import LocalFunction
    from bascule.dev.printing import Printer


class _Debugging(NamedTuple):
    """What ``--debug`` asks for."""

    port: int
    is_awaited: bool


def dev(
    place: Annotated[
        Path,
        typer.Argument(help="A function's folder, or a SAM or CloudFormation template.", metavar="DIR_OR_TEMPLATE"),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the function; of a template: the only one to run.")] = "",
    handler: Annotated[str, typer.Option("--handler", help="FILE.FUNCTION; default: what the folder has.")] = "",
    runtime: Annotated[str, typer.Option("--runtime", help="Such as python3.12 or nodejs22.x.")] = "",
    env: Annotated[
        list[str] | None, typer.Option("--env", "-e", metavar="K=V", help="A variable of the function.")
    ] = None,
    memory: Annotated[int | None, typer.Option("--memory", min=128, max=10_240, help="Megabytes.")] = None,
    timeout: Annotated[int | None, typer.Option("--timeout", min=1, max=900, help="Seconds.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", metavar="K=V", help="A parameter of the template.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Let a debugger attach; one invocation at a time, without a time-out.")
    ] = False,
    debug_port: Annotated[
        int,
        typer.Option("--debug-port", min=1, max=65_535, help="Of the first function; the next has the next."),
    ] = 5678,
    wait: Annotated[
        bool, typer.Option("--wait", help="With --debug: functions wait for the debugger to attach.")
    ] = False,
    url: Annotated[str, url_option] = DEFAULT_URL,
    data: Annotated[Path, typer.Option(help="Data directory of the server that is started when none answers.")] = Path(
        ".bascule"
    ),
) -> None:
    """Run a folder's function and reload it at every save; prints its invocations until Ctrl-C.

    The function keeps the code of the last save. Without a server one is started that ends with this command.
    """
    from bascule.dev.detection import detect
    from bascule.dev.functions import CannotDevelop
    from bascule.dev.packing import CannotPack
    from bascule.dev.printing import Printer

    printer = Printer()
    try:
        variables = _pairs("--env", env)
        template = _template_of(place, handler)
        if wait and not debug:
            fail("--wait has functions wait for a debugger, so it needs --debug.")
        if parameter and template is None:
            fail(
                f"--parameter is for templates, and '{place}' is run as the folder of a function; use --env for variables."
            )
        if template is not None:
            functions = _of_template(template, name, url, variables, _pairs("--parameter", parameter), printer)
        else:
            functions = [detect(place, name=name, handler=handler, runtime=runtime)]
        functions = [_with_flags(one, variables, memory, timeout) for one in functions]
        _develop(functions, url, data, printer, _Debugging(debug_port, wait) if debug else None)
    except (CannotDevelop, CannotPack) as error:
        fail(str(error))


def _pairs(flag: str, given: list[str] | None) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in given or ())
    if any("=" not in one for one in given or ()) or "" in pairs:
        fail(f"{flag} takes NAME=VALUE.")
    return pairs


def _template_of(place: Path, handler: str) -> Path | None:
    """The template that is meant: the file itself, or that of a folder unless the person says what to take from the folder."""
    from bascule.dev.detection import template_in

    if place.is_file():
        return place
    if not place.is_dir():
        fail(f"there is no '{place}'; give the folder of a function, or a template.")
    return None if handler else template_in(place)


def _of_template(
    path: Path, only: str, url: str, variables: dict[str, str], parameters: dict[str, str], printer: Printer
) -> list[LocalFunction]:
    from bascule.dev.live_client import region
    from bascule.dev.template import Settings, read_template

    found = read_template(
        path,
        Settings(
            parameters=parameters, environment=variables, region=region(), account="000000000000", url=url, only=only
        ),
    )
    for note in found.notes:
        printer.say(f"note: {note}", "yellow")
    return found.functions


def _with_flags(
    function: LocalFunction, environment: dict[str, str], memory_mb: int | None, timeout_s: int | None
) -> LocalFunction:
    import msgspec

    changes: dict[str, object] = {}
    if environment:
        changes["environment"] = {**(function.environment or {}), **environment}
    if memory_mb is not None:
        changes["memory_mb"] = memory_mb
    if timeout_s is not None:
        changes["timeout_s"] = timeout_s
    return msgspec.structs.replace(function, **changes)


def _develop(
    functions: list[LocalFunction], url: str, data: Path, printer: Printer, debugging: _Debugging | None
) -> None:
    from bascule.dev import session
    from bascule.dev.child_server import ChildServer
    from bascule.dev.live_client import LiveClient, region

    watched = _watched(functions, printer, debugging)
    child = None
    if not _answers(url):
        address = urlsplit(url)
        if address.hostname not in ("127.0.0.1", "localhost"):
            fail(f"no server answers at {url}; start one there, or leave --url out to have one started here.")
        child = ChildServer.start(address.port or 80, data)
        printer.say(f"started a server at {child.url}, data in {data}; it ends with this command", "dim")
    try:
        session.develop(session.Session(LiveClient(url, region()), watched, printer))
    finally:
        if child is not None:
            child.stop()


def _answers(url: str) -> bool:
    import httpx

    try:
        httpx.get(f"{url}/_bascule/health", timeout=5.0)
    except httpx.TransportError:
        return False
    return True


def _watched(functions: list[LocalFunction], printer: Printer, debugging: _Debugging | None) -> list[session.Watched]:
    from bascule.dev import debugger, session
    from bascule.dev.code import Code

    python = os.environ.get("BASCULE_PYTHON") or sys.executable
    watched = [session.Watched(one, Code(one.folder, python=python, say=printer.say)) for one in functions]
    printer.names([one.name for one in functions])
    if debugging is not None:
        for port, one in enumerate(watched, debugging.port):
            one.extra = debugger.files_for(one.function)
            one.debug = debugger.request(one.function, port, is_awaited=debugging.is_awaited)
    return watched
