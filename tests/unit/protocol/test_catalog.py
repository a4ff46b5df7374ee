"""Finding and reading service models."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bascule.protocol.catalog import Catalog
from bascule.protocol.limits import MODELS_MAX

MODEL = b'{"metadata":{"apiVersion":"%s","endpointPrefix":"x","protocol":"json"},"operations":{},"shapes":{}}'


def test_all_services_of_botocore_are_listed_and_their_operations() -> None:
    catalog = Catalog()
    assert {"events", "lambda", "sqs", "logs", "sts"} <= set(catalog.services())
    operations = catalog.operations("events")
    assert operations is not None
    assert "PutEvents" in operations
    assert list(operations) == sorted(operations)


@pytest.mark.parametrize("name", ["nothing", "", ".", "..", "../data/sqs", "/etc"])
def test_any_other_name_is_none(name: str) -> None:
    assert Catalog().operations(name) is None


def test_the_newest_version_is_read_packed_or_plain(tmp_path: Path) -> None:
    for version, name in [("2019-01-01", "service-2.json"), ("2020-01-01", "service-2.json.gz")]:
        (tmp_path / "made" / version).mkdir(parents=True)
        data = MODEL % version.encode()
        (tmp_path / "made" / version / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    (tmp_path / "made" / "2021-01-01").mkdir()
    (tmp_path / "plain" / "2019-01-01").mkdir(parents=True)
    (tmp_path / "plain" / "2019-01-01" / "service-2.json").write_bytes(MODEL % b"2019-01-01")
    catalog = Catalog(tmp_path)
    versions = [catalog.model(name).metadata.api_version for name in ("made", "plain")]  # type: ignore[union-attr]  # both exist
    assert versions == ["2020-01-01", "2019-01-01"]
    assert catalog.model("made") is catalog.model("made")


def test_a_directory_without_a_model_is_our_bug(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AssertionError):
        Catalog(tmp_path).model("empty")


def test_only_so_many_models_are_kept(tmp_path: Path) -> None:
    for number in range(MODELS_MAX + 1):
        (tmp_path / f"s{number}" / "v").mkdir(parents=True)
        (tmp_path / f"s{number}" / "v" / "service-2.json").write_bytes(MODEL % b"v")
    catalog = Catalog(tmp_path)
    first = catalog.model("s0")
    for name in catalog.services():
        assert catalog.model(name) is not None
    assert catalog.model("s0") is not first
