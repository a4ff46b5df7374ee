"""The way of a request, as a literal list of stages. Nothing is hooked in from elsewhere.

Each stage takes the exchange one step further or raises; whatever is raised becomes an answer of the shape that the caller's
SDK expects, in one place (``_failed``).
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from bascule.edge.connection import Answered, ClientGone, Connection
from bascule.edge.dispatch import Dispatcher
from bascule.edge.function_urls import FunctionUrls, place_of
from bascule.edge.identity import Caller, caller_of, scope_of
from bascule.edge.internal import Internal, json_answer
from bascule.edge.refusals import first_given
from bascule.edge.registry import Registry
from bascule.edge.streamed_answers import event_stream_answer
from bascule.edge.web_pages import FromWebPage, is_from_elsewhere
from bascule.host.contexts import Contexts
from bascule.identity.access_keys import account_of
from bascule.kernel.context import Context
from bascule.kernel.errors import AwsError, InternalFailure, NotImplementedHere, Throttled
from bascule.kernel.service import Operation
from bascule.kernel.store import Outcome, StoreBusy, StoreClosed
from bascule.kernel.streaming import StreamedOutput
from bascule.protocol import Call, HttpAnswer, HttpRequest, HttpStreamedAnswer, Wire

log = logging.getLogger("bascule.edge")


class ServiceUnavailable(AwsError):
    """The server is stopping or its disk has failed; nothing was changed."""

    code = "ServiceUnavailable"
    status = 503
    sender_fault = False


async def _apart(handling: Coroutine[Any, Any, HttpAnswer | HttpStreamedAnswer], answered: Answered) -> None:
    try:
        answer = await handling
    except ClientGone:
        answered(None)
    else:
        answered(answer)


class Exchange:
    """One request on its way; each stage fills in what the next ones need."""

    __slots__ = (
        "answered",
        "base_url",
        "call",
        "caller",
        "ctx",
        "given",
        "operation",
        "request",
        "request_id",
        "source_ip",
    )

    def __init__(
        self, request: HttpRequest, request_id: str, source_ip: str, base_url: str, answered: Answered
    ) -> None:
        self.request = request
        self.request_id = request_id
        self.source_ip = source_ip
        self.base_url = base_url
        self.answered = answered
        self.call: Call | None = None
        self.caller: Caller
        self.ctx: Context
        self.operation: Operation
        self.given: Any = None


class Pipeline:
    """Answers every request. The stages, in order: identify, authenticate, find, parse, (throttle, dispatch, serialise)."""

    def __init__(
        self, *, wire: Wire, registry: Registry, dispatcher: Dispatcher, contexts: Contexts, internal: Internal
    ) -> None:
        self._wire = wire
        self._registry = registry
        self._dispatcher = dispatcher
        self._contexts = contexts
        self._internal = internal
        self._function_urls = FunctionUrls(dispatcher, contexts)
        self._requests_max = contexts.settings.requests_max
        self._working = 0
        self._stages = (self._identify, self._authenticate, self._find, self._parse)

    def begin(
        self, request: HttpRequest, *, source_ip: str, base_url: str, connection: Connection, answered: Answered
    ) -> Coroutine[Any, Any, None] | None:
        """Answer a whole request.

        Takes    answered: called once, perhaps before this returns, with the answer; with None when the client left meanwhile.
        Gives    what must be run as a task for that; None when nothing need be.
        """
        if (place := place_of(request)) is not None:
            handling = self._function_urls.handle(
                request, place, source_ip=source_ip, base_url=base_url, connection=connection
            )
            return _apart(handling, answered)
        if request.path.startswith(Internal.PREFIXES):
            if is_from_elsewhere(request.headers):
                answered(json_answer({"message": str(FromWebPage())}, FromWebPage.status))
                return None
            return _apart(self._internal.handle(request, base_url=base_url, connection=connection), answered)
        exchange = Exchange(request, self._contexts.ids.uuid(), source_ip, base_url, answered)
        self._working += 1
        try:
            for stage in self._stages:
                stage(exchange)
        except Exception as error:  # noqa: BLE001 - the top of a request: whatever happens, the client gets an answer
            self._working -= 1
            answered(self._failed(exchange, error))
            return None
        self._dispatcher.begin(
            exchange.operation, exchange.ctx, exchange.given, connection, partial(self._ended, exchange)
        )
        return None

    def _ended(self, exchange: Exchange, outcome: Outcome) -> None:
        """The last stage: what the operation gave or raised, in the caller's protocol."""
        self._working -= 1
        answer: HttpAnswer | HttpStreamedAnswer | None
        try:
            if outcome.error is not None:
                raise outcome.error
            output, call = outcome.value, exchange.call
            assert call is not None
            if type(output) is StreamedOutput:
                answer = event_stream_answer(call, output, request_id=exchange.request_id)
            else:
                answer = call.serialise(output, request_id=exchange.request_id)
        except ClientGone:
            answer = None
        except Exception as error:  # noqa: BLE001 - the top of a request: whatever happens, the client gets an answer
            answer = self._failed(exchange, error)
        exchange.answered(answer)

    def refuse(self, request: HttpRequest, error: AwsError) -> HttpAnswer:
        """The answer to a request that is refused before its body was read."""
        exchange = Exchange(request, self._contexts.ids.uuid(), "", "", lambda _: None)
        try:
            self._identify(exchange)
        except AwsError:
            log.debug("a refused request could not be identified")
        return self._failed(exchange, error)

    def _identify(self, exchange: Exchange) -> None:
        """Which operation of which service, in which protocol; refused when more requests are under way than allowed."""
        exchange.call = self._wire.identify(exchange.request)
        if self._working > self._requests_max:
            raise Throttled()

    def _authenticate(self, exchange: Exchange) -> None:
        """Who calls. On loopback any credentials are accepted, but of no page of another site; the account and region they
        name are used."""
        request = exchange.request
        if is_from_elsewhere(request.headers):
            raise FromWebPage()
        caller = caller_of(request.headers, request.query_string)
        exchange.caller = caller
        exchange.ctx = self._contexts.make(
            scope_of(caller, account_of(caller.access_key)),
            request_id=exchange.request_id,
            base_url=exchange.base_url,
            source_ip=exchange.source_ip,
            access_key=caller.access_key,
            trace_header=request.headers.get("x-amzn-trace-id"),
        )

    def _find(self, exchange: Exchange) -> None:
        """The operation, or an error that names it: never a fake success."""
        call = exchange.call
        assert call is not None
        operation = self._registry.find(call.service, call.operation)
        if operation is None:
            self._contexts.metrics.count("edge.not_implemented", f"{call.service}.{call.operation}")
            raise NotImplementedHere(
                f"Bascule does not implement {call.operation} of {call.service} yet; 'bascule coverage' lists what it does."
            )
        exchange.operation = operation

    def _parse(self, exchange: Exchange) -> None:
        """The typed input, checked against the model; members that are understood but not built are refused by name."""
        call = exchange.call
        assert call is not None
        exchange.given = call.parse()
        refuses = exchange.operation.refuses
        path = first_given(exchange.given, refuses) if refuses else None
        if path is not None:
            self._contexts.metrics.count("edge.not_implemented", f"{call.service}.{call.operation}.{path}")
            raise NotImplementedHere(
                f"Bascule does not implement the parameter {path} of {call.operation} yet; leave it out to go on without it."
            )

    def _failed(self, exchange: Exchange, error: Exception) -> HttpAnswer:
        if isinstance(error, StoreBusy):
            error = Throttled()
        elif isinstance(error, StoreClosed):
            error = ServiceUnavailable()
        elif not isinstance(error, AwsError):
            self._contexts.metrics.count("edge.internal_failures")
            log.error("request %s failed inside", exchange.request_id, exc_info=error)
            error = InternalFailure()
        if exchange.call is None:
            return self._wire.refuse(exchange.request, error, request_id=exchange.request_id)
        return exchange.call.serialise_error(error, request_id=exchange.request_id)
