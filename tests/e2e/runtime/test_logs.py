"""What ends up in the log of a function, and in which order."""

from __future__ import annotations

import asyncio
import json
import re
import socket

from tests.e2e.runtime.conftest import Machine

PRINTS = """
    import sys
    print("at import")
    def handler(event, context):
        print("one")
        print("two", file=sys.stderr)
        print("with\\rreturn")
        print("no end", end="")
"""


def lines_of(machine: Machine, stream: str) -> list[str]:
    return next(lines for name, lines in machine.streams.items() if name.endswith(stream))


def test_lines_come_in_order_between_start_and_report(machine: Machine) -> None:
    function = machine.deploy(PRINTS)
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    first, *rest = lines_of(machine, result.log_stream)
    request_id = invocation.request_id
    assert re.fullmatch(r"INIT_START Runtime Version: python:3\.\d+\.\d+\S*\n", first)
    assert rest[:-1] == [
        "at import\n",
        f"START RequestId: {request_id} Version: $LATEST\n",
        "one\n",
        "two\n",
        "with\rreturn\n",
        "no end\n",
        f"END RequestId: {request_id}\n",
    ]
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n",
        rest[-1],
    )
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", result.log_stream)


def test_only_a_cold_start_reports_an_init_duration(machine: Machine) -> None:
    function = machine.deploy(PRINTS)
    assert machine.invoke(function).init_ms is not None
    warm = machine.invoke(function)
    assert warm.init_ms is None
    assert "Init Duration" not in lines_of(machine, warm.log_stream)[-1]


def test_the_tail_is_the_last_four_kilobytes_of_the_invocation(machine: Machine) -> None:
    function = machine.deploy("print('import')\ndef handler(event, context):\n    for n in range(event): print(n)")
    short = machine.invoke(function, 2, wants_log_tail=True).log_tail.decode()
    assert short.startswith("START RequestId: ")
    assert "\n0\n1\nEND RequestId: " in short
    assert "import" not in short
    long = machine.invoke(function, 3000, wants_log_tail=True).log_tail
    assert len(long) == 4096
    assert b"\n2999\nEND RequestId: " in long
    assert machine.invoke(function, 1).log_tail == b""


def test_log_records_are_single_events_with_level_time_and_request_id(machine: Machine) -> None:
    function = machine.deploy("""
        import logging
        def handler(event, context):
            logging.info("below the default level")
            logging.warning("two\\nlines")
            try:
                1 / 0
            except ZeroDivisionError:
                logging.exception("caught")
            context.log("said")
    """)
    invocation = machine.invocation(function)
    lines = lines_of(machine, machine.wait(machine.runtime.invoke(invocation)).log_stream)
    head = rf"\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{invocation.request_id}\t"
    warning, caught, said = lines[2:5]
    assert re.fullmatch(rf"\[WARNING\]{head}two\nlines\n", warning)
    assert re.match(rf"\[ERROR\]{head}caught\nTraceback ", caught)
    assert 'File "/var/task/app.py", line 7, in handler' in caught
    assert said == "said\n"


def test_a_failure_is_logged_as_one_event_indented_with_no_break_spaces(machine: Machine) -> None:
    function = machine.deploy("def handler(event, context):\n    raise ValueError('no')\n")
    lines = lines_of(machine, machine.invoke(function).log_stream)
    assert (
        '[ERROR] ValueError: no\nTraceback (most recent call last):\n\u00a0\u00a0File "/var/task/app.py", line 2, in handler\n'
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('no')\n"
    ) in lines


def test_an_import_failure_warns_first_and_is_repeated_inside_the_invocation(machine: Machine) -> None:
    result = machine.invoke(machine.deploy("print('trying')\nimport nope"), wants_log_tail=True)
    lines = lines_of(machine, result.log_stream)
    assert lines.count("trying\n") == 2
    assert sum("LAMBDA_WARNING: Unhandled exception." in line for line in lines) == 2
    phases = [match[1] for line in lines if (match := re.search(r"INIT_REPORT .*Phase: (\w+)\tStatus: error", line))]
    assert phases == ["init", "invoke"]
    assert (
        b"[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'nope'" in result.log_tail
    )


def test_a_failed_import_is_over_before_start_and_an_error_in_the_report(machine: Machine) -> None:
    tail = machine.invoke(machine.deploy("print('trying')\nimport nope"), wants_log_tail=True).log_tail.decode()
    *_, init_report, start, end, report = tail.splitlines()
    assert tail.startswith("trying\n")
    assert init_report.endswith("\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError")
    assert start.startswith("START RequestId: ")
    assert end.startswith("END RequestId: ")
    assert report.endswith("\tStatus: error\tError Type: Runtime.ImportModuleError")


