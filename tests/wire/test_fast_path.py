"""The short way and the generic way give the same input or the same refusal; the generic way is the definition."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.api import MODULES, shapes_of
from bascule.kernel.errors import AwsError
from bascule.protocol.catalog import Catalog
from bascule.protocol.model import OperationModel, ServiceModel, Shape
from bascule.protocol.wire import Plan
from tests.wire.wires import EVERY_TIME, json_request

CATALOG = Catalog()
HOT = [
    ("events", "PutEvents"),
    ("events", "PutRule"),
    ("events", "PutTargets"),
    ("events", "CreateConnection"),
    ("events", "ListRules"),
    ("sqs", "SendMessage"),
    ("sqs", "SendMessageBatch"),
    ("sqs", "ReceiveMessage"),
    ("sqs", "DeleteMessage"),
    ("sqs", "DeleteMessageBatch"),
    ("sqs", "CreateQueue"),
    ("logs", "PutLogEvents"),
    ("logs", "FilterLogEvents"),
    ("logs", "CreateLogGroup"),
]


def operation_of(service: str, name: str) -> OperationModel:
    model = CATALOG.model(service)
    assert model is not None
    return model.operations[name]


def plan_of(service: str, name: str) -> Plan:
    shapes = shapes_of(service, name)
    assert shapes is not None
    return Plan(operation_of(service, name), "json", shapes[0])


PLANS = {pair: plan_of(*pair) for pair in HOT}
ODD = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | st.text(max_size=5)
ODD_OR_NESTED = ODD | st.lists(ODD, max_size=2) | st.dictionaries(st.text(max_size=3), ODD, max_size=2)


def near(service: ServiceModel, shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values mostly of the shape, now and then of another type, too long, out of range, or missing."""
    right: st.SearchStrategy[Any]
    if shape.type == "structure":
        right = st.fixed_dictionaries(
            {},
            optional={
                name: near(service, target, depth + 1) for name, _, target in service.members(shape) if depth < 5
            },
        )
    elif shape.type == "list":
        assert shape.member is not None
        right = st.lists(near(service, service.shapes[shape.member.shape], depth + 1), max_size=3)
    elif shape.type == "map":
        assert shape.value is not None
        assert shape.key is not None
        keys = near(service, service.shapes[shape.key.shape], 9).filter(lambda key: isinstance(key, str))
        right = st.dictionaries(keys, near(service, service.shapes[shape.value.shape], depth + 1), max_size=2)
    elif shape.type == "string":
        right = (
            st.sampled_from([*shape.enum, "x"])
            if shape.enum
            else st.sampled_from(["a", "A-b.c_1", "", "a b", "é" * 70])
        )
    else:
        right = {
            "boolean": st.booleans(),
            "integer": st.integers(-5, 20_000) | st.sampled_from([2.0, 2.5, 2**31]),
            "long": st.integers(-5, 2**63),
            "timestamp": st.floats(-1e12, 1e12) | st.integers(0, 2**33),
            "blob": st.sampled_from(["AP8=", "AP8", "!", "", "AP 8="]),
        }[shape.type]
    return st.one_of(*[right] * 15, ODD_OR_NESTED) if depth else right


def outcome(parse: Any) -> object:
    try:
        return parse()
    except AwsError as error:
        return type(error), error.code, error.message


@settings(EVERY_TIME, max_examples=400)
@given(data=st.data())
def test_both_ways_agree_on_near_misses(data: st.DataObject) -> None:
    pair = data.draw(st.sampled_from(HOT))
    plan, operation = PLANS[pair], operation_of(*pair)
    request = json_request("", msgspec.json.encode(data.draw(near(operation.service, operation.input_shape))))
    assert outcome(lambda: plan.parse(request, {})) == outcome(lambda: plan.parse_generic(request, {}))


@pytest.mark.parametrize("service", [service for service in MODULES if service in ("events", "sqs", "logs")])
def test_every_json_operation_has_the_short_way(service: str) -> None:
    model = CATALOG.model(service)
    assert model is not None
    for name in model.operations:
        if shapes_of(service, name) is not None:
            assert plan_of(service, name).fast is not None, name


def test_a_valid_request_does_not_need_the_generic_way() -> None:
    plan = PLANS["events", "PutEvents"]
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "orders", "TraceHeader": "Root=1"}
    assert plan.fast is not None
    assert plan.fast(msgspec.json.encode({"Entries": [entry] * 10})) is not None
    assert plan.fast(msgspec.json.encode({"Entries": [entry] * 11})) is None
