"""Who is at the other end of a connection of this machine: told by the kernel, not by what the other end says.

A Runtime API port is found by whoever may read ``/proc/net/tcp``, and every function of a server runs as the same user, so a
port alone proves nothing. The kernel knows which socket a connection came from, and which processes hold that socket. A lookup
is a question to the kernel (20 microseconds) and a walk through the open files of a few processes, bounded, because it
happens on the event loop at each new connection. Linux only.
"""

from __future__ import annotations

import enum
import errno
import os
import socket
import struct
from collections.abc import Iterable

from bascule.runtime import usage
from bascule.runtime.limits import API_PEER_FILES_MAX

Address = tuple[str, int]

_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_ERROR = 2
_REQUEST = 1
_ALL_STATES = 0xFFF
_NO_COOKIE = 0xFFFFFFFF
_ANSWER_BYTES_MAX = 4_096
_HEAD = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBxI")
_PORTS_AND_ADDRESSES = struct.Struct("!HH16s16s")
_INTERFACE_AND_COOKIE = struct.Struct("=III")
#: In an answer: the ports after the head and four bytes, the inode at the end of ``struct inet_diag_msg``.
_PORTS = struct.Struct("!HH")
_PORTS_AT = _HEAD.size + 4
_INODE = struct.Struct("=I")
_INODE_AT = _PORTS_AT + _PORTS_AND_ADDRESSES.size + _INTERFACE_AND_COOKIE.size + 16
#: A look into a process costs as much as so many of its files. ours
_PROCESS_FILES = 8


class Peer(enum.Enum):
    """What a connection's other end was found to be."""

    KNOWN = "one of the processes asked about"
    STRANGER = "none of them"
    #: It is closed: whose it was is not known any more, and it can hear no answer.
    GONE = "nobody"
    #: The kernel does not say, or does not let this user see.
    UNTOLD = "not to be told"


class Peers:
    """Asks the kernel. Use from one thread; ``close`` last."""

    def __init__(self) -> None:
        self._asking: socket.socket | None = None
        self._count = 0

    def judge(self, peer: Address, ours: Address, pids: Iterable[int]) -> Peer:
        """Whether one of these processes holds the other end of a connection.

        Takes    peer, ours: the addresses of its two ends, IPv4; pids: taken one by one until the answer is known, so the
                 likeliest should come first.
        Gives    STRANGER, too, when too many files would have to be looked at.
        """
        try:
            inode = self._inode(peer, ours)
        except OSError:
            return Peer.UNTOLD
        found = _search(inode, pids) if inode else Peer.GONE
        if found is Peer.STRANGER and not self._still_open(peer, ours):
            return Peer.GONE
        return found

    def _still_open(self, peer: Address, ours: Address) -> bool:
        """Whether nobody closed it while it was looked for."""
        try:
            return self._inode(peer, ours) != 0
        except OSError:
            return True

    def _inode(self, peer: Address, ours: Address) -> int:
        """The socket that a connection came from; 0 when it is closed. Raises OSError."""
        try:
            return self._asked_inode(peer, ours)
        except OSError:
            return listed_inode(peer, ours)

    def _asked_inode(self, peer: Address, ours: Address) -> int:
        if self._asking is None:
            self._asking = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG)
            self._asking.setblocking(False)
        self._count = (self._count + 1) & 0xFFFFFFFF
        ends = _PORTS_AND_ADDRESSES.pack(peer[1], ours[1], socket.inet_aton(peer[0]), socket.inet_aton(ours[0]))
        question = _QUESTION.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, _ALL_STATES)
        question += ends + _INTERFACE_AND_COOKIE.pack(0, _NO_COOKIE, _NO_COOKIE)
        head = _HEAD.pack(_HEAD.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST, self._count, 0)
        # The kernel answers before ``sendto`` returns.
        self._asking.sendto(head + question, (0, 0))
        while True:
            answer = self._asking.recv(_ANSWER_BYTES_MAX)
            _, kind, _, count, _ = _HEAD.unpack_from(answer)
            if count == self._count:
                break
        if kind == _ERROR:
            number = -struct.unpack_from("=i", answer, _HEAD.size)[0]
            if number == errno.ENOENT:
                return 0
            raise OSError(number, os.strerror(number))
        # A connection that is gone leaves whoever listens on its port.
        is_the_connection = _PORTS.unpack_from(answer, _PORTS_AT) == (peer[1], ours[1])
        return int(_INODE.unpack_from(answer, _INODE_AT)[0]) if is_the_connection else 0

    def close(self) -> None:
        """Ask no more. Twice is fine."""
        if self._asking is not None:
            self._asking.close()
            self._asking = None


def listed_inode(peer: Address, ours: Address) -> int:
    """As the kernel is asked, from its lists of all connections: slower, but there where nobody may ask. Raises OSError."""
    old, new = (_listed(peer, ""), _listed(ours, "")), (_listed(peer, _MAPPED), _listed(ours, _MAPPED))
    for path, ends in (("/proc/net/tcp", old), ("/proc/net/tcp6", new)):
        if path.endswith("6") and not os.path.exists(path):  # a kernel without IPv6
            continue
        with open(path) as listing:
            for line in listing:
                fields = line.split(maxsplit=10)
                if (fields[1], fields[2]) == ends:
                    return int(fields[9])
    return 0


#: How an IPv4 address begins in the list of IPv6 connections: words in the machine's byte order.
_MAPPED = "0" * 16 + f"{struct.unpack('=I', bytes((0, 0, 255, 255)))[0]:08X}"


def _listed(address: Address, prefix: str) -> str:
    (word,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{prefix}{word:08X}:{address[1]:04X}"


def _search(inode: int, pids: Iterable[int]) -> Peer:
    """Look for a socket among the open files of these processes."""
    wanted = f"socket:[{inode}]"
    is_hidden = False
    left = API_PEER_FILES_MAX
    for pid in pids:
        place = f"/proc/{pid}/fd"
        try:
            # The youngest file of a process has the highest number, mostly.
            names = os.listdir(place)[::-1]
        except PermissionError:
            # The files of a process that ends belong to root at once, and there are none.
            is_hidden = is_hidden or usage.resident_kb(pid) > 0
            names = []
        except OSError:  # it has ended
            names = []
        left -= _PROCESS_FILES + len(names)
        for name in names:
            try:
                if os.readlink(f"{place}/{name}") == wanted:
                    return Peer.KNOWN
            except OSError:  # closed meanwhile
                continue
        if left <= 0:
            break
    return Peer.UNTOLD if is_hidden else Peer.STRANGER
