"""Bytes of an output pipe become log events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bascule.kernel.clock import SimulatedClock
from bascule.kernel.scope import Scope
from bascule.runtime.environment_log import EnvironmentLog
from bascule.runtime.limits import LOG_BYTES_MAX, LOG_EVENT_BYTES_MAX
from bascule.runtime.output import EventSplitter
from bascule.runtime.worker.bascule_environment.frames import LOG_HEAD, LOG_MARK


def frame(text: str) -> bytes:
    return LOG_MARK + LOG_HEAD.pack(len(text.encode())) + text.encode()


def test_each_line_is_an_event_and_a_line_without_end_waits() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"one\ntwo\rstill two\nthr") == ["one\n", "two\rstill two\n"]
    assert splitter.has_rest
    assert splitter.feed(b"ee\n") == ["three\n"]
    assert splitter.feed(b"rest") == []
    assert splitter.finish() == ["rest\n"]
    assert splitter.finish() == []


def test_a_frame_is_one_event_and_ends_a_line_before_it() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"begun" + frame("a\nb\n") + b"then\n" + frame("no end")) == [
        "begun\n",
        "a\nb\n",
        "then\n",
        "no end\n",
    ]


def test_a_frame_with_an_impossible_length_is_text() -> None:
    events = EventSplitter().feed(LOG_MARK + LOG_HEAD.pack(LOG_EVENT_BYTES_MAX + 1) + b"text\n")
    assert len(events) == 1
    assert events[0].endswith("text\n")


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert EventSplitter().feed(b"\xff\xfe\n") == ["\ufffd\ufffd\n"]


@given(
    pieces=st.lists(
        st.one_of(st.text("ab\r ", max_size=5).map(lambda t: (t + "\n").encode()), st.text("xyü\n").map(frame))
    ),
    cuts=st.lists(st.integers(0, 200)),
)
def test_how_the_bytes_arrive_does_not_matter(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    whole = EventSplitter()
    expected = whole.feed(stream) + whole.finish()
    parts = EventSplitter()
    events: list[str] = []
    at = 0
    for cut in [*sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]:
        events += parts.feed(stream[at:cut])
        at = cut
    assert events + parts.finish() == expected


class Sink:
    def __init__(self) -> None:
        self.calls: list[list[tuple[int, str]]] = []

    def write(self, scope: Scope, group: str, stream: str, events: list[tuple[int, str]]) -> None:
        self.calls.append(events)


def environment_log() -> tuple[EnvironmentLog, Sink]:
    sink = Sink()
    return EnvironmentLog(sink, SimulatedClock(1000), Scope(), "group", "stream"), sink


def test_a_short_invocation_is_one_call_of_the_sink() -> None:
    log, sink = environment_log()
    log.begin(wants_tail=False)
    log.say(["START\n"])
    log.printed(["hello\n"])
    log.say(["END\n", "REPORT\n"])
    assert sink.calls == []
    log.end()
    assert sink.calls == [[(1000, "START\n"), (1000, "hello\n"), (1000, "END\n"), (1000, "REPORT\n")]]


def test_what_is_printed_between_invocations_goes_out_at_once() -> None:
    log, sink = environment_log()
    log.printed(["from a thread\n"])
    assert sink.calls == [[(1000, "from a thread\n")]]


def test_output_beyond_the_bound_is_dropped_once_per_invocation() -> None:
    log, sink = environment_log()
    log.begin(wants_tail=True)
    line = "x" * 65_535 + "\n"
    accepted = sum(log.printed([line]) for _ in range(100))
    log.printed(["dropped, but in the tail\n"])
    log.say(["END\n"])
    assert log.tail().endswith(b"x\ndropped, but in the tail\nEND\n")
    log.end()
    (events,) = sink.calls
    assert accepted == LOG_BYTES_MAX // (len(line) + 26)
    assert [message for _, message in events if not message.startswith("x")] == [
        f"[Bascule] Output of this invocation beyond {LOG_BYTES_MAX} bytes was dropped.\n",
        "END\n",
    ]
    log.begin(wants_tail=False)
    assert log.printed([line])


def test_the_tail_keeps_the_last_bytes_of_this_invocation() -> None:
    log, _ = environment_log()
    log.say(["before\n"])
    log.begin(wants_tail=True)
    log.say(["START\n"])
    log.printed(["ü" * 5000 + "\n"])
    log.say(["END\n"])
    assert len(log.tail()) == 4096
    assert log.tail().endswith("ü\nEND\n".encode())
