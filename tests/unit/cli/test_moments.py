"""Durations that people type and read."""

from __future__ import annotations

import pytest

from bascule.cli.clock import seconds_of
from bascule.cli.dlq import sentence_of
from bascule.cli.moments import age, moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86_400),
        ("1h30m", 5_400),
        ("90", 90),
        ("1.5", 1.5),
        ("250ms", 0.25),
        ("3d", 259_200),
        ("5min", 300),
        ("1w2s", 604_802),
    ],
)
def test_durations_are_understood(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1y", "-1s", "1 h", "1h x", "tomorrow", "1e3", "h1"])
def test_what_is_no_duration_is_told_apart(text: str) -> None:
    assert seconds_of(text) is None


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(-5, "0.0 s"), (1_234, "1.2 s"), (61_000, "1 min 1 s"), (3_600_000, "1 h"), (90_061_000, "1 d 1 h")],
)
def test_durations_are_shown_by_their_two_largest_units(duration_ms: int, text: str) -> None:
    assert age(duration_ms) == text


def test_moments_are_utc() -> None:
    assert moment(1_767_225_600_000) == "2026-01-01 00:00:00"


RULE = "arn:aws:events:us-east-1:000000000000:rule/big"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:work"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:bill"


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (
            {
                "kind": "rule",
                "source_arn": RULE,
                "target_arn": QUEUE,
                "code": "THROTTLING",
                "message": "Busy.",
                "retry_count": 185,
                "exhausted": "MaximumRetryAttempts",
            },
            "rule big could not reach queue work after 185 retries (MaximumRetryAttempts): THROTTLING: Busy.",
        ),
        (
            {"kind": "queue", "source_arn": QUEUE, "target_arn": FUNCTION, "code": "KeyError", "message": "'id'"},
            "Given up by queue work. Its consumer, function bill, failed with KeyError: 'id'",
        ),
        (
            {"kind": "queue", "source_arn": QUEUE, "message": "It was received once and not deleted."},
            "Given up by queue work. It was received once and not deleted.",
        ),
        ({"kind": "function", "code": "200", "message": "no"}, "A function failed: no (ErrorCode 200)"),
        (
            {
                "kind": "destination",
                "source_arn": FUNCTION,
                "code": "RetriesExhausted",
                "message": "E: m",
                "retry_count": 2,
            },
            "function bill failed after 2 retries with RetriesExhausted: E: m",
        ),
        ({}, "Nothing in it tells why it died."),
    ],
)
def test_why_a_message_died_in_one_sentence(why: dict[str, object], sentence: str) -> None:
    assert sentence_of(why) == sentence
