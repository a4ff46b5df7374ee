"""Logging as a handler finds it: one handler on the root logger, in AWS's text or JSON format, and the error report.

Records go into the output pipe as frames (see ``frames.LOG_MARK``), so a record with several lines stays one log event and
keeps its place between printed lines.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from datetime import datetime, timezone
from typing import Any

from .faults import PathMap
from .frames import LOG_HEAD, LOG_MARK

#: CloudWatch's largest event less its overhead. bytes
EVENT_BYTES_MAX = 262_118
_NO_BREAK_SPACE = "\u00a0"
_TIME = "%Y-%m-%dT%H:%M:%S"
#: Attributes of a record that are not ``extra`` fields.
_OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"aws_request_id", "asctime", "message", "taskName"}

INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "The error below was raised while the function's module was imported."
)


class LogSink:
    """Writes one event into the output pipe."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, message: str) -> None:
        """Write ``message`` as one event; what is beyond CloudWatch's bound is cut."""
        body = message.encode("utf-8", "replace")[:EVENT_BYTES_MAX]
        remaining = memoryview(LOG_MARK + LOG_HEAD.pack(len(body)) + body)
        while remaining:
            remaining = remaining[os.write(self._fd, remaining) :]


class CurrentRequest(logging.Filter):
    """Knows the request being served and stamps it on every record."""

    def __init__(self) -> None:
        super().__init__()
        self.request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


class _SinkHandler(logging.Handler):
    def __init__(self, sink: LogSink) -> None:
        super().__init__()
        self.log_sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        self.log_sink.write(self.format(record))


class TextFormatter(logging.Formatter):
    """``[LEVEL]\\t2024-01-01T00:00:00.000Z\\t<request id>\\tmessage``."""

    converter = time.gmtime  # type: ignore[assignment]  # the documented way to ask for UTC

    def __init__(self, paths: PathMap) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", _TIME)
        self._paths = paths

    def formatException(self, ei: Any) -> str:  # the name is logging's
        return self._paths.shown(super().formatException(ei))


class JsonFormatter(logging.Formatter):
    """One JSON object a record; fields without a value are left out.

    A field that cannot be JSON is raised where the record is logged, as on AWS: who gets away with it here would not there.
    """

    def __init__(self, paths: PathMap) -> None:
        super().__init__()
        self._paths = paths

    def format(self, record: logging.LogRecord) -> str:
        error, trace = (record.exc_info[1], record.exc_info[2]) if record.exc_info else (None, None)
        moment = datetime.fromtimestamp(record.created, timezone.utc)  # noqa: UP017  # runs on older Pythons too
        fields: dict[str, object] = {
            "timestamp": moment.strftime(_TIME + ".%f")[:-3] + "Z",
            "level": _level_name(record.levelno),
            "message": record.getMessage(),
            "logger": record.name,
            "stackTrace": [self._paths.shown(line) for line in traceback.format_tb(trace)] if error else None,
            "errorType": type(error).__name__ if error else None,
            "errorMessage": str(error) if error else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{self._paths.shown(record.pathname)}:{record.funcName}:{record.lineno}" if error else None,
        }
        for name, value in record.__dict__.items():
            if name not in _OWN_ATTRIBUTES and name not in fields:
                fields[name] = value
        present = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(present, ensure_ascii=False) + "\n"


def _level_name(number: int) -> str:
    """The standard level at or below a level of somebody's own."""
    return logging.getLevelName(min(50, max(0, number)) // 10 * 10)


class FunctionLog:
    """The log of this process: the root logger's handler and the report of failures."""

    def __init__(self, sink: LogSink, paths: PathMap) -> None:
        self.sink = sink
        self.request = CurrentRequest()
        self.is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
        handler = _SinkHandler(sink)
        handler.setFormatter(JsonFormatter(paths) if self.is_json else TextFormatter(paths))
        handler.addFilter(self.request)
        root = logging.getLogger()
        root.addHandler(handler)
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
        level = "DEBUG" if level == "TRACE" else level
        if isinstance(logging.getLevelName(level), int):
            root.setLevel(level)

    def report(self, error: dict[str, object]) -> None:
        """Write a failure as one event, the way AWS's runtime words it."""
        if self.is_json:
            stamp = time.strftime(_TIME, time.gmtime())
            stamped = {"timestamp": stamp, "log_level": "ERROR", **error}
            self.sink.write(json.dumps(stamped, ensure_ascii=False, default=str) + "\n")
            return
        headline = f"[ERROR] {error['errorType']}"
        if error["errorMessage"]:
            headline += f": {error['errorMessage']}"
        lines = [headline, "Traceback (most recent call last):"]
        stack = error["stackTrace"]
        for entry in stack if isinstance(stack, list) else ():
            for line in str(entry).splitlines() or [""]:
                text = line.lstrip(" ")
                lines.append(_NO_BREAK_SPACE * (len(line) - len(text)) + text)
        self.sink.write("\n".join(lines) + "\n")


def flush_streams() -> None:
    """Push out what the function left in its standard streams; a stream it broke is its own affair."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
