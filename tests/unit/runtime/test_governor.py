"""What the governor charges, and where the background's control group is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bascule.runtime.background import Background, open_background
from bascule.runtime.governor import Reading, share_of, used_s
from bascule.runtime.limits import FORK_CPU_S

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def test_a_share_grows_with_the_memory_size_up_to_an_eighth_of_the_machine() -> None:
    assert share_of(128, 64) == pytest.approx(128 / 1769)
    assert share_of(1769, 64) == 1
    assert share_of(1769, 2) == 0.25


def test_what_processes_used_between_two_readings_counts_new_ones_whole() -> None:
    before = Reading({1: 3 * TICKS_PER_S, 2: 7 * TICKS_PER_S})
    assert used_s(before, Reading({1: 4 * TICKS_PER_S, 3: 2 * TICKS_PER_S})) == 3


def test_processes_that_began_and_ended_between_two_readings_are_charged() -> None:
    assert used_s(Reading({1: 0}, newest=10), Reading({1: 0}, newest=110)) == pytest.approx(100 * FORK_CPU_S)
    assert used_s(Reading({1: 0}, newest=10), Reading({1: 0, 2: 0, 3: 0}, newest=12)) == 0
    assert used_s(Reading({1: 0}, newest=30_000), Reading({1: 0}, newest=5)) == 0


def _proc(root: Path, mounts: str, groups: str) -> Path:
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "self/mountinfo").write_text(mounts)
    (proc / "self/cgroup").write_text(groups)
    return proc


def test_version_1_makes_a_group_of_idle_class_beside_the_servers_processes(tmp_path: Path) -> None:
    mounts = f"30 25 0:26 / {tmp_path}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n31 25 0:27 / {tmp_path}/v2 rw - cgroup2 cgroup2 rw\n"
    proc = _proc(tmp_path, mounts, "3:cpuset:/\n1:cpu,cpuacct:/mine\n0::/\n")
    (tmp_path / "cpu/mine").mkdir(parents=True)
    background = open_background(proc)
    assert isinstance(background, Background)
    [group] = (tmp_path / "cpu/mine").iterdir()
    assert (group / "cpu.idle").read_text() == "1"
    background.take([41])
    assert (group / "cgroup.procs").read_text() == "41"
    background.release([42])
    assert (tmp_path / "cpu/mine/cgroup.procs").read_text() == "42"


def test_version_2_enables_the_processor_for_the_group(tmp_path: Path) -> None:
    mounts = f"31 25 0:27 /kubepods/pod {tmp_path}/v2 rw - cgroup2 cgroup2 rw\n"
    proc = _proc(tmp_path, mounts, "0::/kubepods/pod/mine\n")
    (tmp_path / "v2/mine").mkdir(parents=True)
    assert isinstance(open_background(proc), Background)
    assert (tmp_path / "v2/mine/cgroup.subtree_control").read_text() == "+cpu"


def test_a_group_that_a_killed_server_left_is_removed(tmp_path: Path) -> None:
    proc = _proc(tmp_path, f"30 25 0:26 / {tmp_path}/cpu rw - cgroup cgroup rw,cpu\n", "1:cpu:/\n")
    (proc / "7").mkdir()
    for pid in ("7", "8"):
        (tmp_path / f"cpu/bascule-background-{pid}").mkdir(parents=True)
    open_background(proc)
    assert {each.name for each in (tmp_path / "cpu").iterdir()} == {
        "bascule-background-7",
        f"bascule-background-{os.getpid()}",
    }


@pytest.mark.parametrize(
    ("mounts", "reason"),
    [
        ("30 25 0:26 / /sys rw - sysfs sysfs rw\n", "is mounted"),
        ("30 25 0:26 / /nowhere rw - cgroup c rw,cpu\n", "no such file"),
    ],
)
def test_where_none_can_be_had_it_says_why(tmp_path: Path, mounts: str, reason: str) -> None:
    assert reason in str(open_background(_proc(tmp_path, mounts, "1:cpu:/\n")))
