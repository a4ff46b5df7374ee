"""Values as Java prints them."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.protocol.limits import VALUE_TEXT_MAX
from bascule.protocol.model import Ref
from bascule.protocol.render import render
from tests.unit.protocol.models import model_of, structure

MODEL = model_of(
    {
        "Flag": {"type": "boolean"},
        "Moment": {"type": "timestamp"},
        "Data": {"type": "blob"},
        "List": {"type": "list", "member": {"shape": "String"}},
        "Map": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Flag"}},
        "Secret": {"type": "string", "sensitive": True},
        "PutEventsRequestEntry": structure(Time="Moment", DetailType="String", Key="Secret"),
    },
    name="events",
)


@pytest.mark.parametrize(
    ("shape", "value", "text"),
    [
        ("String", "a b", "a b"),
        ("String", None, "null"),
        ("Integer", 5, "5"),
        ("Flag", True, "true"),
        ("Flag", False, "false"),
        ("Moment", 1768471650.0, "2026-01-15T10:07:30Z"),
        ("Data", b"abc", "java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]"),
        ("List", ["a", "b"], "[a, b]"),
        ("Map", {"a": True, "b": None}, "{a=true, b=null}"),
        (
            "PutEventsRequestEntry",
            {"DetailType": "d", "Key": "k"},
            "PutEventsRequestEntry(time=null, detailType=d, key=*** Sensitive Data Redacted ***, kmsKeyIdentifier=null, internalMetadata=null)",
        ),
    ],
)
def test_a_value_is_printed(shape: str, value: Any, text: str) -> None:
    assert render(MODEL, Ref(shape=shape), value) == text


def test_a_long_text_is_cut() -> None:
    assert render(MODEL, Ref(shape="String"), "x" * 10_000) == "x" * VALUE_TEXT_MAX + "..."
