"""The handler of a folder is found, or the person is told what to say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bascule.dev.detection import detect, template_in
from bascule.dev.functions import CannotDevelop

PYTHON = f"python3.{sys.version_info.minor}"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "handler"),
    [
        ("def lambda_handler(event, context): ...", "app.lambda_handler"),
        ("async def handler(event, context): ...", "app.handler"),
        ("def handler(e, c): ...\ndef lambda_handler(e, c): ...", "app.lambda_handler"),
        ("router = object()\nhandler = router", "app.handler"),
        ("from routes import main as handler", "app.handler"),
        ("handler: object = print", "app.handler"),
        ("def handler(event, context:\n    half written", "app.handler"),
    ],
)
def test_a_python_handler_is_found_without_running_the_file(tmp_path: Path, text: str, handler: str) -> None:
    found = detect(write(tmp_path, app__py=f"{text}\n1/0 if False else 0\n"), name="shop")
    assert (found.handler, found.runtime, found.name) == (handler, PYTHON, "shop")


@pytest.mark.parametrize(
    "text",
    [
        "export const handler = async () => 1;",
        "export async function handler(event) {}",
        "const handler = () => 1;\nexport { handler };",
    ],
)
def test_a_node_handler_is_found(tmp_path: Path, text: str) -> None:
    found = detect(write(tmp_path, index__mjs=text), name="shop")
    assert (found.handler, found.runtime) == ("index.handler", "nodejs22.x")


def test_common_js_is_found_in_both_forms(tmp_path: Path) -> None:
    assert detect(write(tmp_path, a__js="exports.handler = async () => 1;")).handler == "a.handler"
    write(tmp_path, a__js="module.exports = { other, handler };")
    assert detect(tmp_path).handler == "a.handler"


def test_a_bootstrap_is_found_only_when_it_can_be_run(tmp_path: Path) -> None:
    write(tmp_path, bootstrap="#!/bin/sh\n")
    with pytest.raises(CannotDevelop, match="there is no handler"):
        detect(tmp_path)
    (tmp_path / "bootstrap").chmod(0o755)
    assert detect(tmp_path).runtime == "provided.al2023"


def test_the_usual_file_wins_over_others(tmp_path: Path) -> None:
    write(tmp_path, app__py="def handler(e, c): ...", jobs__py="def handler(e, c): ...")
    assert detect(tmp_path).handler == "app.handler"


def test_several_handlers_are_named_with_the_way_forward(tmp_path: Path) -> None:
    write(tmp_path, app__py="def handler(e, c): ...", main__py="def handler(e, c): ...")
    with pytest.raises(
        CannotDevelop, match=r"several handlers \(app\.handler, main\.handler\); say which with --handler"
    ):
        detect(tmp_path)


def test_a_test_that_imports_the_handler_is_no_handler(tmp_path: Path) -> None:
    write(tmp_path, orders__py="def handler(e, c): ...", test_orders__py="from orders import handler\n")
    assert detect(tmp_path).handler == "orders.handler"


def test_a_named_handler_decides_the_runtime(tmp_path: Path) -> None:
    write(tmp_path, work__py="", job__mjs="")
    assert detect(tmp_path, handler="work.run").runtime == PYTHON
    assert detect(tmp_path, handler="job.run").runtime == "nodejs22.x"
    with pytest.raises(CannotDevelop, match=r"no file for the handler 'other\.run'"):
        detect(tmp_path, handler="other.run")


def test_the_name_of_a_folder_becomes_a_name_that_lambda_takes(tmp_path: Path) -> None:
    folder = tmp_path / "my shop.v2"
    folder.mkdir()
    assert detect(write(folder, app__py="def handler(e, c): ...")).name == "my-shop-v2"


def test_a_template_of_a_folder_is_seen(tmp_path: Path) -> None:
    assert template_in(tmp_path) is None
    write(tmp_path, template__yaml="")
    assert template_in(tmp_path) == tmp_path / "template.yaml"
