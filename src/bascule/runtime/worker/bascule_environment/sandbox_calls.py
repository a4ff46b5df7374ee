"""The system calls of the sandbox that Python's ``os`` has no name for, by way of the C library.

Every call raises ``SandboxError`` that says which call failed on what: the message is what a person reads when a
machine cannot isolate functions. Numbers are those that every architecture shares.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct

NEW_MOUNTS = 0x00020000
NEW_HOST_NAME = 0x04000000
NEW_IPC = 0x08000000
NEW_USER = 0x10000000
NEW_PIDS = 0x20000000
NEW_NETWORK = 0x40000000

READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 0x1, 0x2, 0x4, 0x8
_MS_BIND, _MS_MOVE, _MS_REC, _MS_PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
_MNT_DETACH = 2
_SYS_CLONE3, _SYS_MOUNT_SETATTR = 435, 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1

_libc = ctypes.CDLL(None, use_errno=True)
#: Keeps the interpreter's lock during the call: a fork must not come back into an interpreter that others could enter.
_libc_with_lock = ctypes.PyDLL(None, use_errno=True)


class SandboxError(Exception):
    """Something that the sandbox is made of is not to be had here."""


def _check(result: int, what: str) -> int:
    if result < 0:
        raise SandboxError(f"{what}: {os.strerror(ctypes.get_errno()).lower()}")
    return result


def unshare(flags: int, what: str) -> None:
    """Leave namespaces for new ones."""
    _check(_libc.unshare(ctypes.c_int(flags)), what)


def _mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), data.encode() or None
    )
    _check(result, f"mount of {kind or source} on {target}")


def make_mounts_private() -> None:
    """What is mounted from now on is seen in this namespace only."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")


def mount_new(kind: str, target: str, flags: int, data: str = "") -> None:
    """A new file system of ``kind``."""
    _mount(kind, target, kind, flags, data)


def bind(source: str, target: str) -> None:
    """Show ``source`` and all that is mounted in it at ``target``."""
    _mount(source, target, "", _MS_BIND | _MS_REC, "")


def move(source: str, target: str) -> None:
    """Move a mount."""
    _mount(source, target, "", _MS_MOVE, "")


def restrict(target: str, flags: int) -> None:
    """Add READ_ONLY, NO_SETUID, NO_DEVICES to the mount at ``target`` and all below it. Linux 5.12."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    _check(result, f"restriction of the mount {target}")


def detach(target: str) -> None:
    """Take a mount and all below it out of sight."""
    _check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"unmount of {target}")


def pivot_root(new: str, old: str) -> None:
    """Make ``new`` the root directory of this mount namespace; the old one appears at ``old``."""
    _check(_libc.pivot_root(os.fsencode(new), os.fsencode(old)), "change of the root directory")
    os.chdir("/")


def fork_into(flags: int) -> int:
    """``os.fork`` whose child is the first process of new namespaces. Raises OSError, as ``os.fork`` does."""
    arguments = struct.pack("=8Q", flags, 0, 0, 0, int(signal.SIGCHLD), 0, 0, 0)
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = _libc_with_lock.syscall(ctypes.c_long(_SYS_CLONE3), arguments, ctypes.c_size_t(len(arguments)))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    number = ctypes.get_errno()
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, os.strerror(number))
    return pid


def set_dumpable(is_dumpable: bool) -> None:
    """Whether processes of the same user may look into this one through ``/proc`` and trace it."""
    _libc.prctl(_PR_SET_DUMPABLE, int(is_dumpable), 0, 0, 0)


def drop_privileges() -> None:
    """Give up every capability, and the ways to get one, for this process and all that come from it."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "renunciation of new privileges")
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "renunciation of capabilities")


def raise_loopback() -> None:
    """Bring up the loopback interface of this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sH22x", b"lo", 0))
        flags = struct.unpack_from("16sH", request)[1] | _IFF_UP
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags))
