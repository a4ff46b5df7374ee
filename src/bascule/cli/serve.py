"""``bascule serve``: the server process. Reads flags and ``BASCULE_*`` variables; everything below gets ``Settings``."""

from __future__ import annotations

import gc
import logging
import os
import sys
from functools import partial
from pathlib import Path

import typer

from bascule.cli import options
from bascule.cli.client import fail

NOT_ENFORCED = (
    "note: IAM policies are kept and checked but not enforced: whoever reaches this address may call everything; "
    "deliveries obey only an explicit Deny (start with --enforce-policies to require an Allow)."
)
ENFORCED = "note: deliveries and AssumeRole need an Allow; API calls are still not checked."


def _announce(line: str, note: str) -> None:
    """The ready line; what is alive now will stay, so the garbage collector need not look at it again."""
    gc.enable()
    gc.freeze()
    typer.echo(line)
    sys.stdout.flush()
    typer.echo(note, err=True)


def serve(
    port: options.Port = 4566,
    host: options.Host = "127.0.0.1",
    data: options.Data = Path(".bascule"),
    async_retry_base: options.AsyncRetryBase = 60.0,
    environments_max: options.EnvironmentsMax = 200,
    environment_idle: options.EnvironmentIdle = 300.0,
    journal_hours: options.JournalHours = 24.0,
    journal_mb: options.JournalMb = 512,
    isolation: options.Isolation = "auto",
    require_isolation: options.RequireIsolation = False,
    function_network: options.FunctionNetwork = "host",
    test: options.Test = False,
    enforce_policies: options.EnforcePolicies = False,
    log_level: options.LogLevel = "warning",
) -> None:
    """Run a server until it is told to stop (Ctrl-C or SIGTERM)."""
    gc.disable()  # until the ready line: nothing made by then is garbage, and looking for some is a fifth of the start
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
