"""``bascule dev`` at work: watches folders, hands each save to the server, shows what happens, keeps the code at the end.

A save becomes the running code at once and the function's package a moment later, when it is quiet, and at the end: so what
``bascule dev`` leaves behind is what ran last, whatever way it ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from bascule.dev import debugger
from bascule.dev.code import Code, package
from bascule.dev.functions import CannotDevelop, LocalFunction
from bascule.dev.live_client import LiveClient
from bascule.dev.packing import CannotPack
from bascule.dev.printing import Printer
from bascule.dev.watching import Fingerprint, fingerprint, saves

#: Without a save for this long, the code is kept as the function's package. seconds; ours
PUBLISH_AFTER_S = 2.0
#: A save that cannot be copied because files change meanwhile is looked at again this often, after this long. count, seconds
TRIES_MAX = 20
AGAIN_S = 0.03
#: What happens within this time is printed together: under load, reloading must not wait for printing. seconds; ours
SHOW_EVERY_S = 0.05
#: How often it is tried to find a server again that has gone. seconds; ours
RECONNECT_S = 1.0

Json = dict[str, Any]


class Watched:
    """One function of the session."""

    def __init__(self, function: LocalFunction, code: Code) -> None:
        self.function = function
        self.code = code
        self.arn = ""
        self.debug: Json | None = None
        #: More files that only run, and are no part of the package: a debugger.
        self.extra: dict[str, Path] = {}
        self.kept_digest = ""
        self.saved_s: float | None = None
        #: Of the folder before it was last handed to the server.
        self.known: Fingerprint = {}


class Session:
    """Runs until it is cancelled."""

    def __init__(self, client: LiveClient, watched: list[Watched], printer: Printer) -> None:
        self._client = client
        self._watched = watched
        self._printer = printer

    async def open(self) -> None:
        """Have the server run every folder. Raises CannotDevelop, CannotPack."""
        await self._client.open()
        about = self._client.about
        if about["function_network"] != "host" and any(one.debug for one in self._watched):
            raise CannotDevelop(
                "no debugger can reach functions of a server with --function-network bascule; start it without that flag."
            )
        for one in self._watched:
            files = await asyncio.to_thread(one.code.files)
            content = await asyncio.to_thread(package, files)
            try:
                one.arn, is_new = await asyncio.to_thread(self._client.create_or_update, one.function, content)
            except (ClientError, BotoCoreError) as error:
                raise CannotDevelop(f"the server refused function {one.function.name}: {_line(error)}") from None
            one.kept_digest = hashlib.sha256(content).hexdigest()
            await self._renewed(one)
            verb = "created" if is_new else "updated"
            self._tell(one, verb, "green", f"{one.function.runtime} {one.function.handler}  {one.function.folder}")
            if one.debug is not None:
                attaching = debugger.attaching(one.function, one.debug["port"], is_isolated=about["isolated"])
                self._printer.say(attaching)
                self._printer.say("one invocation at a time, and no time-out, as long as --debug is on", "dim")

    async def run(self) -> None:
        """Watch, reload and print until cancelled. Raises CannotDevelop when a folder cannot be watched."""
        _, after = await self._client.happenings([], -1)
        self._printer.say("watching; Ctrl-C ends it, and the functions keep the code of the last save", "dim")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._show(after))
            tasks.create_task(self._keep())
            for one in self._watched:
                tasks.create_task(self._watch(one))

    async def close(self) -> None:
        """Keep what ran last as each function's package, and let go of the server."""
        try:
            for one in self._watched:
                if one.arn:
                    await self._publish(one)
                    await self._client.end(one.arn)
        except (httpx.TransportError, CannotDevelop):
            self._printer.say("the server has gone; the last save may not be kept", "yellow")
        await self._client.close()

    def say(self, text: str) -> None:
        """Print a remark."""
        self._printer.say(text, "yellow")

    def _tell(self, one: Watched, word: str, style: str, text: str) -> None:
        self._printer.line(datetime.now().astimezone(), one.function.name, word, style, text)

    # -- saves --------------------------------------------------------------------------------------------------------

    async def _watch(self, one: Watched) -> None:
        try:
            async for names in saves(one.function.folder, lambda: one.known):
                await self._saved(one, names)
        except (OSError, RuntimeError) as error:
            raise CannotDevelop(f"'{one.function.folder}' cannot be watched: {error}.") from error

    async def _saved(self, one: Watched, names: list[str]) -> None:
        began_s = time.monotonic()
        try:
            state = await self._renewed(one)
        except (CannotPack, CannotDevelop) as error:
            self._tell(one, "not run", "red", str(error))
            return
        except OSError as error:
            self._tell(one, "not run", "red", f"'{error.filename}' cannot be read: {error.strerror}")
            return
        except httpx.TransportError:
            self._tell(one, "not run", "red", "the server does not answer")
            return
        one.saved_s = time.monotonic()
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        took_ms = (one.saved_s - began_s) * 1000
        if one.debug is not None:
            self._tell(one, "saved", "bold blue", f"{shown}; used when the invocation that runs now has ended")
            return
        rest = {"importing": ", still importing", "failed": ", cannot be imported"}.get(state["state"], "")
        style = "red" if state["state"] == "failed" else "bold blue"
        self._tell(one, "reloaded", style, f"{shown} in {took_ms:.0f} ms{rest}")

    async def _renewed(self, one: Watched) -> Json:
        """Have the server run the folder as it is now. Raises CannotPack, CannotDevelop."""
        for _ in range(TRIES_MAX):
            one.known = fingerprint(one.function.folder)
            try:
                files = await asyncio.to_thread(one.code.files)  # may have pip install requirements
            except FileNotFoundError:  # it went while the folder was being read
                await asyncio.sleep(AGAIN_S)
                continue
            state = await self._client.renew(one.arn, {**files, **one.extra}, one.debug)
            if state["state"] != "stale":
                return state
            await asyncio.sleep(AGAIN_S)
        raise CannotDevelop(f"the files of {one.function.folder} change all the time; save again")

    # -- what is kept -------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(PUBLISH_AFTER_S / 4)
            for one in self._watched:
                if one.saved_s is not None and time.monotonic() - one.saved_s >= PUBLISH_AFTER_S:
                    await self._publish(one)

    async def _publish(self, one: Watched) -> None:
        """Keep the folder as the function's package, unless it is that already."""
        one.saved_s = None
        try:
            content = await asyncio.to_thread(lambda: package(one.code.files()))
            digest = hashlib.sha256(content).hexdigest()
            if digest != one.kept_digest:
                await self._client.publish(one.arn, content, digest)
                one.kept_digest = digest
        except (OSError, CannotPack, CannotDevelop, ClientError, BotoCoreError, httpx.TransportError) as error:
            self._tell(one, "not kept", "yellow", f"the code runs, but is not stored: {error}")

    # -- what happens -------------------------------------------------------------------------------------------------

    async def _show(self, after: int) -> None:
        names = {one.arn: one.function.name for one in self._watched}
        while True:
            try:
                happenings, after = await self._client.happenings(list(names), after)
            except (httpx.TransportError, CannotDevelop):  # gone, or started again and not ours yet
                after = await self._found_again()
                continue
            for told in happenings:
                self._printer.happening(names[told["arn"]], told)
            await asyncio.sleep(SHOW_EVERY_S)

    async def _found_again(self) -> int:
        """The server has gone: wait for it, and have it run the folders again when it is back."""
        self._printer.say(f"the server at {self._client.url} has gone; waiting for it", "yellow")
        while True:
            await asyncio.sleep(RECONNECT_S)
            try:
                await self._client.open()
                for one in self._watched:
                    await self._renewed(one)
                _, after = await self._client.happenings([], -1)
            except (httpx.TransportError, CannotDevelop, CannotPack):
                continue
            self._printer.say("the server is back", "green")
            return after


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


async def _to_the_end(session: Session) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await session.open()
        await session.run()
    except asyncio.CancelledError:
        task.uncancel()
    except httpx.TransportError as error:
        raise CannotDevelop(f"the server does not answer any more ({error}); see its log.") from error
    except OSError as error:
        raise CannotDevelop(f"'{error.filename}' cannot be read: {error.strerror}.") from error
    finally:
        try:
            await session.close()
        except asyncio.CancelledError:  # Ctrl-C again
            task.uncancel()
            session.say("ended at once; the last save may not be kept")


def develop(session: Session) -> None:
    """Run a session until Ctrl-C or SIGTERM. Raises CannotDevelop, CannotPack."""
    try:
        asyncio.run(_to_the_end(session))
    except* (CannotDevelop, CannotPack) as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
