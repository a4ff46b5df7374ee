"""What is kept of function URLs, and where it lies.

A URL belongs to a function or an alias, and whoever calls it names only its id: ``URL_OWNERS`` leads from the id to the
function. Ids are unique over all accounts and regions, so that list lies in no account's scope.
"""

from __future__ import annotations

import msgspec

from bascule.kernel.documents import Documents
from bascule.kernel.scope import Scope
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.state import RememberedCollection, policy_key

BUFFERED = "BUFFERED"
RESPONSE_STREAM = "RESPONSE_STREAM"


class UrlCors(msgspec.Struct, frozen=True, kw_only=True):
    """Which pages of other origins may call a URL; None: not given."""

    allow_credentials: bool | None = None
    allow_headers: tuple[str, ...] | None = None
    allow_methods: tuple[str, ...] | None = None
    allow_origins: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age: int | None = None


class FunctionUrl(msgspec.Struct, frozen=True, kw_only=True):
    """The URL of a function or an alias."""

    url_id: str
    #: ``NONE`` or ``AWS_IAM``.
    auth_type: str
    created_ms: int
    modified_ms: int
    cors: UrlCors | None = None
    #: ``BUFFERED`` or ``RESPONSE_STREAM``.
    invoke_mode: str = BUFFERED


class UrlOwner(msgspec.Struct, frozen=True, kw_only=True):
    """What a URL id belongs to; ``qualifier`` is None for the function itself."""

    account: str
    region: str
    function_name: str
    qualifier: str | None = None

    @property
    def function(self) -> FunctionReference:
        """The function as the URL invokes it."""
        return FunctionReference(Scope(self.account, self.region), self.function_name, self.qualifier)


#: parent: function name; name: the qualifier as ``policy_key`` gives it.
FUNCTION_URLS = RememberedCollection("lambda.function-url", FunctionUrl)
#: scope: ``EVERYWHERE``; name: URL id.
URL_OWNERS = RememberedCollection("lambda.function-url-owner", UrlOwner)
EVERYWHERE = Scope("", "")


def url_of(documents: Documents, named: FunctionReference) -> FunctionUrl | None:
    """The URL of a function or alias."""
    return FUNCTION_URLS.get(documents, named.scope, policy_key(named.qualifier), parent=named.name)


def remove_url(documents: Documents, named: FunctionReference) -> bool:
    """Remove the URL of a function or alias; True when there was one."""
    url = url_of(documents, named)
    if url is None:
        return False
    URL_OWNERS.delete(documents, EVERYWHERE, url.url_id)
    return FUNCTION_URLS.delete(documents, named.scope, policy_key(named.qualifier), parent=named.name)


def remove_urls(documents: Documents, named: FunctionReference) -> None:
    """Remove every URL of a function that goes away."""
    while rows := FUNCTION_URLS.page(documents, named.scope, parent=named.name):
        for key, url in rows:
            URL_OWNERS.delete(documents, EVERYWHERE, url.url_id)
            FUNCTION_URLS.delete(documents, named.scope, key, parent=named.name)
