"""The document port: keys, pages, counts, and what a transaction sees of its own writes."""

from __future__ import annotations

import msgspec
import pytest

from bascule.kernel.documents import Collection, DocumentKey
from bascule.kernel.scope import Scope
from bascule.kernel.store import Store, Tx

HERE = Scope()
THERE = Scope("111111111111", "eu-west-1")


def key(name: str, *, kind: str = "test.thing", scope: Scope = HERE, parent: str = "") -> DocumentKey:
    return DocumentKey(kind, scope, parent, name)


def test_a_document_that_was_put_is_read_back(store: Store) -> None:
    store.write(lambda tx: tx.documents.put(key("a"), b"\x00one"))
    assert store.read(lambda tx: tx.documents.get(key("a"))) == b"\x00one"
    assert store.write(lambda tx: tx.documents.get(key("a"))) == b"\x00one"


def test_an_absent_document_is_none_until_it_is_put(store: Store) -> None:
    assert store.read(lambda tx: tx.documents.get(key("a"))) is None
    assert store.write(lambda tx: tx.documents.get(key("a"))) is None
    store.write(lambda tx: tx.documents.put(key("a"), b""))
    assert store.read(lambda tx: tx.documents.get(key("a"))) == b""


def test_a_put_replaces_and_a_delete_tells_whether_there_was_something(store: Store) -> None:
    store.write(lambda tx: tx.documents.put(key("a"), b"1"))
    store.write(lambda tx: tx.documents.put(key("a"), b"2"))
    assert store.read(lambda tx: tx.documents.get(key("a"))) == b"2"
    assert store.write(lambda tx: tx.documents.delete(key("a"))) is True
    assert store.write(lambda tx: tx.documents.delete(key("a"))) is False
    assert store.read(lambda tx: tx.documents.get(key("a"))) is None


def test_kind_scope_parent_and_name_each_tell_documents_apart(store: Store) -> None:
    keys = [key("a"), key("b"), key("a", kind="test.other"), key("a", scope=THERE), key("a", parent="p")]

    def fill(tx: Tx) -> None:
        for number, one in enumerate(keys):
            tx.documents.put(one, bytes([number]))

    store.write(fill)
    assert [store.read(lambda tx, k=one: tx.documents.get(k)) for one in keys] == [bytes([n]) for n in range(5)]
    assert store.read(lambda tx: tx.documents.count("test.thing", HERE, "")) == 2


def test_a_command_sees_its_own_writes_before_they_are_committed(store: Store) -> None:
    store.write(lambda tx: tx.documents.put(key("old"), b"0"))

    def command(tx: Tx) -> list[object]:
        tx.documents.put(key("a"), b"1")
        tx.documents.put(key("b"), b"2")
        seen: list[object] = [tx.documents.get(key("a")), tx.documents.delete(key("b")), tx.documents.get(key("b"))]
        seen.append(tx.documents.delete(key("old")))
        seen.append(tx.documents.page("test.thing", HERE, ""))
        seen.append(tx.documents.count("test.thing", HERE, ""))
        tx.documents.put(key("b"), b"3")
        seen.append(tx.documents.page("test.thing", HERE, ""))
        return seen

    assert store.write(command) == [
        b"1",
        True,
        None,
        True,
        [("a", b"1")],
        1,
        [("a", b"1"), ("b", b"3")],
    ]
    assert store.read(lambda tx: tx.documents.page("test.thing", HERE, "")) == [("a", b"1"), ("b", b"3")]


def test_pages_are_in_code_point_order_and_go_on_after_a_name(store: Store) -> None:
    names = ["a", "B", "ä", "aa", "\U0001f600", "￿", "_", "a/b"]

    def fill(tx: Tx) -> None:
        for name in names:
            tx.documents.put(key(name), name.encode())

    store.write(fill)
    expected = sorted(names)
    paged: list[str] = []
    while True:
        after = paged[-1] if paged else ""
        rows = store.read(lambda tx, a=after: tx.documents.page("test.thing", HERE, "", after=a, count_max=3))
        paged += [name for name, _ in rows]
        if len(rows) < 3:
            break
    assert paged == expected


@pytest.mark.parametrize(
    ("prefix", "found"),
    [("", 7), ("a", 3), ("a%", 1), ("ab", 1), ("x", 0), ("\ud7ff"[0], 1), ("\U0010ffff", 1)],
)
def test_a_page_can_be_limited_to_a_prefix(store: Store, prefix: str, found: int) -> None:
    def fill(tx: Tx) -> None:
        for name in ("a", "a%b", "ab", "b", "\ud7ffz", "\ue000", "\U0010ffffz"):
            tx.documents.put(key(name), b"")

    store.write(fill)
    rows = store.read(lambda tx: tx.documents.page("test.thing", HERE, "", prefix=prefix))
    assert len(rows) == found
    assert all(name.startswith(prefix) for name, _ in rows)


def test_a_prefix_and_an_after_hold_together(store: Store) -> None:
    def fill(tx: Tx) -> None:
        for name in ("a1", "a2", "a3", "b1"):
            tx.documents.put(key(name), b"")

    store.write(fill)
    rows = store.read(lambda tx: tx.documents.page("test.thing", HERE, "", prefix="a", after="a1", count_max=5))
    assert [name for name, _ in rows] == ["a2", "a3"]


def test_a_kind_is_paged_over_all_scopes_and_parents(store: Store) -> None:
    keys = [
        key("z", scope=HERE),
        key("a", scope=HERE, parent="p"),
        key("a", scope=Scope("000000000000", "eu-west-1")),
        key("a", scope=THERE),
        key("b", scope=THERE),
    ]

    def fill(tx: Tx) -> None:
        tx.documents.put(key("a", kind="test.other"), b"")
        for one in keys:
            tx.documents.put(one, b"x")

    store.write(fill)
    found: list[DocumentKey] = []
    while True:
        after = found[-1] if found else None
        rows = store.read(lambda tx, a=after: tx.documents.page_kind("test.thing", after=a, count_max=2))
        found += [one for one, _ in rows]
        if len(rows) < 2:
            break
    assert found == sorted(keys, key=lambda one: (one.scope.account, one.scope.region, one.parent, one.name))


def test_a_long_body_is_kept_whole(store: Store) -> None:
    body = bytes(range(256)) * 4096
    store.write(lambda tx: tx.documents.put(key("long"), body))
    assert store.read(lambda tx: tx.documents.get(key("long"))) == body
    assert store.read(lambda tx: tx.documents.get(key("long"))) == body


class Thing(msgspec.Struct, frozen=True):
    colour: str
    weight: int = 0


def test_a_collection_gives_typed_values(store: Store) -> None:
    things = Collection("test.typed", Thing)

    def fill(tx: Tx) -> None:
        for number in range(5):
            things.put(tx.documents, HERE, f"n{number}", Thing("red", number), parent="p")

    store.write(fill)
    assert store.read(lambda tx: things.get(tx.documents, HERE, "n3", parent="p")) == Thing("red", 3)
    assert store.read(lambda tx: things.count(tx.documents, HERE, parent="p")) == 5
    assert store.read(lambda tx: [one.weight for _, one in things.every(tx.documents, page=2)]) == [0, 1, 2, 3, 4]
    assert store.read(lambda tx: things.page(tx.documents, HERE, parent="p", count_max=1)) == [("n0", Thing("red", 0))]
    assert store.write(lambda tx: things.delete(tx.documents, HERE, "n0", parent="p")) is True
    assert store.read(lambda tx: things.get(tx.documents, HERE, "n0", parent="p")) is None
