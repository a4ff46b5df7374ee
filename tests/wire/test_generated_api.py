"""The modules in ``bascule.api`` are what the generator writes, and follow the conventions that services rely on."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import botocore
import msgspec
import pytest
from botocore import xform_name

from bascule.api import MODULES, shapes_of
from bascule.protocol.catalog import Catalog

REPOSITORY = Path(__file__).parents[2]
API = REPOSITORY / "src" / "bascule" / "api"
RECORDED = re.compile(r"^# botocore (\S+):", re.MULTILINE)
CATALOG = Catalog()


def recorded_version(name: str) -> str:
    found = RECORDED.search((API / name).read_text())
    assert found is not None
    return found[1]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_api", REPOSITORY / "tools" / "generate_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generating_again_gives_the_same_files() -> None:
    versions = {recorded_version(f"{module}.py") for module in MODULES.values()}
    assert len(versions) == 1
    if versions != {botocore.__version__}:
        pytest.skip(f"generated from botocore {versions}, installed is {botocore.__version__}")
    assert generator().sources() == {f"{name}.py": (API / f"{name}.py").read_text() for name in MODULES.values()}


@pytest.mark.parametrize("service", MODULES)
def test_every_class_can_be_decoded_and_every_operation_has_its_classes(service: str) -> None:
    model = CATALOG.model(service)
    assert model is not None
    module = importlib.import_module(f"bascule.api.{MODULES[service]}")
    for name, (given, gives) in module.OPERATIONS.items():
        operation = model.operations[name]
        assert given.__name__ == (operation.input.shape if operation.input else "Empty")
        assert gives.__name__ == (operation.output.shape if operation.output else "Empty")
        msgspec.json.Decoder(given)
        msgspec.json.Decoder(gives)
        assert shapes_of(service, name) == (given, gives)


@pytest.mark.parametrize("service", MODULES)
def test_attributes_are_boto3s_names_and_the_wire_names_are_the_models(service: str) -> None:
    model = CATALOG.model(service)
    assert model is not None
    module = importlib.import_module(f"bascule.api.{MODULES[service]}")
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, module.Shape)]
    for struct in classes:
        if struct.__name__ in ("Shape", "Empty"):
            continue
        wire_names = [name for name, _, _ in model.members(model.shapes[struct.__name__])]
        assert list(struct.__struct_encode_fields__) == wire_names
        assert [field.removesuffix("_") for field in struct.__struct_fields__] == [
            xform_name(name) for name in wire_names
        ]


def test_a_service_or_operation_without_typed_shapes_has_none() -> None:
    assert shapes_of("dynamodb", "PutItem") is None
    assert shapes_of("lambda", "CreateCodeSigningConfig") is None


@pytest.mark.parametrize("module", MODULES.values())
def test_importing_a_module_does_not_import_botocore(module: str) -> None:
    code = f"import bascule.api.{module}, bascule.protocol, sys; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
