"""Blobs as files: what a crash leaves half-written is removed, and never found under a digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from bascule.engines.sqlite.blobs import FileBlobs


def test_what_a_crash_left_half_written_goes_at_the_next_opening(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs", is_durable=True)
    digest = blobs.put(b"whole")
    (tmp_path / "blobs" / f"{'0' * 64}-7.partial").write_bytes(b"ha")
    again = FileBlobs(tmp_path / "blobs", is_durable=True)
    assert again.get(digest) == b"whole"
    assert again.get("0" * 64) is None
    assert list((tmp_path / "blobs").glob("*.partial")) == []


def test_a_failed_write_leaves_nothing_under_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FileBlobs(tmp_path / "blobs", is_durable=True)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        blobs.put(b"content")
    monkeypatch.undo()
    digest = FileBlobs(tmp_path / "blobs", is_durable=True).put(b"other")
    assert sorted(one.name for one in (tmp_path / "blobs").rglob("*") if one.is_file()) == [digest]


def test_a_durable_blob_is_synced_with_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    FileBlobs(tmp_path / "durable", is_durable=True).put(b"content")
    assert len(synced) == 3
    FileBlobs(tmp_path / "memory", is_durable=False).put(b"content")
    assert len(synced) == 3
