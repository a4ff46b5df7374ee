"""End points of ``bascule dev``: what runs as a function's code while somebody edits it, and what happens to the function.

They read files of this machine in the name of the server, so they are for a client on the same machine with the same
rights only: whoever asks must send the key that lies in a file which nobody else can read. No page in a browser can.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

import msgspec

from bascule.edge.connection import Connection
from bascule.edge.internal import Internal, json_answer
from bascule.host.async_store import AsyncStore
from bascule.host.contexts import Contexts
from bascule.kernel.arns import parse_arn
from bascule.kernel.errors import AwsError
from bascule.kernel.invocation import Debug, FunctionVersion, RuntimeUnavailable
from bascule.protocol import HttpAnswer, HttpRequest
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.resolution import resolved

BELOW = "/_bascule/dev/functions/"
KEY_HEADER = "x-bascule-dev-key"
#: Longest wait for something to happen. seconds
WAIT_S_MAX = 30.0

Json = dict[str, Any]


class Feed(Protocol):
    """What happens to functions with live code."""

    async def after(self, number: int, wait_s: float) -> tuple[list[Json], int]:
        """Happenings after a number, and the number to go on from."""


class LiveFunctions(Protocol):
    """The runtime's live code."""

    @property
    def feed(self) -> Feed:
        """What happens."""

    async def renew(self, stored: FunctionVersion, files: Mapping[str, str], debug: Debug | None) -> Json:
        """Make files the function's code. Raises OSError, ValueError, RuntimeUnavailable."""

    def published(self, arn: str, digest: str) -> bool:
        """A package stands for what runs."""

    def seen(self, arn: str) -> None:
        """Somebody watches."""

    def end(self, arn: str) -> None:
        """The package runs again."""


class RenewForm(msgspec.Struct, forbid_unknown_fields=True):
    """What ``PUT /_bascule/dev/functions/<arn>`` takes."""

    #: Name in the package -> path on this machine.
    files: dict[str, str]
    debug: Debug | None = None


class PublishedForm(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /_bascule/dev/functions/<arn>`` takes."""

    published: str


class LiveControls:
    """Answers the requests; registered by the composition root."""

    def __init__(
        self,
        live: LiveFunctions,
        store: AsyncStore,
        contexts: Contexts,
        key_file: Path,
        about: Callable[[], Awaitable[Json]],
    ) -> None:
        self._live = live
        self._store = store
        self._contexts = contexts
        self._key_file = key_file
        self._about = about
        self._key = ""
        self._making_key = asyncio.Lock()

    def add_to(self, internal: Internal) -> None:
        """Have the end points answered."""
        internal.add("GET", "/_bascule/dev", self._show)
        internal.add("GET", "/_bascule/dev/happenings", self._happenings)
        internal.add("PUT", BELOW, self._renew)
        internal.add("POST", BELOW, self._published)
        internal.add("DELETE", BELOW, self._end)

    async def _show(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        """Where the key is: whoever can read it may go on."""
        async with self._making_key:
            if not self._key:
                key = self._contexts.ids.token(32)
                try:
                    await asyncio.to_thread(_write_key, self._key_file, key)
                except OSError as error:
                    message = f"'{self._key_file}' cannot be written: {error.strerror}."
                    return json_answer({"message": message}, 400)
                self._key = key
        return json_answer({"key_file": str(self._key_file), **await self._about()})

    def _refusal(self, request: HttpRequest) -> HttpAnswer | None:
        given = request.headers.get(KEY_HEADER, "")
        if self._key and hmac.compare_digest(given.encode(), self._key.encode()):
            return None
        message = f"{request.path} needs the key that GET /_bascule/dev names the file of, in {KEY_HEADER}."
        return json_answer({"message": message}, 403)

    async def _happenings(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        query = parse_qs(request.query_string)
        functions = query.get("function", [])
        try:
            after, wait_s = int(query["after"][-1]), min(float(query["wait"][-1]), WAIT_S_MAX)
        except (KeyError, ValueError):
            return json_answer({"message": f"{request.path} takes the numbers after and wait."}, 400)
        for arn in functions:
            self._live.seen(arn)
        found, after = await self._live.feed.after(after, wait_s)
        return json_answer({"happenings": [one for one in found if one["arn"] in functions], "after": after})

    async def _renew(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        named = _function_named(rest)
        if named is None:
            return json_answer({"message": f"'{unquote(rest)}' is not the ARN of a function."}, 400)
        try:
            form = msgspec.json.decode(request.body, type=RenewForm)
            stored = self._store.read(lambda tx: resolved(tx.documents, named, self._contexts.ids))
            return json_answer(await self._live.renew(stored, form.files, form.debug))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"The body is not what {request.path} takes: {error}."
        except AwsError as error:
            return json_answer({"message": str(error)}, 404)
        except FileNotFoundError:
            return json_answer({"state": "stale"})  # it was there when the client looked
        except OSError as error:
            message = f"'{error.filename}' cannot be read: {error.strerror}."
        except ValueError as error:
            message = f"The code cannot be used: {error}."
        except RuntimeUnavailable as error:
            message = str(error)
        return json_answer({"message": message}, 400)

    async def _published(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        try:
            form = msgspec.json.decode(request.body, type=PublishedForm)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return json_answer({"message": f"The body is not what {request.path} takes: {error}."}, 400)
        return json_answer({"is_live": self._live.published(unquote(rest), form.published)})

    async def _end(self, request: HttpRequest, rest: str, connection: Connection) -> HttpAnswer:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self._live.end(unquote(rest))
        return json_answer({})


def _write_key(path: Path, key: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key)


def _function_named(text: str) -> FunctionReference | None:
    arn = parse_arn(unquote(text))
    if arn is None or arn.service != "lambda" or not arn.resource.startswith("function:"):
        return None
    return FunctionReference(arn.scope, arn.resource.removeprefix("function:"), None)
