"""Error payloads of the platform, byte for byte."""

from __future__ import annotations

import pytest

from bascule.runtime.failures import error_object, exit_reason, failure_payload
from bascule.runtime.ports import Outcome, OutcomeKind


@pytest.mark.parametrize(
    ("outcome", "payload"),
    [
        (
            Outcome(OutcomeKind.TIMED_OUT),
            b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}',
        ),
        (
            Outcome(OutcomeKind.OUT_OF_MEMORY),
            b'{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: id Error: Runtime exited with error: signal: killed"}',
        ),
        (
            Outcome(OutcomeKind.EXITED, exit_status=0),
            b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited without providing a reason"}',
        ),
        (
            Outcome(OutcomeKind.OVERSIZE, b"7000000"),
            b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
            b'"errorType":"Function.ResponseSizeTooLarge"}',
        ),
        (Outcome(OutcomeKind.FAILED, b'{"errorMessage": "as it came"}'), b'{"errorMessage": "as it came"}'),
    ],
)
def test_each_way_to_fail_has_awss_payload(outcome: Outcome, payload: bytes) -> None:
    assert failure_payload(outcome, "id", 3.0) == payload


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "Runtime exited without providing a reason"),
        (127, "Runtime exited with error: exit status 127"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-40, "Runtime exited with error: signal: signal 40"),
    ],
)
def test_an_exit_is_described_as_awss_init_process_does(status: int, words: str) -> None:
    assert exit_reason(status) == words


@pytest.mark.parametrize("payload", [b"", b"not json", b"[1]", b'{"errorMessage": 5}'])
def test_a_payload_that_is_no_error_object_has_no_type(payload: bytes) -> None:
    assert error_object(payload).error_type == ""
