"""``python -m bench.patterns``: our matcher and AWS's event-ruler on the same rules and events, in the same run.

The two take turns on one core in short slices; the best slice of each counts. Speed is per second of processor time, so that
what else the machine does matters little (for Java that leaves out its collector, which is in its favour).
Match counts over all events must be equal. Without Java only our side runs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import tracemalloc

from bascule.patterns import RuleSet
from bench.patterns.data import unmatched_order
from bench.patterns.peer import Peer, is_available
from bench.patterns.sets import EVENT_COUNT, BenchSet, bench_sets, mixed_order_rules

CORE = 0


def run_ours(rules: RuleSet, events: list[bytes], duration_ms: int) -> float:
    """Give events per second of processor time."""
    end = time.perf_counter() + duration_ms / 1000
    count = 0
    begin = time.thread_time()
    while time.perf_counter() < end:
        for event in events:
            rules.match(event)
        count += len(events)
    return count / (time.thread_time() - begin)


def measure(bench_set: BenchSet, peer: Peer | None, rounds: int, slice_ms: int) -> dict[str, object]:
    """Measure one set on both sides."""
    events = bench_set.events(EVENT_COUNT)
    begin = time.perf_counter()
    rules = RuleSet.compile(bench_set.rules)
    compile_s = time.perf_counter() - begin
    matched = sum(len(rules.match(event)) for event in events)
    slices = [events[start : start + 500] for start in range(0, len(events), 500)]
    row: dict[str, object] = {"set": bench_set.name, "matched": matched, "compile_s": round(compile_s, 3)}
    theirs = 0.0
    if peer is not None:
        row["ruler_matched"], row["ruler_compile_s"] = peer.load(bench_set.rules, events, warm_up_ms=3_000)
        if row["ruler_matched"] != matched:
            raise SystemExit(f"{bench_set.name}: we match {matched}, event-ruler matches {row['ruler_matched']}")
    ours = 0.0
    for number in range(rounds):
        ours = max(ours, run_ours(rules, slices[number % len(slices)], slice_ms))
        if peer is not None:
            theirs = max(theirs, peer.run(slice_ms))
    row["events_s"] = round(ours)
    if peer is not None:
        row |= {"ruler_events_s": round(theirs), "ratio": round(ours / theirs, 2)}
    return row


def show(row: dict[str, object]) -> None:
    """Print one line of the table."""
    peer = f"{row['ruler_events_s']:>12,} {row['ratio']:>9}" if "ratio" in row else ""
    print(
        f"{row['set']:<30}{row['matched']:>8} {row['events_s']:>12,} {peer}   compile {row['compile_s']} s", flush=True
    )


def measure_large_bus() -> dict[str, object]:
    """Measure what 10,000 rules cost in memory, in time to add one, and for an event that matches none of them."""
    texts = mixed_order_rules(10_000)
    tracemalloc.start()
    rules = RuleSet.compile(texts)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    event = unmatched_order()
    small = RuleSet.compile(mixed_order_rules(10))
    assert rules.match(event) == small.match(event) == []
    added_ms = []
    for number in range(20):
        begin = time.perf_counter()
        rules = rules.with_rule(
            f"new{number}", json.dumps({"source": ["shop.new"], "detail": {"product": [f"new-{number}"]}})
        )
        added_ms.append((time.perf_counter() - begin) * 1000)
    large_ns, small_ns = 1e9, 1e9
    for _ in range(30):
        large_ns = min(large_ns, 1e9 / run_ours(rules, [event] * 500, 20))
        small_ns = min(small_ns, 1e9 / run_ours(small, [event] * 500, 20))
    return {
        "memory_mb": round(memory / 1e6, 1),
        "with_rule_ms_median": round(sorted(added_ms)[10], 1),
        "with_rule_ms_worst": round(max(added_ms), 1),
        "no_match_ns_10000": round(large_ns),
        "no_match_ns_10": round(small_ns),
        "no_match_ratio": round(large_ns / small_ns, 2),
    }


def main() -> None:
    """Run the bench."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", action="append", default=[], help="sets whose name contains this")
    arguments.add_argument("--rounds", type=int, default=24)
    arguments.add_argument("--slice-ms", type=int, default=60)
    arguments.add_argument("--no-ruler", action="store_true", help="do not run event-ruler")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {CORE})
    chosen = [one for one in bench_sets() if not options.only or any(text in one.name for text in options.only)]
    rows = []
    if options.no_ruler or not is_available():
        for one in chosen:
            rows.append(measure(one, None, options.rounds, options.slice_ms))
            show(rows[-1])
    else:
        print(f"{'set':<30}{'matched':>8} {'ours ev/s':>12} {'ruler ev/s':>12} {'ratio':>9}")
        with Peer(CORE) as peer:
            for one in chosen:
                rows.append(measure(one, peer, options.rounds, options.slice_ms))
                show(rows[-1])
        for title, is_wanted in (("value sets", False), ("all sets", None)):
            ratios = [
                float(str(row["ratio"]))
                for row, one in zip(rows, chosen, strict=True)
                if len(one.rules) <= 300 and is_wanted in (None, one.is_array_heavy)
            ]
            if ratios:
                mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
                print(f"geometric mean over {title} of 1 to 300 rules: {mean:.2f}x")
    large = measure_large_bus() if not options.only else {}
    for name, value in large.items():
        print(f"{name}: {value}")
    if options.json:
        print(json.dumps({"sets": rows, "large_bus": large}))


if __name__ == "__main__":
    main()
