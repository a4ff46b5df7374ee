"""Function URLs over real HTTP: by name and by path, open and signed, with everything that can go wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.functions import create_function
from tests.server import Server

SOURCE = """
    import json

    def handler(event, context):
        path = event["rawPath"]
        if path == "/event":
            return event
        if path == "/id":
            return {"context": context.aws_request_id, "event": event["requestContext"]["requestId"]}
        if path == "/raises":
            raise ValueError("no luck")
        return json.loads(event["body"])
"""
ALL = (
    ("lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
    ("lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
)


class Place(NamedTuple):
    """A server with one function behind a URL that everybody may call."""

    server: Server
    functions: Any
    url: str

    @property
    def host(self) -> str:
        return httpx.URL(self.url).netloc.decode()

    @property
    def url_id(self) -> str:
        return self.host.partition(".")[0]

    def call(self, method: str = "GET", path: str = "/event", **members: Any) -> httpx.Response:
        """A call by name: ``Host`` says which URL, as after a look-up of the name."""
        headers = {"host": self.host, **members.pop("headers", {})}
        return httpx.request(method, f"{self.server.url}{path}", headers=headers, **members)

    def answer(self, result: Any, **members: Any) -> httpx.Response:
        """A call whose result is ``result``."""
        return self.call("POST", "/", json=result, **members)


def permit(functions: Any, name: str, **members: Any) -> None:
    for action, condition in ALL:
        functions.add_permission(
            FunctionName=name,
            StatementId=action.rpartition(":")[2],
            Action=action,
            **{"Principal": "*", **condition, **members},
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Server(tmp_path_factory.mktemp("urls")) as server:
        functions = server.client("lambda")
        create_function(functions, "open", SOURCE)
        url = functions.create_function_url_config(FunctionName="open", AuthType="NONE")["FunctionUrl"]
        permit(functions, "open")
        yield Place(server, functions, url)


def test_function_is_called_by_the_name_of_its_url(place: Place) -> None:
    answer = place.call("POST", "/event?a=1&a=2", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 200
    event = answer.json()
    assert event["rawQueryString"] == "a=1&a=2"
    assert event["headers"]["host"] == place.host
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["domainName"] == place.host.partition(":")[0]
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)


def test_function_is_called_by_the_name_it_would_have_on_aws(place: Place) -> None:
    host = f"{place.url_id}.lambda-url.us-east-1.on.aws"
    event = place.call(headers={"host": host}).json()
    assert event["requestContext"]["domainName"] == host
    assert place.call(headers={"host": f"{place.url_id}.lambda-url.eu-west-1.on.aws"}).status_code == 404


def test_function_is_called_by_path_where_names_do_not_resolve(place: Place) -> None:
    base = f"{place.server.url}/_bascule/url/{place.url_id}"
    event = httpx.get(f"{base}/event?b=1").json()
    assert (event["rawPath"], event["rawQueryString"]) == ("/event", "b=1")
    assert httpx.get(f"{place.server.url}/_bascule/url/{'0' * 32}/").status_code == 404


def test_request_id_of_the_answer_is_the_invocations(place: Place) -> None:
    answer = place.call(path="/id")
    assert set(answer.json().values()) == {answer.headers["x-amzn-requestid"]}
    assert answer.headers["x-amzn-trace-id"].startswith("Root=1-")


def test_text_result_comes_without_quotes(place: Place) -> None:
    answer = place.answer("hello")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, "application/json", "hello")


def test_answer_object_is_the_answer(place: Place) -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    answer = place.answer(
        {
            "statusCode": 418,
            "headers": {"content-type": "image/png", "x-kept": "yes"},
            "cookies": ["a=1", "b=2"],
            "body": body,
            "isBase64Encoded": True,
        }
    )
    assert (answer.status_code, answer.content, answer.headers["x-kept"]) == (418, b"\x00\xff", "yes")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_malformed_answer_is_a_bad_gateway_that_says_why(place: Place) -> None:
    answer = place.answer({"statusCode": "abc"})
    assert (answer.status_code, answer.text) == (502, "Internal Server Error")
    assert "statusCode" in answer.headers["x-bascule-reason"]


def test_failing_function_is_a_bad_gateway(place: Place) -> None:
    answer = place.call(path="/raises")
    assert (answer.status_code, answer.text) == (502, "Internal Server Error")
    assert answer.headers["x-bascule-reason"] == "ValueError: no luck"


def test_too_large_request_is_refused(place: Place) -> None:
    assert place.call("POST", "/", content=b"x" * 6_300_000).status_code == 413


def test_throttled_call_is_429(place: Place) -> None:
    place.functions.put_function_concurrency(FunctionName="open", ReservedConcurrentExecutions=0)
    try:
        answer = place.call()
    finally:
        place.functions.delete_function_concurrency(FunctionName="open")
    assert answer.status_code == 429
    assert answer.headers["x-amzn-errortype"] == "TooManyRequestsException"


def test_open_url_without_a_policy_is_forbidden(place: Place) -> None:
    create_function(place.functions, "closed", SOURCE)
    url = place.functions.create_function_url_config(FunctionName="closed", AuthType="NONE")["FunctionUrl"]
    answer = place.call(headers={"host": httpx.URL(url).netloc.decode()})
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert answer.json() == {
        "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
    }


def test_url_of_a_deleted_alias_is_forbidden(place: Place) -> None:
    create_function(place.functions, "aliased", SOURCE, Publish=True)
    place.functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    named = {"FunctionName": "aliased", "Qualifier": "live"}
    url = place.functions.create_function_url_config(**named, AuthType="NONE")["FunctionUrl"]
    permit(place.functions, "aliased", Qualifier="live")
    host = {"host": httpx.URL(url).netloc.decode()}
    assert place.call(headers=host).status_code == 200
    place.functions.delete_alias(FunctionName="aliased", Name="live")
    assert place.call(headers=host).status_code == 403


def test_preflight_is_answered_without_the_function(place: Place) -> None:
    origin = "https://shop.example"
    place.functions.update_function_url_config(
        FunctionName="open", Cors={"AllowOrigins": [origin], "AllowMethods": ["PUT"], "MaxAge": 60}
    )
    try:
        answer = place.call("OPTIONS", "/raises", headers={"origin": origin, "access-control-request-method": "PUT"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-methods"] == "PUT"
        assert place.call(headers={"origin": origin}).headers["access-control-allow-origin"] == origin
        assert "access-control-allow-origin" not in place.call(headers={"origin": "https://other.example"}).headers
    finally:
        place.functions.update_function_url_config(FunctionName="open", Cors={})


def signed_call(place: Place, url: str, credentials: Credentials, content: bytes = b"") -> httpx.Response:
    """A call by path, signed as an SDK signs it."""
    host = httpx.URL(url).netloc.decode()
    target = f"{place.server.url}/_bascule/url/{host.partition('.')[0]}/event?a=1"
    request = AWSRequest(method="POST", url=target, data=content)
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    return httpx.post(target, content=content, headers=dict(request.headers.items()))


@pytest.fixture(scope="module")
def guarded(place: Place) -> str:
    """A URL with AuthType AWS_IAM."""
    create_function(place.functions, "guarded", SOURCE)
    url: str = place.functions.create_function_url_config(FunctionName="guarded", AuthType="AWS_IAM")["FunctionUrl"]
    return url


def test_signed_url_answers_a_user_and_says_who_it_is(place: Place, guarded: str) -> None:
    iam = place.server.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    answer = signed_call(place, guarded, credentials, b'{"a": 1}')
    assert answer.status_code == 200, answer.headers
    signer = answer.json()["requestContext"]["authorizer"]["iam"]
    assert (signer["accessKey"], signer["userArn"]) == (key["AccessKeyId"], "arn:aws:iam::000000000000:user/ann")
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert signed_call(place, guarded, credentials).status_code == 403


def test_signed_url_answers_an_assumed_role_with_its_token(place: Place, guarded: str) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    arn = place.server.client("iam").create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
        "Arn"
    ]
    given = place.server.client("sts").assume_role(RoleArn=arn, RoleSessionName="here")["Credentials"]
    full = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    signer = signed_call(place, guarded, full).json()["requestContext"]["authorizer"]["iam"]
    assert signer["userArn"] == "arn:aws:sts::000000000000:assumed-role/caller/here"
    assert signed_call(place, guarded, Credentials(given["AccessKeyId"], given["SecretAccessKey"])).status_code == 403


@pytest.mark.parametrize(
    ("access_key", "secret", "error", "message"),
    [
        (
            "test",
            "wrong",
            "InvalidSignatureException",
            {
                "message": "The request signature we calculated does not match the signature you provided. Check your AWS "
                "Secret Access Key and signing method. Consult the service documentation for details."
            },
        ),
        (
            "AKIAIOSFODNN7EXAMPLE",
            "test",
            "UnrecognizedClientException",
            {"message": "The security token included in the request is invalid."},
        ),
        (
            "111111111111",
            "test",
            "AccessDeniedException",
            {
                "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
                "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
            },
        ),
    ],
)
def test_signed_url_refuses_wrong_unknown_and_other_accounts_keys(
    place: Place, guarded: str, access_key: str, secret: str, error: str, message: dict[str, str]
) -> None:
    answer = signed_call(place, guarded, Credentials(access_key, secret))
    assert (answer.status_code, answer.headers["x-amzn-errortype"], answer.json()) == (403, error, message)


def test_signed_url_refuses_an_unsigned_call(place: Place, guarded: str) -> None:
    answer = place.call(headers={"host": httpx.URL(guarded).netloc.decode()})
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


def test_urls_survive_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        functions = server.client("lambda")
        create_function(functions, "kept", "def handler(event, context): return 'still here'")
        url = functions.create_function_url_config(FunctionName="kept", AuthType="NONE")["FunctionUrl"]
        permit(functions, "kept")
        server.kill()
        server.start()
        assert httpx.get(server.url, headers={"host": httpx.URL(url).netloc.decode()}).text == "still here"
