"""A service model as botocore ships it, decoded into types and otherwise left as it is.

Rules of the file: only the traits that the wire layer uses are declared; documentation and everything unknown is skipped
while decoding, which is also why a model of half a megabyte costs 3 ms. Shapes refer to each other by name, so recursive
shapes need no care. Everything here is frozen and shared by all requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec


class Frozen(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a model."""


class Ref(Frozen, frozen=True):
    """The use of a shape by a member, a list, a map or an operation, with the traits of that use."""

    shape: str
    location: str | None = None
    location_name: str | None = None
    flattened: bool | None = None
    timestamp_format: str | None = None
    #: Of an operation's output in the Query protocol.
    result_wrapper: str | None = None
    #: Of a member of an event: it is the message's payload, or one of its headers.
    eventpayload: bool = False
    eventheader: bool = False


class ErrorTrait(Frozen, frozen=True):
    """How an exception shape appears on the wire."""

    code: str | None = None
    http_status_code: int | None = None
    sender_fault: bool | None = None


class Shape(Frozen, frozen=True):
    """One type of the model."""

    type: str
    members: dict[str, Ref] = {}
    required: list[str] = []
    member: Ref | None = None
    key: Ref | None = None
    value: Ref | None = None
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None
    enum: list[str] = []
    flattened: bool = False
    location_name: str | None = None
    timestamp_format: str | None = None
    payload: str | None = None
    document: bool = False
    eventstream: bool = False
    sensitive: bool = False
    exception: bool = False
    fault: bool = False
    error: ErrorTrait | None = None


class Http(Frozen, frozen=True):
    """Method, path template and status of an operation."""

    method: str
    request_uri: str
    response_code: int = 200


class OperationTraits(Frozen, frozen=True):
    """An operation as the file has it."""

    name: str
    http: Http
    input: Ref | None = None
    output: Ref | None = None


class Metadata(Frozen, frozen=True):
    """What a service calls itself on the wire."""

    api_version: str
    endpoint_prefix: str
    protocol: str = ""
    protocols: list[str] = []
    json_version: str = "1.0"
    signing_name: str | None = None
    target_prefix: str | None = None
    xml_namespace: str | None = None
    #: Present when the service left the Query protocol and still tells its older error codes.
    aws_query_compatible: dict[str, object] | None = None


class Document(Frozen, frozen=True):
    """The whole file."""

    metadata: Metadata
    operations: dict[str, OperationTraits]
    shapes: dict[str, Shape]


class OperationModel:
    """An operation and the model it belongs to."""

    __slots__ = ("http", "input", "name", "output", "service")

    def __init__(self, service: ServiceModel, traits: OperationTraits) -> None:
        self.service = service
        self.name = traits.name
        self.http = traits.http
        self.input = traits.input
        self.output = traits.output

    @property
    def input_shape(self) -> Shape:
        """The structure of the input; empty when there is none."""
        return self.service.shapes[self.input.shape] if self.input else EMPTY

    @property
    def output_shape(self) -> Shape:
        """The structure of the output; empty when there is none."""
        return self.service.shapes[self.output.shape] if self.output else EMPTY


EMPTY = Shape(type="structure")


class ServiceModel:
    """A service: ``name`` is botocore's directory (``events``, ``lambda``)."""

    __slots__ = ("metadata", "name", "operations", "shapes")

    def __init__(self, name: str, document: Document) -> None:
        self.name = name
        self.metadata = document.metadata
        self.shapes: Mapping[str, Shape] = document.shapes
        self.operations: Mapping[str, OperationModel] = {
            key: OperationModel(self, traits) for key, traits in document.operations.items()
        }

    @property
    def signing_name(self) -> str:
        """The service in the credential scope of a signature."""
        return self.metadata.signing_name or self.metadata.endpoint_prefix

    def event_shape(self, shape: Shape) -> Shape | None:
        """What an output streams: the structure of which each event has one member; None when it streams nothing."""
        targets = (self.shapes[ref.shape] for ref in shape.members.values())
        return next((target for target in targets if target.eventstream), None)

    def members(self, shape: Shape) -> Iterator[tuple[str, Ref, Shape]]:
        """Name, use and shape of each member, in the model's order; streams of events are left out."""
        for name, ref in shape.members.items():
            target = self.shapes[ref.shape]
            if not target.eventstream:
                yield name, ref, target
