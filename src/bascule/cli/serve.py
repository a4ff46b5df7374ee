"""``bascule serve``: the server process. Reads flags and ``BASCULE_*`` variables; everything below gets ``Settings``."""

from __future__ import annotations

import gc
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bascule.cli.client import fail

NOT_ENFORCED = (
    "note: IAM policies are kept and checked but not enforced: whoever reaches this address may call everything; "
    "deliveries obey only an explicit Deny (start with --enforce-policies to require an Allow)."
)
ENFORCED = "note: deliveries and AssumeRole need an Allow; API calls are still not checked."


def _announce(line: str, note: str) -> None:
    """The ready line; what is alive now will stay, so the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
    typer.echo(line)
    sys.stdout.flush()
    typer.echo(note, err=True)


def serve(
    port: Annotated[int, typer.Option(envvar="BASCULE_PORT", min=0, max=65535, help="0: any free port.")] = 4566,
    host: Annotated[
        str, typer.Option(envvar="BASCULE_HOST", help="Address to listen on; loopback only, for now.")
    ] = "127.0.0.1",
    data: Annotated[Path, typer.Option(envvar="BASCULE_DATA", help="Directory of the durable data.")] = Path(
        ".bascule"
    ),
    async_retry_base: Annotated[
        float,
        typer.Option(
            envvar="BASCULE_ASYNC_RETRY_BASE", min=0.0, max=3600.0, help="Seconds before the first async retry."
        ),
    ] = 60.0,
    environments_max: Annotated[
        int, typer.Option(envvar="BASCULE_ENVIRONMENTS_MAX", min=1, max=10_000, help="Function processes at once.")
    ] = 200,
    environment_idle: Annotated[
        float,
        typer.Option(envvar="BASCULE_ENVIRONMENT_IDLE", min=1.0, max=86_400.0, help="Seconds an idle one is kept."),
    ] = 300.0,
    journal_hours: Annotated[
        float, typer.Option(envvar="BASCULE_JOURNAL_HOURS", min=0.1, max=8760.0, help="Hours that stories are kept.")
    ] = 24.0,
    journal_mb: Annotated[
        int, typer.Option(envvar="BASCULE_JOURNAL_MB", min=1, max=1_000_000, help="Megabytes of stories kept at most.")
    ] = 512,
    isolation: Annotated[
        str, typer.Option(envvar="BASCULE_ISOLATION", help="Functions in sandboxes: auto (where possible) or off.")
    ] = "auto",
    require_isolation: Annotated[
        bool,
        typer.Option(
            "--require-isolation",
            envvar="BASCULE_REQUIRE_ISOLATION",
            help="Do not start unless functions are isolated.",
        ),
    ] = False,
    function_network: Annotated[
        str,
        typer.Option(
            envvar="BASCULE_FUNCTION_NETWORK",
            help="What functions reach: host, or bascule (this server, nothing else).",
        ),
    ] = "host",
    test: Annotated[
        bool,
        typer.Option("--test", envvar="BASCULE_TEST", help="Let clients steer time and inject faults (bascule clock)."),
    ] = False,
    enforce_policies: Annotated[
        bool,
        typer.Option(
            "--enforce-policies",
            envvar="BASCULE_ENFORCE_POLICIES",
            help="Refuse deliveries and roles that no resource or trust policy allows.",
        ),
    ] = False,
    log_level: Annotated[
        str, typer.Option(envvar="BASCULE_LOG_LEVEL", help="debug, info, warning or error.")
    ] = "warning",
) -> None:
    """Run a server until it is told to stop (Ctrl-C or SIGTERM)."""
    from bascule import app
    from bascule.kernel.settings import Settings

    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        fail(f"there is no log level '{log_level}'; use debug, info, warning or error.")
    if isolation not in ("auto", "off"):
        fail(f"there is no isolation '{isolation}'; use auto or off.")
    if function_network not in ("host", "bascule"):
        fail(f"there is no function network '{function_network}'; use host or bascule.")
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings(
        host=host,
        port=port,
        async_retry_base_ms=round(async_retry_base * 1000),
        environments_max=environments_max,
        environment_idle_ms=round(environment_idle * 1000),
        journal_age_ms=round(journal_hours * 3_600_000),
        journal_bytes_max=journal_mb * 1_048_576,
        python=os.environ.get("BASCULE_PYTHON", ""),
        enforce_policies=enforce_policies,
        isolation=isolation,
        require_isolation=require_isolation,
        function_network=function_network,
        is_test=test,
    )
    try:
        app.serve(settings, data, announce=partial(_announce, note=ENFORCED if enforce_policies else NOT_ENFORCED))
    except app.CannotStart as error:
        fail(str(error))
