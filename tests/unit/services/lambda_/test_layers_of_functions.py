"""``Layers`` of a function: what may be named, what is kept, what runs."""

from __future__ import annotations

from hashlib import sha256

import pytest

from bascule.api import lambda_ as api
from bascule.kernel.invocation import InvocationResult
from bascule.services.lambda_ import layer_mounts
from bascule.services.lambda_.errors import InvalidParameterValue
from tests.unit.services.lambda_.desk import Desk, package

ACCOUNT = "arn:aws:lambda:us-east-1:000000000000:layer"


def publish(desk: Desk, name: str, text: str = "x = 1\n") -> str:
    content = api.LayerVersionContentInput(zip_file=package(text))
    arn: str = desk.call("PublishLayerVersion", layer_name=name, content=content).layer_version_arn
    return arn


def digests_run(desk: Desk, **members: object) -> tuple[str, ...]:
    """Digests of the layers that the runtime is given."""
    desk.answer = InvocationResult(payload=b"null")
    desk.call("Invoke", function_name="orders", **members)
    return desk.invocations[-1].function.layer_digests


def test_function_shows_its_layers_and_runs_them_in_the_order_given(desk: Desk) -> None:
    arns = [publish(desk, "b", "b = 1\n"), publish(desk, "a", "a = 1\n")]
    made = desk.create(layers=arns)
    assert made.layers is not None
    assert [layer.arn for layer in made.layers] == arns
    assert made.layers[0].code_size == len(package("b = 1\n"))
    assert digests_run(desk) == tuple(sha256(package(text)).hexdigest() for text in ("b = 1\n", "a = 1\n"))


def test_function_without_layers_shows_none(desk: Desk) -> None:
    assert desk.create().layers is None


def test_layers_are_replaced_whole_and_only_when_named(desk: Desk) -> None:
    first, second = publish(desk, "first"), publish(desk, "second")
    desk.create(layers=[first])
    desk.call("UpdateFunctionConfiguration", function_name="orders", timeout=9)
    assert len(digests_run(desk)) == 1
    changed = desk.call("UpdateFunctionConfiguration", function_name="orders", layers=[second])
    assert [layer.arn for layer in changed.layers] == [second]
    assert desk.call("UpdateFunctionConfiguration", function_name="orders", layers=[]).layers is None
    assert digests_run(desk) == ()


def test_deleted_layer_version_goes_on_working_where_it_is_used(desk: Desk) -> None:
    arn = publish(desk, "shared")
    desk.create(layers=[arn])
    desk.call("DeleteLayerVersion", layer_name="shared", version_number=1)
    assert len(digests_run(desk)) == 1
    assert desk.call("GetFunctionConfiguration", function_name="orders").layers[0].arn == arn
    with pytest.raises(InvalidParameterValue, match=f"Layer version {arn} does not exist."):
        desk.create("other", layers=[arn])


def test_published_version_keeps_its_layers(desk: Desk) -> None:
    desk.create(layers=[publish(desk, "first", "one = 1\n")])
    desk.call("PublishVersion", function_name="orders")
    desk.call("UpdateFunctionConfiguration", function_name="orders", layers=[])
    assert len(digests_run(desk, qualifier="1")) == 1
    assert desk.call("PublishVersion", function_name="orders").version == "2"


def test_more_than_five_layers_are_refused(desk: Desk) -> None:
    arns = [publish(desk, f"l{number}") for number in range(6)]
    with pytest.raises(InvalidParameterValue, match=r"Cannot reference more than 5 layers\."):
        desk.create(layers=arns)


def test_two_versions_of_one_layer_are_refused(desk: Desk) -> None:
    one, two = publish(desk, "l"), publish(desk, "l")
    with pytest.raises(InvalidParameterValue, match=f"{two} and {one} are versions of the same layer"):
        desk.create(layers=[one, two])


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        (f"{ACCOUNT}:missing:1", "Layer version .*:missing:1 does not exist."),
        (f"{ACCOUNT}:missing", "is not the ARN of a layer version"),
        (
            "arn:aws:lambda:eu-west-1:000000000000:layer:l:1",
            "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
        ),
    ],
)
def test_layer_that_cannot_be_used_is_refused(desk: Desk, arn: str, message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        desk.create(layers=[arn])
    desk.create()
    with pytest.raises(InvalidParameterValue, match=message):
        desk.call("UpdateFunctionConfiguration", function_name="orders", layers=[arn])


def test_function_and_layers_have_one_size_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = publish(desk, "large", "x = 1\n" * 100)
    monkeypatch.setattr(layer_mounts, "UNZIPPED_BYTES_MAX", 620)
    desk.create("small", code=api.FunctionCode(zip_file=package("y = 1\n")), layers=[arn])
    too_large = (
        "Function code combined with layers exceeds the maximum allowed size of 620 bytes. The actual size is 660"
    )
    code = package("z = 1\n" * 10)
    with pytest.raises(InvalidParameterValue, match=too_large):
        desk.create(code=api.FunctionCode(zip_file=code), layers=[arn])
    with pytest.raises(InvalidParameterValue, match=too_large):
        desk.call("UpdateFunctionCode", function_name="small", zip_file=code)
    desk.create(code=api.FunctionCode(zip_file=code))
    with pytest.raises(InvalidParameterValue, match=too_large):
        desk.call("UpdateFunctionConfiguration", function_name="orders", layers=[arn])
