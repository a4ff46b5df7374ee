"""What ``bascule dev`` shows: coloured on a terminal, plain lines elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

Json = dict[str, Any]

#: Characters of an error's message that are shown. count
MESSAGE_SHOWN = 400


def printable(text: str) -> str:
    """Text without control characters: a function's output must not steer the terminal of whoever watches it."""
    return "".join(character if character.isprintable() or character in "\t\u00a0" else "\ufffd" for character in text)


class Printer:
    """Prints happenings of functions, each as a line."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True, markup=False)
        self._width = 0

    def names(self, names: list[str]) -> None:
        """Functions that lines will be about; their names are aligned."""
        self._width = max(map(len, names))

    def say(self, text: str, style: str = "") -> None:
        """A line that is about no moment."""
        self._console.print(Text(text, style))

    def line(self, at: datetime, name: str, word: str, style: str, text: str, text_style: str = "") -> None:
        """A line about a function at a moment."""
        moment, name, word = at.strftime("%H:%M:%S.%f")[:-3], name.ljust(self._width), word.ljust(8)
        if not self._console.is_terminal:
            # A tenth of the cost of styles: a function under load prints thousands of lines, and reloading must not wait.
            self._console.file.write(f"{moment} {name} {word} {text}\n")
            self._console.file.flush()
            return
        parts = ((moment, "dim"), " ", (name, "cyan"), " ", (word, style), " ", (text, text_style))
        self._console.print(Text.assemble(*parts))

    def happening(self, name: str, told: Json) -> None:
        """One happening of the server's feed."""
        at = datetime.fromtimestamp(told["at_ms"] / 1000, UTC).astimezone()
        match told["kind"]:
            case "lines":
                for line in told["lines"]:
                    for part in line.rstrip("\r\n").replace("\r", "\n").split("\n"):
                        self.line(at, name, "|", "dim", printable(part))
            case "invocation":
                self._invocation(at, name, told)
            case "refused":
                self.line(at, name, "refused", "yellow", f"{printable(told['message'])}  {told['request_id']}")
            case "import-failed":
                self.line(at, name, "broken", "red", _error_words(told))
            case "overtaken":
                text = "somebody else updated this function: their package runs; save a file to run this folder again"
                self.line(at, name, "replaced", "yellow", text)
            case "restarted":
                self.line(at, name, "debug", "bold blue", "runs what was saved; attach again")
            case "debug-ended":
                self.line(at, name, "debug", "yellow", "ended, because nobody watched any more")

    def _invocation(self, at: datetime, name: str, told: Json) -> None:
        measures = f"{told['duration_ms']:.1f} ms"
        if told["init_ms"] is not None:
            measures += f" + {told['init_ms']:.1f} ms cold"
        measures += f"  {told['memory_mb']} MB  {told['request_id']}"
        if told["event_id"]:
            measures += f"  event {told['event_id']}"
        if told["attempt"] > 1:
            measures += f"  try {told['attempt']}"
        if told["is_error"]:
            self.line(at, name, "failed", "bold red", f"{measures}  {_error_words(told)}")
        else:
            self.line(at, name, "ok", "green", measures)


def _error_words(told: Json) -> str:
    message = printable(str(told["error_message"]).replace("\n", " "))[:MESSAGE_SHOWN]
    return ": ".join(filter(None, (str(told["error_type"]), message)))
