"""Packages of deleted functions and layers go; whatever an operation has just put stays until its commands have run."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bascule.host import blob_sweeper
from tests.functions import package
from tests.waiting import eventually
from tests.world import World

ROLE = "arn:aws:iam::000000000000:role/test"
OLD, NEW, LAYER = (package(f"def handler(event, context): return {number}") for number in range(3))


def stored(data: Path) -> set[str]:
    return {path.name for path in (data / "blobs").glob("??/*")}


def digests(*packages: bytes) -> set[str]:
    return {sha256(content).hexdigest() for content in packages}


def create(functions: Any, name: str, code: bytes, **more: Any) -> None:
    functions.create_function(
        FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="handler.handler", Code={"ZipFile": code}, **more
    )


def test_the_next_start_removes_packages_that_nothing_names_any_more(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        functions = world.client("lambda")
        layer = functions.publish_layer_version(LayerName="tools", Content={"ZipFile": LAYER})
        create(functions, "kept", OLD, Publish=True, Layers=[layer["LayerVersionArn"]])
        functions.update_function_code(FunctionName="kept", ZipFile=NEW)
        functions.delete_layer_version(LayerName="tools", VersionNumber=layer["Version"])
        create(functions, "gone", package("gone = True"))
        functions.delete_function(FunctionName="gone")
        assert len(stored(tmp_path)) == 4
    with World(tmp_path) as world:
        world.settle()
        assert stored(tmp_path) == digests(OLD, NEW, LAYER)
        world.client("lambda").delete_function(FunctionName="kept", Qualifier="1")
    with World(tmp_path) as world:
        world.settle()
        assert stored(tmp_path) == digests(NEW, LAYER)


def test_a_deletion_removes_packages_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_sweeper, "SWEEP_AFTER_S", 0.01)
    with World(tmp_path) as world:
        functions = world.client("lambda")
        create(functions, "kept", NEW)
        create(functions, "gone", OLD)
        functions.delete_function(FunctionName="gone")
        eventually(lambda: stored(tmp_path) == digests(NEW))
        create(functions, "gone", OLD)
        world.settle()
        assert stored(tmp_path) == digests(NEW, OLD)


def test_an_upload_that_was_refused_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_sweeper, "SWEEP_AFTER_S", 0.01)
    with World(tmp_path) as world:
        functions = world.client("lambda")
        create(functions, "kept", NEW)
        # The package is stored first, and refused by a look at the revision afterwards or before.
        with pytest.raises(functions.exceptions.ClientError):
            functions.update_function_code(FunctionName="kept", ZipFile=OLD, RevisionId="stale")
        functions.update_function_configuration(FunctionName="kept", Description="changed")
        eventually(lambda: stored(tmp_path) == digests(NEW))
