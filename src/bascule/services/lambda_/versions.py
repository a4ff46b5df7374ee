"""Published versions: frozen copies of ``$LATEST`` whose numbers are never used again."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from bascule.api import lambda_ as api
from bascule.kernel.context import Context
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.lambda_ import pages
from bascule.services.lambda_.configuration import describe
from bascule.services.lambda_.errors import InvalidParameterValue, PreconditionFailed
from bascule.services.lambda_.model import LATEST, Configuration, Function, Version
from bascule.services.lambda_.names import of_latest, reference
from bascule.services.lambda_.packages import code_sha256
from bascule.services.lambda_.resolution import found_function
from bascule.services.lambda_.state import FUNCTIONS, VERSIONS, version_key

_ENCODE = msgspec.msgpack.Encoder(order="deterministic").encode


def content_id(configuration: Configuration) -> str:
    """Names what a configuration says, whoever said it and when: equal for two publications without a change between."""
    plain = msgspec.structs.replace(configuration, environment_id="", revision_id="", modified_ms=0)
    return sha256(_ENCODE(plain)).hexdigest()


def publish(
    ctx: Context, tx: Tx, scope: Scope, function: Function, *, description: str | None
) -> tuple[Function, Version]:
    """Freeze ``$LATEST`` as the next version, or give the newest version when nothing changed since.

    Gives    the function as it is to be stored (the caller stores it) and the version.
    """
    content = content_id(function.latest)
    newest = VERSIONS.get(tx.documents, scope, version_key(function.version_newest), parent=function.name)
    if newest is not None and newest.published_from == content:
        return function, newest
    number = function.version_newest + 1
    frozen = msgspec.structs.replace(
        function.latest,
        revision_id=ctx.ids.uuid(),
        modified_ms=ctx.now_ms,
        description=function.latest.description if description is None else description,
    )
    version = Version(number=number, configuration=frozen, published_from=content)
    VERSIONS.put(tx.documents, scope, version_key(number), version, parent=function.name)
    latest = msgspec.structs.replace(function.latest, revision_id=ctx.ids.uuid())
    return msgspec.structs.replace(function, version_newest=number, latest=latest), version


@operation("PublishVersion", refuses=("PublishTo",))
def publish_version(ctx: Context, tx: Tx, inp: api.PublishVersionRequest) -> api.FunctionConfiguration:
    """Publish ``$LATEST``.

    Raises   ResourceNotFound; PreconditionFailed; InvalidParameterValue when CodeSha256 is not that of ``$LATEST``.
    """
    named = of_latest(ctx, inp.function_name)
    function = found_function(tx.documents, named)
    check_revision(inp.revision_id, function.latest.revision_id)
    current = code_sha256(function.latest.code_digest)
    if inp.code_sha256 and inp.code_sha256 != current:
        raise InvalidParameterValue(
            f"CodeSHA256 ({inp.code_sha256}) is different from current CodeSHA256 in $LATEST ({current}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    function, version = publish(ctx, tx, named.scope, function, description=inp.description)
    FUNCTIONS.put(tx.documents, named.scope, named.name, function)
    number = str(version.number)
    return describe(named.scope, named.name, version.configuration, version=number, arn=f"{named.arn}:{number}")


def check_revision(given: str | None, current: str) -> None:
    """Refuse a request made on the ground of an older state."""
    if given and given != current:
        raise PreconditionFailed()


@operation("ListVersionsByFunction", reads=True)
def list_versions_by_function(
    ctx: Context, tx: Tx, inp: api.ListVersionsByFunctionRequest
) -> api.ListVersionsByFunctionResponse:
    """``$LATEST`` first, then the published versions by number."""
    named = reference(ctx, inp.function_name)
    function = found_function(tx.documents, named)
    size = pages.page_size(inp.max_items)
    start = pages.after(inp.marker)
    rows: list[tuple[str, api.FunctionConfiguration]] = []
    if not start:
        shown = describe(named.scope, named.name, function.latest, version=LATEST, arn=f"{named.arn}:{LATEST}")
        rows.append(("-", shown))
    for key, version in VERSIONS.page(
        tx.documents, named.scope, parent=named.name, after="" if start == "-" else start, count_max=size + 1
    ):
        number = str(version.number)
        shown = describe(named.scope, named.name, version.configuration, version=number, arn=f"{named.arn}:{number}")
        rows.append((key, shown))
    versions, marker = pages.cut(rows, size)
    return api.ListVersionsByFunctionResponse(versions=versions, next_marker=marker)
