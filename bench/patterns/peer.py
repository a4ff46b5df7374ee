"""Runs AWS's event-ruler (Java) beside us: fetches the artifact with Maven, compiles the driver, talks to it over a pipe."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent / "ruler"
WORK = Path(__file__).parents[2] / ".bench" / "ruler"


class Peer:
    """One Java process, pinned to a core; closed by leaving the ``with`` block."""

    def __init__(self, core: int) -> None:
        prepare()
        pin = ["taskset", "-c", str(core)] if shutil.which("taskset") else []
        self.process = subprocess.Popen(
            [*pin, "java", "-cp", f"{WORK}:{WORK}/*", "RulerDriver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def load(self, rules: dict[str, str], events: list[bytes], warm_up_ms: int) -> tuple[int, float]:
        """Give the number of matches over all events and the seconds it took to add the rules."""
        rules_file, events_file = WORK / "rules.tsv", WORK / "events.jsonl"
        rules_file.write_text("".join(f"{rule_id}\t{text}\n" for rule_id, text in rules.items()), "utf-8")
        events_file.write_bytes(b"\n".join(events))
        matched, seconds = self._ask(f"load {rules_file} {events_file} {warm_up_ms}").split()
        return int(matched), float(seconds)

    def run(self, duration_ms: int) -> float:
        """Give events per second."""
        return float(self._ask(f"run {duration_ms}"))

    def _ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


def prepare() -> None:
    """Fetch and compile once; later runs find the result in ``.bench``."""
    driver = WORK / "RulerDriver.class"
    if driver.exists() and driver.stat().st_mtime > (HERE / "RulerDriver.java").stat().st_mtime:
        return
    WORK.mkdir(parents=True, exist_ok=True)
    goal = "dependency:copy-dependencies"
    subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), goal, f"-DoutputDirectory={WORK}"], check=True)
    subprocess.run(
        ["javac", "-nowarn", "-cp", f"{WORK}/*", "-d", str(WORK), str(HERE / "RulerDriver.java")], check=True
    )


def is_available() -> bool:
    """Say whether Java and Maven are here."""
    return all(shutil.which(tool) for tool in ("java", "javac", "mvn"))
