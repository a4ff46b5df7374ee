"""Traits that none of the served services has, but that a model may have."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from bascule.kernel.errors import AwsError
from bascule.protocol import query, rest_json
from bascule.protocol.errors import SerializationException
from bascule.protocol.fast import fast_parser
from bascule.protocol.forms import form_of
from bascule.protocol.http import HttpRequest
from bascule.protocol.model import OperationModel
from bascule.protocol.wire import Plan
from bascule.protocol.write import Writers, plain
from tests.unit.protocol.models import model_of, structure

STRINGS = {"Strings": {"type": "list", "member": {"shape": "String"}}}


def operation_of(shapes: dict[str, Any], protocol: str = "json", name: str = "made-up") -> OperationModel:
    operation = {
        "name": "Do",
        "http": {"method": "POST", "requestUri": "/do"},
        "input": {"shape": "Input"},
        "output": {"shape": "Input"},
    }
    return model_of(STRINGS | shapes, operations={"Do": operation}, protocol=protocol, name=name).operations["Do"]


def request(query_string: str = "", body: bytes = b"", **headers: str) -> HttpRequest:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("POST", "/do", query_string, given, body)


def test_rest_reads_header_lists_header_prefixes_and_whole_query_strings() -> None:
    shape = structure(
        Parts={"shape": "Strings", "location": "header", "locationName": "X-Parts"},
        Meta={"shape": "Map", "location": "headers", "locationName": "X-Meta-"},
        Rest={"shape": "Map", "location": "querystring"},
    )
    texts = {"type": "map", "key": {"shape": "String"}, "value": {"shape": "String"}}
    parse = rest_json.parser(operation_of({"Input": shape, "Map": texts}, "rest-json"))
    assert parse(request("a=1&b=2", x_parts="p, q", x_meta_one="1", x_meta_two="2"), {}) == {
        "Parts": ["p", "q"],
        "Meta": {"one": "1", "two": "2"},
        "Rest": {"a": "1", "b": "2"},
    }
    assert parse(request(), {}) == {}


def test_rest_reads_text_payloads() -> None:
    shape = structure(Text="String") | {"payload": "Text"}
    parse = rest_json.parser(operation_of({"Input": shape}, "rest-json"))
    assert parse(request(body="é".encode()), {}) == {"Text": "é"}
    assert parse(request(), {}) == {}
    with pytest.raises(SerializationException):
        parse(request(body=b"\xff"), {})


def test_query_reads_and_writes_lists_in_lists() -> None:
    operation = operation_of(
        {"Input": structure(Rows="Rows"), "Rows": {"type": "list", "member": {"shape": "Strings"}}}, "query"
    )
    form = b"Rows.member.1.member.1=a&Rows.member.1.member.2=b&Rows.member.2.member.1=c"
    assert query.parser(operation)(request(body=form), {}) == {"Rows": [["a", "b"], ["c"]]}
    answer = query.serialiser(operation)({"Rows": [["a"]]}, "id")
    assert b"<Rows><member><member>a</member></member></Rows>" in answer.body


@pytest.mark.parametrize("body", [b"a=%FF", b"\xff", b".".join([b"a"] * 40) + b"=1"])
def test_query_refuses_forms_it_cannot_read(body: bytes) -> None:
    operation = operation_of({"Input": structure(A="String")}, "query")
    with pytest.raises(AwsError):
        query.parser(operation)(request(body=body), {})


def test_query_reads_an_empty_list_as_botocore_writes_it() -> None:
    operation = operation_of({"Input": structure(A="Strings")}, "query")
    assert query.parser(operation)(request(body=b"A="), {}) == {"A": []}


class Input(msgspec.Struct, rename="pascal"):
    a: str | None = None


@pytest.mark.parametrize(
    ("member", "shapes"),
    [
        ({"shape": "String", "locationName": "b"}, {}),
        ({"shape": "String", "location": "header"}, {}),
        ("Double", {"Double": {"type": "double"}}),
        ("Moment", {"Moment": {"type": "timestamp", "timestampFormat": "iso8601"}}),
        ({"shape": "Moment", "timestampFormat": "iso8601"}, {"Moment": {"type": "timestamp"}}),
        ("Tree", {"Tree": structure(Left="Tree")}),
        ("Any", {"Any": {"type": "structure", "document": True}}),
    ],
)
def test_what_msgspec_cannot_decode_by_itself_has_no_short_way(member: Any, shapes: dict[str, Any]) -> None:
    assert fast_parser(operation_of({"Input": structure(A=member)} | shapes), Input) is None


def test_members_that_our_types_do_not_have_yet_are_skipped_by_both_ways() -> None:
    plan = Plan(operation_of({"Input": structure(("A",), A="String", New="String")}), "json", Input)
    asked = request(body=b'{"A":"a","New":"n"}')
    assert plan.fast is not None
    assert plan.fast(asked.body) == plan.parse_generic(asked, {}) == Input(a="a")


def test_a_type_that_disagrees_with_the_installed_model_is_still_a_refusal() -> None:
    plan = Plan(operation_of({"Input": structure(A="Integer")}), "json", Input)
    with pytest.raises(SerializationException):
        plan.parse(request(body=b'{"A":1}'), {})


class Tagged(msgspec.Struct, rename="pascal"):
    tags: dict[str, str] | None = None


@pytest.mark.parametrize(
    ("tags", "is_taken"),
    [({"a": "b"}, True), ({}, True), ({"A": "b"}, False), ({"a": "bbb"}, False), ({"a": "", "b": "", "c": ""}, False)],
)
def test_the_short_way_looks_at_keys_values_and_sizes_of_maps(tags: dict[str, str], is_taken: bool) -> None:
    shapes = {
        "Key": {"type": "string", "pattern": "[a-z]"},
        "Value": {"type": "string", "max": 2},
        "Tags": {"type": "map", "key": {"shape": "Key"}, "value": {"shape": "Value"}, "max": 2},
    }
    parse = fast_parser(operation_of({"Input": structure(Tags="Tags")} | shapes), Tagged)
    assert parse is not None
    assert (parse(msgspec.json.encode({"Tags": tags})) is not None) is is_taken


def test_a_fault_without_a_status_is_a_500() -> None:
    class InternalException(AwsError):
        """Oops."""

        code = "InternalException"

    model = model_of({"InternalException": {"type": "structure", "exception": True, "fault": True}})
    form = form_of(model, InternalException())
    assert (form.status, form.is_senders_fault) == (500, False)


def test_outputs_with_formats_are_rewritten_member_by_member() -> None:
    shapes = {
        "Output": structure(
            Amount="Double",
            At={"shape": "Moment", "timestampFormat": "iso8601"},
            Child={"shape": "Output", "locationName": "c"},
        ),
        "Double": {"type": "double"},
        "Moment": {"type": "timestamp"},
        "Map": {"type": "map", "key": {"shape": "String"}, "value": {"shape": "Double"}},
    }
    model = model_of(shapes)
    write = Writers(model).structure(model.shapes["Output"])
    assert write({"Amount": math.inf, "At": 1768471650, "Child": {"Amount": -math.inf, "At": None}}) == {
        "Amount": "Infinity",
        "At": "2026-01-15T10:07:30Z",
        "c": {"Amount": "-Infinity"},
    }
    assert write({"Amount": math.nan}) == {"Amount": "NaN"}


def test_no_output_is_an_empty_one() -> None:
    assert plain(None) == {}
