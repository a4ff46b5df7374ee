"""Function URLs as resources: an address over HTTP for a function or an alias. Calls are in ``function_url_calls.py``."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_ import pages
from bascule.services.lambda_.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from bascule.services.lambda_.function_url_model import (
    BUFFERED,
    EVERYWHERE,
    FUNCTION_URLS,
    URL_OWNERS,
    FunctionUrl,
    UrlCors,
    UrlOwner,
    remove_url,
    url_of,
)
from bascule.services.lambda_.model import LATEST
from bascule.services.lambda_.names import FunctionReference, reference
from bascule.services.lambda_.resolution import configuration_of, found_function
from bascule.services.lambda_.state import policy_key


def _checked_reference(ctx: Context, function_name: str, qualifier: str | None) -> FunctionReference:
    """A function or an alias; versions and ``$LATEST`` have no URLs."""
    named = reference(ctx, function_name, qualifier)
    if named.qualifier is not None and (named.qualifier == LATEST or named.qualifier.isdigit()):
        raise InvalidParameterValue(
            "1 validation error detected: Value at 'qualifier' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)"
        )
    return named


def _cors(given: api.Cors | None) -> UrlCors | None:
    """What to keep; an empty one is none."""
    if given is None:
        return None
    cors = UrlCors(
        allow_credentials=given.allow_credentials,
        allow_headers=_tuple(given.allow_headers),
        allow_methods=_tuple(given.allow_methods),
        allow_origins=_tuple(given.allow_origins),
        expose_headers=_tuple(given.expose_headers),
        max_age=given.max_age,
    )
    return None if cors == UrlCors() else cors


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _shown_cors(cors: UrlCors | None) -> api.Cors | None:
    if cors is None:
        return None
    return api.Cors(
        allow_credentials=cors.allow_credentials,
        allow_headers=_list(cors.allow_headers),
        allow_methods=_list(cors.allow_methods),
        allow_origins=_list(cors.allow_origins),
        expose_headers=_list(cors.expose_headers),
        max_age=cors.max_age,
    )


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def _moment(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}000Z"


def address(ctx: Context, named: FunctionReference, url_id: str) -> str:
    """The URL itself: a name below ``localhost``, which browsers and most resolvers lead to this machine, and our port.

    Differs  AWS's names end in ``on.aws``; a request whose ``Host`` is that name is answered, too.
    """
    parts = urlsplit(ctx.base_url)
    digits = parts.netloc.rpartition(":")[2]
    port = f":{digits}" if digits.isdigit() and ":" in parts.netloc else ""
    return f"{parts.scheme or 'http'}://{url_id}.lambda-url.{named.scope.region}.localhost{port}/"


def _described(ctx: Context, named: FunctionReference, url: FunctionUrl) -> api.FunctionUrlConfig:
    return api.FunctionUrlConfig(
        function_url=address(ctx, named, url.url_id),
        function_arn=named.named_arn,
        auth_type=url.auth_type,
        cors=_shown_cors(url.cors),
        creation_time=_moment(url.created_ms),
        last_modified_time=_moment(url.modified_ms),
        invoke_mode=url.invoke_mode,
    )


def _stored(tx: Tx, named: FunctionReference, url: FunctionUrl) -> None:
    FUNCTION_URLS.put(tx.documents, named.scope, policy_key(named.qualifier), url, parent=named.name)


def _found(tx: Tx, named: FunctionReference) -> FunctionUrl:
    url = url_of(tx.documents, named)
    if url is None:
        raise ResourceNotFound("The resource you requested does not exist.")
    return url


@operation("CreateFunctionUrlConfig")
def create_function_url_config(
    ctx: Context, tx: Tx, inp: api.CreateFunctionUrlConfigRequest
) -> api.CreateFunctionUrlConfigResponse:
    """Give a function or an alias a URL.

    Raises   ResourceNotFound; ResourceConflict when it has one; InvalidParameterValue for a version.
    Promise  the URL answers from the commit on, as far as the policy of the function or alias allows.
    """
    named = _checked_reference(ctx, inp.function_name, inp.qualifier)
    try:
        configuration_of(tx.documents, named, found_function(tx.documents, named))
    except ResourceNotFound as error:
        raise ResourceNotFound("Function does not exist") from error
    if url_of(tx.documents, named) is not None:
        raise ResourceConflict(
            f"Failed to create function url config for [functionArn = {named.named_arn}]. Error message:  "
            "FunctionUrlConfig exists for this Lambda function"
        )
    url = FunctionUrl(
        url_id=ctx.ids.token(16),
        auth_type=inp.auth_type,
        created_ms=ctx.now_ms,
        modified_ms=ctx.now_ms,
        cors=_cors(inp.cors),
        invoke_mode=inp.invoke_mode or BUFFERED,
    )
    _stored(tx, named, url)
    owner = UrlOwner(
        account=named.scope.account, region=named.scope.region, function_name=named.name, qualifier=named.qualifier
    )
    URL_OWNERS.put(tx.documents, EVERYWHERE, url.url_id, owner)
    shown = _described(ctx, named, url)
    return api.CreateFunctionUrlConfigResponse(
        function_url=shown.function_url,
        function_arn=shown.function_arn,
        auth_type=shown.auth_type,
        cors=shown.cors,
        creation_time=shown.creation_time,
        invoke_mode=inp.invoke_mode,
    )


@operation("GetFunctionUrlConfig", reads=True)
def get_function_url_config(
    ctx: Context, tx: Tx, inp: api.GetFunctionUrlConfigRequest
) -> api.GetFunctionUrlConfigResponse:
    """The URL of a function or an alias.

    Raises   ResourceNotFound.
    """
    named = _checked_reference(ctx, inp.function_name, inp.qualifier)
    shown = _described(ctx, named, _found(tx, named))
    return api.GetFunctionUrlConfigResponse(**msgspec.structs.asdict(shown))


@operation("UpdateFunctionUrlConfig")
def update_function_url_config(
    ctx: Context, tx: Tx, inp: api.UpdateFunctionUrlConfigRequest
) -> api.UpdateFunctionUrlConfigResponse:
    """Change what the request names; ``Cors`` is replaced whole, an empty one removes it.

    Raises   ResourceNotFound.
    """
    named = _checked_reference(ctx, inp.function_name, inp.qualifier)
    url = _found(tx, named)
    changed = msgspec.structs.replace(
        url,
        auth_type=inp.auth_type or url.auth_type,
        cors=url.cors if inp.cors is None else _cors(inp.cors),
        invoke_mode=inp.invoke_mode or url.invoke_mode,
        modified_ms=ctx.now_ms,
    )
    _stored(tx, named, changed)
    return api.UpdateFunctionUrlConfigResponse(**msgspec.structs.asdict(_described(ctx, named, changed)))


@operation("DeleteFunctionUrlConfig")
def delete_function_url_config(ctx: Context, tx: Tx, inp: api.DeleteFunctionUrlConfigRequest) -> api.Empty:
    """Remove a URL; its id is never used again.

    Raises   ResourceNotFound.
    """
    named = _checked_reference(ctx, inp.function_name, inp.qualifier)
    if not remove_url(tx.documents, named):
        raise ResourceNotFound("The resource you requested does not exist.")
    return api.Empty()


@operation("ListFunctionUrlConfigs", reads=True)
def list_function_url_configs(
    ctx: Context, tx: Tx, inp: api.ListFunctionUrlConfigsRequest
) -> api.ListFunctionUrlConfigsResponse:
    """The URLs of a function and of its aliases.

    Raises   ResourceNotFound.
    """
    named = reference(ctx, inp.function_name)
    found_function(tx.documents, named)
    size = pages.page_size(inp.max_items)
    rows = FUNCTION_URLS.page(
        tx.documents, named.scope, parent=named.name, after=pages.after(inp.marker), count_max=size + 1
    )
    own = policy_key(None)
    shown, marker = pages.cut(
        [
            (key, _described(ctx, FunctionReference(named.scope, named.name, None if key == own else key), url))
            for key, url in rows
        ],
        size,
    )
    return api.ListFunctionUrlConfigsResponse(function_url_configs=shown, next_marker=marker)
