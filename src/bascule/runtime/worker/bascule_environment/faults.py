"""Errors of a function as AWS's Python runtime reports them: type, message, stack in paths of the Lambda machine.

Code lives in a directory of this machine; what users see, log and compare says ``/var/task``. ``PathMap`` rewrites text.
"""

from __future__ import annotations

import os
import traceback
from types import TracebackType

_OWN_CODE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Fault(Exception):
    """A failure that the runtime itself names."""

    def __init__(self, error_type: str, message: str, stack: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.stack = stack or []


class PathMap:
    """Rewrites directories of this machine to those of the Lambda machine in text."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = sorted(pairs, key=lambda pair: -len(pair[0]))

    def shown(self, text: str) -> str:
        """``text`` with every known directory renamed."""
        for real, name in self._pairs:
            text = text.replace(real, name)
        return text

    def real(self, path: str) -> str:
        """Where a path of the Lambda machine lies on this one."""
        for real, name in self._pairs:
            if path == name or path.startswith(name + "/"):
                return real + path[len(name) :]
        return path

    def stack(self, trace: TracebackType | None) -> list[str]:
        """The lines of a traceback, without the leading frames of the runtime."""
        frames = [(frame.filename, frame.lineno, frame.name, frame.line) for frame in traceback.extract_tb(trace)]
        while len(frames) > 1 and frames[0][0].startswith(_OWN_CODE):
            del frames[0]
        lines = traceback.format_list(frames)  # type: ignore[arg-type]  # four-tuples are accepted and carry no carets
        return [self.shown(line) for line in lines]


def describe(error: BaseException, paths: PathMap, request_id: str = "") -> dict[str, object]:
    """The error body, keys in AWS's order."""
    if isinstance(error, Fault):
        error_type, message, stack = error.error_type, error.message, error.stack
    else:
        error_type, message, stack = type(error).__name__, str(error), paths.stack(error.__traceback__)
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": stack}
