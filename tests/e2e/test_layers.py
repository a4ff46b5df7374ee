"""Layers reach the function: the code of a published layer is importable, stacked in the order given."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions import create_function
from tests.world import World

HANDLER = """
    import importlib

    def handler(event, context):
        return {name: importlib.import_module(name).SAYS for name in event["modules"]}
"""


@pytest.fixture
def functions(request: pytest.FixtureRequest) -> Iterator[Any]:
    with World(seed=zlib.crc32(request.node.name.encode())) as world:
        yield world.client("lambda")


def publish(functions: Any, name: str, files: dict[str, str]) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path, text in files.items():
            zipped.writestr(path, text)
    arn: str = functions.publish_layer_version(LayerName=name, Content={"ZipFile": archive.getvalue()})[
        "LayerVersionArn"
    ]
    return arn


def said(functions: Any, *modules: str) -> Any:
    answer = functions.invoke(FunctionName="layered", Payload=json.dumps({"modules": modules}))
    return json.loads(answer["Payload"].read())


def test_function_imports_from_its_layers_and_later_ones_win(functions: Any) -> None:
    lower = publish(
        functions,
        "lower",
        {
            "python/both.py": "SAYS = 'lower'",
            "python/lower_only.py": "SAYS = 'lower'",
            "python/lib/python3.12/site-packages/packaged.py": "SAYS = 'site'",
        },
    )
    upper = publish(functions, "upper", {"python/both.py": "SAYS = 'upper'"})
    create_function(functions, "layered", HANDLER, Layers=[lower, upper])
    found = said(functions, "both", "lower_only", "packaged")
    assert (found["both"], found["lower_only"], found["packaged"]) == ("upper", "lower", "site")


def test_changed_layers_are_used_by_the_next_invocation(functions: Any) -> None:
    first = publish(functions, "shared", {"python/shared.py": "SAYS = 1"})
    create_function(functions, "layered", HANDLER, Layers=[first])
    assert said(functions, "shared")["shared"] == 1
    second = publish(functions, "shared", {"python/shared.py": "SAYS = 2"})
    functions.update_function_configuration(FunctionName="layered", Layers=[second])
    assert said(functions, "shared")["shared"] == 2
    functions.delete_layer_version(LayerName="shared", VersionNumber=2)
    functions.update_function_configuration(FunctionName="layered", Description="starts anew")
    assert said(functions, "shared")["shared"] == 2


def test_function_code_wins_over_its_layers(functions: Any) -> None:
    layer = publish(functions, "shadow", {"python/handler.py": "raise AssertionError('the layer was taken')"})
    create_function(functions, "layered", HANDLER, Layers=[layer])
    assert said(functions) == {}


def test_published_layer_can_be_fetched(functions: Any) -> None:
    publish(functions, "fetched", {"a.txt": "a"})
    shown = functions.get_layer_version(LayerName="fetched", VersionNumber=1)
    assert shown["Content"]["Location"].startswith("http://")
    assert functions.list_layers()["Layers"][0]["LatestMatchingVersion"]["Version"] == 1


def test_layer_arn_without_a_number_fails_the_pattern_of_the_model(functions: Any) -> None:
    with pytest.raises(functions.exceptions.ClientError) as caught:
        create_function(functions, "layered", HANDLER, Layers=["arn:aws:lambda:us-east-1:000000000000:layer:l"])
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "'layers'" in caught.value.response["Error"]["Message"]
