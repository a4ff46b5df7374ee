"""Where Lambda's resources are kept: the only file of the service that knows keys and codecs.

Functions, aliases and versions are looked up for every invocation. An engine gives the same bytes object for an unchanged
document, so decoded values are remembered by body: a repeated look-up costs a dictionary access, and a changed document is a
different body. Nothing has to be invalidated.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from bascule.kernel.documents import Collection, DocumentKey, Documents
from bascule.kernel.scope import Scope
from bascule.services.lambda_.model import (
    Alias,
    DeletedQueue,
    EventInvokeConfig,
    Function,
    Policy,
    Version,
)

S = TypeVar("S", bound=msgspec.Struct)

#: Decoded documents of one kind kept at once. count
REMEMBERED_MAX = 4_096


#: Fires when a version of a function or of a layer was deleted, and its package may be wanted by nobody.
PACKAGE_DROPPED_SIGNAL = "lambda.package-dropped"


class RememberedCollection(Collection[S], Generic[S]):
    """A collection whose ``get`` decodes each body once."""

    def __init__(self, kind: str, value_type: type[S]) -> None:
        super().__init__(kind, value_type)
        self._remembered = lru_cache(maxsize=REMEMBERED_MAX)(self._decode)

    def get(self, documents: Documents, scope: Scope, name: str, *, parent: str = "") -> S | None:
        body = documents.get(DocumentKey(self.kind, scope, parent, name))
        return None if body is None else self._remembered(body)


FUNCTIONS = RememberedCollection("lambda.function", Function)
#: parent: function name; name: ``version_key(number)``.
VERSIONS = RememberedCollection("lambda.version", Version)
#: parent: function name.
ALIASES = RememberedCollection("lambda.alias", Alias)
#: parent: function name; name: the qualifier as ``qualifier_key`` gives it.
POLICIES = Collection("lambda.policy", Policy)
#: parent: function name; name: the qualifier, ``$LATEST`` included.
EVENT_INVOKE_CONFIGS = RememberedCollection("lambda.event-invoke-config", EventInvokeConfig)
#: name: uuid of the deleted function.
DELETED_QUEUES = Collection("lambda.deleted-queue", DeletedQueue)

#: Everything that belongs to a function and goes with it.
CHILDREN = (VERSIONS, ALIASES, POLICIES, EVENT_INVOKE_CONFIGS)


def version_key(number: int) -> str:
    """The document name of a version: padded, so that names sort as numbers."""
    return f"{number:012d}"


def policy_key(qualifier: str | None) -> str:
    """The document name of a policy; the unqualified function has one of its own."""
    return qualifier or "-"


def queue_name(uuid: str) -> str:
    """The kernel queue of a function's asynchronous invocations."""
    return f"lambda/{uuid}"


#: What ``changed_signal`` begins with; the function's ARN follows.
CHANGED_SIGNAL = "lambda.changed:"
#: The signal that some version or alias may have other provisioned concurrency, or an alias that has it points elsewhere.
PROVISIONED_SIGNAL = "lambda.provisioned"


def changed_signal(scope: Scope, name: str) -> str:
    """The signal that what a function's environments are made from changed: created, updated, reserved anew, deleted.

    Publishing and aliases are not among these: warm environments stay as they are.
    """
    return f"{CHANGED_SIGNAL}{scope.arn('lambda', f'function:{name}')}"
