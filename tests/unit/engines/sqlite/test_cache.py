"""Document bodies in memory: versions, generations and bounds."""

from __future__ import annotations

from bascule.engines.sqlite.cache import BODY_BYTES_MAX, ENTRY_BYTES, DocumentCache
from bascule.kernel.documents import DocumentKey
from bascule.kernel.scope import Scope


def key(name: object) -> DocumentKey:
    return DocumentKey("test.thing", Scope(), "", str(name))


def test_an_entry_says_as_of_which_commit_it_holds() -> None:
    cache = DocumentCache(5)
    cache.offer(key("a"), b"five", 5)
    cache.publish(6, {key("b"): b"six", key("gone"): None})
    assert cache.published == 6
    assert cache.get(key("a")) == (5, b"five")
    assert cache.get(key("b")) == (6, b"six")
    assert cache.get(key("gone")) == (6, None)
    assert cache.get(key("unknown")) is None


def test_what_an_older_snapshot_showed_is_not_remembered() -> None:
    cache = DocumentCache(5)
    cache.publish(6, {})
    cache.offer(key("a"), b"five", 5)
    assert cache.get(key("a")) is None


def test_an_offer_never_replaces_what_is_known() -> None:
    cache = DocumentCache(5)
    cache.publish(6, {key("a"): b"six"})
    cache.offer(key("a"), b"other", 6)
    assert cache.get(key("a")) == (6, b"six")


def test_the_least_used_half_is_forgotten_when_memory_runs_out() -> None:
    cache = DocumentCache(0, bytes_max=20 * ENTRY_BYTES)
    for number in range(200):
        cache.publish(number + 1, {key(number): b""})
        assert cache.get(key(0)) is not None, "it is asked for all the time"
    known = [number for number in range(200) if cache.get(key(number)) is not None]
    assert 0 in known
    assert 199 in known
    assert len(known) <= 24


def test_a_very_long_body_is_not_kept_and_replaces_a_short_one() -> None:
    cache = DocumentCache(0)
    cache.publish(1, {key("a"): b"short"})
    cache.publish(2, {key("a"): b"x" * (BODY_BYTES_MAX + 1)})
    assert cache.get(key("a")) is None
