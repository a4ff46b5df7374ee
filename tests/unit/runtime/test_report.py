"""The platform's own log lines, word for word."""

from __future__ import annotations

import json

import msgspec

from bascule.kernel.invocation import FunctionVersion
from bascule.kernel.scope import Scope
from bascule.runtime.ports import ExtensionNote
from bascule.runtime.report import Measures, Reporter, log_group_name, log_stream_name

FUNCTION = FunctionVersion(
    scope=Scope(), name="shop", version="3", revision_id="r", runtime="python3.13", handler="a.b", code_digest="d"
)
#: 2023-11-14T22:13:20.123Z
NOW_MS = 1_700_000_000_123


def reporter(**fields: object) -> Reporter:
    return Reporter(msgspec.structs.replace(FUNCTION, **fields), lambda: "python:3.13.1")


def test_a_warm_success_reports_duration_and_memory() -> None:
    lines = reporter().end(NOW_MS, "id", Measures(duration_ms=3.01, memory_used_mb=36), "")
    assert lines == [
        "END RequestId: id\n",
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n",
    ]


def test_a_cold_start_adds_its_init_duration_and_is_billed_for_it() -> None:
    measures = Measures(duration_ms=133.61, memory_used_mb=36, init_ms=80.0)
    report = reporter().end(NOW_MS, "id", measures, "")[1]
    assert "\tBilled Duration: 214 ms\t" in report
    assert report.endswith("\tInit Duration: 80.00 ms\t\n")


def test_a_failure_of_the_platform_ends_with_its_status() -> None:
    timeout = Measures(duration_ms=1000, memory_used_mb=9, status="timeout")
    assert reporter().end(NOW_MS, "id", timeout, "")[1].endswith("Max Memory Used: 9 MB\tStatus: timeout\n")
    exited = Measures(duration_ms=1, memory_used_mb=9, status="error", error_type="Runtime.ExitError")
    assert reporter().end(NOW_MS, "id", exited, "")[1].endswith("\tStatus: error\tError Type: Runtime.ExitError\n")


def test_a_sampled_trace_gets_a_second_report_line() -> None:
    measures = Measures(duration_ms=1, memory_used_mb=9)
    sampled = reporter().end(NOW_MS, "id", measures, "Root=1-a-b;Parent=c;Sampled=1")[1]
    assert sampled.endswith("\t\nXRAY TraceId: 1-a-b\tSegmentId: c\tSampled: true\t\n")
    assert "XRAY" not in reporter().end(NOW_MS, "id", measures, "Root=1-a-b;Parent=c;Sampled=0")[1]


def test_init_and_start_lines() -> None:
    assert reporter().init_start(NOW_MS) == ["INIT_START Runtime Version: python:3.13.1\n"]
    assert reporter().start(NOW_MS, "id") == ["START RequestId: id Version: 3\n"]
    assert reporter().init_failed(NOW_MS, "init", 1236.04, "timeout", "") == [
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout\n"
    ]


def test_json_format_writes_objects() -> None:
    (start,) = reporter(log_format="JSON").start(NOW_MS, "id")
    assert json.loads(start) == {
        "time": "2023-11-14T22:13:20.123Z",
        "type": "platform.start",
        "record": {"requestId": "id", "version": "3"},
    }
    measures = Measures(duration_ms=1.5, memory_used_mb=9, init_ms=2.25)
    (report,) = reporter(log_format="JSON").end(NOW_MS, "id", measures, "")
    assert json.loads(report)["record"] == {
        "requestId": "id",
        "metrics": {
            "durationMs": 1.5,
            "billedDurationMs": 4,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 9,
            "initDurationMs": 2.25,
        },
        "status": "success",
    }


def test_the_system_log_level_decides_which_objects_are_written() -> None:
    fine, late = Measures(duration_ms=1, memory_used_mb=9), Measures(duration_ms=1, memory_used_mb=9, status="timeout")
    quiet = reporter(log_format="JSON", system_log_level="WARN")
    assert quiet.start(NOW_MS, "id") == [] == quiet.end(NOW_MS, "id", fine, "")
    assert [json.loads(line)["type"] for line in quiet.end(NOW_MS, "id", late, "")] == [
        "platform.runtimeDone",
        "platform.report",
    ]
    verbose = reporter(log_format="JSON", system_log_level="DEBUG")
    assert len(verbose.end(NOW_MS, "id", fine, "")) == 2


def test_what_an_initialisation_cost_is_told_at_debug_and_a_failure_as_a_warning() -> None:
    verbose = reporter(log_format="JSON", system_log_level="DEBUG")
    done = {"initializationType": "on-demand", "phase": "init", "status": "success"}
    assert [json.loads(line) for line in verbose.init_done(NOW_MS, "init", 2.5)] == [
        {"time": "2023-11-14T22:13:20.123Z", "type": "platform.initRuntimeDone", "record": done},
        {
            "time": "2023-11-14T22:13:20.123Z",
            "type": "platform.initReport",
            "record": done | {"metrics": {"durationMs": 2.5}},
        },
    ]
    assert reporter(log_format="JSON").init_done(NOW_MS, "init", 2.5) == [] == reporter().init_done(NOW_MS, "init", 2.5)
    quiet = reporter(log_format="JSON", system_log_level="WARN")
    failed = [json.loads(line) for line in quiet.init_failed(NOW_MS, "init", 2.5, "error", "Runtime.ExitError")]
    assert [line["type"] for line in failed] == ["platform.initRuntimeDone", "platform.initReport"]
    assert {line["record"]["errorType"] for line in failed} == {"Runtime.ExitError"}


def test_extensions_are_named_with_state_and_events() -> None:
    note = ExtensionNote("agent", "Ready", ["INVOKE", "SHUTDOWN"])
    assert reporter().extension(NOW_MS, note) == ["EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"]
    (line,) = reporter(log_format="JSON").extension(NOW_MS, note)
    assert json.loads(line)["type"] == "platform.extension"
    assert json.loads(line)["record"] == {"name": "agent", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}


def test_the_end_of_the_runtime_tells_duration_and_size_of_the_answer() -> None:
    verbose = reporter(log_format="JSON", system_log_level="DEBUG")
    measures = Measures(duration_ms=1.5, memory_used_mb=9, produced_bytes=40)
    assert json.loads(verbose.end(NOW_MS, "id", measures, "")[0])["record"] == {
        "requestId": "id",
        "status": "success",
        "metrics": {"durationMs": 1.5, "producedBytes": 40},
    }


def test_streams_are_named_by_day_version_and_token() -> None:
    assert log_stream_name(FUNCTION, NOW_MS, "f" * 32) == f"2023/11/14/[3]{'f' * 32}"
    custom = msgspec.structs.replace(FUNCTION, log_group="/shop/all")
    assert log_stream_name(custom, NOW_MS, "f" * 32) == f"2023/11/14/shop[3]{'f' * 32}"
    assert (log_group_name(FUNCTION), log_group_name(custom)) == ("/aws/lambda/shop", "/shop/all")
