"""The Extensions API of one environment: who is registered for what, and who still works on an event. No I/O.

External extensions are programs of layers and known by name before they register; any other name that registers is an
internal extension, a part of the runtime's own process. The environment is done with an invocation when each of them has asked
for its next event.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable

import msgspec

from bascule.kernel.invocation import FunctionVersion
from bascule.runtime.http_listener import ApiAnswer, ApiRequest
from bascule.runtime.limits import EXTENSIONS_MAX
from bascule.runtime.ports import Outcome, OutcomeKind
from bascule.runtime.runtime_api import ACCEPTED, Errand, refusal

BASE_PATH = "/2020-01-01"
INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"
_IDENTIFIER = "lambda-extension-identifier"


class ExtensionState(enum.Enum):
    """Where an extension is; the values are the words of refusals."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


class Extension:
    """One extension."""

    def __init__(self, name: str, identifier: str, *, is_external: bool) -> None:
        self.name = name
        self.identifier = identifier
        self.is_external = is_external
        self.events: frozenset[str] = frozenset()
        self.state = ExtensionState.STARTED
        #: An event that it has not fetched.
        self.due: bytes | None = None
        self.waiter: asyncio.Future[ApiAnswer] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it has asked for its next event and there is none."""
        return self.state is ExtensionState.READY and self.due is None

    def give(self, event: bytes) -> None:
        """Hand over an event, now or when it asks."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(ApiAnswer(200, event))
            self.state = ExtensionState.RUNNING
        else:
            self.due = event
        self.waiter = None


class _Registration(msgspec.Struct, frozen=True):
    events: list[str] = []


