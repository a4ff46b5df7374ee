"""The blob port: content-addressed bytes."""

from __future__ import annotations

import hashlib

import pytest

from bascule.kernel.store import Store

CONTENT = bytes(range(256)) * 100


def test_bytes_are_found_under_their_digest(store: Store) -> None:
    digest = store.blobs.put(CONTENT)
    assert digest == hashlib.sha256(CONTENT).hexdigest()
    assert store.blobs.get(digest) == CONTENT
    path = store.blobs.path(digest)
    assert path is not None
    assert path.read_bytes() == CONTENT


def test_the_same_bytes_are_one_blob(store: Store) -> None:
    digest = store.blobs.put(CONTENT)
    assert store.blobs.put(CONTENT) == digest
    assert store.blobs.delete(digest) is True
    assert store.blobs.get(digest) is None


def test_empty_bytes_are_a_blob(store: Store) -> None:
    assert store.blobs.get(store.blobs.put(b"")) == b""


@pytest.mark.parametrize("digest", ["0" * 64, "", "../lock", "A" * 64])
def test_an_unknown_digest_is_absent_and_never_a_path(store: Store, digest: str) -> None:
    assert store.blobs.get(digest) is None
    assert store.blobs.path(digest) is None
    assert store.blobs.delete(digest) is False
