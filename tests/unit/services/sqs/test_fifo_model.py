"""FIFO order against a model: whatever consumers do, a group is received in order and by one consumer at a time."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.sqs.desk import Desk

VISIBILITY_S = 10

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from("abc")),
        st.tuples(st.just("receive"), st.integers(1, 10)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("return"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.integers(1, 12)),
    ),
    min_size=10,
    max_size=40,
)


class _Model:
    """What is left of each group, and until when its received messages are in flight."""

    def __init__(self) -> None:
        self.left: dict[str, list[str]] = {"a": [], "b": [], "c": []}
        self.held: dict[str, int] = {}

    def check_received(self, bodies: list[str], *, now_ms: int) -> None:
        for group, left in self.left.items():
            got = [body for body in bodies if body[0] == group]
            assert got == left[: len(got)], "in order, from the first that is left"
            assert not got or all(self.held.get(body, 0) <= now_ms for body in left), "one consumer at a time"
        for body in bodies:
            self.held[body] = now_ms + VISIBILITY_S * 1000

    def is_held(self, body: str, *, now_ms: int) -> bool:
        return body in self.left[body[0]] and self.held.get(body, 0) > now_ms

    def delete(self, body: str) -> None:
        self.left[body[0]].remove(body)


@settings(max_examples=40, deadline=None)
@given(st.text("abc", min_size=5, max_size=15), STEPS)
def test_groups_stay_in_order_whatever_consumers_do(first: str, later: list[tuple[str, Any]]) -> None:
    desk = Desk()
    url = desk.queue("orders.fifo", ContentBasedDeduplication="true", VisibilityTimeout=str(VISIBILITY_S))
    model = _Model()
    latest: dict[str, Any] = {}
    steps = [("send", group) for group in first] + later
    for number, (step, value) in enumerate(steps):
        now_ms = desk.clock.now_ms()
        held = [body for body in latest if model.is_held(body, now_ms=now_ms)]
        if step == "send":
            body = f"{value}{number}"
            desk.send(url, body, message_group_id=value)
            model.left[value].append(body)
        elif step == "receive":
            messages = desk.receive(url, value)
            model.check_received([message.body for message in messages], now_ms=now_ms)
            latest |= {message.body: message for message in messages}
        elif step == "pass":
            desk.pass_time(value)
        elif held:
            body = held[value % len(held)]
            if step == "delete":
                desk.delete(url, latest[body])
                model.delete(body)
            else:
                handle = latest[body].receipt_handle
                desk.call("ChangeMessageVisibility", queue_url=url, receipt_handle=handle, visibility_timeout=0)
                model.held[body] = now_ms
    desk.pass_time(VISIBILITY_S)
    total = sum(len(left) for left in model.left.values())
    assert desk.count(url) == (total, 0, 0), "nothing is lost and nothing doubled"
    desk.store.close()