def test_json_format_makes_objects_of_records_and_platform_lines(machine: Machine) -> None:
    function = machine.deploy(
        """
        import logging
        log = logging.getLogger("shop")
        def handler(event, context):
            log.info("paid", extra={"order": 7})
            log.debug("not at this level")
            raise RuntimeError("broken")
        """,
        log_format="JSON",
        application_log_level="INFO",
        system_log_level="INFO",
    )
    invocation = machine.invocation(function)
    result = machine.wait(machine.runtime.invoke(invocation))
    objects = [json.loads(line) for line in lines_of(machine, result.log_stream)]
    kinds = [entry.get("type") or entry.get("level") or entry.get("log_level") for entry in objects]
    assert kinds == ["platform.initStart", "platform.start", "INFO", "ERROR", "platform.report"]
    record, failure = objects[2:4]
    assert record["message"] == "paid"
    assert (record["logger"], record["order"], record["requestId"]) == ("shop", 7, invocation.request_id)
    assert "stackTrace" not in record
    assert (failure["errorType"], failure["errorMessage"]) == ("RuntimeError", "broken")
    assert objects[4]["record"]["metrics"]["memorySizeMB"] == 128


def test_json_records_are_those_of_the_python_runtime(machine: Machine) -> None:
    """Levels are standard ones, stacks have their marks, and what is not JSON is refused where it is logged."""
    function = machine.deploy(
        """
        import datetime, logging, traceback
        log = logging.getLogger("shop")
        def handler(event, context):
            log.log(25, "between")
            try:
                {}["absent"]
            except KeyError as error:
                log.exception("caught")
                stack = traceback.format_tb(error.__traceback__)
            try:
                log.info("paid", extra={"at": datetime.date(2026, 1, 1)})
            except TypeError as error:
                return [stack, str(error)]
        """,
        log_format="JSON",
        application_log_level="INFO",
        system_log_level="WARN",
    )
    result = machine.invoke(function)
    stack, refusal = json.loads(result.payload)
    between, caught = [json.loads(line) for line in lines_of(machine, result.log_stream)]
    assert (between["level"], between["message"]) == ("INFO", "between")
    assert [line.split('"')[-1] for line in caught["stackTrace"]] == [line.split('"')[-1] for line in stack]
    assert (caught["errorType"], caught["location"]) == ("KeyError", "/var/task/app.py:handler:9")
    assert refusal == "Object of type date is not JSON serializable"


def test_a_custom_group_names_the_function_in_its_streams(machine: Machine) -> None:
    function = machine.deploy("def handler(event, context): return context.log_group_name", log_group="/shop/all")
    result = machine.invoke(function)
    assert json.loads(result.payload) == "/shop/all"
    assert f"/{function.name}[$LATEST]" in result.log_stream
    assert f"/shop/all {result.log_stream}" in machine.streams


def test_megabytes_of_output_neither_block_the_function_nor_fill_the_log(machine: Machine) -> None:
    function = machine.deploy("""
        def handler(event, context):
            line = "x" * 1023
            for _ in range(8 * 1024): print(line)
            return "done"
    """)
    result = machine.invoke(function, wants_log_tail=True)
    assert result.payload == b'"done"'
    lines = lines_of(machine, result.log_stream)
    assert sum(len(line) for line in lines) < 5 * 1024 * 1024
    assert sum("was dropped" in line for line in lines) == 1
    assert lines[-1].startswith("REPORT ")


def test_a_line_longer_than_an_event_is_cut_into_several(machine: Machine) -> None:
    result = machine.invoke(machine.deploy("def handler(event, context): print('y' * 600_000)"))
    lengths = [len(line) for line in lines_of(machine, result.log_stream) if line.startswith("y")]
    assert lengths == [262_118, 262_118, 600_000 - 2 * 262_118 + 1]


def test_lines_of_a_slow_function_can_be_read_while_it_runs(machine: Machine) -> None:
    function = machine.deploy("""
        import socket
        def handler(event, context):
            with socket.create_connection(event) as gate:
                print("waiting at the gate")
                return gate.recv(10).decode()
    """)

    async def reading(gate: socket.socket) -> None:
        task = asyncio.ensure_future(machine.runtime.invoke(machine.invocation(function, gate.getsockname())))
        while "waiting at the gate\n" not in machine.logs:
            await asyncio.sleep(0.01)
        assert not task.done()
        with gate.accept()[0] as opened:
            opened.sendall(b"open")
        assert (await task).payload == b'"open"'

    with socket.create_server(("127.0.0.1", 0)) as gate:
        machine.wait(reading(gate))
