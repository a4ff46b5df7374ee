"""Whose connection it is, asked of the kernel about real sockets and processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bascule.runtime import peers
from bascule.runtime.limits import API_PEER_FILES_MAX
from bascule.runtime.peers import Peer, Peers, listed_inode

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["127.0.0.1", "::ffff:127.0.0.1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A client's socket and the one that was accepted for it."""
    if ":" in request.param and not os.path.exists("/proc/net/tcp6"):
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection((request.param, listener.getsockname()[1]))
        accepted, _ = listener.accept()
        with client, accepted:
            yield client, accepted


@pytest.fixture
def asked() -> Iterator[Peers]:
    asked = Peers()
    yield asked
    asked.close()
    asked.close()


def judge(asked: Peers, accepted: socket.socket, *pids: int) -> Peer:
    return asked.judge(accepted.getpeername(), accepted.getsockname(), pids)


def test_a_process_that_holds_the_other_end_is_known_among_others(asked: Peers, pair: Pair) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        assert judge(asked, pair[1], other.pid) is Peer.STRANGER
        assert judge(asked, pair[1], other.pid, os.getpid()) is Peer.KNOWN
    finally:
        other.kill()
        other.wait()
    assert judge(asked, pair[1], other.pid) is Peer.STRANGER
    assert judge(asked, pair[1]) is Peer.STRANGER


def test_a_child_that_inherited_the_socket_is_known(asked: Peers, pair: Pair) -> None:
    holder = subprocess.Popen(["sleep", "60"], pass_fds=(pair[0].fileno(),))
    try:
        assert judge(asked, pair[1], holder.pid) is Peer.KNOWN
    finally:
        holder.kill()
        holder.wait()


def test_a_connection_that_is_closed_belongs_to_nobody(asked: Peers, pair: Pair) -> None:
    peer, ours = pair[1].getpeername(), pair[1].getsockname()
    pair[0].close()
    assert asked.judge(peer, ours, [os.getpid()]) is Peer.GONE
    pair[1].close()
    assert asked.judge(peer, ours, [os.getpid()]) is Peer.GONE


def test_a_port_that_somebody_listens_on_is_not_a_connection(asked: Peers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as ours:
        assert asked.judge(listener.getsockname(), ours.getsockname(), [os.getpid()]) is Peer.GONE


def test_the_kernels_list_says_the_same(pair: Pair) -> None:
    peer, ours = pair[1].getpeername(), pair[1].getsockname()
    assert listed_inode(peer, ours) == os.fstat(pair[0].fileno()).st_ino
    assert listed_inode(ours, ours) == 0


def test_the_list_is_read_where_the_kernel_may_not_be_asked(
    asked: Peers, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refuse)
    assert judge(asked, pair[1], os.getpid()) is Peer.KNOWN
    assert judge(asked, pair[1]) is Peer.STRANGER


def test_no_answer_of_the_kernel_at_all_is_said_to_be_none(
    asked: Peers, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(peers, "listed_inode", refuse)
    assert judge(asked, pair[1], os.getpid()) is Peer.UNTOLD


def test_files_of_more_processes_than_may_be_looked_at_do_not_count(asked: Peers, pair: Pair) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        many = [other.pid] * (API_PEER_FILES_MAX // 8)
        assert judge(asked, pair[1], *many, os.getpid()) is Peer.STRANGER
        assert other.stdin is not None
        other.stdin.close()


def test_a_process_that_has_ended_hides_nothing(asked: Peers, pair: Pair) -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert judge(asked, pair[1], ended.pid) is Peer.STRANGER
    ended.wait()
