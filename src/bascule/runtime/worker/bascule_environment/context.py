"""The ``context`` argument of a handler.

Attribute names, what is a string and what is None follow AWS's Python runtime: handlers and libraries test for them.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

_SHOWN = (
    "aws_request_id",
    "log_group_name",
    "log_stream_name",
    "function_name",
    "memory_limit_in_mb",
    "function_version",
    "invoked_function_arn",
    "client_context",
    "identity",
    "tenant_id",
)


class _Fields:
    """An object whose attributes are its slots, shown as ``Name([a=1,b=2])``."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self) -> str:
        shown = ",".join(f"{name}={getattr(self, name)}" for name in self.__slots__)
        return f"{type(self).__name__}([{shown}])"


class CognitoIdentity(_Fields):
    """The caller's identity; both fields are None unless a mobile SDK called."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(_Fields):
    """The mobile application that called."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")


class ClientContext(_Fields):
    """What the caller passed as client context."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        client = values.get("client")
        self.client = None if client is None else Client(client)


@functools.lru_cache(maxsize=1)
def _of_environment() -> dict[str, str | None]:
    """What every context of this environment says alike: reading variables takes longer than all else in a context."""
    variables = os.environ.get
    return {
        "log_group_name": variables("AWS_LAMBDA_LOG_GROUP_NAME"),
        "log_stream_name": variables("AWS_LAMBDA_LOG_STREAM_NAME"),
        "function_name": variables("AWS_LAMBDA_FUNCTION_NAME"),
        # A string, as on AWS.
        "memory_limit_in_mb": variables("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        "function_version": variables("AWS_LAMBDA_FUNCTION_VERSION"),
    }


class LambdaContext:
    """What a handler is told about its invocation."""

    log_group_name: str | None
    log_stream_name: str | None
    function_name: str | None
    memory_limit_in_mb: str | None
    function_version: str | None

    def __init__(
        self,
        *,
        request_id: str,
        invoked_arn: str,
        deadline_ms: int,
        client_context: Mapping[str, Any] | None,
        write_log: Callable[[str], None],
    ) -> None:
        self.aws_request_id = request_id
        self.__dict__.update(_of_environment())
        self.invoked_function_arn = invoked_arn
        self.tenant_id: str | None = None
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity({})
        self._epoch_deadline_time_in_ms = deadline_ms
        self._write_log = write_log

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out; never negative."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, msg: object) -> None:
        """Write ``msg`` to the log as one event."""
        self._write_log(str(msg))

    def __repr__(self) -> str:
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in _SHOWN)}])"
