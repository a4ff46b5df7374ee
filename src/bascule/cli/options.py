"""The flags of ``bascule serve``: types, ranges, variables, help. docs/reference/settings.md is made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Port = Annotated[int, typer.Option(envvar="BASCULE_PORT", min=0, max=65535, help="0: any free port.")]
Host = Annotated[str, typer.Option(envvar="BASCULE_HOST", help="Address to listen on; loopback only, for now.")]
Data = Annotated[Path, typer.Option(envvar="BASCULE_DATA", help="Directory of the durable data.")]
AsyncRetryBase = Annotated[
    float,
    typer.Option(envvar="BASCULE_ASYNC_RETRY_BASE", min=0.0, max=3600.0, help="Seconds before the first async retry."),
]
EnvironmentsMax = Annotated[
    int, typer.Option(envvar="BASCULE_ENVIRONMENTS_MAX", min=1, max=10_000, help="Function processes at once.")
]
EnvironmentIdle = Annotated[
    float,
    typer.Option(envvar="BASCULE_ENVIRONMENT_IDLE", min=1.0, max=86_400.0, help="Seconds an idle one is kept."),
]
JournalHours = Annotated[
    float, typer.Option(envvar="BASCULE_JOURNAL_HOURS", min=0.1, max=8760.0, help="Hours that stories are kept.")
]
JournalMb = Annotated[
    int, typer.Option(envvar="BASCULE_JOURNAL_MB", min=1, max=1_000_000, help="Megabytes of stories kept at most.")
]
Isolation = Annotated[
    str, typer.Option(envvar="BASCULE_ISOLATION", help="Functions in sandboxes: auto (where possible) or off.")
]
RequireIsolation = Annotated[
    bool,
    typer.Option(
        "--require-isolation",
        envvar="BASCULE_REQUIRE_ISOLATION",
        help="Do not start unless functions are isolated.",
    ),
]
FunctionNetwork = Annotated[
    str,
    typer.Option(
        envvar="BASCULE_FUNCTION_NETWORK",
        help="What functions reach: host, or bascule (this server, nothing else).",
    ),
]
Test = Annotated[
    bool,
    typer.Option("--test", envvar="BASCULE_TEST", help="Let clients steer time and inject faults (bascule clock)."),
]
EnforcePolicies = Annotated[
    bool,
    typer.Option(
        "--enforce-policies",
        envvar="BASCULE_ENFORCE_POLICIES",
        help="Refuse deliveries and roles that no resource or trust policy allows.",
    ),
]
LogLevel = Annotated[str, typer.Option(envvar="BASCULE_LOG_LEVEL", help="debug, info, warning or error.")]
