"""Constraint clauses: their words, their paths, their order."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.protocol.model import ServiceModel
from bascule.protocol.render import REDACTED
from bascule.protocol.validate import Validator
from tests.unit.protocol.models import model_of, structure

SHAPES = {
    "Name": {"type": "string", "min": 2, "max": 4, "pattern": "[a-z]+"},
    "Mode": {"type": "string", "enum": ["ON", "OFF"]},
    "Secret": {"type": "string", "max": 3, "sensitive": True},
    "Small": {"type": "integer", "min": 1, "max": 10},
    "Data": {"type": "blob", "max": 2},
    "Names": {"type": "list", "member": {"shape": "Name"}, "max": 2},
    "Modes": {"type": "list", "member": {"shape": "Mode"}},
    "Free": {"type": "list", "member": {"shape": "String"}, "min": 1},
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Secret"}, "max": 2},
    "Parts": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Item"}},
    "Item": structure(("Id",), Id="Name", Child="Item"),
    "Items": {"type": "list", "member": {"shape": "Item"}},
    "Unread": {"type": "string", "pattern": "(?<broken", "max": 3},
    "Flag": {"type": "boolean"},
    "Input": structure(
        ("Name",),
        Name="Name",
        Mode="Mode",
        Secret="Secret",
        Small="Small",
        Data="Data",
        Names="Names",
        Modes="Modes",
        Free="Free",
        Tags="Tags",
        Parts="Parts",
        Items="Items",
        Unread="Unread",
        Flag="Flag",
        Only="Item",
    ),
    "Nothing": structure(Text="String"),
}
MODEL = model_of(SHAPES)


def clauses(value: dict[str, Any], model: ServiceModel = MODEL) -> list[str]:
    error = Validator(model).of_input(model.shapes["Input"])({"Name": "abc"} | value)
    if error is None:
        return []
    head, _, text = error.message.partition(" detected: ")
    found = text.split("; ")
    assert head == ("1 validation error" if len(found) == 1 else f"{len(found)} validation errors")
    return found


def failed(value: str, path: str, constraint: str) -> str:
    return f"Value{value} at '{path}' failed to satisfy constraint: {constraint}"


PATTERN = "Member must satisfy regular expression pattern: [a-z]+"
LONG = "Member must have length less than or equal to 4"
SHORT = "Member must have length greater than or equal to 2"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ({"Name": None}, [failed(" null", "name", "Member must not be null")]),
        ({"Name": "abcde"}, [failed(" 'abcde'", "name", LONG)]),
        ({"Name": "a"}, [failed(" 'a'", "name", SHORT)]),
        ({"Name": "ABCDE"}, [failed(" 'ABCDE'", "name", PATTERN), failed(" 'ABCDE'", "name", LONG)]),
        ({"Name": "abc\n"}, [failed(" 'abc\n'", "name", PATTERN)]),
        ({"Mode": "on"}, [failed(" 'on'", "mode", "Member must satisfy enum value set: [ON, OFF]")]),
        ({"Small": 0}, [failed(" '0'", "small", "Member must have value greater than or equal to 1")]),
        ({"Small": 11}, [failed(" '11'", "small", "Member must have value less than or equal to 10")]),
        (
            {"Data": b"abc"},
            [
                failed(
                    " 'java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]'",
                    "data",
                    "Member must have length less than or equal to 2",
                )
            ],
        ),
        ({"Free": []}, [failed(" '[]'", "free", "Member must have length greater than or equal to 1")]),
        ({"Free": ["", "b"]}, []),
        ({"Flag": False}, []),
    ],
)
def test_a_plain_member_is_named_with_its_value(value: dict[str, Any], expected: list[str]) -> None:
    assert clauses(value) == expected


def test_the_value_of_a_sensitive_member_is_not_repeated() -> None:
    assert clauses({"Secret": "hunter2"}) == [failed("", "secret", "Member must have length less than or equal to 3")]


def test_a_list_of_plain_values_has_one_clause_with_all_constraints_of_its_element() -> None:
    every = f"Member must satisfy constraint: [{LONG}, {SHORT}, {PATTERN}]"
    assert clauses({"Names": ["abc", "A", "B"]}) == [
        failed(" '[abc, A, B]'", "names", "Member must have length less than or equal to 2"),
        failed(" '[abc, A, B]'", "names", every),
    ]
    assert clauses({"Modes": ["ON", "x"]}) == [
        failed(" '[ON, x]'", "modes", "Member must satisfy constraint: [Member must satisfy enum value set: [ON, OFF]]")
    ]


def test_a_null_element_is_named_by_its_place() -> None:
    assert clauses({"Free": ["a", None]}) == [failed(" null", "free.2.member", "Member must not be null")]


def test_members_of_structures_in_lists_and_maps_have_paths_of_their_own() -> None:
    assert clauses({"Items": [{"Id": "ab"}, {"Id": "A1"}, {}]}) == [
        failed(" 'A1'", "items.2.member.id", PATTERN),
        failed(" null", "items.3.member.id", "Member must not be null"),
    ]
    assert clauses({"Parts": {"x": {}}}) == [failed(" null", "parts.x.member.id", "Member must not be null")]


def test_recursive_structures_are_followed_as_deep_as_they_go() -> None:
    assert clauses({"Only": {"Id": "ab", "Child": {"Id": "ab", "Child": {}}}}) == [
        failed(" null", "only.child.child.id", "Member must not be null")
    ]


def test_maps_name_the_constraints_of_keys_and_values() -> None:
    tags = " '{" + ", ".join(f"{key}={REDACTED}" for key in ("KEY", "b", "cc")) + "}'"
    assert clauses({"Tags": {"KEY": "ok", "b": "toolong", "cc": "x"}}) == [
        failed(tags, "tags", "Member must have length less than or equal to 2"),
        failed(tags, "tags", f"Map keys must satisfy constraint: [{LONG}, {SHORT}, {PATTERN}]"),
        failed(
            tags,
            "tags",
            "Map value must satisfy constraint: [Member must have length less than or equal to 3]",
        ),
    ]


def test_a_pattern_that_python_cannot_read_is_not_checked_but_the_length_is() -> None:
    assert clauses({"Unread": "!!"}) == []
    assert clauses({"Unread": "!!!!"}) == [
        failed(" '!!!!'", "unread", "Member must have length less than or equal to 3")
    ]


def test_a_list_stops_being_looked_at_after_a_hundred_clauses() -> None:
    assert len(clauses({"Items": [{}] * 500})) == 100


def test_an_input_without_constraints_is_always_fine() -> None:
    assert Validator(MODEL).of_input(MODEL.shapes["Nothing"])({"Text": ""}) is None


@pytest.mark.parametrize(
    ("service", "protocol", "value", "code"),
    [
        ("events", "json", {"Name": "A"}, "ValidationException"),
        ("logs", "json", {"Name": "A"}, "InvalidParameterException"),
        ("sts", "query", {"Name": "A"}, "ValidationError"),
        ("lambda", "rest-json", {"Name": "A"}, "ValidationException"),
        ("lambda", "rest-json", {"Name": "abcdefgh"}, "InvalidParameterValueException"),
        ("lambda", "rest-json", {"Name": "abcdefgh", "Mode": "x"}, "ValidationException"),
        ("lambda", "rest-json", {"Name": "abc", "Mode": "Member must have length"}, "ValidationException"),
    ],
)
def test_the_code_is_the_services_own(service: str, protocol: str, value: dict[str, Any], code: str) -> None:
    model = model_of(SHAPES, name=service, protocol=protocol)
    error = Validator(model).of_input(model.shapes["Input"])(value)
    assert error is not None
    assert (error.code, error.status) == (code, 400)


def test_the_order_of_an_enum_can_be_the_services_own() -> None:
    shapes = {"ApiDestinationHttpMethod": {"type": "string", "enum": ["POST", "GET"]}, "Input": structure(M="ApiDestinationHttpMethod")}  # fmt: skip
    model = model_of(shapes, name="events")
    error = Validator(model).of_input(model.shapes["Input"])({"M": "x"})
    assert error is not None
    assert error.message.endswith("enum value set: [HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS]")
