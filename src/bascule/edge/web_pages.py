"""Requests that a page of some web site has a person's browser send to this machine, without the person's knowledge.

The server does not authenticate, because whoever reaches loopback is at home here; but every site that its user visits reaches
loopback, too, through the browser. A page cannot read what is answered, and need not: a form, or ``fetch`` with plain text, is
enough to send a message or make a function. Browsers say where such a request comes from, in headers that no page can change.

Function URLs are meant for pages and say by their own CORS settings which; they are not asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from bascule.edge.sockets import is_loopback
from bascule.kernel.errors import AwsError


class FromWebPage(AwsError):
    """Pages of other sites may not use this server; call it from a program, or give the page a function URL."""

    code = "AccessDeniedException"
    status = 403


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser sends this for a page that is not of this machine.

    Source   Fetch Standard, section 3.2 (``Origin``); Fetch Metadata Request Headers, section 2.4 (``Sec-Fetch-Site``), for what
             a page loads as an image or script, which has no ``Origin``.
    """
    if "origin" in headers:
        return not _is_of_this_machine(headers["origin"])
    return "sec-fetch-site" in headers and headers["sec-fetch-site"] == "cross-site"


def _is_of_this_machine(origin: str) -> bool:
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    return is_loopback(host) or host.endswith(".localhost")
