"""The Python runtime client: finds the handler, then serves one event after another until the server hangs up.

Behaves as AWS's (error types, messages, what is caught and what ends the process). ``SystemExit`` and other exceptions that
are not ``Exception`` are not caught here on purpose: they end the process, which AWS reports as ``Runtime.ExitError``.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from . import frames
from .context import LambdaContext
from .faults import Fault, PathMap, describe
from .logs import INIT_WARNING, FunctionLog, flush_streams
from .marshalling import marshal_response, to_json, unmarshal_event

Handler = Callable[[Any, LambdaContext], Any]


class Server(Protocol):
    """Where events come from: frames over a channel, or the Runtime API."""

    def receive(self) -> tuple[int, int, bytes]:
        """The next message; see ``frames``. Raises ServerGone."""

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Say one thing."""


INIT_FAILED_STATUS = 1


def find_handler(name: str, paths: PathMap) -> Handler:
    """Import the module of ``module.function`` and give the function. Raises Fault, or what the module raises."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        place = f'  File "{paths.shown(str(error.filename))}" Line {error.lineno}\n    {error.text}'
        raise Fault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [place]
        ) from error
    try:
        handler: Handler = getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from error
    return handler


def serve(server: Server, handler_name: str, response_bytes_max: int, log: FunctionLog, paths: PathMap) -> int:
    """Run the function until the server hangs up; gives the exit status of the process."""
    try:
        handler = find_handler(handler_name, paths)
    except Exception as error:  # noqa: BLE001 - whatever the module raises is the function's failure to report
        failure = describe(error, paths)
        logging.getLogger().warning(INIT_WARNING)
        log.report(failure)
        flush_streams()
        server.send(frames.INIT_FAILED, _peak_kb(), to_json(failure).encode())
        return INIT_FAILED_STATUS
    flush_streams()
    server.send(frames.READY, _peak_kb(), b"")
    while True:
        _, head_length, body = server.receive()
        request = json.loads(body[:head_length])
        log.request.request_id = request["request_id"]
        os.environ["_X_AMZN_TRACE_ID"] = request["trace"]
        kind, answer = _answer(handler, request, body[head_length:], log, paths)
        if len(answer) > response_bytes_max:
            kind, answer = frames.OVERSIZE, str(len(answer)).encode()
        flush_streams()
        server.send(kind, _peak_kb(), answer)
        del body, answer


def _answer(
    handler: Handler, request: dict[str, Any], event: bytes, log: FunctionLog, paths: PathMap
) -> tuple[int, bytes]:
    try:
        context = LambdaContext(
            request_id=request["request_id"],
            invoked_arn=request["invoked_arn"],
            deadline_ms=int(time.time() * 1000) + request["remaining_ms"],
            client_context=_client_context(request.get("client_context")),
            write_log=log.sink.write,
        )
        return frames.RESULT, marshal_response(handler(unmarshal_event(event), context))
    except Exception as error:  # noqa: BLE001 - whatever the handler raises is the function's failure to report
        failure = describe(error, paths, request["request_id"])
        log.report(failure)
        return frames.FAILED, to_json(failure).encode()


def _client_context(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse Client Context JSON: {error}") from error
    return value


def _peak_kb() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children)
