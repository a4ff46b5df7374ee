"""The Python runtime as a program that speaks the Runtime API: for functions that a wrapper starts, or that have extensions.

Everything but the way of events is as in a fork of the zygote; it only starts more slowly.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from typing import Any

from . import frames, process

_API = "/2018-06-01/runtime"
_SHOWN = "Lambda-Runtime-"


class ApiServer:
    """Implements ``bootstrap.Server`` with requests to the Runtime API over one kept connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)
        self._request_id = ""

    def receive(self) -> tuple[int, int, bytes]:
        """The next event, with a head as in an ``INVOKE`` message. Raises ServerGone."""
        headers, event = self._call("GET", "/invocation/next")
        self._request_id = headers[f"{_SHOWN}Aws-Request-Id"]
        client_context = headers.get(f"{_SHOWN}Client-Context")
        head = {
            "request_id": self._request_id,
            "invoked_arn": headers[f"{_SHOWN}Invoked-Function-Arn"],
            "remaining_ms": int(headers[f"{_SHOWN}Deadline-Ms"]) - int(time.time() * 1000),
            "trace": headers.get(f"{_SHOWN}Trace-Id", ""),
            "client_context": client_context.encode("latin-1").decode() if client_context else None,
        }
        encoded = json.dumps(head).encode()
        return frames.INVOKE, len(encoded), encoded + event

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Answer the event, or report a failure; that init is over is said by asking for an event."""
        if kind == frames.READY:
            return
        if kind == frames.RESULT:
            self._call("POST", f"/invocation/{self._request_id}/response", body)
            return
        path = "/init/error" if kind == frames.INIT_FAILED else f"/invocation/{self._request_id}/error"
        error_type = str(json.loads(body)["errorType"]).encode("ascii", "replace").decode()
        self._call("POST", path, body, {f"{_SHOWN}Function-Error-Type": error_type})

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPMessage, bytes]:
        try:
            self._connection.request(method, _API + path, body, headers or {})
            answer = self._connection.getresponse()
            return answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise frames.ServerGone from error


def main() -> None:
    """Entry point: the start message is in ``frames.START_VARIABLE``, which functions do not see."""
    start: dict[str, Any] = json.loads(os.environ.pop(frames.START_VARIABLE))
    package_root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # This package is not for functions to import from.
    sys.path[:] = [entry for entry in sys.path if entry != package_root]
    try:
        status = process.serve(start, ApiServer(os.environ["AWS_LAMBDA_RUNTIME_API"]))
    except frames.ServerGone:
        status = 0
    sys.exit(status)
