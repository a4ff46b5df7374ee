"""Row 5: the command line. One file a command; every user's mistake is one sentence and a way forward, never a traceback.

Heavy imports stay inside the commands, so that ``bascule env`` answers at once.
"""

from __future__ import annotations

import typer

from bascule.cli import clock, coverage, dlq, environment, faults, package, pattern, retries, serve, status, story, tail

app = typer.Typer(
    name="bascule",
    help="An event-driven serverless platform anyone can own: EventBridge, Lambda and neighbours, wire-compatible with AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("tail")(tail.tail)
app.command("story")(story.story)
app.add_typer(dlq.app, name="dlq", help="Dead-letter queues: what died, why, and sending it again.")
app.command("retries")(retries.retries)
app.add_typer(clock.app, name="clock", help="Steer the time of a server that runs with --test.")
app.add_typer(faults.app, name="faults", help="Have targets of a server that runs with --test fail.")
app.command("env")(environment.env)
app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(environment.run)
app.command("package")(package.package)
app.command("coverage")(coverage.coverage)
app.add_typer(pattern.app, name="pattern", help="Try event patterns.")


def main() -> None:
    """The ``bascule`` command."""
    app()
