"""How many invocations may run at once: reserved per function, the rest of the account shared. Pure bookkeeping."""

from __future__ import annotations

from collections import Counter

from bascule.kernel.invocation import FunctionVersion, InvocationThrottled
from bascule.kernel.scope import Scope

RESERVED_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT_EXCEEDED = "ConcurrentInvocationLimitExceeded"

#: What an admitted invocation holds: the function's place and, unless it has a reservation, the account's share.
Admission = tuple[tuple[Scope, str], Scope | None]


class Concurrency:
    """Counts running invocations per function and per account and region."""

    def __init__(self, account_max: int) -> None:
        self._account_max = account_max
        self._functions: Counter[tuple[Scope, str]] = Counter()
        self._accounts: Counter[Scope] = Counter()

    def free(self, function: FunctionVersion) -> int:
        """How many more invocations of the function would be admitted now; never negative."""
        if function.reserved_concurrency is not None:
            return max(0, function.reserved_concurrency - self._functions[function.scope, function.name])
        return max(0, self._account_max - self._accounts[function.scope])

    def enter(self, function: FunctionVersion) -> Admission:
        """Count one more. Raises InvocationThrottled with Lambda's reason at a limit."""
        is_reserved = function.reserved_concurrency is not None
        if self.free(function) == 0:
            raise InvocationThrottled(RESERVED_EXCEEDED if is_reserved else ACCOUNT_EXCEEDED)
        admission: Admission = ((function.scope, function.name), None if is_reserved else function.scope)
        self._functions[admission[0]] += 1
        if admission[1] is not None:
            self._accounts[admission[1]] += 1
        return admission

    def leave(self, admission: Admission) -> None:
        """The invocation is over."""
        place, account = admission
        self._functions[place] -= 1
        if not self._functions[place]:
            del self._functions[place]
        if account is not None:
            self._accounts[account] -= 1
