"""How a fork of a zygote is locked in before anything of a function runs in it.

The fork is the first process of its own process, mount, IPC and host name namespaces (and network namespace, by setting). It
mounts what the function may see, cuts the machine off, becomes a user without any privilege, and forks the process that will
be the function. Itself it stays behind as the *keeper*: it adopts what the function leaves, passes on freezing and the exit
status, and when it ends, by itself or killed by the server, the kernel kills everything in the namespace. Nothing outlives it.

The order is the safety: mounts belong to the namespace of the zygote's user, and the function gets a user namespace below
that one, so not even a function that found a way to capabilities could change a mount.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from typing import NoReturn

from . import sandbox_calls as calls
from . import sandbox_root
from .sandbox_root import FUNCTION_GID, FUNCTION_UID, HOST, SPARE, SandboxRoot

#: What the server sends a keeper instead of SIGSTOP and SIGCONT, which would reach only itself.
FREEZE, THAW = signal.SIGUSR1, signal.SIGUSR2
_KEEPER_SIGNALS = {signal.SIGCHLD, FREEZE, THAW}
_PASSED_ON = {FREEZE: signal.SIGSTOP, THAW: signal.SIGCONT}
_SPACES = calls.NEW_PIDS | calls.NEW_MOUNTS | calls.NEW_IPC | calls.NEW_HOST_NAME
#: Files and directories in ``/tmp`` for each megabyte of it: names take the machine's memory, too. count
_NAMES_PER_MB = 128
_BACKLOG = 128
_HOST_NAME = "localhost"


class Box:
    """One environment's sandbox, as the server asks for it. Paths are real ones of the machine; ``layer_root`` may be ""."""

    def __init__(
        self, root: SandboxRoot, *, code_root: str, layer_root: str, tmp_dir: str, tmp_mb: int, ports: list[int] | None
    ) -> None:
        self.root = root
        self.code_root = code_root
        self.layer_root = layer_root
        self.tmp_dir = tmp_dir
        self.tmp_mb = tmp_mb
        #: Ports of 127.0.0.1 that lead to the server, in a network of nothing else; None: the machine's network.
        self.ports = ports


def fork(box: Box) -> int:
    """Fork this process into namespaces of its own. Raises OSError."""
    return calls.fork_into(_SPACES | (0 if box.ports is None else calls.NEW_NETWORK))


def keep_tmp(box: Box) -> None:
    """Give an environment its ``/tmp``: memory, so that its size is a limit. Called in the zygote. Raises SandboxError.

    It belongs to a directory of the machine, so it outlives the processes of the environment, and the kernel removes it
    when the server removes the directory.
    """
    place = HOST + box.tmp_dir
    if not os.path.ismount(place):
        owner = f"uid={box.root.machine_uid},gid={box.root.machine_uid}"
        size = f"size={box.tmp_mb}m,nr_inodes={box.tmp_mb * _NAMES_PER_MB}"
        calls.mount_new("tmpfs", place, calls.NO_SETUID | calls.NO_DEVICES, f"{size},mode=700,{owner}")


def open_listeners(box: Box) -> list[socket.socket]:
    """Sockets that listen on the box's ports, for the server to accept from: a network without a process that forwards."""
    listeners = []
    if box.ports:
        calls.raise_loopback()
    for port in box.ports or ():
        listener = socket.socket()
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
        listeners.append(listener)
    return listeners


def lock_in(box: Box) -> None:
    """Show the function its package, layers and ``/tmp``, take all else away, and become its user.

    Raises   SandboxError, OSError. The process must then end.
    """
    root = box.root
    read_only = calls.READ_ONLY | calls.NO_SETUID | calls.NO_DEVICES
    calls.bind(HOST + box.code_root, "/var/task")
    calls.restrict("/var/task", read_only)
    if box.layer_root:
        _show_layers(HOST + box.layer_root, root.kept_in_opt)
        calls.restrict("/opt", read_only)
    calls.bind(HOST + box.tmp_dir, "/tmp")
    # Over the machine's, which must be in sight for this to be allowed. Nobody in the sandbox can lift it: taking the other
    # away first would cost a wait for all processors.
    calls.mount_new("proc", "/proc", calls.NO_SETUID | calls.NO_DEVICES | calls.NO_PROGRAMS)
    _forbid_system_v_objects()
    calls.detach(HOST)
    socket.sethostname(_HOST_NAME)
    _become_function_user(root)


