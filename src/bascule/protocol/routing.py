"""Which operation of which service a request asks for, in which protocol.

Rules of the file: the first of these that is present decides: an RPC path, ``X-Amz-Target``, ``Action=`` of a service that
speaks Query, method and path. The signing name only chooses between services that share a form; it never decides alone,
because two generations of EventBridge sign as ``events``. Models of services nobody asks for are never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qs, unquote_plus

from bascule.kernel.errors import AwsError, NotImplementedHere
from bascule.protocol.catalog import Catalog
from bascule.protocol.dialects import QUERY_ALSO, SIGNING_NAMES
from bascule.protocol.errors import InvalidAction, MissingAction, UnknownOperation, UnknownPath
from bascule.protocol.http import HttpRequest
from bascule.protocol.limits import PATH_REMEMBERED_CHARACTERS_MAX, PATHS_REMEMBERED_MAX
from bascule.protocol.model import OperationModel, ServiceModel
from bascule.protocol.rest_routes import RestRoutes

Protocol = Literal["json", "query", "rest-json", "smithy-rpc-v2-cbor"]

_ACTION: Final = re.compile(r"(?:^|&)Action=([^&]*)")
_ACTION_BYTES: Final = re.compile(rb"(?:^|&)Action=([^&]*)")
_CREDENTIAL: Final = re.compile(r"Credential=([^,\s]+)")
_RPC_PATH: Final = re.compile(r"/service/([A-Za-z0-9_.]+)/operation/([A-Za-z0-9_]+)\Z")
FORM: Final = "application/x-www-form-urlencoded"
_NO_LABELS: Final[Mapping[str, str]] = {}


class Route(NamedTuple):
    """The answer: an operation, how it is spoken, and the labels of its path."""

    operation: OperationModel
    protocol: Protocol
    labels: Mapping[str, str] = _NO_LABELS


class Guess(NamedTuple):
    """How to refuse a request that could not be routed."""

    protocol: Protocol
    service: ServiceModel | None


class Router:
    """Routes requests to the services that are served, in their order, and to any other one that is signed for."""

    def __init__(self, catalog: Catalog, services: tuple[str, ...]) -> None:
        self._catalog = catalog
        self._services = services
        #: Targets and paths of the services that are served, kept once found.
        self._targets: dict[str, Route] = {}
        self._rest: dict[str, RestRoutes] = {}
        #: By signing name, method and path without a query string: a warm function's path comes a thousand times a second.
        self._paths: dict[tuple[str | None, str, str], Route] = {}

    def route(self, request: HttpRequest) -> Route:
        """Find the operation.

        Raises   UnknownOperation, UnknownPath, InvalidAction; NotImplementedHere for protocols that are not built.
        """
        target = request.headers.get("x-amz-target")
        if target is not None:
            return self._targets.get(target) or self._by_target(request, target)
        rpc = _RPC_PATH.match(request.path) if "smithy-protocol" in request.headers else None
        if rpc is not None:
            return self._by_rpc_path(request, rpc[1], rpc[2])
        action = action_of(request)
        if action is None:
            return self._by_path(request)
        return self._by_action(request, action) or self._by_path_with_action(request, action)

    def guess(self, request: HttpRequest) -> Guess:
        """The protocol and service a request most likely meant; never fails."""
        service = next(self._signed(request), None)
        if "smithy-protocol" in request.headers:
            return Guess("smithy-rpc-v2-cbor", service)
        if "x-amz-target" in request.headers:
            return Guess("json", service)
        is_form = request.headers.get("content-type", "").startswith(FORM)
        if action_of(request) is not None or (is_form and service is not None and speaks_query(service)):
            return Guess("query", service)
        if service is None:
            return Guess("rest-json", None)
        own = service.metadata.protocol
        return Guess(
            "json" if own == "json" else "query" if own in ("query", "ec2", "rest-xml") else "rest-json", service
        )

    def _signed(self, request: HttpRequest) -> Iterator[ServiceModel]:
        """Models of the services that the signature may mean, those we serve first."""
        name = signing_name_of(request)
        if not name:
            return
        for service in dict.fromkeys((name, SIGNING_NAMES.get(name, name))):
            model = self._catalog.model(service)
            if model is not None:
                yield model
        for service in self._services:
            model = self._model(service)
            if model.signing_name == name and service != name:
                yield model

    def _model(self, service: str) -> ServiceModel:
        model = self._catalog.model(service)
        assert model is not None, f"no model of {service}"
        return model

    def _candidates(self, request: HttpRequest) -> Iterator[ServiceModel]:
        yield from self._signed(request)
        yield from (self._model(service) for service in self._services)

    def _by_target(self, request: HttpRequest, target: str) -> Route:
        prefix, _, name = target.rpartition(".")
        for model in self._candidates(request):
            if model.metadata.target_prefix == prefix:
                operation = model.operations.get(name)
                if operation is None:
                    raise UnknownOperation(f"The operation {name} is not known to {model.name}.")
                route = Route(operation, "json")
                if model.name in self._services:
                    self._targets[target] = route
                return route
        raise UnknownOperation(f"The target {target} is not known.")

    def _by_rpc_path(self, request: HttpRequest, prefix: str, name: str) -> Route:
        for model in self._candidates(request):
            if model.metadata.target_prefix == prefix and "smithy-rpc-v2-cbor" in model.metadata.protocols:
                operation = model.operations.get(name)
                if operation is not None:
                    return Route(operation, "smithy-rpc-v2-cbor")
        raise UnknownOperation(f"The operation {name} of {prefix} is not known.")

    def _by_action(self, request: HttpRequest, action: str) -> Route | None:
        """The operation of an action; None when no service that speaks Query has it."""
        for model in list(self._signed(request)) or map(self._model, self._services):
            operation = model.operations.get(action) if speaks_query(model) else None
            if operation is not None:
                return Route(operation, "query")
        return None

    def _by_path_with_action(self, request: HttpRequest, action: str) -> Route:
        """A REST request whose query or form only looks like a Query request, or an action that does not exist."""
        try:
            return self._by_path(request)
        except (UnknownPath, UnknownOperation, MissingAction):
            raise InvalidAction(f"The action {action} is not valid for this web service.") from None

    def _by_path(self, request: HttpRequest) -> Route:
        if request.query_string:
            return self._by_new_path(request)
        key = (signing_name_of(request), request.method, request.path)
        route = self._paths.get(key)
        if route is None:
            route = self._by_new_path(request)
            if route.operation.service.name in self._services and len(request.path) <= PATH_REMEMBERED_CHARACTERS_MAX:
                if len(self._paths) >= PATHS_REMEMBERED_MAX:
                    self._paths.clear()
                self._paths[key] = route
        return route

    def _by_new_path(self, request: HttpRequest) -> Route:
        signed = list(self._signed(request))
        refusal: AwsError = UnknownPath(f"No operation is known at {request.method} {request.path[:256]}.")
        for model in signed or map(self._model, self._services):
            protocol = model.metadata.protocol
            if protocol == "rest-json":
                found = self._routes(model).find(request.method, request.path, request.query_string)
                if found is not None:
                    return Route(found.operation, "rest-json", found.labels)
            elif signed and protocol == "json":
                refusal = UnknownOperation("The request has no X-Amz-Target header.")
            elif signed and protocol == "query":
                refusal = MissingAction()
            elif signed:
                refusal = NotImplementedHere(f"Bascule does not speak {protocol}, the protocol of {model.name}.")
        raise refusal

    def _routes(self, model: ServiceModel) -> RestRoutes:
        routes = self._rest.get(model.name)
        if routes is None:
            routes = RestRoutes(model.operations.values())
            if model.name in self._services:
                self._rest[model.name] = routes
        return routes


def speaks_query(model: ServiceModel) -> bool:
    """Whether the service is served in the Query protocol."""
    metadata = model.metadata
    return metadata.protocol == "query" or "query" in metadata.protocols or model.name in QUERY_ALSO


def action_of(request: HttpRequest) -> str | None:
    """The ``Action`` parameter of a Query request; None when there is none."""
    if "Action=" in request.query_string:
        found = _ACTION.search(request.query_string)
        if found is not None:
            return unquote_plus(found[1])
    if request.headers.get("content-type", "").startswith(FORM):
        in_body = _ACTION_BYTES.search(request.body)
        if in_body is not None:
            return unquote_plus(in_body[1].decode("latin-1"))
    return None


def signing_name_of(request: HttpRequest) -> str | None:
    """The service in the credential scope of the header or of a presigned query; None when unsigned or malformed."""
    found = _CREDENTIAL.search(request.headers.get("authorization", ""))
    credential = found[1] if found else ""
    if not credential and "X-Amz-Credential=" in request.query_string:
        credential = parse_qs(request.query_string).get("X-Amz-Credential", [""])[0]
    parts = credential.split("/")
    return parts[-2] if len(parts) >= 5 else None
