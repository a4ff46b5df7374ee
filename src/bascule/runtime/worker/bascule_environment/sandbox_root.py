"""The root directory of functions, made once by a zygote in a mount namespace of its own, and what every fork inherits.

It holds what a program needs to run and nothing that is anyone's: system libraries and programs, the interpreter, AWS's
packages, a few files of ``/etc`` and devices, all read-only. The machine's own root stays reachable for the zygote below
``HOST``; each fork mounts its package, layers and ``/tmp`` from there and then cuts it off (see ``sandbox``).
"""

from __future__ import annotations

import os
import sys

from . import sandbox_calls as calls

#: Where the zygote still sees the machine. A fork detaches it before anything of the function runs.
HOST = "/.host"
#: User and group of a function, as functions see them on AWS.
FUNCTION_UID, FUNCTION_GID = 993, 990
#: The user that functions are on this machine when the server is root: none that a person or a package ever gets.
MACHINE_UID = 1_993_000_000
PACKAGES = "/var/runtime"
INTERPRETERS = "/var/lang/bin"
#: What programs of a language need beside the system, below here with their paths on the machine.
SHOWN = "/var/bascule"
#: An empty directory, for a mount that has no place yet.
SPARE = "/mnt"

#: System directories that functions see whole.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
_DEVICE_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
_PLACES = (HOST, SPARE, "/dev", "/home", "/opt", "/proc", "/tmp", "/var/task", PACKAGES)
_USERS = f"root:x:0:0:root:/:/sbin/nologin\nsbx_user1051:x:{FUNCTION_UID}:{FUNCTION_GID}::/tmp:/sbin/nologin\n"
_GROUPS = f"root:x:0:\nsbx_user1051:x:{FUNCTION_GID}:\n"


class SandboxRoot:
    """Made by ``enter``; what a fork must know about it."""

    def __init__(self, *, is_root: bool, machine_uid: int) -> None:
        #: The zygote is root of the machine, not only of a user namespace.
        self.is_root = is_root
        #: The user id that forks take before they become ``FUNCTION_UID``, in the eyes of the zygote.
        self.machine_uid = machine_uid
        #: Where the interpreter is, when that is below ``/opt``, where layers belong.
        self.kept_in_opt: list[str] = []


def enter(scratch: str, packages: str, shows: list[str]) -> SandboxRoot:
    """Leave this process's view of the machine for the functions' root directory.

    Takes    scratch: an empty directory, only mounted on in this process's own namespace; packages: a directory of links to
             packages for ``PACKAGES``, or ""; shows: files and directories of the machine, for ``SHOWN``.
    Raises   SandboxError, OSError. The process is then of no use: its namespaces have changed half way.
    Promise  the rest of the machine sees nothing of it, and it is gone with the last process in it.
    """
    uid, gid = os.geteuid(), os.getegid()
    is_root = uid == 0 and _has_user(MACHINE_UID)
    if is_root:
        calls.unshare(calls.NEW_MOUNTS, "mount namespace")
    else:
        calls.unshare(calls.NEW_USER | calls.NEW_MOUNTS, "user namespace")
        take_ids(0, uid, 0, gid)
    os.umask(0o022)
    calls.make_mounts_private()
    calls.mount_new("tmpfs", scratch, calls.NO_SETUID, "size=4m,nr_inodes=4096,mode=755")
    for place in _PLACES:
        os.makedirs(scratch + place, exist_ok=True)
    for path in SYSTEM:
        _show(path, scratch)
    interpreter = _show_interpreter(scratch)
    for path in shows:
        _show(SHOWN + path, scratch, os.path.realpath(path))
    for path in _FILES:
        _show(path, scratch, os.path.realpath(path))
    _write(f"{scratch}/etc/passwd", _USERS)
    _write(f"{scratch}/etc/group", _GROUPS)
    if packages:
        for name in os.listdir(packages):
            _show(f"{PACKAGES}/{name}", scratch, os.path.realpath(f"{packages}/{name}"))
    _place_devices(scratch)
    calls.restrict(scratch, calls.READ_ONLY | calls.NO_SETUID | calls.NO_DEVICES)
    for name in _DEVICES:
        calls.bind(f"/dev/{name}", f"{scratch}/dev/{name}")
    calls.bind("/proc", f"{scratch}/proc")
    calls.pivot_root(scratch, scratch + HOST)
    if sys.pycache_prefix:
        sys.pycache_prefix = HOST + sys.pycache_prefix
    sys.executable = f"{INTERPRETERS}/python{sys.version_info.major}.{sys.version_info.minor}"
    root = SandboxRoot(is_root=is_root, machine_uid=MACHINE_UID if is_root else 0)
    root.kept_in_opt = [path for path in interpreter if path.startswith("/opt/")]
    return root


def _has_user(uid: int) -> bool:
    """Whether the user exists here: the root of a container without the machine's rights has a few users only."""
    with open("/proc/self/uid_map") as ranges:
        return any(int(first) <= uid < int(first) + int(count) for first, _, count in map(str.split, ranges))


def take_ids(inside_uid: int, outside_uid: int, inside_gid: int, outside_gid: int) -> None:
    """Give this process its only user and group in its new user namespace."""
    try:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{inside_uid} {outside_uid} 1")
        _write("/proc/self/gid_map", f"{inside_gid} {outside_gid} 1")
    except OSError as error:
        raise calls.SandboxError(f"user of a user namespace: {(error.strerror or '').lower()}") from error


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _show(path: str, root: str, source: str = "") -> None:
    """Bind a file or directory of the machine into the new root, at the same path; what does not exist is left out."""
    source = source or path
    target = root + path
    if os.path.lexists(target) or not os.path.exists(source):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        _write(target, "")
    calls.bind(source, target)


def _show_interpreter(root: str) -> set[str]:
    """The interpreter where it is, because loaded modules know their files, and where AWS has it. Gives its places."""
    prefix = os.path.realpath(sys.base_prefix)
    places = {prefix, sys.base_prefix, sys.base_exec_prefix}
    if any(place.startswith("/tmp/") for place in places):
        raise calls.SandboxError("the interpreter lies in /tmp, where functions have their own files")
    for place in sorted(places):
        _show(place, root, os.path.realpath(place))
    os.symlink(prefix, f"{root}/var/lang")
    return places


def _place_devices(root: str) -> None:
    for name in _DEVICES:
        _write(f"{root}/dev/{name}", "")
    for name, end in _DEVICE_LINKS.items():
        os.symlink(f"/proc/self/fd{end}", f"{root}/dev/{name}")
