"""Live code: functions that run a folder somebody edits instead of their package, until that person is done.

A *generation* is a snapshot of the folder. Environments belong to one generation, so a new one never runs in an old
environment; invocations that are under way end where they began. A generation becomes the function's code when an environment
has imported it, so no invocation waits for that, and never later than a moment after the save.

Live code stands for the packages that its owner published (by digest). Whoever updates the function's code in another way ends
it: the stored function always wins over a folder nobody may be looking at any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from bascule.kernel.invocation import (
    Debug,
    FunctionVersion,
    Invocation,
    InvocationResult,
    InvocationThrottled,
    RuntimeUnavailable,
)
from bascule.runtime.environment import Environment
from bascule.runtime.failures import error_object, failure_payload
from bascule.runtime.fleet import Fleet
from bascule.runtime.limits import INIT_S_MAX
from bascule.runtime.live_feed import LiveFeed
from bascule.runtime.packages import Packages
from bascule.runtime.ports import Outcome
from bascule.runtime.snapshots import Snapshot, is_current, take_snapshot

LATEST = "$LATEST"
#: What the digest of a generation begins with.
LIVE = "live-"
#: A new generation is used after this long even if it is still being imported. seconds; ours
WARM_S_MAX = 0.15
#: Environments made ahead for a new generation. count; ours
WARM_COUNT_MAX = 8
#: Code that cannot be imported is looked at again after this long: the save may not have been over. seconds; ours
SETTLE_S = 0.08
#: Invocations that were given an environment of the last generation start it within this time. seconds; ours
GRACE_S = 5.0
#: While debugged a function may take as long as a person. seconds; ours
DEBUG_TIMEOUT_S = 86_400
#: ... and the debugger lives in its memory. megabytes; ours
DEBUG_MEMORY_MB = 1_024
#: A debugged function that nobody has asked about for this long is no longer debugged. seconds; ours
OWNER_S_MAX = 60.0

Go = Callable[[Invocation], Awaitable[InvocationResult]]


class LiveCode:
    """One function's live code. Replaced whole in ``Live`` when the function gets it again after its end."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.generation = 0
        self.digest = ""
        #: Of the last generation, which may wait for its turn.
        self.newest: Snapshot | None = None
        self.debug: Debug | None = None
        #: Digests of packages with the same code as one of the generations.
        self.stands_for: set[str] = set()
        self.changing = asyncio.Lock()
        #: Held by the only invocation that runs while it is debugged.
        self.turn = asyncio.Lock()
        self.waiting_count = 0
        #: One that waits for a debugger.
        self.waiting_environment: Environment | None = None
        self.seen_s = asyncio.get_running_loop().time()
        self._stored: FunctionVersion | None = None
        self._settings: FunctionVersion | None = None
        self.settings_count = 0
        self._shown: FunctionVersion | None = None

    def forget(self) -> None:
        """What runs is another generation now."""
        self._stored = None

    def shown(self, stored: FunctionVersion) -> FunctionVersion:
        """The function with the code of this generation."""
        if stored is not self._stored or self._shown is None:
            self._stored = stored
            self._shown = self.version(stored, self.digest, self.generation, self.debug)
        return self._shown

    def version(self, stored: FunctionVersion, digest: str, generation: int, debug: Debug | None) -> FunctionVersion:
        """The function as it runs with a generation. Other settings make other environments; publishing the code does not."""
        settings = msgspec.structs.replace(stored, revision_id="", code_digest="")
        if settings != self._settings:
            self.settings_count += 1
            self._settings = settings
        changes: dict[str, Any] = {
            "code_digest": digest,
            "revision_id": f"{generation}.{self.settings_count}.{digest}",
            "debug": debug,
        }
        if debug is not None:
            changes["timeout_s"] = DEBUG_TIMEOUT_S
            changes["memory_mb"] = max(stored.memory_mb, DEBUG_MEMORY_MB)
            if stored.runtime.startswith("nodejs"):
                changes["environment"] = {**stored.environment, "NODE_OPTIONS": _node_options(stored, debug)}
        return msgspec.structs.replace(stored, **changes)


def _node_options(stored: FunctionVersion, debug: Debug) -> str:
    flag = "--inspect-brk" if debug.is_awaited else "--inspect"
    return f"{stored.environment.get('NODE_OPTIONS', '')} {flag}=127.0.0.1:{debug.port}".strip()


