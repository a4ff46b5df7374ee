"""Faults on demand: targets that refuse, delay or duplicate although they could accept. Only with ``--test``.

The engine asks before every try, and whoever runs functions before every run. A fault names a target by its ARN, or many by
a prefix that ends with ``*``; the longest name that fits decides. Faults live in memory: they are a tool of a test, not
state of the platform.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bascule.kernel.arns import parse_arn
from bascule.kernel.delivery import Refused

#: A target that refuses -> (ERROR_CODE, message, is it retried).
REFUSALS: dict[str, tuple[str, str, bool]] = {
    "throttled": ("THROTTLING", "Rate exceeded (injected fault).", True),
    "unavailable": ("CONNECTION_FAILURE", "The target is unavailable (injected fault).", True),
    "access-denied": ("NO_PERMISSIONS", "Not authorized to invoke the target (injected fault).", False),
}
DELAY = "delay"
DUPLICATE = "duplicate"
#: Where a fault strikes: when a payload is handed to the target, or when a function that has accepted it is run.
DELIVERY = "delivery"
INVOCATION = "invocation"
#: Which faults exist where.
FAULTS: dict[str, frozenset[str]] = {
    DELIVERY: frozenset({*REFUSALS, DELAY, DUPLICATE}),
    INVOCATION: frozenset({"throttled", "unavailable", DUPLICATE}),
}
#: The code under which a delayed delivery waits.
DELAYED = "DELAYED"


class Fault(msgspec.Struct, frozen=True):
    """A fault that is still to be given ``times`` times."""

    target: str
    error: str
    times: int
    delay_ms: int = 0
    at: str = DELIVERY

    @property
    def refused(self) -> Refused | None:
        """The refusal that the engine takes as the target's answer; None when the fault is no refusal."""
        if self.error not in REFUSALS:
            return None
        code, message, is_retryable = REFUSALS[self.error]
        return Refused(code, message, is_retryable=is_retryable)

    @property
    def delayed(self) -> Refused:
        """Why a delayed delivery waits, in the form in which the outbox keeps reasons."""
        return Refused(DELAYED, f"Delayed by {self.delay_ms} ms (injected fault).", is_retryable=True)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _check_target(target: str, at: str) -> None:
    if target.endswith("*"):
        return
    arn = parse_arn(target)
    if arn is None:
        raise ValueError(f"'{target}' is no target; give an ARN, or the beginning of one and *.")
    is_function = arn.service == "lambda" and arn.resource.count(":") == 1
    if at == INVOCATION and not is_function:
        raise ValueError(f"{target} is never invoked; give the ARN of a function, without a version or alias.")


class Faults:
    """Faults that are still to be given, by where they strike and whom."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], Fault] = {}

    def put(self, target: str, error: str, *, times: int, delay_ms: int = 0, at: str = DELIVERY) -> None:
        """Have the next ``times`` tries of a target fail; replaces what was asked before for it; 0 ends it.

        Takes    target: an ARN, or its beginning and ``*``; error: one of ``FAULTS[at]``; times >= 0; delay_ms > 0 for ``delay``.
        Raises   ValueError, one sentence, for another error or place, and for a target that nothing could ever be.
        """
        assert times >= 0
        if at not in FAULTS:
            raise ValueError(f"There are no faults at '{at}', but at {_listed(FAULTS)}.")
        if error not in FAULTS[at]:
            raise ValueError(f"There is no fault '{error}' at '{at}', but {_listed(FAULTS[at])}.")
        _check_target(target, at)
        self._left.pop((at, target), None)
        if times:
            self._left[at, target] = Fault(target, error, times, delay_ms, at)

    def listed(self) -> list[Fault]:
        """What is still to be given, in the order asked for."""
        return list(self._left.values())

    def clear(self, target: str | None = None) -> int:
        """End the faults of one target (named as it was asked for) or all; gives how many there were."""
        ended = [key for key in self._left if target is None or key[1] == target]
        for key in ended:
            del self._left[key]
        return len(ended)

    def take(self, target_arn: str, at: str = DELIVERY, *, is_delayed: bool = False) -> Fault | None:
        """The fault of this try, which is then used up; None when the target may answer itself.

        Takes    is_delayed: this delivery has had its delay, so another one is not meant for it.
        """
        if not self._left:
            return None
        key = self._key_of(target_arn, at)
        if key is None:
            return None
        fault = self._left[key]
        if is_delayed and fault.error == DELAY:
            return None
        if fault.times == 1:
            del self._left[key]
        else:
            self._left[key] = msgspec.structs.replace(fault, times=fault.times - 1)
        return fault

    def error_of_invocation(self, function_arn: str) -> str | None:
        """Take the fault that this run of a function is to have: its error, or None."""
        fault = self.take(function_arn, INVOCATION)
        return None if fault is None else fault.error

    def _key_of(self, target_arn: str, at: str) -> tuple[str, str] | None:
        if (at, target_arn) in self._left:
            return at, target_arn
        fitting = [
            key
            for key in self._left
            if key[0] == at and key[1].endswith("*") and target_arn.startswith(key[1].removesuffix("*"))
        ]
        return max(fitting, key=lambda key: len(key[1]), default=None)
