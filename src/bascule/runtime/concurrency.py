"""How many invocations may run at once: reserved per function, the rest of the account shared. Pure bookkeeping.

What is promised to some is nobody else's: a function without a reservation shares what is left of the account after all
reservations and after the environments that are kept initialised for functions without one. Invocations in kept environments
are not counted here, because their place was given away when the environment became ready. The figures are told when they
change (``reserve``, ``claim``), so that an invocation asks nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from bascule.kernel.invocation import FunctionVersion, InvocationThrottled
from bascule.kernel.scope import Scope

RESERVED_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT_EXCEEDED = "ConcurrentInvocationLimitExceeded"

#: A function of an account and region, whatever the version.
Place = tuple[Scope, str]
#: What an admitted invocation holds: the function's place and, unless it has a reservation, the account's share.
Admission = tuple[Place, Scope | None]


class Concurrency:
    """Counts running invocations per function and per account and region."""

    def __init__(self, account_max: int) -> None:
        self._account_max = account_max
        self._functions: Counter[Place] = Counter()
        self._accounts: Counter[Scope] = Counter()
        self._reservations: dict[Place, int] = {}
        #: Environments that are kept ready for a function.
        self._claims: Counter[Place] = Counter()
        #: What functions with neither may use of an account; missing: the whole.
        self._shared: dict[Scope, int] = {}

    def reserve(self, reservations: Mapping[Place, int]) -> None:
        """These functions have reservations and no others."""
        self._reservations = dict(reservations)
        self._share()

    def reserve_one(self, place: Place, reserved: int | None) -> None:
        """The reservation of one function changed; None: it has none."""
        if reserved == self._reservations.get(place):
            return
        if reserved is None:
            del self._reservations[place]
        else:
            self._reservations[place] = reserved
        self._share()

    def claim(self, claims: Mapping[Place, int]) -> None:
        """So many environments are kept ready for these functions and for no others."""
        self._claims = Counter(claims)
        self._share()

    def _share(self) -> None:
        promised: Counter[Scope] = Counter()
        for place, reserved in self._reservations.items():
            promised[place[0]] += reserved
        for place, kept in self._claims.items():
            if place not in self._reservations:
                promised[place[0]] += kept
        self._shared = {scope: max(0, self._account_max - count) for scope, count in promised.items()}

    def free(self, function: FunctionVersion) -> int:
        """How many more invocations of the function would be admitted now; never negative."""
        if function.reserved_concurrency is not None:
            place = (function.scope, function.name)
            return max(0, function.reserved_concurrency - self._claims[place] - self._functions[place])
        shared = self._shared.get(function.scope, self._account_max)
        return max(0, shared - self._accounts[function.scope])

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
