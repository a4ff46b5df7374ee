"""``python -m bench.kills_mixed --kills 100``: SIGKILL the server at random moments of a mixed load, and account for everything.

Events go through rules to a queue, a topic, functions, a target that is missing and one that is throttled; functions are
invoked asynchronously, succeed and fail; mappings read a standard queue, a queue whose messages always fail, and a FIFO queue.
What was acknowledged must end exactly where it belongs: once in a queue, at least once in a handler, and nothing anywhere else.
An asynchronous event keeps its request id and is run again only for a failure or a kill. Retries must go on at the right
attempt and not too early; of a FIFO group nothing may be handled before what was sent before it, and no two batches at a time.
A queue may give a message up only after as many receives as its policy says. Exits 1 otherwise.

The server runs with ``--test``: targets are throttled by faults, and after the last restart virtual time passes through every
retry and visibility timeout that is left.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from bench.measures import ROLE
from bench.mixed_handlers import package
from bench.platforms import Platform

SOURCE = "mixed"
RETRY_BASE_S = 0.2
#: Kinds of events in one PutEvents call: one entry each, and how often a call has those that run functions.
KINDS = ("Queue", "Topic", "Missing", "Throttled")
FUNCTION_KINDS = ("Handled", "Failed", "Dead")
GROUPS = 6
#: Receives after which the queue of messages that always fail gives one up. count
RECEIVES_MAX = 2
#: Functions are killed after this, and then tell of no end. seconds
TIMEOUT_S = 2
STORIES_LOOKED_AT = 60
#: Virtual time that ends all that waits: visibility timeouts, back-off of throttled deliveries. seconds
REST_S = 3_600
#: Pause between the calls of a loader. seconds
PAUSE_S = 0.01
GONE = (BotoCoreError, ClientError, HTTPClientError)


class FragilePlatform(Platform):
    """A server under test whose asynchronous retries come soon."""

    def __init__(self) -> None:
        super().__init__("Bascule")

    def _command(self) -> tuple[list[str], dict[str, str]]:
        command, environment = super()._command()
        return [*command, "--test", "--async-retry-base", str(RETRY_BASE_S)], environment

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One of Bascule's own end points."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/_bascule/{path}", data, timeout=300) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} answered {error.code}: {error.read().decode()}") from error


class Ledger:
    """What was sent, what was acknowledged, and where it ended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._numbers = itertools.count()
        #: kind -> numbers that were sent, answered or not.
        self.sent: dict[str, set[int]] = defaultdict(set)
        self.acknowledged: dict[str, set[int]] = defaultdict(set)
        self.event_ids: dict[int, str] = {}
        #: kind -> number -> how often a handler told of it.
        self.handled: dict[str, Counter[int]] = defaultdict(Counter)
        #: kind -> number -> how often it was found in the queue where it should end.
        self.found: dict[str, Counter[int]] = defaultdict(Counter)
        #: Lives of the server have even numbers; odd ones are from a kill to the next start, when runs of both may report.
        self.life = 0
        #: kind -> (number, life) -> how often an asynchronous event was run; kind -> number -> its request ids.
        self.runs_in_life: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
        self.request_ids: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        #: kind -> number -> the life in which it was sent.
        self.births: dict[str, dict[int, int]] = defaultdict(dict)
        #: kind -> number -> the highest receive count that a handler saw.
        self.receives: dict[str, dict[int, int]] = defaultdict(dict)
        #: FIFO group -> the batch that a handler is at, since when, and in which life.
        self._at_work: dict[str, tuple[str, float, int]] = {}
        self.batches_begun = 0
        self.overlaps = 0
        self.newest: dict[int, int] = {}
        self.out_of_order = 0

    def take(self, *kinds: str) -> list[tuple[str, int]]:
        with self.lock:
            taken = [(kind, next(self._numbers)) for kind in kinds]
            for kind, number in taken:
                self.sent[kind].add(number)
                self.births[kind][number] = self.life
            return taken

    def acknowledge(self, kind: str, number: int) -> None:
        with self.lock:
            self.sent[kind].add(number)
            self.acknowledged[kind].add(number)

    def next_life(self) -> None:
        """The server was killed, or answers again."""
        with self.lock:
            self.life += 1

    def begin(self, batch: str, groups: list[str], now_s: float) -> None:
        """A handler begins with a batch of messages of these FIFO groups.

        A batch whose function was killed, with the server or at its timeout, tells of no end and is over all the same.
        """
        with self.lock:
            self.batches_begun += 1
            for group in groups:
                before = self._at_work.get(group)
                is_alive = before is not None and before[2] == self.life and now_s - before[1] < TIMEOUT_S
                self.overlaps += is_alive and self.life % 2 == 0
                self._at_work[group] = (batch, now_s, self.life)

    def end(self, batch: str, groups: list[str]) -> None:
        """A handler is through with a batch."""
        with self.lock:
            for group in groups:
                if self._at_work.get(group, ("",))[0] == batch:
                    del self._at_work[group]

    def early_letters(self) -> tuple[int, int]:
        """Messages that were given up before the queue had handed them out often enough; and how many could be judged.

        Each kill may have swallowed one receive that no handler told of, so those that lived through enough kills are not judged.
        """
        early = judged = 0
        for number in self.found["GivenUp"]:
            kills = (self.life - self.births["GivenUp"].get(number, 0) + 1) // 2
            judged += kills < RECEIVES_MAX
            early += self.receives["GivenUp"].get(number, 0) + kills < RECEIVES_MAX
        return early, judged

    def tell(
        self,
        kind: str,
        number: int,
        group: int | None = None,
        request: str | None = None,
        receives: int | None = None,
    ) -> None:
        """A handler has run."""
        with self.lock:
            self.handled[kind][number] += 1
            if receives is not None:
                self.receives[kind][number] = max(receives, self.receives[kind].get(number, 0))
            if request is not None:
                self.runs_in_life[kind][number, self.life] += 1
                self.request_ids[kind][number].add(request)
            if group is not None:
                in_group = number // GROUPS
                self.out_of_order += in_group > self.newest.get(group, -1) + 1
                self.newest[group] = max(in_group, self.newest.get(group, -1))


