"""Ids: shapes, repeatability, and what an event id carries."""

from __future__ import annotations

import re

import pytest

from bascule.kernel.ids import Ids, SeededIds, SystemIds, batch_of_event, event_batch_id, event_id

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize("ids", [SystemIds(), SeededIds(1)], ids=["system", "seeded"])
def test_uuids_tokens_and_chance_have_their_shape(ids: Ids) -> None:
    made = {ids.uuid() for _ in range(1000)}
    assert len(made) == 1000
    assert all(UUID4.fullmatch(one) for one in made)
    assert re.fullmatch(r"[0-9a-f]{32}", ids.token())
    assert re.fullmatch(r"[0-9a-f]{10000}", ids.token(5000))
    assert all(0 <= ids.random() < 1 for _ in range(100))


def test_the_same_seed_gives_the_same_ids() -> None:
    one, two, other = SeededIds(7), SeededIds(7), SeededIds(8)
    first = [one.uuid(), one.token(), one.random()]
    assert first == [two.uuid(), two.token(), two.random()]
    assert first != [other.uuid(), other.token(), other.random()]


def test_event_ids_of_one_batch_share_it_and_sort_by_time() -> None:
    batch = event_batch_id(1_700_000_000_000, "ab" * 9)
    ids = [event_id(batch, index) for index in (0, 1, 255)]
    assert all(len(one) == 36 and re.fullmatch(r"[0-9a-f-]{36}", one) for one in ids)
    assert [batch_of_event(one) for one in ids] == [(batch, 0), (batch, 1), (batch, 255)]
    assert batch_of_event(ids[0].upper()) == (batch, 0)
    assert event_id(event_batch_id(1_700_000_000_001, "00" * 9), 0) > ids[2]


@pytest.mark.parametrize("text", ["", "x" * 36, "1234", "g" * 32, "0" * 31])
def test_what_is_not_an_event_id_has_no_batch(text: str) -> None:
    assert batch_of_event(text) is None
