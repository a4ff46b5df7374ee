"""Error payloads of failures that the platform, not the function's runtime, reports. Words and key order are AWS's."""

from __future__ import annotations

import msgspec

from bascule.runtime.limits import RESPONSE_BYTES_MAX
from bascule.runtime.ports import Outcome, OutcomeKind

EXIT_ERROR = "Runtime.ExitError"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
TIMED_OUT = "Sandbox.Timedout"
RESPONSE_TOO_LARGE = "Function.ResponseSizeTooLarge"
TRUNCATED = "Runtime.TruncatedResponse"

#: Names of signals as AWS's init process prints them. The numbers are Linux's.
_SIGNAL_NAMES = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


class ErrorObject(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an error payload that the platform reads."""

    error_message: str = ""
    error_type: str = ""


def error_object(payload: bytes) -> ErrorObject:
    """Type and message inside an error payload; empty when it is not such an object."""
    try:
        return msgspec.json.decode(payload, type=ErrorObject)
    except msgspec.DecodeError:
        return ErrorObject()


def failure_payload(outcome: Outcome, request_id: str, timeout_s: float) -> bytes:
    """The payload of any outcome that is not a result.

    Takes    an outcome of kind FAILED (its body is the payload already), OVERSIZE, EXITED, TIMED_OUT or OUT_OF_MEMORY.
    Source   lambda.md 4.1.
    """
    if outcome.kind is OutcomeKind.FAILED:
        return outcome.body
    if outcome.kind is OutcomeKind.OVERSIZE:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
        return msgspec.json.encode({"errorMessage": message, "errorType": RESPONSE_TOO_LARGE})
    if outcome.kind is OutcomeKind.TIMED_OUT:
        error_type, reason = TIMED_OUT, f"Task timed out after {timeout_s:.2f} seconds"
    elif outcome.kind is OutcomeKind.OUT_OF_MEMORY:
        error_type, reason = OUT_OF_MEMORY, "Runtime exited with error: signal: killed"
    else:
        assert outcome.kind is OutcomeKind.EXITED, outcome.kind
        error_type = outcome.error_type or EXIT_ERROR
        reason = outcome.reason or exit_reason(outcome.exit_status)
    return msgspec.json.encode({"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {reason}"})


def exit_reason(status: int) -> str:
    """How a process ended, in words: a status >= 0, or the negative number of a signal."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_SIGNAL_NAMES.get(-status, f'signal {-status}')}"
