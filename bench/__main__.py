"""``python -m bench [--peers] [--quick]``: every figure of the platform in one run, with ratios when a peer runs beside it.

Platforms take turns measure by measure, so that a change of the machine's speed hits both. Quote ratios, not absolutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench import functions, measures, neighbours, queues
from bench.measures import median, percentile
from bench.platforms import Platform, install_peer

Row = tuple[str, str, Callable[[Platform], float], bool]


def _rows(quick: bool) -> list[Row]:
    seconds = 1.5 if quick else 5.0
    rounds = 40 if quick else 200
    few = 5 if quick else 15
    count = 300 if quick else 1000
    latencies: dict[tuple[str, str], list[float]] = {}

    def p50(name: str, run: Callable[[Platform], list[float]]) -> Callable[[Platform], float]:
        def measure(platform: Platform) -> float:
            latencies[(platform.name, name)] = run(platform)
            return median(latencies[(platform.name, name)])

        return measure

    def p99(name: str) -> Callable[[Platform], float]:
        return lambda platform: percentile(latencies[(platform.name, name)], 0.99)

    return [
        *(
            (
                f"PutEvents x10 ingest, {n} connections",
                "entries/s",
                lambda p, n=n: measures.ingest(p, n, seconds=seconds),
                True,
            )
            for n in (1, 8, 32)
        ),
        (
            "PutEvents -> SQS long poll, p50",
            "ms",
            p50("queue", lambda p: measures.queue_latency(p, rounds=rounds // 2)),
            False,
        ),
        ("PutEvents -> SQS long poll, p99", "ms", p99("queue"), False),
        (
            "PutEvents -> handler, p50",
            "ms",
            p50("handler", lambda p: measures.handler_latency(p, rounds=rounds)),
            False,
        ),
        ("PutEvents -> handler, p99", "ms", p99("handler"), False),
        ("Invoke warm by boto3, p50", "ms", p50("warm", lambda p: functions.warm_invoke(p, rounds=rounds)), False),
        ("Invoke warm by boto3, p99", "ms", p99("warm"), False),
        (
            "Invoke warm, raw HTTP, 16 connections",
            "inv./s",
            lambda p: functions.warm_rate(p, connections=16, seconds=seconds),
            True,
        ),
        ("Invoke cold by boto3, p50", "ms", p50("cold", lambda p: functions.cold_invoke(p, rounds=few)), False),
        (
            "SQS send, receive, delete x10, 8 connections",
            "msg/s",
            lambda p: queues.through_a_queue(p, connections=8, seconds=seconds),
            True,
        ),
        (f"burst of {count} events to a function", "events/s", lambda p: measures.burst(p, count=count), True),
    ]


def _own_rows(quick: bool) -> list[Row]:
    """What the peer does not do, or does in a way that would make this run last for minutes."""
    seconds, rounds, count = (1.5, 30, 2_000) if quick else (4.0, 100, 10_000)
    return [
        (
            "Invoke cold, not isolated, p50",
            "ms",
            lambda p: median(functions.cold_invoke_unlocked(rounds=rounds // 6)),
            False,
        ),
        ("fan-out of one event to 5 queues", "deliv./s", lambda p: queues.fan_out(p, seconds=seconds), True),
        ("SQS -> function by a mapping, batch 10", "msg/s", lambda p: queues.mapping_throughput(p, count=count), True),
        (
            "SQS message -> handler by a mapping, p50",
            "ms",
            lambda p: median(queues.mapping_latency(p, rounds=rounds)),
            False,
        ),
        ("FIFO mapping, 5 x 200 ms in 1 group", "s", lambda p: queues.fifo_groups(p, groups=1), False),
        ("FIFO mapping, 5 x 200 ms in 10 groups", "s", lambda p: queues.fifo_groups(p, groups=10), False),
    ]


def _startup(name: str, rounds: int) -> tuple[float, float]:
    starts: list[float] = []
    memory: list[float] = []
    for _ in range(rounds):
        with Platform(name) as platform:
            starts.append(platform.start_s)
            memory.append(platform.memory_mb())
    return median(starts), median(memory)


def _print_idle_functions(names: list[str], quick: bool) -> None:
    """Memory of functions that do not run; only of ours is known how to make environments go."""
    count, run_count = (1_000, 30) if quick else (1_000, 100)
    costs = [
        functions.idle_functions(name, count=count, run_count=0 if n else run_count) for n, name in enumerate(names)
    ]
    rows = (
        ("1 function created", [cost.first_mb for cost in costs]),
        (f"{count:,} functions created, none ran", [cost.created_mb for cost in costs]),
        (f"... {run_count} ran once, environments idle", [costs[0].warm_mb]),
        ("... their environments reclaimed", [costs[0].reclaimed_mb]),
    )
    for title, values in rows:
        _print(title, "MB more", values, False)


def _print(title: str, unit: str, values: list[float], higher_is_better: bool) -> None:
    cells = "".join(f"{value:>14,.2f}" if value < 100 else f"{value:>14,.0f}" for value in values)
    ratio = ""
    if len(values) == 2 and min(values) > 0:
        times = values[0] / values[1] if higher_is_better else values[1] / values[0]
        ratio = f"{times:>9.1f}x"
    print(f"{title:<42}{unit:<10}{cells}{ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true", help="run MiniStack beside it")
    parser.add_argument("--quick", action="store_true", help="shorter runs, rougher figures")
    given = parser.parse_args()
    names = ["Bascule", "MiniStack"] if given.peers else ["Bascule"]
    if given.peers:
        install_peer()
    print(
        f"{'measure':<42}{'unit':<10}" + "".join(f"{name:>14}" for name in names) + ("  we are" if given.peers else "")
    )
    startup = [_startup(name, 3 if given.quick else 7) for name in names]
    _print("ready to serve, p50", "s", [value[0] for value in startup], False)
    _print("idle memory (PSS of all processes)", "MB", [value[1] for value in startup], False)
    _print_idle_functions(names, given.quick)
    platforms = [Platform(name) for name in names]
    try:
        for platform in platforms:
            platform.start()
        for title, unit, run, higher_is_better in _rows(given.quick):
            _print(title, unit, [run(platform) for platform in platforms], higher_is_better)
        for title, unit, run, higher_is_better in _own_rows(given.quick):
            _print(title, unit, [run(platforms[0])], higher_is_better)
        for name in neighbours.NEIGHBOURS:
            delay = neighbours.delay_beside(name, rounds=50 if given.quick else 200)
            _print(f"beside 20 s: {name}, added p50", "ms", [delay.p50], False)
            _print(f"beside 20 s: {name}, added max", "ms", [delay.max], False)
    finally:
        for platform in platforms:
            platform.close()


if __name__ == "__main__":
    main()
