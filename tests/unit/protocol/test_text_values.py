"""Plain values in paths, query strings, headers and forms."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.protocol.errors import SerializationException
from bascule.protocol.model import Ref
from bascule.protocol.text_values import header_text, text_reader, text_writer
from tests.unit.protocol.models import model_of

MODEL = model_of(
    {
        "Flag": {"type": "boolean"},
        "Long": {"type": "long"},
        "Double": {"type": "double"},
        "Moment": {"type": "timestamp"},
        "EpochMoment": {"type": "timestamp", "timestampFormat": "unixTimestamp"},
        "Data": {"type": "blob"},
    }
)


@pytest.mark.parametrize(
    ("shape", "location", "text", "value"),
    [
        ("String", "uri", "a", "a"),
        ("Flag", "querystring", "True", True),
        ("Integer", "querystring", "-7", -7),
        ("Long", "querystring", str(2**40), 2**40),
        ("Double", "querystring", "1.5", 1.5),
        ("Moment", "querystring", "2026-01-15T10:07:30Z", 1768471650.0),
        ("Moment", "header", "Thu, 15 Jan 2026 10:07:30 GMT", 1768471650.0),
        ("EpochMoment", "querystring", "1768471650", 1768471650.0),
        ("Data", "header", "AP8=", b"\x00\xff"),
    ],
)
def test_a_text_is_read(shape: str, location: str, text: str, value: Any) -> None:
    assert text_reader(MODEL, Ref(shape=shape), location)(text) == value


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("Flag", "yes"),
        ("Integer", "1.0"),
        ("Integer", "٣"),
        ("Integer", str(2**31)),
        ("Long", str(2**63)),
        ("Long", "9" * 5000),
        ("Double", "x"),
        ("Moment", "x"),
        ("Moment", "999999999999"),
        ("Data", "!"),
    ],
)
def test_a_text_of_another_type_is_refused(shape: str, text: str) -> None:
    with pytest.raises(SerializationException, match="STRING_VALUE can not be converted"):
        text_reader(MODEL, Ref(shape=shape), "querystring")(text)


@pytest.mark.parametrize(
    ("shape", "location", "value", "text"),
    [
        ("String", "header", "a\r\nb", "a  b"),
        ("String", "xml", "a\nb", "a\nb"),
        ("Integer", "header", 5, "5"),
        ("Flag", "xml", True, "true"),
        ("Moment", "header", 1768471650.0, "Thu, 15 Jan 2026 10:07:30 GMT"),
        ("Moment", "xml", 1768471650.0, "2026-01-15T10:07:30Z"),
        ("Data", "xml", b"\x00\xff", "AP8="),
    ],
)
def test_a_value_is_written(shape: str, location: str, value: Any, text: str) -> None:
    assert text_writer(MODEL, Ref(shape=shape), location)(value) == text


def test_header_text_stays_in_one_line_and_in_latin_1() -> None:
    assert header_text("a\nb\x00é\N{SNOWMAN}") == "a b é?"
