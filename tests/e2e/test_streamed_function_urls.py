"""Function URLs with ``InvokeMode: RESPONSE_STREAM`` over real HTTP. A file that the test makes tells a function to go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.functions import create_function
from tests.server import Server
from tests.streaming import create_node, create_stepping, needs_node
from tests.waiting import eventually

HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response"
EVERYBODY = (
    ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
    ("lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
)
#: The body of a request is the steps.
SOURCE = """
    export const handler = awslambda.streamifyResponse(async (event, stream) => {
        const asked = JSON.parse(event.body ?? "{}");
        if (asked.plain) return stream.end("plain");
        stream = awslambda.HttpResponseStream.from(stream, {
            statusCode: 201, headers: { "Content-Type": "text/html", "X-Mine": "1" }, cookies: ["a=1", "b=2"],
        });
        if (asked.early) throw new RangeError("too early");
        if (!asked.empty) stream.write("<p>");
        stream.end();
    });
"""


class Site(NamedTuple):
    """A server and the URLs of its functions."""

    server: Server
    functions: Any

    def publish(self, name: str, **members: Any) -> None:
        self.functions.create_function_url_config(
            FunctionName=name, AuthType="NONE", **({"InvokeMode": "RESPONSE_STREAM"} | members)
        )
        for action, condition in EVERYBODY:
            self.functions.add_permission(
                FunctionName=name,
                StatementId=action.rpartition(":")[2],
                Action=action,
                Principal="*",
                **condition,
            )

    def call(self, name: str, asked: Any, method: str = "POST", **members: Any) -> Any:
        """A call by name, as a context that gives an answer whose body has not been read."""
        url = self.functions.get_function_url_config(FunctionName=name)["FunctionUrl"]
        headers = {"host": httpx.URL(url).netloc.decode(), **members.pop("headers", {})}
        return httpx.stream(method, self.server.url, headers=headers, json=asked, timeout=20, **members)

    def whole(self, name: str, asked: Any, method: str = "POST", **members: Any) -> httpx.Response:
        with self.call(name, asked, method, **members) as answer:
            answer.read()
            return answer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Server(tmp_path_factory.mktemp("site"), "--isolation", "off") as server:
        functions = server.client("lambda")
        made = Site(server, functions)
        create_stepping(functions, "steps")
        made.publish("steps", Cors={"AllowOrigins": ["https://mine.example"], "ExposeHeaders": ["x-mine"]})
        create_function(functions, "whole", "def handler(event, context): return {'statusCode': 418, 'body': 'tea'}")
        made.publish("whole")
        yield made


def prelude(**members: Any) -> list[list[Any]]:
    """Steps that say status and headers as the HTTP integration wants them."""
    return [["type", HTTP_RESPONSE], ["write", json.dumps(members) + "\0" * 8]]


def steps(*done: list[Any]) -> dict[str, Any]:
    return {"steps": done}


def test_the_mode_is_kept_and_shown(site: Site) -> None:
    shown = site.functions.get_function_url_config(FunctionName="steps")
    assert shown["InvokeMode"] == "RESPONSE_STREAM"
    changed = site.functions.update_function_url_config(FunctionName="whole", InvokeMode="BUFFERED")
    assert changed["InvokeMode"] == "BUFFERED"
    assert site.whole("whole", {}).status_code == 418
    site.functions.update_function_url_config(FunctionName="whole", InvokeMode="RESPONSE_STREAM")


def test_a_function_that_answers_whole_is_passed_on_as_it_is(site: Site) -> None:
    answer = site.whole("whole", {})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"statusCode": 418, "body": "tea"}


@needs_node
def test_node_says_status_headers_and_cookies_before_the_body(site: Site) -> None:
    create_node(site.functions, "node", SOURCE)
    site.publish("node")
    answer = site.whole("node", {})
    assert (answer.status_code, answer.text) == (201, "<p>")
    assert (answer.headers["content-type"], answer.headers["x-mine"]) == ("text/html", "1")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert site.whole("node", {"empty": True}).status_code == 201
    early = site.whole("node", {"early": True})
    assert (early.status_code, early.text) == (502, "Internal Server Error")
    assert early.headers["x-bascule-reason"] == "RangeError: too early"
    plain = site.whole("node", {"plain": True})
    assert (plain.status_code, plain.headers["content-type"], plain.text) == (200, "application/octet-stream", "plain")


def test_the_body_arrives_while_the_function_runs(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    asked = steps(*prelude(statusCode=202), ["write", "a"], ["wait", str(gate)], ["write", "b"])
    with site.call("steps", asked) as answer:
        parts = answer.iter_raw()
        assert (answer.status_code, next(parts)) == (202, b"a")
        gate.touch()
        assert b"".join(parts) == b"b"


def test_status_and_headers_may_come_in_pieces(site: Site) -> None:
    text = json.dumps({"statusCode": 404, "headers": {"x-mine": "grün"}}) + "\0" * 8 + "body"
    pieces = [["write", piece] for piece in (text[:5], text[5:-8], text[-8:-2], text[-2:])]
    answer = site.whole("steps", steps(["type", HTTP_RESPONSE], *pieces))
    assert (answer.status_code, answer.text) == (404, "body")
    assert answer.headers["x-mine"] == "grün"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_what_is_no_status_is_a_bad_gateway(site: Site) -> None:
    for wrong in (
        [*prelude(statusCode=99)],
        [["type", HTTP_RESPONSE], ["write", "[]" + "\0" * 8]],
        [["type", HTTP_RESPONSE], ["write", '{"statusCode": 200}']],
    ):
        answer = site.whole("steps", steps(*wrong))
        assert (answer.status_code, answer.text) == (502, "Internal Server Error")
        assert answer.headers["x-bascule-reason"].startswith("The function's answer cannot be sent: ")


def test_a_function_that_fails_before_its_answer_is_a_bad_gateway(site: Site) -> None:
    for failing in ([["exit", 1]], [["refuse", {"errorType": "Mine", "errorMessage": "no"}]]):
        assert site.whole("steps", steps(*failing)).status_code == 502
    late = site.whole("steps", steps(["type", HTTP_RESPONSE], ["write", '{"statusCode"'], ["exit", 1]))
    assert (late.status_code, late.headers["x-bascule-reason"].partition(":")[0]) == (502, "Runtime.ExitError")


@pytest.mark.parametrize("end", [["error", "Function.Mine", {"errorType": "Mine"}], ["exit", 1], ["cut"]])
def test_a_function_that_fails_in_the_middle_ends_the_connection(site: Site, end: list[Any]) -> None:
    with site.call("steps", steps(*prelude(statusCode=200), ["write", "begun"], end)) as answer:
        parts = answer.iter_raw()
        assert (answer.status_code, next(parts)) == (200, b"begun")
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)


def test_cross_origin_headers_are_those_of_the_url(site: Site) -> None:
    said = prelude(statusCode=200, headers={"access-control-allow-origin": "*", "x-mine": "1"})
    answer = site.whole("steps", steps(*said, ["write", "a"]), headers={"origin": "https://mine.example"})
    assert answer.headers["access-control-allow-origin"] == "https://mine.example"
    assert (answer.headers["access-control-expose-headers"], answer.text) == ("x-mine", "a")
    asking = {"origin": "https://mine.example", "access-control-request-method": "POST"}
    assert site.whole("steps", {}, "OPTIONS", headers=asking).status_code == 200


def test_where_there_can_be_no_body_the_function_goes_on_for_nobody(site: Site, tmp_path: Path) -> None:
    for number, (status, method) in enumerate([(204, "POST"), (200, "HEAD")]):
        touched = tmp_path / str(number)
        asked = steps(*prelude(statusCode=status), ["megabytes", 2], ["touch", str(touched)])
        answer = site.whole("steps", asked, method)
        assert (answer.status_code, answer.content) == (status, b"")
        eventually(touched.exists, what="the end of the function")


def test_a_client_that_leaves_does_not_stop_the_function(site: Site, tmp_path: Path) -> None:
    gate, touched = tmp_path / "gate", tmp_path / "touched"
    asked = steps(["write", "a"], ["wait", str(gate)], ["megabytes", 4], ["touch", str(touched)])
    with site.call("steps", asked) as answer:
        assert (answer.headers["content-type"], next(answer.iter_raw())) == ("text/plain", b"a")
    gate.touch()
    eventually(touched.exists, what="the end of the function")


def test_an_answer_is_over_before_the_function_is(site: Site, tmp_path: Path) -> None:
    gate, touched = tmp_path / "gate", tmp_path / "touched"
    asked = steps(["write", "a"], ["end"], ["wait", str(gate)], ["touch", str(touched)])
    assert site.whole("steps", asked).text == "a"
    assert not touched.exists()
    gate.touch()
    eventually(touched.exists, what="the end of the function")
