"""``bascule dlq`` when the server goes away."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from bascule.cli import build, dlq
from bascule.cli.client import fail


def test_a_redrive_that_is_cut_off_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = iter([{"moved": 100, "stays": [], "looked_at": 100, "after": 7}])

    def send(url: str, method: str, path: str, *_: Any, **__: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, {"queue": {"messages": 250}}
        step = next(steps, None)
        return (200, step) if step is not None else fail("no server answers.")

    monkeypatch.setattr(dlq, "send", send)
    done = CliRunner().invoke(build(["dlq"]), ["dlq", "redrive", "dead"])
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "bascule: no server answers.",
        "bascule: 100 messages were sent again before that; run it again for the others.",
    ]


def test_losses_are_shown_with_their_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {
        "at_ms": 1_767_225_600_000,
        "origin": "destination",
        "source_arn": "arn:aws:lambda:us-east-1:000000000000:function:heavy:$LATEST",
        "target_arn": "arn:aws:sqs:us-east-1:000000000000:records",
        "code": "INVALID_PARAMETER",
        "message": "It is too long.",
        "reason": "no dead-letter queue is set",
        "event_id": "",
        "bytes": 1_048_900,
        "body": '{"version":"1.0"}',
    }
    answers = iter([{"now_ms": 0, "lost": [lost]}, {"now_ms": 0, "lost": []}])
    monkeypatch.setattr(dlq, "fetch", lambda *_, **__: next(answers))
    told = CliRunner().invoke(build(["dlq"]), ["dlq", "lost"]).stdout
    assert "function heavy" in told
    assert "to queue records, 1048900 bytes" in told
    assert "INVALID_PARAMETER: It is too long. (no dead-letter queue is set)" in told
    assert CliRunner().invoke(build(["dlq"]), ["dlq", "lost"]).stdout == "Nothing was lost.\n"
