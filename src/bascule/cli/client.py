"""How commands reach a running server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import typer

DEFAULT_URL = os.environ.get("BASCULE_URL", "http://127.0.0.1:4566")


def fail(sentence: str) -> NoReturn:
    """One sentence on standard error and exit code 1."""
    typer.echo(f"bascule: {sentence}", err=True)
    raise typer.Exit(1)


def _address(given: str) -> str:
    """An address as commands use it: without a slash at its end. Refused before anything else when it is none."""
    try:
        parts = urlsplit(given)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        fail(f"'{given}' is not an address; give one such as --url http://127.0.0.1:4566.")
    return given.rstrip("/")


url_option = typer.Option(
    "--url", help="Address of the server; also BASCULE_URL.", show_default=True, callback=_address
)


def fetch(url: str, path: str, *, timeout_s: float = 10.0, **query: str | int) -> Any:
    """GET a JSON document of the server.

    Takes    the server's address; a path below it; query parameters.
    Gives    the decoded document, or None when the server answers 404.
    Raises   typer.Exit(1) with one sentence when there is no server or it cannot answer.
    """
    status, found = send(url, "GET", path, timeout_s=timeout_s, query=query)
    return None if status == 404 else found


def fetch_bytes(url: str, path: str, *, timeout_s: float = 10.0) -> bytes | None:
    """GET something as it is; None when the server answers 404.

    Raises   typer.Exit(1) with one sentence when there is no server or it cannot answer.
    """
    import httpx

    try:
        answer = httpx.get(f"{url}{path}", timeout=timeout_s)
    except httpx.TransportError:
        fail(f"no server answers at {url}; start one with 'bascule serve', or name another with --url.")
    if answer.status_code not in (200, 404):
        fail(f"the server at {url} answered {answer.status_code} to {path}; is it Bascule?")
    return None if answer.status_code == 404 else answer.content


def send(
    url: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    timeout_s: float = 10.0,
    known: tuple[int, ...] = (),
    query: Mapping[str, str | int] | None = None,
) -> tuple[int, Any]:
    """Ask the server anything.

    Takes    body: what is sent as JSON, if anything; known: error codes of the answer that the caller handles; 404 always is.
    Gives    status and decoded document.
    Raises   typer.Exit(1) with one sentence when there is no server or it refuses.
    """
    import httpx

    try:
        answer = httpx.request(method, f"{url}{path}", params=query, json=body, timeout=timeout_s)
    except httpx.TimeoutException:
        fail(f"the server at {url} did not answer in {timeout_s:g} s; see its log.")
    except httpx.TransportError:
        fail(f"no server answers at {url}; start one with 'bascule serve', or name another with --url.")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code == 404:
        return 404, found
    if answer.status_code == 400 and isinstance(found, dict) and isinstance(found.get("message"), str):
        sentence = found["message"]
        fail(sentence[:1].lower() + sentence[1:])
    if answer.status_code not in (200, *known):
        fail(f"the server at {url} answered {answer.status_code} to {path}; is it Bascule?")
    if found is None:
        fail(f"what answers at {url} is not Bascule; name the server with --url.")
    return answer.status_code, found
