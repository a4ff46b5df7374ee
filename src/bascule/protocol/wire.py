"""The surface of the wire layer: a request is identified, its input parsed, its output or error serialised.

Rules of the file: everything that depends on an operation and a protocol is compiled at the first such request (``Plan``)
and kept for the services that are served; so a stranger who signs for all of AWS leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import ModuleType
from typing import Any

import msgspec

from bascule.kernel.errors import AwsError
from bascule.protocol import event_stream, json, query, rest_json, rpc_cbor
from bascule.protocol.catalog import Catalog
from bascule.protocol.errors import SerializationException
from bascule.protocol.fast import fast_parser
from bascule.protocol.http import HttpAnswer, HttpRequest
from bascule.protocol.model import OperationModel
from bascule.protocol.required import lists_empty_when_missing
from bascule.protocol.routing import Protocol, Route, Router
from bascule.protocol.validate import Validator

#: (service, operation) -> (input class, output class), or None for plain dicts.
ShapesOf = Callable[[str, str], tuple[type[msgspec.Struct], type[msgspec.Struct]] | None]

_CODECS: Mapping[Protocol, ModuleType] = {
    "json": json,
    "query": query,
    "rest-json": rest_json,
    "smithy-rpc-v2-cbor": rpc_cbor,
}


class Plan:
    """An operation in a protocol. Each half is compiled when first used: what is never served is only ever refused."""

    def __init__(self, operation: OperationModel, protocol: Protocol, input_type: type[msgspec.Struct] | None) -> None:
        self.operation = operation
        self.protocol = protocol
        self.input_type = input_type
        self._codec = _CODECS[protocol]

    @cached_property
    def serialise(self) -> Callable[[object, str], HttpAnswer]:
        """Writes an output, given with the request id."""
        compiled: Callable[[object, str], HttpAnswer] = self._codec.serialiser(self.operation)
        return compiled

    @cached_property
    def write_event(self) -> event_stream.WriteEvent:
        """Writes one event of an output that streams events."""
        assert self.protocol == "rest-json", f"{self.operation.name} streams in another protocol"
        return event_stream.event_writer(self.operation)

    @cached_property
    def fast(self) -> Callable[[bytes], Any] | None:
        """The short way of reading; None when this operation has none."""
        if self.protocol != "json" or self.input_type is None:
            return None
        return fast_parser(self.operation, self.input_type)

    @cached_property
    def _read(self) -> Callable[[HttpRequest, Mapping[str, str]], dict[str, object]]:
        compiled: Callable[[HttpRequest, Mapping[str, str]], dict[str, object]] = self._codec.parser(self.operation)
        return compiled

    @cached_property
    def _lists(self) -> tuple[str, ...]:
        return lists_empty_when_missing(self.operation.service, self.operation.input_shape)

    @cached_property
    def _check(self) -> Callable[[dict[str, object]], AwsError | None]:
        return Validator(self.operation.service).of_input(self.operation.input_shape)

    def parse(self, request: HttpRequest, labels: Mapping[str, str]) -> Any:
        """The input of a request, by the short way when that accepts it."""
        if self.fast is not None:
            found = self.fast(request.body)
            if found is not None:
                return found
        return self.parse_generic(request, labels)

    def parse_generic(self, request: HttpRequest, labels: Mapping[str, str]) -> Any:
        """The definition of a correct input. Raises AwsError."""
        try:
            values = self._read(request, labels)
            for name in self._lists:
                if values.get(name) is None:
                    values[name] = []
            refusal = self._check(values)
        except RecursionError:
            raise SerializationException("The request body is nested too deeply") from None
        if refusal is not None:
            raise refusal
        if self.input_type is None:
            return values
        try:
            return msgspec.convert(values, self.input_type)
        except msgspec.ValidationError as error:
            # The installed model is newer or older than the one our types were generated from.
            raise SerializationException(str(error)) from None

    def error_answer(self, error: AwsError, request_id: str) -> HttpAnswer:
        """Writes a refusal."""
        answer: HttpAnswer = self._codec.error_answer(self.operation.service, error, request_id)
        return answer


class Call:
    """One identified request."""

    __slots__ = ("_labels", "_plan", "request")

    def __init__(self, request: HttpRequest, plan: Plan, labels: Mapping[str, str]) -> None:
        self.request = request
        self._plan = plan
        self._labels = labels

    @property
    def service(self) -> str:
        """botocore's name of the service (``lambda``)."""
        return self._plan.operation.service.name

    @property
    def operation(self) -> str:
        """The model's name of the operation (``CreateFunction``)."""
        return self._plan.operation.name

    @property
    def protocol(self) -> Protocol:
        """How the caller speaks."""
        return self._plan.protocol

    def parse(self) -> Any:
        """The typed input (a dict of member names when there are no typed shapes), types and constraints checked.

        Raises   AwsError in the service's words.
        """
        return self._plan.parse(self.request, self._labels)

    def serialise(self, output: object, *, request_id: str) -> HttpAnswer:
        """The answer that carries an output: the output struct, a dict of member names, or None for an empty one."""
        return self._plan.serialise(output, request_id)

    def write_event(self, event: object) -> bytes:
        """The message that carries one event of a streamed output; follows the head that ``serialise`` gives."""
        return self._plan.write_event(event)

    def serialise_error(self, error: AwsError, *, request_id: str) -> HttpAnswer:
        """The answer that carries a refusal."""
        return self._plan.error_answer(error, request_id)


class Wire:
    """All protocols of the services that are served. Frozen after construction but for what it compiles and keeps."""

    def __init__(self, *, shapes_of: ShapesOf, services: tuple[str, ...], catalog: Catalog | None = None) -> None:
        self.catalog = catalog or Catalog()
        self._shapes_of = shapes_of
        self._services = frozenset(services)
        self._router = Router(self.catalog, services)
        self._plans: dict[tuple[str, str, str], Plan] = {}

    def identify(self, request: HttpRequest) -> Call:
        """Which operation of which service is meant, in which protocol.

        Gives    a call also for operations nobody implements: that is for the caller to find out.
        Raises   AwsError, to be answered with ``refuse``.
        """
        route = self._router.route(request)
        return Call(request, self._plan(route), route.labels)

    def refuse(self, request: HttpRequest, error: AwsError, *, request_id: str) -> HttpAnswer:
        """The answer to a request that was refused before it was identified, in the protocol it most likely speaks."""
        protocol, service = self._router.guess(request)
        answer: HttpAnswer = _CODECS[protocol].error_answer(service, error, request_id)
        return answer

    def _plan(self, route: Route) -> Plan:
        operation = route.operation
        key = (operation.service.name, operation.name, route.protocol)
        plan = self._plans.get(key)
        if plan is None:
            types = self._shapes_of(operation.service.name, operation.name)
            plan = Plan(operation, route.protocol, types[0] if types else None)
            if operation.service.name in self._services:
                self._plans[key] = plan
        return plan
