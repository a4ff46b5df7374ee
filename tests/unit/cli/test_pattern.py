"""``bascule pattern test``: verdict, sentence, exit code, and where PATTERN and EVENT come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bascule.cli.pattern import app

PATTERN = '{"detail": {"status": ["paid"]}}'
runner = CliRunner()


def test_match_is_said_with_exit_code_zero() -> None:
    result = runner.invoke(app, ["test", PATTERN, '{"detail": {"status": "paid"}}'])
    assert (result.exit_code, result.stdout) == (0, "match: The event matches: detail.status.\n")


def test_mismatch_is_explained_with_exit_code_one() -> None:
    result = runner.invoke(app, ["test", PATTERN, '{"detail": {"status": "open"}}'])
    assert (result.exit_code, result.stdout) == (1, 'no match: detail.status is "open", but it should equal "paid".\n')


def test_every_branch_of_or_is_listed() -> None:
    result = runner.invoke(app, ["test", '{"$or": [{"a": ["x"]}, {"b": ["y"]}]}', "{}"])
    assert result.stdout.count("branch") == 2


def test_json_output_is_for_programs() -> None:
    result = runner.invoke(app, ["test", PATTERN, '{"detail": {"status": "open"}}', "--json"])
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert answer["matched"] is False
    assert (answer["path"], answer["operator"], answer["seen"]) == ("detail.status", "equals", '"open"')


@pytest.mark.parametrize("form", ["@{}", "{}"])
def test_pattern_and_event_can_be_files_or_standard_input(form: str, tmp_path: Path) -> None:
    file = tmp_path / "pattern.json"
    file.write_text(PATTERN)
    result = runner.invoke(app, ["test", form.format(file), "-"], input='{"detail": {"status": "paid"}}')
    assert result.exit_code == 0


def test_invalid_pattern_is_refused_with_exit_code_two() -> None:
    result = runner.invoke(app, ["test", "{}", "{}"])
    assert result.exit_code == 2
    assert "Empty objects are not allowed" in result.stderr
    result = runner.invoke(app, ["test", "{}", "{}", "--json"])
    assert "Empty objects are not allowed" in json.loads(result.stdout)["error"]


def test_other_dialects_can_be_chosen() -> None:
    arguments = ["test", '{"a": [{"wildcard": "x*"}]}', '{"a": "xy"}']
    assert runner.invoke(app, arguments).exit_code == 0
    assert runner.invoke(app, [*arguments, "--dialect", "pipes"]).exit_code == 2


def test_both_from_standard_input_and_missing_files_are_refused() -> None:
    assert runner.invoke(app, ["test", "-", "-"]).exit_code == 2
    assert runner.invoke(app, ["test", "@/no/such/file", "{}"]).exit_code == 2


@pytest.mark.parametrize("event", ["{bad", "no-such-file.json", "[1]", "\udcff"])
def test_what_is_no_event_is_refused_instead_of_compared(event: str) -> None:
    result = runner.invoke(app, ["test", '{"source": ["a"]}', event])
    assert result.exit_code == 2
    assert result.stderr == "The event is not a JSON object; give JSON, @file, the path of a file that exists, or -.\n"


def test_a_pattern_that_is_no_file_says_what_can_be_given() -> None:
    result = runner.invoke(app, ["test", "no-such-file.json", "{}"])
    assert result.exit_code == 2
    assert result.stderr == "The pattern is neither JSON nor the path of a file that exists: 'no-such-file.json'.\n"
