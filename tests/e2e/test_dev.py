"""``bascule dev`` in real processes: every save is in the next invocations, and no invocation pays for it."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.developer import Developer
from tests.e2e.test_package import wheel
from tests.functions import create_function
from tests.server import Server
from tests.waiting import eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("dev")) as running:
        yield running


def handler(answer: str, more: str = "") -> str:
    return f"{more}\ndef handler(event, context):\n    print('said', {answer!r})\n    return {answer!r}\n"


def folder(root: Path, name: str, text: str) -> Path:
    made = root / name
    made.mkdir()
    (made / "app.py").write_text(text)
    return made


def invoke(functions: Any, name: str) -> Any:
    answer = functions.invoke(FunctionName=name)
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def answers(functions: Any, name: str, wanted: str, within_s: float = 20.0) -> None:
    eventually(lambda: invoke(functions, name)[0] == wanted, within_s=within_s, what=f"the answer {wanted!r}")


def test_saving_under_load_changes_behaviour_without_a_failed_invocation(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "loaded", handler("v0"))
    stop = threading.Event()
    failures: list[str] = []
    counts = [0] * 3

    def load(number: int) -> None:
        functions = server.client("lambda")
        while not stop.is_set():
            try:
                answer, error = invoke(functions, "loaded")
            except Exception as problem:
                failures.append(repr(problem))
                return
            if error or not str(answer).startswith("v"):
                failures.append(str(answer))
            counts[number] += 1

    with Developer(place, "--url", server.url) as dev:
        threads = [threading.Thread(target=load, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        functions = server.client("lambda")
        took: list[float] = []
        for number in range(1, 6):
            before = time.monotonic()
            (place / "app.py").write_text(handler(f"v{number}"))
            answers(functions, "loaded", f"v{number}")
            took.append(time.monotonic() - before)
            assert invoke(functions, "loaded") == (f"v{number}", None), "an older generation answered again"
        stop.set()
        for thread in threads:
            thread.join(20)
        assert failures == []
        assert all(counts)
        assert max(took) < 5.0, took
        assert dev.stop() == 0


def test_invocations_and_lines_are_shown(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "shown", handler("one"))
    with Developer(place, "--url", server.url, "--env", "STAGE=test", "--memory", "256") as dev:
        functions = server.client("lambda")
        request_id = functions.invoke(FunctionName="shown")["ResponseMetadata"]["RequestId"]
        assert "ok" in dev.saw(request_id)
        assert "said one" in dev.saw("said one")
        settings = functions.get_function_configuration(FunctionName="shown")
        assert (settings["Environment"]["Variables"], settings["MemorySize"]) == ({"STAGE": "test"}, 256)
        (place / "app.py").write_text("def handler(event, context):\n    raise ValueError('no stock')\n")
        dev.saw("reloaded")
        invoke(functions, "shown")
        assert "ValueError: no stock" in dev.saw("failed")


def test_a_broken_save_fails_as_on_aws_and_the_next_save_mends_it(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "broken", handler("one"))
    with Developer(place, "--url", server.url) as dev:
        functions = server.client("lambda")
        (place / "app.py").write_text("def handler(event, context:\n")
        dev.saw("reloaded")  # and what is wrong with it, unless a busy machine takes long to find that out
        answer, error = invoke(functions, "broken")
        assert (error, answer["errorType"]) == ("Unhandled", "Runtime.UserCodeSyntaxError")
        assert "Syntax error in module 'app'" in answer["errorMessage"]
        (place / "app.py").write_text(handler("mended"))
        answers(functions, "broken", "mended")


def test_an_invocation_under_way_ends_with_the_code_it_began_with(server: Server, tmp_path: Path) -> None:
    slow = "import time\ndef handler(event, context):\n    print('began')\n    time.sleep(1.5)\n    import late\n    return late.WORD\n"
    place = folder(tmp_path, "underway", slow)
    (place / "late.py").write_text("WORD = 'old'\n")
    with Developer(place, "--url", server.url, "--timeout", "20") as dev:
        functions = server.client("lambda")
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(invoke(server.client("lambda"), "underway")))
        thread.start()
        dev.saw("began")
        (place / "late.py").write_text("WORD = 'new'\n")
        dev.saw("reloaded")
        thread.join(20)
        assert found == [("old", None)]
        assert invoke(functions, "underway") == ("new", None)


def test_the_function_keeps_the_last_save_when_dev_ends(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "kept", handler("first"))
    functions = server.client("lambda")
    with Developer(place, "--url", server.url) as dev:
        (place / "app.py").write_text(handler("last"))
        dev.saw("reloaded")
        assert dev.stop() == 0
    assert invoke(functions, "kept") == ("last", None)
    (place / "app.py").write_text(handler("nobody watches"))
    assert invoke(functions, "kept") == ("last", None)


def test_code_that_somebody_else_uploads_wins_until_the_next_save(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "taken", handler("mine"))
    functions = server.client("lambda")
    with Developer(place, "--url", server.url) as dev:
        create_function(functions, "other", handler("theirs"), Runtime="python3.11")
        location = functions.get_function(FunctionName="other")["Code"]["Location"]
        with urllib.request.urlopen(location) as answer:
            content = answer.read()
        functions.update_function_configuration(FunctionName="taken", Handler="handler.handler")
        functions.update_function_code(FunctionName="taken", ZipFile=content)
        answers(functions, "taken", "theirs")
        dev.saw("somebody else updated")
        functions.update_function_configuration(FunctionName="taken", Handler="app.handler")
        (place / "app.py").write_text(handler("mine again"))
        answers(functions, "taken", "mine again")


def test_settings_changed_meanwhile_take_effect(server: Server, tmp_path: Path) -> None:
    text = "import os\ndef handler(event, context):\n    return os.environ.get('WORD', 'none')\n"
    place = folder(tmp_path, "settings", text)
    functions = server.client("lambda")
    with Developer(place, "--url", server.url):
        assert invoke(functions, "settings") == ("none", None)
        functions.update_function_configuration(FunctionName="settings", Environment={"Variables": {"WORD": "now"}})
        assert invoke(functions, "settings") == ("now", None)


def test_a_template_is_run_with_its_variables(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "src", "import os\ndef handler(event, context):\n    return os.environ['QUEUE']\n")
    (tmp_path / "template.yaml").write_text(
        "Resources:\n"
        "  FromTemplate:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties:\n"
        f"      CodeUri: {place.name}\n"
        "      Handler: app.handler\n"
        "      Runtime: python3.11\n"
        "      Environment: {Variables: {QUEUE: !GetAtt Jobs.Arn}}\n"
        "  Jobs: {Type: AWS::SQS::Queue}\n"
    )
    with Developer(tmp_path, "--url", server.url) as dev:
        dev.saw("not made by bascule dev, which runs functions only: Jobs (AWS::SQS::Queue)")
        wanted = "arn:aws:sqs:us-east-1:000000000000:Jobs"
        assert invoke(server.client("lambda"), "FromTemplate") == (wanted, None)


def test_requirements_are_installed_once_and_beside_the_folder(server: Server, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    place = folder(
        tmp_path, "needs", "import greetings\ndef handler(event, context):\n    return greetings.hello('you')\n"
    )
    (place / "requirements.txt").write_text("--no-index\n--find-links ../wheels\ngreetings==1.0\n")
    flags, cache = ("--url", server.url), {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Developer(place, *flags, variables=cache) as dev:
        dev.saw("installing")
        assert invoke(server.client("lambda"), "needs") == ("hello you", None)
    with Developer(place, *flags, variables=cache) as dev:
        assert "installing" not in dev.output
        assert invoke(server.client("lambda"), "needs") == ("hello you", None)
    assert sorted(path.name for path in place.iterdir()) == ["app.py", "requirements.txt"]


def test_a_server_that_comes_back_runs_the_folder_again(tmp_path: Path) -> None:
    place = folder(tmp_path, "back", handler("one"))
    with Server(tmp_path) as own, Developer(place, "--url", own.url) as dev:
        own.kill()
        dev.saw("has gone; waiting for it")
        (place / "app.py").write_text(handler("two"))
        own.start()
        dev.saw("the server is back")
        functions = own.client("lambda")
        answers(functions, "back", "two")
        (place / "app.py").write_text(handler("three"))
        answers(functions, "back", "three")


def test_without_a_server_one_is_started_and_ends_with_dev(tmp_path: Path) -> None:
    place = folder(tmp_path, "alone", handler("one"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lonely = Server(tmp_path)
    lonely.port = port
    with Developer(place, "--url", lonely.url, "--data", str(tmp_path / "data")) as dev:
        dev.saw("started a server at")
        functions = lonely.client("lambda")
        assert invoke(functions, "alone") == ("one", None)
        assert dev.stop() == 0
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port)) != 0
    functions.close()


@pytest.mark.parametrize(
    ("files", "flags", "words"),
    [
        ({}, (), "there is no handler in"),
        ({"app.py": "handler = 1", "main.py": "handler = 1"}, (), "say which with --handler"),
        ({"app.py": "handler = 1"}, ("--env", "novalue"), "--env takes NAME=VALUE"),
        ({"app.py": "handler = 1"}, ("--url", "http://192.0.2.1:9"), "no server answers at"),
    ],
)
def test_a_mistake_is_one_sentence(
    server: Server, tmp_path: Path, files: dict[str, str], flags: tuple[str, ...], words: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    dev = Developer(tmp_path, *(flags if "--url" in flags else ("--url", server.url, *flags)))
    dev.start()
    assert dev.wait() == 1
    line = dev.saw(words)
    assert line.startswith("bascule: ")
    assert "Traceback" not in dev.output


def test_only_who_can_read_the_servers_files_may_name_files(server: Server) -> None:
    request = urllib.request.Request(
        f"{server.url}/_bascule/dev/functions/x", json.dumps({"files": {"a": "/etc/passwd"}}).encode(), method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert answer.code == 403
    with urllib.request.urlopen(f"{server.url}/_bascule/dev") as answer:
        key_file = Path(json.load(answer)["key_file"])
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_after_a_kill_the_function_runs_what_ran_last(server: Server, tmp_path: Path) -> None:
    place = folder(tmp_path, "killed", handler("one"))
    functions = server.client("lambda")
    with Developer(place, "--url", server.url) as dev:
        (place / "app.py").write_text(handler("two"))
        answers(functions, "killed", "two")
        dev.process.kill()
        dev.wait()
    assert invoke(functions, "killed") == ("two", None)
    create_function(functions, "deployed", handler("deployed"), Runtime="python3.11")
    with urllib.request.urlopen(functions.get_function(FunctionName="deployed")["Code"]["Location"]) as answer:
        functions.update_function_code(FunctionName="killed", ZipFile=answer.read())
    functions.update_function_configuration(FunctionName="killed", Handler="handler.handler")
    assert invoke(functions, "killed") == ("deployed", None)
