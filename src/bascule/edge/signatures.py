"""Checks AWS Signature Version 4, in the header and presigned. Pure: a request, a secret and the time go in, a verdict comes out.

The path is signed as it is on the wire, encoded once more, as every service but S3 does it; the body always counts, so a
request that claims ``UNSIGNED-PAYLOAD`` is refused, as Lambda refuses it.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from bascule.protocol import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
#: How far the signer's clock may be off. milliseconds; SigV4 reference
SKEW_MS_MAX = 300_000
#: Longest life of a presigned request. seconds; SigV4 reference
PRESIGNED_S_MAX = 604_800

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)

#: Of a session that is over.
EXPIRED = "The security token included in the request is expired"


class Signature(msgspec.Struct, frozen=True):
    """What a request says about its signature."""

    access_key: str
    #: Date, region, service and ``aws4_request``.
    scope: tuple[str, ...]
    signed_headers: tuple[str, ...]
    digest: str
    date: str
    token: str
    #: None: signed in the header. seconds
    expires_s: int | None = None


class BadSignature(Exception):
    """The signature is wrong; the message is what AWS says."""


def signature_of(request: HttpRequest) -> Signature | None:
    """The signature of a request; None when it has none, or one that cannot be read."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(ALGORITHM):
        fields = {
            name.strip(): value.strip()
            for name, _, value in (part.partition("=") for part in authorization[len(ALGORITHM) :].split(","))
        }
        token = request.headers.get("x-amz-security-token", "")
        return _signature(
            fields.get("Credential"),
            fields.get("SignedHeaders"),
            fields.get("Signature"),
            request.headers.get("x-amz-date", ""),
            token,
            None,
        )
    if "X-Amz-Signature=" not in request.query_string:
        return None
    query = dict(parse_qsl(request.query_string, keep_blank_values=True))
    expires = query.get("X-Amz-Expires", "")
    if query.get("X-Amz-Algorithm") != ALGORITHM or not (expires.isascii() and expires.isdigit()):
        return None
    return _signature(
        query.get("X-Amz-Credential"),
        query.get("X-Amz-SignedHeaders"),
        query.get("X-Amz-Signature"),
        query.get("X-Amz-Date", ""),
        query.get("X-Amz-Security-Token", ""),
        int(expires),
    )


def _signature(
    credential: str | None, headers: str | None, digest: str | None, date: str, token: str, expires_s: int | None
) -> Signature | None:
    parts = (credential or "").split("/")
    if len(parts) != 5 or not headers or not digest:
        return None
    return Signature(parts[0], tuple(parts[1:]), tuple(headers.lower().split(";")), digest, date, token, expires_s)


def check(
    request: HttpRequest,
    signature: Signature,
    *,
    secret: str,
    token: str,
    region: str,
    service: str,
    now_ms: int | None,
) -> None:
    """Refuse a request whose signature was not made with ``secret`` for this region and service, lately.

    Takes    token: the session token the credentials have, empty for lasting ones; now_ms: None where time is not real.
    Raises   BadSignature.
    """
    date, signed_region, signed_service, end = signature.scope
    if (signed_region, signed_service, end) != (region, service, "aws4_request"):
        raise BadSignature(
            f"Credential should be scoped to a valid region and correct service: '{region}', '{service}'."
        )
    if not signature.date.startswith(date) or "host" not in signature.signed_headers:
        raise BadSignature(MISMATCH)
    if now_ms is not None:
        _check_age(signature, now_ms)
    if token and not hmac.compare_digest(signature.token.encode(), token.encode()):
        raise BadSignature("The security token included in the request is invalid.")
    body_digest = hashlib.sha256(request.body).hexdigest()
    if request.headers.get("x-amz-content-sha256", body_digest) != body_digest:
        raise BadSignature(MISMATCH)
    canonical = "\n".join(
        [
            request.method,
            _canonical_path(request.path),
            _canonical_query(request.query_string),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signature.signed_headers),
            "",
            ";".join(signature.signed_headers),
            body_digest,
        ]
    )
    signed = "\n".join(
        [ALGORITHM, signature.date, "/".join(signature.scope), hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (*signature.scope, signed):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(key.hex().encode(), signature.digest.encode()):
        raise BadSignature(MISMATCH)


def _check_age(signature: Signature, now_ms: int) -> None:
    try:
        signed_ms = int(datetime.strptime(signature.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        raise BadSignature(f"Date must be in ISO-8601 'basic format'. Got '{signature.date}'.") from None
    life_ms = SKEW_MS_MAX
    if signature.expires_s is not None:
        if signature.expires_s > PRESIGNED_S_MAX:
            raise BadSignature(f"X-Amz-Expires must be at most {PRESIGNED_S_MAX} seconds.")
        life_ms = signature.expires_s * 1000
    if now_ms > signed_ms + life_ms:
        least, now, allowed = _basic(now_ms - life_ms), _basic(now_ms), _words(life_ms)
        raise BadSignature(f"Signature expired: {signature.date} is now earlier than {least} ({now} - {allowed})")
    if signed_ms > now_ms + SKEW_MS_MAX:
        most, now, allowed = _basic(now_ms + SKEW_MS_MAX), _basic(now_ms), _words(SKEW_MS_MAX)
        raise BadSignature(
            f"Signature not yet current: {signature.date} is still later than {most} ({now} + {allowed})"
        )


def _basic(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _words(span_ms: int) -> str:
    """Minutes as AWS writes them; the life of a presigned request is told in seconds."""
    minutes, rest_ms = divmod(span_ms, 60_000)
    return f"{span_ms // 1000} sec." if rest_ms else f"{minutes} min."


def _canonical_path(path: str) -> str:
    normal = posixpath.normpath(path) if path else "/"
    if normal.startswith("//"):
        normal = normal[1:]
    if path.endswith("/") and not normal.endswith("/"):
        normal += "/"
    return quote(normal, safe="/~")


def _canonical_query(query_string: str) -> str:
    pairs = []
    for pair in query_string.split("&") if query_string else []:
        name, _, value = pair.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
