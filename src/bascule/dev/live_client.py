"""The client of ``/_bascule/dev`` and of the Lambda API: what ``bascule dev`` asks of a server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from bascule.dev.functions import CannotDevelop, LocalFunction

ROLE = "arn:aws:iam::000000000000:role/bascule-dev"
#: How long one question about happenings stays open. seconds
WAIT_S = 20.0
_ANSWER_S_MAX = 60.0

Json = dict[str, Any]


class LiveClient:
    """One server. ``open`` first."""

    def __init__(self, url: str, region: str) -> None:
        import boto3
        from botocore.config import Config

        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=_ANSWER_S_MAX)
        self.lambda_: Any = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 2}, read_timeout=_ANSWER_S_MAX),
        )
        #: What the server says of itself: ``isolated``, ``function_network``.
        self.about: Json = {}

    async def open(self) -> None:
        """Get the key. Raises CannotDevelop when the server is on another machine, or another user's."""
        answer = await self._http.get("/_bascule/dev")
        if answer.status_code != 200:
            raise CannotDevelop(f"what answers at {self.url} has no /_bascule/dev; is it this version of Bascule?")
        self.about = answer.json()
        try:
            key = Path(self.about["key_file"]).read_text()
        except OSError:
            raise CannotDevelop(
                f"the server at {self.url} runs on another machine or as another user, so it cannot run files of this folder; "
                "start one here with 'bascule serve'."
            ) from None
        self._http.headers["x-bascule-dev-key"] = key

    def create_or_update(self, function: LocalFunction, package: bytes) -> tuple[str, bool]:
        """Have the server hold the function; gives its ARN and whether it is new. Raises botocore's ClientError."""
        settings = _settings(function)
        missing = self.lambda_.exceptions.ResourceNotFoundException
        try:
            self.lambda_.get_function_configuration(FunctionName=function.name)
        except missing:
            made = self.lambda_.create_function(
                FunctionName=function.name, Role=ROLE, Code={"ZipFile": package}, **settings
            )
            return made["FunctionArn"], True
        self.lambda_.update_function_configuration(FunctionName=function.name, **settings)
        return self.lambda_.update_function_code(FunctionName=function.name, ZipFile=package)["FunctionArn"], False

    async def renew(self, arn: str, files: Mapping[str, Path], debug: Json | None) -> Json:
        """Make these files the code of the function; gives the state. Raises CannotDevelop with the server's words."""
        body = {"files": {name: str(path) for name, path in files.items()}, "debug": debug}
        return await self._ask("PUT", arn, body)

    async def publish(self, arn: str, package: bytes, digest: str) -> None:
        """Keep the code as the function's package, without a change of what runs."""
        await self._ask("POST", arn, {"published": digest})
        await asyncio.to_thread(self.lambda_.update_function_code, FunctionName=arn, ZipFile=package)

    async def end(self, arn: str) -> None:
        """The function runs its package again."""
        await self._ask("DELETE", arn, None)

    async def _ask(self, method: str, arn: str, body: Json | None) -> Json:
        answer = await self._http.request(method, f"/_bascule/dev/functions/{quote(arn, safe='')}", json=body)
        return _found(answer)

    async def happenings(self, arns: list[str], after: int) -> tuple[list[Json], int]:
        """What happened to the functions after a number (-1: from now on), waiting for something, and the next number.

        Raises   CannotDevelop when the server does not know us (any more).
        """
        query: dict[str, Any] = {"function": arns, "after": after, "wait": WAIT_S if after >= 0 else 0}
        answer = await self._http.get("/_bascule/dev/happenings", params=query, timeout=WAIT_S + 15)
        found = _found(answer)
        return found["happenings"], found["after"]

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()
        self.lambda_.close()


def _found(answer: httpx.Response) -> Json:
    try:
        found: Json = answer.json()
    except ValueError:
        found = {}
    if answer.status_code != 200:
        raise CannotDevelop(str(found.get("message", f"the server answered {answer.status_code}")))
    return found


def _settings(function: LocalFunction) -> Json:
    settings: Json = {"Handler": function.handler, "Runtime": function.runtime}
    if function.environment is not None:
        settings["Environment"] = {"Variables": function.environment}
    if function.memory_mb is not None:
        settings["MemorySize"] = function.memory_mb
    if function.timeout_s is not None:
        settings["Timeout"] = function.timeout_s
    if function.layers:
        settings["Layers"] = list(function.layers)
    return settings


def region() -> str:
    """The region that AWS's tools would use here."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
