"""A debugger's side of the Debug Adapter Protocol over a socket: as much of it as an editor needs for a breakpoint."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any

Json = dict[str, Any]


class DebugClient:
    """``with DebugClient(port) as debugger``; every wait is bounded."""

    def __init__(self, port: int, *, within_s: float = 30.0) -> None:
        deadline = time.monotonic() + within_s
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=within_s)
                break
            except OSError:
                assert time.monotonic() < deadline, f"nothing listens on port {port}"
                time.sleep(0.05)
        self._reader = self._socket.makefile("rb")
        self._number = 0
        self._came: list[Json] = []

    def send(self, command: str, **arguments: Any) -> int:
        """Ask for something; gives the number that the response will carry."""
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._number

    def _receive(self) -> Json:
        length = 0
        while (line := self._reader.readline().strip()) or not length:
            assert line, "the debugger hung up"
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found: Json = json.loads(self._reader.read(length))
        return found

    def _until(self, **wanted: Any) -> Json:
        def fits(message: Json) -> bool:
            return all(message.get(name) == value for name, value in wanted.items())

        for message in self._came:
            if fits(message):
                self._came.remove(message)
                return message
        while not fits(message := self._receive()):
            self._came.append(message)
        return message

    def event(self, name: str) -> Json:
        """Wait for an event; gives its body."""
        body: Json = self._until(type="event", event=name).get("body", {})
        return body

    def ask(self, command: str, **arguments: Any) -> Json:
        """Ask and wait for the response; gives its body."""
        answer = self._until(type="response", request_seq=self.send(command, **arguments))
        assert answer["success"], answer
        body: Json = answer.get("body", {})
        return body

    def attach(self, breakpoints: dict[Path, list[int]]) -> list[bool]:
        """Attach with breakpoints; gives whether each was verified."""
        self.ask("initialize", adapterID="test", pathFormat="path", linesStartAt1=True, columnsStartAt1=True)
        attaching = self.send("attach", justMyCode=True)
        self.event("initialized")
        verified: list[bool] = []
        for path, lines in breakpoints.items():
            wanted = [{"line": line} for line in lines]
            answer = self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)
            verified += [one["verified"] for one in answer["breakpoints"]]
        self.ask("configurationDone")
        self._until(type="response", request_seq=attaching)
        return verified

    def __enter__(self) -> DebugClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        self._socket.close()
