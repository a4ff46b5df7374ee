"""Signatures as botocore makes them are found right; anything changed afterwards is found wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bascule.edge.signatures import BadSignature, check, signature_of
from bascule.protocol import HttpRequest

SECRET = "a secret"


def signed(
    method: str = "GET",
    url: str = "http://id.lambda-url.us-east-1.localhost:4566/",
    body: bytes = b"",
    *,
    auth: type[SigV4Auth] = SigV4Auth,
    token: str | None = None,
    service: str = "lambda",
    **headers: str,
) -> HttpRequest:
    """A request as botocore signs it and as the edge gets it."""
    made = AWSRequest(method=method, url=url, data=body, headers=headers)
    auth(Credentials("AKIAKEY", SECRET, token), service, "us-east-1").add_auth(made)
    parts = urlsplit(made.url)
    received = {name.lower(): value for name, value in made.headers.items()} | {"host": parts.netloc}
    return HttpRequest(method, parts.path, parts.query, received, body)


def verify(request: HttpRequest, *, secret: str = SECRET, token: str = "", now_ms: int | None = None) -> None:
    signature = signature_of(request)
    assert signature is not None
    assert signature.access_key == "AKIAKEY"
    check(request, signature, secret=secret, token=token, region="us-east-1", service="lambda", now_ms=now_ms)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/", b""),
        ("GET", "/a%20b/%C3%A9~x", b""),
        ("GET", "/a/../b//c/", b""),
        ("GET", "/?b=2&a=1&a=0&empty&plus=%2B&space=a%20b&star=%2A", b""),
        ("POST", "/items", b'{"a":1}'),
        ("PUT", "/items", bytes(range(256))),
    ],
)
def test_signature_of_botocore_is_right(method: str, path: str, body: bytes) -> None:
    url = f"http://127.0.0.1:4566{path}"
    verify(signed(method, url, body))
    if not body:
        verify(signed(method, url, auth=SigV4QueryAuth))


def test_temporary_credentials_need_their_token() -> None:
    verify(signed(token="the token"), token="the token")
    for request in (signed(), signed(token="another")):
        with pytest.raises(BadSignature, match="security token"):
            verify(request, token="the token")


def test_another_secret_is_refused() -> None:
    with pytest.raises(BadSignature, match="does not match the signature you provided"):
        verify(signed(), secret="another")


def changed(request: HttpRequest, **members: object) -> HttpRequest:
    values = {name: getattr(request, name) for name in request.__struct_fields__}
    return HttpRequest(**{**values, **members})


@pytest.mark.parametrize(
    "change",
    [
        lambda request: changed(request, method="DELETE"),
        lambda request: changed(request, path="/other"),
        lambda request: changed(request, query_string="admin=1"),
        lambda request: changed(request, body=b"other"),
        lambda request: changed(request, headers={**request.headers, "x-told": "other"}),
        lambda request: changed(request, headers={**request.headers, "host": "elsewhere"}),
        lambda request: changed(request, headers={**request.headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
    ],
)
def test_what_was_changed_after_signing_is_refused(change: Callable[[HttpRequest], HttpRequest]) -> None:
    with pytest.raises(BadSignature):
        verify(change(signed("POST", body=b"body", **{"x-told": "this"})))


def test_signature_for_another_service_or_region_is_refused() -> None:
    with pytest.raises(BadSignature, match="Credential should be scoped"):
        verify(signed(service="sqs"))


def test_old_and_early_signatures_are_refused() -> None:
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    verify(signed(), now_ms=now_ms)
    request = signed()
    at = request.headers["x-amz-date"]
    moment = "[0-9]{8}T[0-9]{6}Z"
    with pytest.raises(
        BadSignature, match=rf"^Signature expired: {at} is now earlier than {moment} \({moment} - 5 min\.\)$"
    ):
        verify(request, now_ms=now_ms + 400_000)
    with pytest.raises(
        BadSignature, match=rf"^Signature not yet current: {at} is still later than {moment} \({moment} \+ 5 min\.\)$"
    ):
        verify(request, now_ms=now_ms - 400_000)


def test_presigned_request_lives_as_long_as_it_says() -> None:
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    request = signed(auth=SigV4QueryAuth)
    verify(request, now_ms=now_ms + 3_500_000)
    with pytest.raises(BadSignature, match="Signature expired"):
        verify(request, now_ms=now_ms + 3_700_000)


@pytest.mark.parametrize(
    ("authorization", "query_string"),
    [
        ("", ""),
        ("Bearer token", ""),
        ("AWS4-HMAC-SHA256", ""),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=1", ""),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=, Signature=1", ""),
        ("", "X-Amz-Signature=1"),
        ("", "X-Amz-Signature=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=soon"),
    ],
)
def test_what_is_no_signature_is_none(authorization: str, query_string: str) -> None:
    assert signature_of(HttpRequest("GET", "/", query_string, {"authorization": authorization}, b"")) is None


def test_signature_without_the_host_or_with_a_strange_date_is_refused() -> None:
    scope = "20260101/us-east-1/lambda/aws4_request"
    for headers, date, message in (
        ("x-amz-date", "20260101T000000Z", "does not match"),
        ("host", "20260101", "ISO-8601"),
    ):
        request = HttpRequest(
            "GET",
            "/",
            "",
            {
                "authorization": f"AWS4-HMAC-SHA256 Credential=AKIAKEY/{scope}, SignedHeaders={headers}, Signature=00",
                "x-amz-date": date,
            },
            b"",
        )
        with pytest.raises(BadSignature, match=message):
            verify(request, now_ms=0)