class Reports:
    """Where handlers tell that they run: each datagram is answered, so that none is lost and their order is kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]
        self._is_open = True
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        last = b""
        while self._is_open:
            try:
                message, sender = self._socket.recvfrom(1024)
            except TimeoutError:
                continue
            told = json.loads(message)
            if "batch" not in told:
                self._ledger.tell(told["kind"], told["n"], told.get("group"), told.get("request"), told.get("receives"))
            elif message != last:  # it is sent again when its echo was late
                step = (told["batch"], told["groups"])
                self._ledger.end(*step) if told["is_over"] else self._ledger.begin(*step, time.monotonic())
            last = message
            self._socket.sendto(message, sender)

    def close(self) -> None:
        self._is_open = False
        self._thread.join()
        self._socket.close()


class Stage:
    """Everything the load goes through, made once."""

    def __init__(self, platform: FragilePlatform, port: int) -> None:
        self.platform = platform
        self.sqs, self.sns = platform.client("sqs"), platform.client("sns")
        self.events, self.functions = platform.client("events"), platform.client("lambda")
        self._port = port
        self.urls: dict[str, str] = {}
        for name in ("Queue", "Topic", "Throttled", "Handled", "Failed", "Dead", "Missing", "GivenUp"):
            self._queue(name)
        self._queue("Mapped-source", VisibilityTimeout="2")
        policy = {"deadLetterTargetArn": self.arn("GivenUp"), "maxReceiveCount": str(RECEIVES_MAX)}
        self._queue("GivenUp-source", VisibilityTimeout="2", RedrivePolicy=json.dumps(policy))
        self._queue("Ordered.fifo", VisibilityTimeout="2", FifoQueue="true")
        self._rules()
        for name in ("Mapped", "GivenUp", "Ordered"):
            source = "Ordered.fifo" if name == "Ordered" else f"{name}-source"
            self._function(name)
            self.functions.create_event_source_mapping(EventSourceArn=self.arn(source), FunctionName=name, BatchSize=10)

    @staticmethod
    def arn(queue: str) -> str:
        return f"arn:aws:sqs:us-east-1:000000000000:{queue}"

    def _queue(self, name: str, **attributes: str) -> None:
        self.urls[name] = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def _function(self, name: str, **configuration: Any) -> str:
        arn: str = self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler=f"handler.{name.lower()}",
            Timeout=TIMEOUT_S,
            Code={"ZipFile": package()},
            Environment={"Variables": {"PORT": str(self._port)}},
            **configuration,
        )["FunctionArn"]
        self.functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return arn

    def _destination(self, name: str, outcome: str) -> None:
        destinations = {outcome: {"Destination": self.arn(name)}}
        self.functions.put_function_event_invoke_config(FunctionName=name, DestinationConfig=destinations)

    def _rules(self) -> None:
        topic = self.sns.create_topic(Name="mixed")["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn("Topic"), Attributes=raw)
        targets: dict[str, dict[str, Any]] = {
            "Queue": {"Arn": self.arn("Queue")},
            "Topic": {"Arn": topic},
            "Throttled": {"Arn": self.arn("Throttled")},
            "Missing": {"Arn": self.arn("not-there"), "DeadLetterConfig": {"Arn": self.arn("Missing")}},
            "Handled": {"Arn": self._function("Handled")},
            "Failed": {"Arn": self._function("Failed")},
            "Dead": {"Arn": self._function("Dead", DeadLetterConfig={"TargetArn": self.arn("Dead")})},
        }
        self._destination("Handled", "OnSuccess")
        self._destination("Failed", "OnFailure")
        for kind, target in targets.items():
            pattern = {"source": [SOURCE], "detail-type": [kind]}
            self.events.put_rule(Name=kind, EventPattern=json.dumps(pattern))
            self.events.put_targets(Rule=kind, Targets=[{"Id": "1", **target}])

    def throttle(self) -> None:
        """Have the throttled target refuse until the next kill."""
        self.platform.ask("faults", {"target": self.arn("Throttled"), "error": "throttled", "times": 1_000_000})

    def emptied(self, name: str) -> Iterator[dict[str, Any]]:
        """Every message of a queue, each deleted."""
        url = self.urls[name]
        while True:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return
            entries = [{"Id": str(n), "ReceiptHandle": found["ReceiptHandle"]} for n, found in enumerate(messages)]
            self.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            yield from messages


# -- the load ------------------------------------------------------------------------------------------------------------


def _put_events(platform: Platform, ledger: Ledger) -> Callable[[], None]:
    events = platform.client("events")
    turns = itertools.cycle(FUNCTION_KINDS)

    def step() -> None:
        taken = ledger.take(*KINDS, *KINDS, next(turns))
        entries = [
            {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps({"n": number})} for kind, number in taken
        ]
        answers = events.put_events(Entries=entries).get("Entries", [])  # a killed server may cut the body off
        for (kind, number), answer in zip(taken, answers, strict=True):
            ledger.event_ids[number] = answer["EventId"]
            ledger.acknowledge(kind, number)

    return step


def _invoke(platform: Platform, ledger: Ledger) -> Callable[[], None]:
    functions = platform.client("lambda")
    turns = itertools.cycle(FUNCTION_KINDS)

    def step() -> None:
        ((kind, number),) = ledger.take(next(turns))
        payload = json.dumps({"detail": {"n": number}})
        functions.invoke(FunctionName=kind, InvocationType="Event", Payload=payload)
        ledger.acknowledge(kind, number)
        time.sleep(3 * PAUSE_S)

    return step


def _send(platform: Platform, ledger: Ledger, urls: dict[str, str]) -> Callable[[], None]:
    sqs = platform.client("sqs")

    def step() -> None:
        for kind, number in ledger.take("Mapped", "Mapped", "GivenUp"):
            sqs.send_message(QueueUrl=urls[f"{kind}-source"], MessageBody=str(number))
            ledger.acknowledge(kind, number)

    return step


def _send_in_order(platform: Platform, ledger: Ledger, url: str) -> Callable[[], None]:
    """Number ``n`` belongs to group ``n % GROUPS``; it is sent again until it was acknowledged, and only then the next."""
    sqs = platform.client("sqs")
    following = 0

    def step() -> None:
        nonlocal following
        text = str(following)
        ledger.sent["Ordered"].add(following)
        sqs.send_message(
            QueueUrl=url, MessageBody=text, MessageGroupId=str(following % GROUPS), MessageDeduplicationId=text
        )
        ledger.acknowledge("Ordered", following)
        following += 1

    return step


def _repeat(step: Callable[[], None], stop: threading.Event) -> None:
    """A call that was not answered is not acknowledged."""
    while not stop.is_set():
        try:
            step()
        except GONE:
            time.sleep(0.03)
        time.sleep(PAUSE_S)


def _kill_under_load(
    stage: Stage, ledger: Ledger, kills: int, chance: random.Random, load_s: tuple[float, float]
) -> list[float]:
    platform = stage.platform
    stop = threading.Event()
    steps = (
        _put_events(platform, ledger),
        _put_events(platform, ledger),
        _invoke(platform, ledger),
        _send(platform, ledger, stage.urls),
        _send_in_order(platform, ledger, stage.urls["Ordered.fifo"]),
    )
    loaders = [threading.Thread(target=_repeat, args=(step, stop)) for step in steps]
    restarts: list[float] = []
    stage.throttle()
    try:
        for loader in loaders:
            loader.start()
        for remaining in range(kills, 0, -1):
            time.sleep(chance.uniform(*load_s))
            platform.kill()
            ledger.next_life()
            restarts.append(platform.start())
            ledger.next_life()
            if remaining > 1:
                stage.throttle()
        time.sleep(load_s[1])
    finally:
        stop.set()
        for loader in loaders:
            loader.join()
    return restarts


# -- the account ---------------------------------------------------------------------------------------------------------


def _collect(stage: Stage, ledger: Ledger) -> Counter[str]:
    """Find where everything ended; gives how many records or letters say something wrong."""
    wrong: Counter[str] = Counter()
    for kind in ("Queue", "Topic", "Throttled", "Missing", "Dead"):
        for message in stage.emptied(kind):
            ledger.found[kind][json.loads(message["Body"])["detail"]["n"]] += 1
    for message in stage.emptied("GivenUp"):
        ledger.found["GivenUp"][int(message["Body"])] += 1
    for kind in ("Handled", "Failed"):
        for message in stage.emptied(kind):
            record = json.loads(message["Body"])
            ledger.found[kind][record["requestPayload"]["detail"]["n"]] += 1
            context = record["requestContext"]
            if kind == "Failed" and (context["condition"], context["approximateInvokeCount"]) != (
                "RetriesExhausted",
                3,
            ):
                wrong["records of failures with a wrong number of attempts"] += 1
    for name in ("Mapped-source", "GivenUp-source", "Ordered.fifo"):
        wrong["messages left in sources of mappings"] += sum(1 for _ in stage.emptied(name))
    return wrong


def _look_at_stories(stage: Stage, ledger: Ledger) -> tuple[int, int]:
    """Stories of failed events looked at, and those with a wrong sequence of attempts or one that came too early."""
    numbers = sorted(ledger.acknowledged["Failed"] & ledger.event_ids.keys())
    step = max(1, len(numbers) // STORIES_LOOKED_AT)
    looked_at = numbers[::step]
    wrong = 0
    for number in looked_at:
        runs = stage.platform.ask(f"stories/{ledger.event_ids[number]}")["deliveries"][0]["invocations"]
        is_early = any(
            after["started_ms"] < before["ended_ms"] + RETRY_BASE_S * 1000 * before["attempt"]
            for before, after in itertools.pairwise(runs)
        )
        wrong += is_early or [run["attempt"] for run in runs] != [1, 2, 3]
    return len(looked_at), wrong


def account(
    ledger: Ledger, restarts: list[float], wrong: Counter[str], stories: tuple[int, int]
) -> tuple[dict[str, object], dict[str, int]]:
    """Counts for people, and the violations: name -> how many."""
    counts: dict[str, object] = {"kills": len(restarts), "slowest restart (s)": round(max(restarts), 2)}
    violations = dict(wrong)
    for kind in ("Queue", "Topic", "Throttled", "Missing", "Dead", "Failed", "Handled", "GivenUp"):
        found, acknowledged = ledger.found[kind], ledger.acknowledged[kind]
        counts[f"{kind}: acknowledged, ended once"] = (
            f"{len(acknowledged)}, {sum(1 for n in acknowledged if found[n] == 1)}"
        )
        violations[f"{kind}: lost"] = sum(1 for n in acknowledged if found[n] == 0)
        violations[f"{kind}: ended more than once"] = sum(1 for count in found.values() if count > 1)
    for kind in ("Handled", "Mapped", "Ordered"):
        handled, acknowledged = ledger.handled[kind], ledger.acknowledged[kind]
        again = sum(1 for count in handled.values() if count > 1)
        counts[f"{kind}: acknowledged, handled again (allowed)"] = f"{len(acknowledged)}, {again}"
        violations[f"{kind}: never handled"] = sum(1 for n in acknowledged if not handled[n])
    for kind in sorted({*ledger.found, *ledger.handled}):
        elsewhere = {*ledger.found[kind], *ledger.handled[kind]} - ledger.sent[kind]
        violations[f"{kind}: ended where it was not sent"] = len(elsewhere)
    for kind, attempts in (("Handled", 1), ("Failed", 3), ("Dead", 3)):
        runs = ledger.handled[kind]
        violations[f"{kind}: fewer attempts than promised"] = sum(
            1 for n in ledger.acknowledged[kind] if runs[n] < attempts
        )
        violations[f"{kind}: more attempts than kills explain"] = sum(
            1 for count in runs.values() if count > attempts + len(restarts)
        )
        violations[f"{kind}: run again although nobody was killed"] = sum(
            1 for (_, life), count in ledger.runs_in_life[kind].items() if life % 2 == 0 and count > attempts
        )
        violations[f"{kind}: run under a second request id"] = sum(
            1 for ids in ledger.request_ids[kind].values() if len(ids) > 1
        )
    counts["stories of failures looked at"] = stories[0]
    violations["stories with a wrong or early attempt"] = stories[1]
    violations["kinds whose handlers told of no run"] = sum(
        1 for kind in (*FUNCTION_KINDS, "Mapped", "Ordered", "GivenUp") if not ledger.handled[kind]
    )
    early, judged = ledger.early_letters()
    counts["GivenUp: dead letters whose receives were judged"] = judged
    violations["GivenUp: given up before its last receive"] = early
    violations["checks that looked at nothing: receives"] = int(judged == 0)
    counts["FIFO: batches begun"] = ledger.batches_begun
    violations["FIFO: two batches of a group at once"] = ledger.overlaps
    violations["checks that looked at nothing: batches"] = int(ledger.batches_begun == 0)
    violations["checks that looked at nothing: stories"] = int(stories[0] == 0)
    violations["FIFO: handled before an earlier one of its group"] = ledger.out_of_order
    violations["kinds that nothing was acknowledged of"] = sum(
        1 for kind in (*KINDS, *FUNCTION_KINDS, "Mapped", "GivenUp", "Ordered") if not ledger.acknowledged[kind]
    )
    return counts, {name: count for name, count in violations.items() if count}


def run(kills: int, *, seed: int, load_s: tuple[float, float] = (0.2, 1.0)) -> tuple[dict[str, object], dict[str, int]]:
    """Kill ``kills`` times; gives the counts, and the violations (empty when every promise held)."""
    ledger = Ledger()
    reports = Reports(ledger)
    platform = FragilePlatform()
    try:
        platform.start()
        stage = Stage(platform, reports.port)
        restarts = _kill_under_load(stage, ledger, kills, random.Random(seed), load_s)
        platform.ask("settle", {"timeout_s": 120})
        platform.ask("clock", {"freeze": True, "advance_s": REST_S, "timeout_s": 240})
        wrong = _collect(stage, ledger)
        stories = _look_at_stories(stage, ledger)
    finally:
        platform.close()
        reports.close()
    return account(ledger, restarts, wrong, stories)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    counts, violations = run(given.kills, seed=given.seed)
    for name, value in counts.items():
        print(f"{name:<56}{value!s:>16}")
    for name, value in violations.items():
        print(f"VIOLATED {name:<47}{value:>16}")
    print("A PROMISE WAS BROKEN" if violations else "every promise held")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
