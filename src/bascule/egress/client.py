"""One attempt: a POST with a bounded time, and its status. Redirects are answers, not invitations."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bascule.services.sns.http_work import Answer, HttpRequest

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("bascule.egress")

#: An end point that has not answered by then is taken to be down. seconds; SNS guide, "HTTP/S endpoints"
ANSWER_S_MAX = 15.0
#: What is read of an answer's body so that the connection can be used again. bytes
BODY_BYTES_MAX = 65_536
#: Connections kept open for the next message. count
IDLE_CONNECTIONS_MAX = 100


class HttpClient:
    """Connections to end points. ``httpx`` is imported at the first attempt: most servers never make one."""

    def __init__(self, answer_s_max: float = ANSWER_S_MAX) -> None:
        self._answer_s_max = answer_s_max
        self._client: httpx.AsyncClient | None = None

    async def post(self, request: HttpRequest) -> Answer:
        """Make one attempt.

        Gives    the status, or why there is none. Raises nothing that the world can cause.
        """
        import httpx

        try:
            async with asyncio.timeout(self._answer_s_max):
                return Answer(status=await self._status(request))
        except TimeoutError:
            return Answer(error=f"The end point did not answer within {self._answer_s_max:g} seconds.")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError, ValueError, OSError) as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:1_024])

    async def _status(self, request: HttpRequest) -> int:
        client = self._client or self._open()
        async with client.stream("POST", request.url, content=request.body, headers=request.headers) as response:
            read_bytes = 0
            async for part in response.aiter_raw():
                read_bytes += len(part)
                if read_bytes > BODY_BYTES_MAX:
                    break
            return response.status_code

    def _open(self) -> httpx.AsyncClient:
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS_MAX)
        timeout = httpx.Timeout(self._answer_s_max, pool=None)
        self._client = httpx.AsyncClient(limits=limits, timeout=timeout, follow_redirects=False, trust_env=False)
        return self._client

    async def close(self) -> None:
        """Close every connection. Twice is fine."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
