"""The ``Detail`` of an entry as it is kept: compact, checked, and otherwise exactly as it was written.

AWS parses the text and writes it again without insignificant white space. Here tokens are copied, never re-encoded, so
``2500.10`` stays ``2500.10`` and an integer of thirty digits survives. Key order is kept; of a repeated key the last value
wins at the place of the first, as an ordered map would have it.

Two roads lead to the same bytes. The fast one is three passes in C: compact, decode, encode. When the encoder gives back
the compacted text, no key can have been repeated and nothing is left to do. The general one walks tokens without recursion
and defines what is correct; it is taken for repeated keys, numbers beyond a double, and deep nesting.
"""

from __future__ import annotations

import re
from itertools import accumulate

import msgspec

from bascule.services.events.limits import DETAIL_DEPTH_MAX

_compact = msgspec.json.format
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

#: The next token of a JSON text, behind white space.
TOKEN = re.compile(
    rb"[ \t\n\r]*("
    rb'"(?:[^"\\\x00-\x1f]|\\.)*"'
    rb"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
    rb"|true|false|null|[{}\[\]:,])",
    re.DOTALL,
)
_BLANK = re.compile(rb"[ \t\n\r]*\Z")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


def canonical_detail(text: str) -> bytes | None:
    """The compact form of a JSON object.

    Takes    any text.
    Gives    its bytes without insignificant white space and without repeated keys, or None when the text is not a JSON
             object, nests deeper than ``DETAIL_DEPTH_MAX`` levels, or holds half of a surrogate pair.
    Promise  equal to the general road for every input.
    """
    try:
        compact: bytes = _compact(text.encode(), indent=-1)
        value = _decode(compact)
        if type(value) is not dict:
            return None
        if _encode(value) != compact and _key_count(value) != compact.count(b'":'):
            return _general(compact)
        return compact if len(compact) <= DETAIL_DEPTH_MAX or _is_shallow(compact) else None
    except (msgspec.ValidationError, RecursionError):
        return _general(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _is_shallow(compact: bytes) -> bool:
    """Whether a compact, valid document keeps within the depth limit; one of few bytes does without being looked at."""
    if compact.count(b"{") + compact.count(b"[") <= DETAIL_DEPTH_MAX:
        return True
    brackets = _STRING.sub(b"", compact).translate(None, _NOT_BRACKETS)
    return max(accumulate(1 if bracket in b"{[" else -1 for bracket in brackets)) <= DETAIL_DEPTH_MAX


def _key_count(value: object) -> int:
    """How many keys all objects of a decoded document have; a count of ``":`` in its text is never smaller."""
    count = 0
    open_values = [value]
    while open_values:
        current = open_values.pop()
        if type(current) is dict:
            count += len(current)
            open_values.extend(current.values())
        elif type(current) is list:
            open_values.extend(current)
    return count


class _Frame:
    """An object or array being read. ``key`` is the name waiting for its value; ``expects`` what may come next."""

    __slots__ = ("expects", "items", "key", "members")

    def __init__(self, *, is_object: bool) -> None:
        self.members: dict[str, tuple[bytes, bytes]] | None = {} if is_object else None
        self.items: list[bytes] = []
        self.key: tuple[str, bytes] = ("", b"")
        self.expects = "key or }" if is_object else "value or ]"

    def add(self, value: bytes) -> None:
        if self.members is None:
            self.items.append(value)
        else:
            name, written = self.key
            self.members[name] = (self.members.get(name, (written, b""))[0], value)
        self.expects = ", or end"

    def text(self) -> bytes:
        if self.members is None:
            return b"[%b]" % b",".join(self.items)
        return b"{%b}" % b",".join(b"%b:%b" % member for member in self.members.values())


def _general(text: bytes) -> bytes | None:
    """What ``canonical_detail`` means, one token after the other; None when the text is not an acceptable object."""
    frames: list[_Frame] = []
    position = 0
    while True:
        found = TOKEN.match(text, position)
        if found is None:
            return None
        token, position = found.group(1), found.end()
        if token in (b"{", b"["):
            if (frames and "value" not in frames[-1].expects) or len(frames) == DETAIL_DEPTH_MAX:
                return None
            frames.append(_Frame(is_object=token == b"{"))
            continue
        if not frames or not _take(frames[-1], token):
            return None
        if token in (b"}", b"]"):
            closed = frames.pop()
            if not frames:
                is_object = closed.members is not None
                return closed.text() if is_object and _BLANK.match(text, position) else None
            frames[-1].add(closed.text())


def _take(frame: _Frame, token: bytes) -> bool:
    """Let the innermost frame read one token that opens nothing; False when it does not belong there."""
    is_object = frame.members is not None
    if token == b"}" or token == b"]":
        is_own = (token == b"}") == is_object
        return is_own and ("end" in frame.expects or frame.expects in ("key or }", "value or ]"))
    if token == b",":
        if frame.expects != ", or end":
            return False
        frame.expects = "key" if is_object else "value"
        return True
    if token == b":":
        if frame.expects != ":":
            return False
        frame.expects = "value"
        return True
    if token[:1] == b'"':
        try:
            name: str = _decode(token)
        except msgspec.DecodeError:
            return False
        if "key" in frame.expects:
            frame.key = (name, token)
            frame.expects = ":"
            return True
    if "value" not in frame.expects:
        return False
    frame.add(token)
    return True
