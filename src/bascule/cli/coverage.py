"""``bascule coverage``: which operations of which AWS services are implemented."""

from __future__ import annotations

import json as json_codec
from typing import Annotated

import typer

from bascule.cli.client import fail


def coverage(
    service: Annotated[str, typer.Argument(help="A service such as 'events'; without it, all implemented ones.")] = "",
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what is implemented; everything else answers a clear error that names the operation."""
    from bascule.app import implemented_operations, modelled_operations

    implemented = implemented_operations()
    if service and service not in implemented:
        modelled = modelled_operations(service)
        if modelled is None:
            fail(f"AWS has no service model '{service}'; the implemented ones are {', '.join(sorted(implemented))}.")
        implemented[service] = frozenset()
    wanted = [service] if service else sorted(implemented)
    rows = {name: {op: op in implemented[name] for op in modelled_operations(name) or ()} for name in wanted}
    if json:
        typer.echo(json_codec.dumps(rows, indent=2))
        return
    from rich.console import Console

    console = Console(highlight=False)
    for name, table in rows.items():
        console.print(f"[bold]{name}[/] {sum(table.values())} of {len(table)} operations")
        for op, is_built in sorted(table.items(), key=lambda row: (not row[1], row[0])):
            console.print(f"  [green]yes[/] {op}" if is_built else f"  [dim]no  {op}[/]")
