"""A JSON tokeniser that knows how far it has read.

AWS reports the position of its own parser, so the reader here consumes characters in the same steps: of a string value only
the opening quote until somebody asks for its text, and after a field name already the first characters of the value.
It is also the definition of what JSON is for events that the fast decoder refuses. It never recurses.
"""

from __future__ import annotations

import re
from typing import NoReturn

from bascule.patterns.errors import located

DEPTH_MAX = 1_000  # nested containers; the limit of the service's parser

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z0-9_$]*")
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LITERALS = ("true", "false", "null")
_EXPECTED_ANY = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


class Tokens:
    """Reads one JSON text token by token.

    ``kind`` is the current token: one of ``{ } [ ] name string number true false null`` or ``""`` at the end.
    """

    def __init__(self, text: str) -> None:
        self.source = text
        self.kind = ""
        self.consumed = 0  # characters read so far, as a location counts them
        self._open: list[tuple[str, int]] = []  # containers entered and where
        self._pending = ""  # the value token read together with its field name
        self._start = 0  # where the current string (after its quote) or number begins
        self._name = ""
        self._is_unread = False  # the current string has not been read to its end
        self._is_first = True  # nothing has been read inside the innermost container yet

    def fail(self, reason: str, *, times: int = 1) -> NoReturn:
        """Raise PatternError at the present position."""
        raise located(reason, self.source, self.consumed, times=times)

    def next(self) -> str:
        """Move to the next token and give its kind."""
        if self._pending:
            self.kind, self._pending = self._pending, ""
            return self.kind
        if self._is_unread:
            self._finish_string()
        if not self._open:
            return self._at_top()
        opener, _ = self._open[-1]
        char = self._skip_space()
        if char == "":
            self._end_of_input(opener)
        if char in "}]":
            self._close(char)
            return self.kind
        if not self._is_first:
            if char != ",":
                self._unexpected(f"was expecting comma to separate {_kind_name(opener)} entries")
            self.consumed += 1
            char = self._skip_space()
        self._is_first = False
        if opener == "{":
            self._read_name(char)
        else:
            self.kind = self._read_value(char)
        return self.kind

    def finish(self) -> None:
        """Fail unless nothing but white space is left."""
        if self._is_unread:
            self._finish_string()
        if self._skip_space():
            self._unexpected("was expecting the end of the text")

    def name(self) -> str:
        """The current field name."""
        return self._name

    def text(self) -> str:
        """The current string, read to its closing quote, or the literal text of any other token."""
        if self.kind == "string":
            return self._finish_string() if self._is_unread else self._name
        if self.kind == "number":
            return self.source[self._start : self.consumed]
        return self.kind

    def _at_top(self) -> str:
        char = self._skip_space()
        self.kind = self._read_value(char) if char else ""
        return self.kind

    def _skip_space(self) -> str:
        char = self.source[self.consumed : self.consumed + 1]
        if char and char in " \t\n\r":
            match = _SPACE.match(self.source, self.consumed)
            assert match is not None
            self.consumed = match.end()
            return self.source[self.consumed : self.consumed + 1]
        return char

    def _read_name(self, char: str) -> None:
        if char != '"':
            self._unexpected("was expecting double-quote to start field name")
        self.consumed += 1
        self._start = self.consumed
        self._name = self._string_rest("name", " in field name")
        if self._skip_space() != ":":
            self._unexpected("was expecting a colon to separate field name and value")
        self.consumed += 1
        name, self.kind = self._name, "name"
        self._pending = self._read_value(self._skip_space())
        self._name = name

    def _read_value(self, char: str) -> str:
        if char == '"':
            self.consumed += 1
            self._start = self.consumed
            self._is_unread = True
            return "string"
        if char in "{[" and char:
            if len(self._open) >= DEPTH_MAX:
                self.fail(f"Document nesting depth ({DEPTH_MAX + 1}) exceeds the maximum allowed ({DEPTH_MAX})")
            self._open.append((char, self.consumed))
            self.consumed += 1
            self._is_first = True
            return char
        if char == "-" or char.isdecimal():
            return self._read_number()
        if char and (char.isalpha() or char in "_$"):
            return self._read_word(char)
        return self._unexpected(f"expected a valid value {_EXPECTED_ANY}")

    def _read_number(self) -> str:
        match = _NUMBER.match(self.source, self.consumed)
        if match is None:
            self.consumed += 1
            self._unexpected("expected digit (0-9) to follow minus sign, for valid numeric value", " in numeric value")
        begin, self.consumed = self.consumed, match.end()
        after = self.source[self.consumed : self.consumed + 1]
        if after.isdecimal():
            self.fail("Invalid numeric value: Leading zeroes not allowed")
        if after == ".":
            self.consumed += 1
            self._unexpected("Decimal point not followed by a digit", " in numeric value")
        if after in "eE" and after:
            self.consumed += 1
            self._unexpected("Exponent indicator not followed by a digit", " in numeric value")
        self._start = begin
        return "number"

    def _read_word(self, char: str) -> str:
        match = _WORD.match(self.source, self.consumed)
        word = match.group() if match is not None and match.group() else char
        self.consumed += len(word)
        if word not in _LITERALS:
            self.fail(f"Unrecognized token '{word}': was expecting {_EXPECTED_ANY}")
        return word

    def _close(self, char: str) -> None:
        opener, begin = self._open[-1]
        self.consumed += 1
        if (opener, char) not in (("{", "}"), ("[", "]")):
            where = located("", self.source, begin).location.removeprefix("\n at ")
            wanted = "}" if opener == "{" else "]"
            self.fail(
                f"Unexpected close marker '{char}': expected '{wanted}' (for {_kind_name(opener)} starting at {where})"
            )
        self._open.pop()
        self._is_first = False
        self.kind = char

    def _end_of_input(self, opener: str) -> NoReturn:
        where = located("", self.source, self._open[-1][1]).location.removeprefix("\n at ")
        self.fail(f"Unexpected end-of-input: expected close marker for {_kind_name(opener)} (start marker at {where})")

    def _unexpected(self, wanted: str, context: str = "") -> NoReturn:
        char = self.source[self.consumed : self.consumed + 1]
        if not char:
            self.fail("Unexpected end-of-input within/between Object entries")
        self.consumed += 1
        self.fail(f"Unexpected character ('{char}' (code {ord(char)})){context}: {wanted}")

    def _finish_string(self) -> str:
        self._name = self._string_rest("string value", ": was expecting closing quote for a string value")
        self._is_unread = False
        return self._name

    def _string_rest(self, where: str, at_end: str) -> str:
        """Read up to and over the closing quote; ``consumed`` stands behind the opening one."""
        parts: list[str] = []
        position = self._start
        while True:
            match = _PLAIN.match(self.source, position)
            assert match is not None
            parts.append(match.group())
            position = match.end()
            char = self.source[position : position + 1]
            self.consumed = min(position + 1, len(self.source))
            if char == '"':
                text = "".join(parts)
                return _SURROGATE_PAIR.sub(_join_pair, text) if "\\" in self.source[self._start : position] else text
            if char == "":
                self.fail(f"Unexpected end-of-input{at_end}")
            if char != "\\":
                self.fail(
                    f"Illegal unquoted character ((CTRL-CHAR, code {ord(char)})): has to be escaped using backslash"
                    f" to be included in {where}"
                )
            position = self._escape(position + 1, parts)

    def _escape(self, position: int, parts: list[str]) -> int:
        char = self.source[position : position + 1]
        self.consumed = min(position + 1, len(self.source))
        if char == "":
            self.fail("Unexpected end-of-input in character escape sequence")
        if char in _ESCAPES:
            parts.append(_ESCAPES[char])
            return position + 1
        if char != "u":
            self.fail(f"Unrecognized character escape '{char}' (code {ord(char)})")
        match = _HEX4.match(self.source, position + 1)
        if match is None:
            self.consumed = position + 1
            self._bad_hex()
        parts.append(chr(int(match.group(), 16)))
        return match.end()

    def _bad_hex(self) -> NoReturn:
        while (char := self.source[self.consumed : self.consumed + 1]) and char in "0123456789abcdefABCDEF":
            self.consumed += 1
        if not char:
            self.fail("Unexpected end-of-input in character escape sequence")
        self._unexpected("expected a hex-digit for character escape sequence")


def _kind_name(opener: str) -> str:
    return "Object" if opener == "{" else "Array"


def _join_pair(match: re.Match[str]) -> str:
    return match.group().encode("utf-16", "surrogatepass").decode("utf-16")