def _forbid_system_v_objects() -> None:
    """Segments, queues and semaphores of System V are the kernel's memory, which is charged to no process."""
    for name, none in (("shmmni", "0"), ("msgmni", "0"), ("sem", "0 0 0 0")):
        with open(f"/proc/sys/kernel/{name}", "w") as most:
            most.write(none)


def _show_layers(layer_root: str, kept: list[str]) -> None:
    if not kept:
        calls.bind(layer_root, "/opt")
        return
    # The interpreter, say, lives in /opt: both must be seen there.
    calls.mount_new("tmpfs", SPARE, calls.NO_SETUID | calls.NO_DEVICES, "size=1m,mode=755")
    needed = [(path, SPARE + path.removeprefix("/opt")) for path in kept]
    for source, target in [*needed, *_entries(layer_root, SPARE)]:
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        elif not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        calls.bind(source, target)
    calls.move(SPARE, "/opt")


def _entries(directory: str, target: str) -> list[tuple[str, str]]:
    return [(f"{directory}/{name}", f"{target}/{name}") for name in os.listdir(directory)]


def _become_function_user(root: SandboxRoot) -> None:
    if root.is_root:
        os.setgroups([])
        os.setresgid(root.machine_uid, root.machine_uid, root.machine_uid)
        os.setresuid(root.machine_uid, root.machine_uid, root.machine_uid)
    # Changing the user made /proc/self root's, and the map of the user namespace is written there.
    calls.set_dumpable(True)
    calls.unshare(calls.NEW_USER, "user namespace of a function")
    sandbox_root.take_ids(FUNCTION_UID, root.machine_uid, FUNCTION_GID, root.machine_uid)
    # No user namespace below this one: they are where most ways into the kernel begin.
    with open("/proc/sys/user/max_user_namespaces", "w") as most:
        most.write("0")
    calls.drop_privileges()


def is_abandoned(status_fd: int) -> bool:
    """Whether nobody reads the status any more: the zygote has ended."""
    poll = select.poll()
    poll.register(status_fd, 0)
    return bool(poll.poll(0))


def fork_function(status_fd: int) -> None:
    """Fork the process that becomes the function; only that one returns. The other stays as keeper until the end.

    Takes    status_fd: where the keeper writes how the function ended.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _KEEPER_SIGNALS)
    # What a function may not do to its keeper: read its memory, trace it.
    calls.set_dumpable(False)
    pid = os.fork()
    if pid == 0:
        calls.set_dumpable(True)
        os.close(status_fd)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        return
    try:
        _keep(pid, status_fd)
    finally:
        os._exit(1)


def _keep(function_pid: int, status_fd: int) -> NoReturn:
    # An open end of the channel or of the output pipe here would hide that the function's were closed.
    os.closerange(0, status_fd)
    os.closerange(status_fd + 1, status_fd + 64)
    while True:
        received = signal.sigwaitinfo(_KEEPER_SIGNALS)
        if received.si_signo != signal.SIGCHLD:
            # Signals from outside the namespace come from process 0; those of the function itself count for nothing.
            if received.si_pid == 0:
                _pass_on(received.si_signo)
            continue
        if (status := _reap(function_pid)) is not None:
            os.write(status_fd, str(status).encode())
            os._exit(0)


def _pass_on(number: int) -> None:
    try:
        os.kill(-1, _PASSED_ON[signal.Signals(number)])
    except ProcessLookupError:
        return


def _reap(function_pid: int) -> int | None:
    """Bury every process that has ended; gives the function's status once it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == function_pid:
            found = os.waitstatus_to_exitcode(status)
