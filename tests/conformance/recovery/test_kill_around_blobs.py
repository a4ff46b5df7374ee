"""A process dies between a blob and the document that names it, in either direction: nothing named is lost, nothing else stays."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.engines.sqlite import open_store
from bascule.kernel.store import Tx
from tests.conformance.recovery.child import key

SCRIPT = """
import os, signal, sys
from pathlib import Path
from bascule.engines.sqlite import open_store
from tests.conformance.recovery.child import key

store = open_store(Path(sys.argv[1]))

def name(content):
    digest = store.blobs.put(content)
    store.write(lambda tx: tx.documents.put(key("blob", digest), b""))
    store.blobs.release(digest)
    return digest

def die():
    os.kill(os.getpid(), signal.SIGKILL)

name(b"kept")
gone = name(b"gone")
{steps}
die()
"""
POINTS = {
    "a blob was put and not yet named": ("store.blobs.put(b'unnamed')", {b"kept", b"gone"}),
    "what named a blob was deleted": ("store.write(lambda tx: tx.documents.delete(key('blob', gone)))", {b"kept"}),
    "a sweep has read the documents": (
        "store.write(lambda tx: tx.documents.delete(key('blob', gone))); store.blobs.sweep(die)",
        {b"kept"},
    ),
    "a sweep has removed a blob": (
        "store.write(lambda tx: tx.documents.delete(key('blob', gone))); "
        "store.blobs.sweep(lambda: {path.name for path in Path(sys.argv[1]).rglob('*')} - {gone})",
        {b"kept"},
    ),
}


def named(tx: Tx) -> set[str]:
    scope = key("blob", "").scope
    return {name for name, _ in tx.documents.page("recovery.blob", scope, "", count_max=100)}


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_a_sweep_leaves_what_documents_name(point: str, tmp_path: Path) -> None:
    steps, expected = POINTS[point]
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(steps=steps).replace("{{", "{"), str(tmp_path)], check=False
    )
    assert ended.returncode == -signal.SIGKILL
    store = open_store(tmp_path)
    digests = {hashlib.sha256(content).hexdigest() for content in expected}
    assert store.read(named) == digests
    store.blobs.sweep(lambda: store.read(named))
    assert {content for content in (b"kept", b"gone", b"unnamed") if _is_there(store.blobs.get, content)} == expected
    store.close()


def _is_there(get: object, content: bytes) -> bool:
    assert callable(get)
    return get(hashlib.sha256(content).hexdigest()) == content
