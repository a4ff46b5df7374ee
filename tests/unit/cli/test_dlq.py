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