class ExtensionsApi:
    """The extensions of one environment. ``changed`` is called after each step."""

    def __init__(
        self,
        function: FunctionVersion,
        external_names: list[str],
        new_id: Callable[[], str],
        changed: Callable[[], None],
    ) -> None:
        self._function = function
        self._new_id = new_id
        self._changed = changed
        self._extensions = {name: Extension(name, new_id(), is_external=True) for name in external_names}
        #: An extension reported that it cannot go on.
        self.failure: Outcome | None = None
        #: Set when init is over: nobody may register any more.
        self.is_closed = False

    @property
    def all(self) -> list[Extension]:
        """Every extension, registered or still expected."""
        return list(self._extensions.values())

    @property
    def are_registered(self) -> bool:
        """Whether every program in ``/opt/extensions`` has registered."""
        return all(extension.state is not ExtensionState.STARTED for extension in self._extensions.values())

    @property
    def are_idle(self) -> bool:
        """Whether every extension waits for its next event."""
        return all(extension.is_idle for extension in self._extensions.values())

    def invoke(self, errand: Errand) -> None:
        """Tell those who want to know of an invocation."""
        request = errand.request
        event = msgspec.json.encode(
            {
                "eventType": INVOKE,
                "deadlineMs": errand.deadline_ms,
                "requestId": request.request_id,
                "invokedFunctionArn": request.invoked_arn,
                "tracing": {"type": "X-Amzn-Trace-Id", "value": request.trace},
            }
        )
        for extension in self._extensions.values():
            if INVOKE in extension.events:
                extension.give(event)

    def shutdown(self, reason: str, deadline_ms: int) -> None:
        """Tell those who want to know of the end. Takes reason ``spindown``, ``timeout`` or ``failure``."""
        event = msgspec.json.encode({"eventType": SHUTDOWN, "shutdownReason": reason, "deadlineMs": deadline_ms})
        for extension in self._extensions.values():
            if SHUTDOWN in extension.events:
                extension.give(event)

    def handle(self, request: ApiRequest) -> ApiAnswer | asyncio.Future[ApiAnswer] | None:
        """Answer a request under ``BASE_PATH`` (already cut off); None when there is no such path."""
        path, method = request.path, request.method
        if path == "/extension/register":
            return self._register(request) if method == "POST" else ApiAnswer(405)
        if path not in ("/extension/event/next", "/extension/init/error", "/extension/exit/error"):
            return None
        if method != ("GET" if path == "/extension/event/next" else "POST"):
            return ApiAnswer(405)
        extension = self._identify(request)
        if isinstance(extension, ApiAnswer):
            return extension
        if path == "/extension/event/next":
            return self._next(extension)
        wanted = ExtensionState.INIT_ERROR if path == "/extension/init/error" else ExtensionState.EXIT_ERROR
        return self._error(extension, wanted, request)

    def _identify(self, request: ApiRequest) -> Extension | ApiAnswer:
        identifier = request.headers.get(_IDENTIFIER, "")
        if not identifier:
            return refusal(403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
        for extension in self._extensions.values():
            if extension.identifier == identifier and extension.state is not ExtensionState.STARTED:
                return extension
        return refusal(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")

    def _register(self, request: ApiRequest) -> ApiAnswer:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return refusal(403, "Extension.InvalidExtensionName", "Empty extension name")
        try:
            wanted = msgspec.json.decode(request.body, type=_Registration)
        except msgspec.DecodeError as error:
            return refusal(403, "InvalidRequestFormat", str(error))
        known = self._extensions.get(name)
        is_external = known is not None and known.is_external
        for event in wanted.events:
            if event not in (INVOKE, SHUTDOWN):
                return refusal(403, "Extension.InvalidEventType", f"{event}: the events are INVOKE and SHUTDOWN")
            if event == SHUTDOWN and not is_external:
                words = f"{event}: not for internal extensions"
                return refusal(403, "Extension.InvalidEventType", words)
        extension = self._admit(name, known)
        if isinstance(extension, ApiAnswer):
            return extension
        extension.events = frozenset(wanted.events)
        extension.state = ExtensionState.REGISTERED
        self._changed()
        told = {
            "functionName": self._function.name,
            "functionVersion": self._function.version,
            "handler": self._function.handler,
        }
        if "accountId" in request.headers.get("lambda-extension-accept-feature", ""):
            told["accountId"] = self._function.scope.account
        headers = {"Content-Type": "application/json", "Lambda-Extension-Identifier": extension.identifier}
        return ApiAnswer(200, msgspec.json.encode(told), headers)

    def _admit(self, name: str, known: Extension | None) -> Extension | ApiAnswer:
        if self.is_closed and known is None:
            return refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
        if known is not None and known.is_external:
            if known.state is ExtensionState.STARTED:
                return known
            return _not_allowed(known, ExtensionState.REGISTERED)
        if known is not None:
            return refusal(403, "Extension.InvalidExtensionState", "Extension with this name already registered")
        if len(self._extensions) >= EXTENSIONS_MAX:
            return refusal(403, "Extension.TooManyExtensions", f"Extension limit ({EXTENSIONS_MAX}) reached")
        extension = self._extensions[name] = Extension(name, self._new_id(), is_external=False)
        return extension

    def _next(self, extension: Extension) -> ApiAnswer | asyncio.Future[ApiAnswer]:
        if extension.state in (ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR):
            return _not_allowed(extension, ExtensionState.READY)
        if extension.due is not None:
            event, extension.due = extension.due, None
            extension.state = ExtensionState.RUNNING
            return ApiAnswer(200, event)
        if extension.waiter is not None and not extension.waiter.done():
            extension.waiter.set_result(_not_allowed(extension, ExtensionState.READY))
        waiter = extension.waiter = asyncio.get_running_loop().create_future()
        extension.state = ExtensionState.READY
        self._changed()
        return waiter

    def _error(self, extension: Extension, wanted: ExtensionState, request: ApiRequest) -> ApiAnswer:
        error_type = request.headers.get("lambda-extension-function-error-type", "")
        if not error_type:
            return refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        is_early = extension.state in (ExtensionState.REGISTERED, ExtensionState.STARTED)
        if wanted is ExtensionState.INIT_ERROR and not is_early:
            return _not_allowed(extension, wanted)
        extension.state = wanted
        platform_type = f"Extension.{wanted.value}"
        self.failure = Outcome(OutcomeKind.EXITED, error_type=platform_type, reason=error_type)
        self._changed()
        return ACCEPTED


def _not_allowed(extension: Extension, wanted: ExtensionState) -> ApiAnswer:
    words = f"State transition from {extension.state.value} to {wanted.value} failed for extension {extension.name}."
    return refusal(403, "Extension.InvalidExtensionState", f"{words} Error: State transition is not allowed")
