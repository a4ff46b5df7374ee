"""The platform's own log lines: INIT_START, START, END, REPORT, INIT_REPORT, as text or as JSON objects. Pure.

In JSON format each is an object with ``time``, ``type`` and ``record``, and the system log level decides which are written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from bascule.kernel.invocation import FunctionVersion
from bascule.runtime.ports import ON_DEMAND, ExtensionNote

_LEVELS = {"DEBUG": 0, "INFO": 1, "WARN": 2}


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation cost and how it ended. ``status`` is ``success``, ``error``, ``failure`` or ``timeout``."""

    duration_ms: float
    memory_used_mb: int
    init_ms: float | None = None
    status: str = "success"
    error_type: str = ""
    #: Of the answer.
    produced_bytes: int = 0

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds, init included, at least one."""
        return max(1, math.ceil(self.duration_ms + (self.init_ms or 0.0)))


class Reporter:
    """Words the lines of one function version. Each method gives zero or more log messages."""

    def __init__(
        self, function: FunctionVersion, runtime_version: Callable[[], str], initialization: str = ON_DEMAND
    ) -> None:
        self._function = function
        self._initialization = initialization
        self._runtime_version = runtime_version
        self._is_json = function.log_format == "JSON"
        self._level = _LEVELS.get(function.system_log_level or "INFO", 1)

    def init_start(self, now_ms: int) -> list[str]:
        """The environment is about to be initialised."""
        if self._is_json:
            record = {
                "initializationType": self._initialization,
                "phase": "init",
                "runtimeVersion": self._runtime_version(),
                "functionName": self._function.name,
                "functionVersion": self._function.version,
            }
            return self._object(now_ms, "INFO", "platform.initStart", record)
        return [f"INIT_START Runtime Version: {self._runtime_version()}\n"]

    def init_done(self, now_ms: int, phase: str, init_ms: float) -> list[str]:
        """The function is initialised. Takes phase ``init`` or ``invoke``. Text says it in REPORT."""
        return self._init_objects(now_ms, phase, init_ms, "success", "") if self._is_json else []

    def init_failed(self, now_ms: int, phase: str, init_ms: float, status: str, error_type: str) -> list[str]:
        """The init phase ended badly; it is repeated inside the invocation. Takes phase ``init`` or ``invoke``."""
        if self._is_json:
            return self._init_objects(now_ms, phase, init_ms, status, error_type)
        cause = f"\tError Type: {error_type}" if error_type else ""
        return [f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\tStatus: {status}{cause}\n"]

    def _init_objects(self, now_ms: int, phase: str, init_ms: float, status: str, error_type: str) -> list[str]:
        level = "DEBUG" if status == "success" else "WARN"
        record: dict[str, object] = {"initializationType": self._initialization, "phase": phase, "status": status}
        if error_type:
            record["errorType"] = error_type
        return [
            *self._object(now_ms, level, "platform.initRuntimeDone", record),
            *self._object(
                now_ms, level, "platform.initReport", {**record, "metrics": {"durationMs": round(init_ms, 3)}}
            ),
        ]

    def extension(self, now_ms: int, note: ExtensionNote) -> list[str]:
        """An initialisation is over; what has become of an extension."""
        if self._is_json:
            return self._object(now_ms, "INFO", "platform.extension", note)
        return [f"EXTENSION\tName: {note.name}\tState: {note.state}\tEvents: [{', '.join(note.events)}]\n"]

    def start(self, now_ms: int, request_id: str) -> list[str]:
        """The handler is about to run."""
        if self._is_json:
            record = {"requestId": request_id, "version": self._function.version}
            return self._object(now_ms, "INFO", "platform.start", record)
        return [f"START RequestId: {request_id} Version: {self._function.version}\n"]

    def end(self, now_ms: int, request_id: str, measures: Measures, trace: str) -> list[str]:
        """END and REPORT. Takes trace: the trace header when it is sampled, else empty."""
        if self._is_json:
            return self._end_objects(now_ms, request_id, measures)
        init = "" if measures.init_ms is None else f"Init Duration: {measures.init_ms:.2f} ms\t"
        status = "" if measures.status == "success" else f"Status: {measures.status}"
        if measures.error_type:
            status += f"\tError Type: {measures.error_type}"
        return [
            f"END RequestId: {request_id}\n",
            f"REPORT RequestId: {request_id}\tDuration: {measures.duration_ms:.2f} ms\t"
            f"Billed Duration: {measures.billed_ms} ms\tMemory Size: {self._function.memory_mb} MB\t"
            f"Max Memory Used: {measures.memory_used_mb} MB\t{init}{status}\n{_trace_line(trace)}",
        ]

    def _end_objects(self, now_ms: int, request_id: str, measures: Measures) -> list[str]:
        level = "INFO" if measures.status == "success" else "WARN"
        metrics: dict[str, object] = {
            "durationMs": round(measures.duration_ms, 3),
            "billedDurationMs": measures.billed_ms,
            "memorySizeMB": self._function.memory_mb,
            "maxMemoryUsedMB": measures.memory_used_mb,
        }
        if measures.init_ms is not None:
            metrics["initDurationMs"] = round(measures.init_ms, 3)
        report: dict[str, object] = {"requestId": request_id, "metrics": metrics, "status": measures.status}
        done: dict[str, object] = {
            "requestId": request_id,
            "status": measures.status,
            "metrics": {"durationMs": round(measures.duration_ms, 3), "producedBytes": measures.produced_bytes},
        }
        if measures.error_type:
            report["errorType"] = done["errorType"] = measures.error_type
        done_level = "DEBUG" if measures.status == "success" else "WARN"
        return [
            *self._object(now_ms, done_level, "platform.runtimeDone", done),
            *self._object(now_ms, level, "platform.report", report),
        ]

    def _object(self, now_ms: int, level: str, kind: str, record: object) -> list[str]:
        if _LEVELS[level] < self._level:
            return []
        moment = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        return [msgspec.json.encode({"time": moment, "type": kind, "record": record}).decode() + "\n"]


def _trace_line(trace: str) -> str:
    if "Sampled=1" not in trace:
        return ""
    fields = dict(part.split("=", 1) for part in trace.split(";") if "=" in part)
    return f"XRAY TraceId: {fields.get('Root', '')}\tSegmentId: {fields.get('Parent', '')}\tSampled: true\t\n"


def log_stream_name(function: FunctionVersion, now_ms: int, token: str) -> str:
    """The stream of a new environment: date, version and 32 hex digits; a custom group adds the function's name."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y/%m/%d")
    owner = "" if log_group_name(function) == f"/aws/lambda/{function.name}" else function.name
    return f"{day}/{owner}[{function.version}]{token}"


def log_group_name(function: FunctionVersion) -> str:
    """The group a function writes to."""
    return function.log_group or f"/aws/lambda/{function.name}"
