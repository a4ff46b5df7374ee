"""Types of JSON values: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bascule.protocol.convert import Converters
from bascule.protocol.errors import SerializationException
from bascule.protocol.model import Ref
from tests.unit.protocol.models import model_of, structure

MODEL = model_of(
    {
        "Flag": {"type": "boolean"},
        "Long": {"type": "long"},
        "Double": {"type": "double"},
        "Moment": {"type": "timestamp"},
        "IsoMoment": {"type": "timestamp", "timestampFormat": "iso8601"},
        "Data": {"type": "blob"},
        "List": {"type": "list", "member": {"shape": "Integer"}},
        "Map": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Integer"}},
        "Any": {"type": "structure", "document": True},
        "Renamed": structure(
            Inner={"shape": "String", "locationName": "inner"}, Header={"shape": "String", "location": "header"}
        ),
        "Tree": structure(Left="Tree", Name="String"),
    }
)
CONVERTERS = Converters(MODEL)


@pytest.mark.parametrize(
    ("shape", "given", "expected"),
    [
        ("String", "a", "a"),
        ("Flag", True, True),
        ("Integer", 2**31 - 1, 2**31 - 1),
        ("Integer", -(2**31), -(2**31)),
        ("Integer", 1.9, 1),
        ("Long", 2**63 - 1, 2**63 - 1),
        ("Double", 1, 1.0),
        ("Double", "-Infinity", -math.inf),
        ("Moment", 5, 5.0),
        ("IsoMoment", "2026-01-15T10:07:30Z", 1768471650.0),
        ("IsoMoment", 7.5, 7.5),
        ("Data", "AP8=", b"\x00\xff"),
        ("Data", b"raw", b"raw"),
        ("List", [1, None], [1, None]),
        ("Map", {"a": 1, "b": None}, {"a": 1}),
        ("Any", {"x": [1, None, {}]}, {"x": [1, None, {}]}),
        ("Renamed", {"inner": "i", "Inner": "ignored", "Header": "not here"}, {"Inner": "i"}),
        ("Tree", {"Left": {"Left": {"Name": "n"}}}, {"Left": {"Left": {"Name": "n"}}}),
    ],
)
def test_a_value_of_the_type_is_taken(shape: str, given: Any, expected: Any) -> None:
    assert CONVERTERS.of(Ref(shape=shape))(given) == expected


def test_not_a_number_is_a_double() -> None:
    assert math.isnan(CONVERTERS.of(Ref(shape="Double"))("NaN"))  # type: ignore[arg-type]  # a double


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        ("String", 1.5, "NUMBER_VALUE can not be converted to a String"),
        ("Flag", 1, "NUMBER_VALUE can not be converted to a Boolean"),
        ("Integer", True, "TRUE_VALUE can not be converted to an Integer"),
        ("Integer", 2**31, "NUMBER_VALUE can not be converted to an Integer"),
        ("Integer", math.inf, "NUMBER_VALUE can not be converted to an Integer"),
        ("Long", "1", "STRING_VALUE can not be converted to a Long"),
        ("Long", 2**63, "NUMBER_VALUE can not be converted to a Long"),
        ("Double", "x", "STRING_VALUE can not be converted to a Double"),
        ("Double", False, "FALSE_VALUE can not be converted to a Double"),
        ("Double", 10**400, "NUMBER_VALUE can not be converted to a Double"),
        ("Moment", True, "TRUE_VALUE can not be converted to milliseconds since epoch"),
        ("Moment", "2026-01-15T10:07:30Z", "STRING_VALUE can not be converted to milliseconds since epoch"),
        ("Moment", 1e300, "NUMBER_VALUE can not be converted to milliseconds since epoch"),
        ("Data", 1, "NUMBER_VALUE can not be converted to a Blob"),
        ("Data", "!", "STRING_VALUE can not be converted to a Blob"),
        ("List", "x", "Expected list or null"),
        ("List", {}, "Start of structure or map found where not expected."),
        ("Map", 1, "Expected map or null"),
        ("Map", [], "Start of list found where not expected"),
        ("Tree", "x", "STRING_VALUE can not be converted to a structure"),
    ],
)
def test_a_value_of_another_type_is_refused(shape: str, given: Any, message: str) -> None:
    with pytest.raises(SerializationException) as caught:
        CONVERTERS.of(Ref(shape=shape))(given)
    assert caught.value.message == message
