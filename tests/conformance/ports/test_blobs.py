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
    store.blobs.release(digest)
    assert store.blobs.sweep(frozenset) == []
    store.blobs.release(digest)
    assert store.blobs.sweep(frozenset) == [digest]
    assert store.blobs.get(digest) is None


def test_empty_bytes_are_a_blob(store: Store) -> None:
    assert store.blobs.get(store.blobs.put(b"")) == b""


@pytest.mark.parametrize("digest", ["0" * 64, "", "../lock", "A" * 64])
def test_an_unknown_digest_is_absent_and_never_a_path(store: Store, digest: str) -> None:
    assert store.blobs.get(digest) is None
    assert store.blobs.path(digest) is None


def test_a_sweep_removes_what_no_document_names_and_nobody_holds(store: Store) -> None:
    named, held, unwanted = (store.blobs.put(content) for content in (b"named", b"held", b"unwanted"))
    for digest in (named, unwanted):
        store.blobs.release(digest)
    assert store.blobs.sweep(lambda: {named}) == [unwanted]
    assert store.blobs.get(named) == b"named"
    assert store.blobs.get(held) == b"held"
    assert store.blobs.put(b"unwanted") == unwanted
    assert store.blobs.get(unwanted) == b"unwanted"


def test_what_is_put_or_named_while_documents_are_read_is_not_swept(store: Store) -> None:
    again, committed, unwanted = (store.blobs.put(content) for content in (b"again", b"committed", b"unwanted"))
    for digest in (again, unwanted):
        store.blobs.release(digest)

    def named() -> frozenset[str]:
        """Read before an upload of the same bytes begins and ends, and before a command that names others commits."""
        store.blobs.put(b"again")
        store.blobs.release(again)
        store.blobs.release(committed)
        return frozenset()

    assert store.blobs.sweep(named) == [unwanted]
    assert store.blobs.get(again) == b"again"
    assert store.blobs.get(committed) == b"committed"
    assert sorted(store.blobs.sweep(frozenset)) == sorted([again, committed])