class Live:
    """All functions with live code. Use from one event loop."""

    def __init__(
        self,
        packages: Packages,
        feed: LiveFeed,
        new_token: Callable[[], str],
        make: Callable[[FunctionVersion], Environment],
        close: Callable[[Environment], None],
        fleet: Callable[[], Fleet],
    ) -> None:
        self.feed = feed
        self._packages = packages
        self._new_token = new_token
        self._make = make
        self._close = close
        self._fleet = fleet
        self._codes: dict[str, LiveCode] = {}
        #: Made ahead of an invocation, and importing.
        self._warming: set[Environment] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- invocations --------------------------------------------------------------------------------------------------

    def code_of(self, function: FunctionVersion) -> LiveCode | None:
        """The live code that runs for a function, if any; ends it when somebody else has updated the function's code."""
        if not self._codes or function.version != LATEST or (code := self._codes.get(function.arn)) is None:
            return None
        if not code.digest:
            return None
        if function.code_digest not in code.stands_for:
            self.feed.add("overtaken", code.arn)
            self.end(code.arn)
            return None
        return code

    async def run(self, code: LiveCode, invocation: Invocation, go: Go) -> InvocationResult:
        """Run an invocation with live code. While it is debugged one runs after the other, in order.

        Raises   what ``go`` raises.
        """
        if code.debug is None:
            return await self._told(code, invocation, go)
        code.waiting_count += 1
        # A client that hangs up must not let the next invocation in before the function has ended.
        task = asyncio.create_task(self._in_turn(code, invocation, go))
        self._keep(task)
        return await asyncio.shield(task)

    async def _in_turn(self, code: LiveCode, invocation: Invocation, go: Go) -> InvocationResult:
        try:
            async with code.turn:
                return await self._told(code, invocation, go)
        finally:
            code.waiting_count -= 1

    async def _told(self, code: LiveCode, invocation: Invocation, go: Go) -> InvocationResult:
        settings_count = code.settings_count
        function = code.shown(invocation.function)
        if code.settings_count != settings_count:
            self._fleet().retire(code.arn)
        try:
            result = await go(msgspec.structs.replace(invocation, function=function))
        except (InvocationThrottled, RuntimeUnavailable) as error:
            self.feed.add("refused", code.arn, request_id=invocation.request_id, message=str(error))
            raise
        self.feed.ended(code.arn, invocation, result)
        return result

    def free(self, function: FunctionVersion, count: int) -> int:
        """How many of ``count`` free slots the function may use: one at a time while it is debugged."""
        code = self.code_of(function)
        if code is None or code.debug is None:
            return count
        return 0 if code.turn.locked() or code.waiting_count else min(count, 1)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)

        def done(ended: asyncio.Task[Any]) -> None:
            self._tasks.discard(ended)
            if not ended.cancelled():
                ended.exception()

        task.add_done_callback(done)

    # -- generations --------------------------------------------------------------------------------------------------

    async def renew(self, stored: FunctionVersion, files: Mapping[str, str], debug: Debug | None) -> dict[str, Any]:
        """Make these files the function's code.

        Takes    files: name in the package -> path on this machine.
        Gives    ``state``: ``ready`` (an environment has imported it), ``importing`` (it is used, but still being imported),
                 ``failed`` (it is used, and cannot be imported: ``error_type``, ``error_message``) or ``stale`` (it is not
                 used: it cannot be imported, and files changed meanwhile; ask again).
        Raises   OSError, BadPackage for files that cannot be copied; RuntimeUnavailable when this machine cannot run it.
        """
        code = self._codes.setdefault(stored.arn, LiveCode(stored.arn))
        async with code.changing:
            place = self._packages.place()
            snapshot = await asyncio.to_thread(take_snapshot, files, place, code.newest)
            digest = f"{LIVE}{self._new_token()}"
            snapshot = msgspec.structs.replace(snapshot, root=self._packages.adopt(digest, place))
            if debug is not None or code.debug is not None:
                code.newest = snapshot
                self._keep(asyncio.create_task(self._renew_debugged(code, stored, digest, snapshot, debug)))
                return {"state": "importing"}
            try:
                return await self._renew_warm(code, stored, digest, snapshot)
            finally:
                if code.digest != digest:
                    self._packages.release((digest,))

    async def _renew_warm(
        self, code: LiveCode, stored: FunctionVersion, digest: str, snapshot: Snapshot
    ) -> dict[str, Any]:
        """Have the code imported, then switch to it; the first environment decides whether it can be."""
        function = code.version(stored, digest, code.generation + 1, None)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + WARM_S_MAX
        environments = [self._make(function)]
        warmings = [self._warm(environments[0])]
        await asyncio.wait(warmings, timeout=WARM_S_MAX)
        if warmings[0].done():
            try:
                failure = warmings[0].result()
            except RuntimeUnavailable:
                self._discard(environments[0])
                raise
            if failure is None:
                # As many as there were, or the invocations that come at once would all wait for a start.
                count = min(self._fleet().count_of(code.arn), WARM_COUNT_MAX) - 1
                environments += [self._make(function) for _ in range(count)]
                warmings += [self._warm(environment) for environment in environments[1:]]
                await asyncio.wait(warmings, timeout=max(0.0, until_s - loop.time()))
            else:
                await asyncio.sleep(SETTLE_S)
                if not await asyncio.to_thread(is_current, snapshot):
                    self._discard(environments[0])
                    return {"state": "stale"}
        self._switch(code, stored, digest, snapshot, None)
        for environment, warming in zip(environments[1:], warmings[1:], strict=True):
            warming.add_done_callback(partial(self._arrived, code, environment))
        if warmings[0].done():
            return self._arrived(code, environments[0], warmings[0])
        warmings[0].add_done_callback(partial(self._arrived, code, environments[0]))
        return {"state": "importing"}

    async def _renew_debugged(
        self, code: LiveCode, stored: FunctionVersion, digest: str, snapshot: Snapshot, debug: Debug | None
    ) -> None:
        """Only one process can listen on a debugger's port: the old one ends before the new one starts.

        An invocation that somebody debugs is not disturbed: the code changes when it has ended.
        """
        if code.waiting_environment is not None:
            self._discard(code.waiting_environment)  # nobody attached to it; its code is old already
        async with code.turn:
            if code.newest is not snapshot or self._codes.get(code.arn) is not code:
                self._packages.release((digest,))
                return
            self._switch(code, stored, digest, snapshot, debug)
            environment = code.waiting_environment = self._make(code.shown(stored))
            warming = self._warm(environment)
            is_awaited = debug is not None and debug.is_awaited
            if not is_awaited:
                await asyncio.wait((warming,))
            if code.generation > 1:
                self.feed.add("restarted", code.arn)
            await asyncio.wait((warming,))
            code.waiting_environment = None
            if environment in self._warming:
                self._arrived(code, environment, warming)
        if debug is not None:
            self._look_for_owner(code)

    def _warm(self, environment: Environment) -> asyncio.Task[Outcome | None]:
        self._warming.add(environment)
        warming = asyncio.create_task(
            environment.prepare(INIT_S_MAX if environment.function.debug is None else DEBUG_TIMEOUT_S)
        )
        self._keep(warming)
        return warming

    def _discard(self, environment: Environment) -> None:
        if environment in self._warming:
            self._warming.remove(environment)
            self._close(environment)

    def _switch(
        self, code: LiveCode, stored: FunctionVersion, digest: str, snapshot: Snapshot, debug: Debug | None
    ) -> None:
        if code.digest:
            asyncio.get_running_loop().call_later(GRACE_S, self._packages.release, (code.digest,))
        code.digest, code.newest, code.debug = digest, snapshot, debug
        code.generation += 1
        code.stands_for.add(stored.code_digest)
        code.forget()
        self._fleet().retire(code.arn)

    def _arrived(
        self, code: LiveCode, environment: Environment, warming: asyncio.Task[Outcome | None]
    ) -> dict[str, Any]:
        """An environment made ahead is over with its import: it waits for an invocation, which shows what failed, if anything."""
        is_wanted = environment in self._warming and environment.function.code_digest == code.digest
        if not is_wanted or self._fleet().room == 0 or warming.exception() is not None:
            self._discard(environment)
            return {"state": "importing"}
        self._warming.remove(environment)
        self._fleet().add(environment)
        failure = warming.result()
        if failure is None:
            return {"state": "ready"}
        told = error_object(failure_payload(failure, "", float(environment.function.timeout_s)))
        state = {"state": "failed", "error_type": told.error_type, "error_message": told.error_message}
        self.feed.add("import-failed", code.arn, **state)
        return state

    # -- the person who edits ------------------------------------------------------------------------------------------

    def published(self, arn: str, digest: str) -> bool:
        """A package with this digest holds what runs now and is about to become the function's code; False without live code."""
        code = self._codes.get(arn)
        if code is not None:
            code.stands_for.add(digest)
        return code is not None

    def seen(self, arn: str) -> None:
        """Somebody still watches the function."""
        if (code := self._codes.get(arn)) is not None:
            code.seen_s = asyncio.get_running_loop().time()

    def _look_for_owner(self, code: LiveCode) -> None:
        """A function is not debugged for longer than somebody watches it: its time-out would be suspended for ever."""
        if self._codes.get(code.arn) is not code or code.debug is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() - code.seen_s > OWNER_S_MAX:
            self.feed.add("debug-ended", code.arn)
            self.end(code.arn)
        else:
            loop.call_later(OWNER_S_MAX / 2, self._look_for_owner, code)

    def is_live(self, arn: str) -> bool:
        """Whether environments of a function follow its live code, and not what is stored."""
        return arn in self._codes and bool(self._codes[arn].digest)

    def end(self, arn: str) -> None:
        """The function runs its package again. Twice is fine."""
        if (code := self._codes.pop(arn, None)) is None:
            return
        if code.waiting_environment is not None:
            self._discard(code.waiting_environment)
        if code.digest:
            asyncio.get_running_loop().call_later(GRACE_S, self._packages.release, (code.digest,))
        self._fleet().retire(arn)
        self.feed.add("ended", arn)

    async def stop(self) -> None:
        """Close what was made ahead and wait for everything that goes on. Processes are gone already."""
        for environment in list(self._warming):
            self._discard(environment)
        await asyncio.gather(*self._tasks, return_exceptions=True)
