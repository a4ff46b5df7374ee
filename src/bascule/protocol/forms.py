"""What an ``AwsError`` is called on the wire: shape, code, status, and the further members of its shape.

Rules of the file: a service may name its error by the JSON shape or by the older code of the Query protocol; both find the
same entry. The status is the model's when the model has one.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from bascule.kernel.errors import AwsError
from bascule.protocol.dialects import FRAMEWORK_PREFIXES, QUERY_CODES, QUERY_TEXTS, TYPE_PREFIXES, QueryCode
from bascule.protocol.model import EMPTY, ServiceModel, Shape

#: Errors of no shape whose text stands under ``Message`` (recorded for several services).
CAPITAL_MESSAGE = frozenset({"SerializationException", "AccessDeniedException"})


class Form(NamedTuple):
    """An error as the protocols need it."""

    shape_name: str
    shape: Shape
    #: The name in the Query protocol.
    query: QueryCode
    status: int
    message: str
    is_senders_fault: bool

    @property
    def message_key(self) -> str:
        """``Message`` when the shape, or the framework below the services, writes it so; else ``message``."""
        return "Message" if "Message" in self.shape.members or self.shape_name in CAPITAL_MESSAGE else "message"


@cache
def _shape_names(service: str) -> dict[str, str]:
    return {query.code: name for name, query in QUERY_CODES.get(service, {}).items()}


def form_of(service: ServiceModel | None, error: AwsError) -> Form:
    """The form of an error in a service; of any service when it is not known which."""
    name = error.code
    shape, status = EMPTY, error.status
    query = QueryCode(name, status)
    if service is not None:
        name = _shape_names(service.name).get(name, name)
        found = service.shapes.get(name)
        if found is not None and found.exception:
            shape = found
        trait = shape.error
        if trait is not None and trait.http_status_code is not None:
            status = trait.http_status_code
        elif shape.fault:
            status = 500
        code = trait.code if trait is not None and trait.code else name
        query = QUERY_CODES.get(service.name, {}).get(name, QueryCode(code, status))
    return Form(name, shape, query, status, error.message, error.sender_fault and status < 500)


def type_name(service: ServiceModel | None, form: Form) -> str:
    """The ``__type`` of the JSON protocols: the bare name, or with the prefix that the service uses."""
    prefix = TYPE_PREFIXES.get(service.name) if service is not None else None
    return form.shape_name if prefix is None else FRAMEWORK_PREFIXES.get(form.shape_name, prefix) + form.shape_name


def query_message(service: ServiceModel | None, form: Form) -> str:
    """The text of the error in the Query protocol."""
    texts = QUERY_TEXTS.get((service.name, form.shape_name)) if service is not None else None
    return texts[1] if texts is not None and form.message == texts[0] else form.message


def query_error_header(service: ServiceModel | None, form: Form) -> list[tuple[str, str]]:
    """The header that tells the older code, for the services that left the Query protocol."""
    if service is None or service.metadata.aws_query_compatible is None:
        return []
    return [("x-amzn-query-error", f"{form.query.code};{'Sender' if form.is_senders_fault else 'Receiver'}")]
