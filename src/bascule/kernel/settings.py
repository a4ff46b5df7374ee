"""Every setting, in one place. Read from ``BASCULE_*`` variables and flags by ``bascule.app`` and ``bascule.cli`` only."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a server behaves. Docstring of each field in docs/reference/settings.md."""

    host: str = "127.0.0.1"
    port: int = 4566
    #: Largest request body accepted. bytes; the largest AWS request (Lambda CreateFunction) is 70,167,211.
    body_bytes_max: int = 70_200_000
    #: Time a client has to send a request body whole. milliseconds
    body_wait_ms_max: int = 30_000
    #: Requests being worked on at once; more are answered with a throttling error. count
    requests_max: int = 2_000
    #: Stories of events are kept this long. milliseconds
    journal_age_ms: int = 86_400_000
    #: ... and at most this much. bytes
    journal_bytes_max: int = 512 * 1024 * 1024
    #: Sum of the sizes of the entries of a PutEvents call must stay below this. bytes; PutEvents, 2026-01-29
    put_events_bytes_max: int = 1_048_576
    #: Delay before the first retry of a failed asynchronous invocation; the second waits twice as long. milliseconds
    async_retry_base_ms: int = 60_000
    #: Concurrent executions of all functions. count; Lambda quota "Concurrent executions"
    concurrency_max: int = 1_000
    #: Execution environments that may exist at once on this machine. count
    environments_max: int = 200
    #: An idle execution environment is removed after this long. milliseconds
    environment_idle_ms: int = 300_000
    #: Interpreter for ``python3.x`` functions; empty: the one that runs Bascule.
    python: str = ""
    #: ``auto``: functions are isolated when the machine can; ``off``: they are not.
    isolation: str = "auto"
    #: ``--require-isolation``: the server does not start when anything of the isolation is missing.
    require_isolation: bool = False
    #: What functions reach: ``host``: what the machine reaches; ``bascule``: the server and nothing else.
    function_network: str = "host"
    #: ``--enforce-policies``: what a resource policy does not allow is refused; without it only what one denies.
    enforce_policies: bool = False
    #: ``--test``: the clock and fault end points exist.
    is_test: bool = False
