"""Faults on demand: a target that refuses a number of times although it could accept. Only with ``--test``.

The engine asks before every try. Faults live in memory: they are a tool of a test, not state of the platform.
"""

from __future__ import annotations

from bascule.kernel.delivery import Refused

#: What ``POST /_bascule/faults`` may ask for -> (ERROR_CODE, message, is it retried).
FAULTS: dict[str, tuple[str, str, bool]] = {
    "throttled": ("THROTTLING", "Rate exceeded (injected fault).", True),
    "unavailable": ("CONNECTION_FAILURE", "The target is unavailable (injected fault).", True),
    "access-denied": ("NO_PERMISSIONS", "Not authorized to invoke the target (injected fault).", False),
}


class Faults:
    """Refusals that are still to be given, by target ARN."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[str, int]] = {}

    def put(self, target_arn: str, error: str, *, times: int) -> None:
        """Have the next ``times`` tries of a target refused; replaces what was asked before; 0 ends it.

        Takes    error: a key of ``FAULTS``; times >= 0.
        Raises   KeyError for another error.
        """
        assert times >= 0
        _ = FAULTS[error]
        self._left.pop(target_arn, None)
        if times:
            self._left[target_arn] = (error, times)

    def take(self, target_arn: str) -> Refused | None:
        """The refusal to give for this try, which is then used up; None when the target may answer itself."""
        found = self._left.get(target_arn)
        if found is None:
            return None
        error, times = found
        self.put(target_arn, error, times=times - 1)
        code, message, is_retryable = FAULTS[error]
        return Refused(code, message, is_retryable=is_retryable)
