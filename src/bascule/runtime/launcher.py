"""Starts programs (a ``bootstrap``, Node, an extension) as forks of a zygote that has imported nothing.

So they have what Python environments have: a process group, a death signal, an adopter for what they leave behind, and a
process id that stays theirs until it is buried.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from bascule.kernel.invocation import FunctionVersion, RuntimeUnavailable
from bascule.runtime.isolation import Box, Ground, Isolation, inside
from bascule.runtime.limits import DATA_HEADROOM_BYTES, FILES_MAX, NICENESS, PROCESSES_MAX, USER_PROCESSES_MAX
from bascule.runtime.ports import Plan
from bascule.runtime.worker.bascule_environment import frames
from bascule.runtime.zygote import Fork, Zygote
from bascule.runtime.zygotes import Zygotes

_MIB = 1024 * 1024
_REASON_BYTES_MAX = 4_096


class NotExecutable(Exception):
    """The program cannot be executed; the message says which and why, as AWS does."""


class Program(msgspec.Struct, frozen=True):
    """What is executed: an absolute path and arguments, variables, and the directory it starts in."""

    command: tuple[str, ...]
    variables: Mapping[str, str]
    directory: Path
    #: What it needs of the machine when it runs in a sandbox.
    ground: Ground


def _inside(program: Program, plan: Plan) -> Program:
    """The program as its sandbox sees it."""
    ground = program.ground
    return Program(
        tuple(inside(part, plan, ground) for part in program.command),
        {name: inside(value, plan, ground) for name, value in program.variables.items()},
        Path(inside(str(program.directory), plan, ground)),
        ground,
    )


def listening_port(variables: Mapping[str, str]) -> int:
    """Where a process finds its Runtime API."""
    return int(variables["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])


def resource_limits(function: FunctionVersion, box: Box | None) -> dict[str, int]:
    """Resource limits of every process of a function, by the names of ``RLIMIT_...``.

    In a sandbox the kernel counts the processes of the function alone, else all of the user's; and its ``/tmp`` has a size, so
    what writes more hears that the disk is full, as on AWS, instead of being killed by the signal of a limit.
    """
    file_mb = function.tmp_mb if box is None else function.tmp_mb + 1
    return {
        "CORE": 0,
        "NOFILE": FILES_MAX,
        "NPROC": USER_PROCESSES_MAX if box is None else PROCESSES_MAX,
        "FSIZE": file_mb * _MIB,
        "DATA": 2 * function.memory_mb * _MIB + DATA_HEADROOM_BYTES,
    }


class Launcher:
    """Starts programs until it is stopped."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._grounds: dict[str, Ground] = {}
        self._zygotes = Zygotes(self._start_zygote)

    async def _start_zygote(self, key: str) -> Zygote:
        ground = self._grounds[key]
        root = await self._isolation.root(ground.root, ground.shows)
        return await Zygote.start(ground.interpreter or sys.executable, None, root=root)

    def _key(self, ground: Ground) -> str:
        """Programs that need the same of the machine share a zygote."""
        key = repr(ground)
        self._grounds[key] = ground
        return key

    def prepare(self, ground: Ground) -> None:
        """Make the next start fast."""
        self._zygotes.prepare(self._key(ground))

    async def launch(self, plan: Plan, program: Program, output_fd: int, born: Callable[[Fork], object]) -> Fork:
        """Start a program of a function, in a sandbox where there is one; its output goes to ``output_fd``, which stays the
        caller's.

        Takes    born: told of the process before it becomes the program.
        Raises   NotExecutable; RuntimeUnavailable when no process can be made.
        """
        box = await self._isolation.box(plan, listening_port(program.variables))
        if box is not None:
            program = _inside(program, plan)
        zygote = await self._zygotes.get(self._key(program.ground))
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise RuntimeUnavailable(f"A function process could not be made: {error.strerror}.") from error
        with ours:
            with theirs:
                fork = await zygote.fork(theirs, output_fd, box)
            born(fork)
            try:
                reason = await self._started(ours, resource_limits(plan.function, box), program)
            except BaseException:  # raised again below
                fork.kill_group()
                raise
        if reason:
            raise NotExecutable(reason)
        return fork

    @staticmethod
    async def _started(channel: socket.socket, limits: dict[str, int], program: Program) -> str:
        """Tell a fork what to become and wait until it has; gives the reason when it cannot."""
        loop = asyncio.get_running_loop()
        channel.setblocking(False)
        start = msgspec.json.encode(
            {
                "command": program.command,
                "variables": program.variables,
                "directory": os.fspath(program.directory),
                "niceness": NICENESS,
                "limits": limits,
            }
        )
        said = b""
        try:
            await loop.sock_sendall(channel, frames.HEAD.pack(frames.START, 0, len(start)) + start)
            while chunk := await loop.sock_recv(channel, _REASON_BYTES_MAX):
                said += chunk
        except OSError:
            return said[frames.HEAD.size :].decode()
        return said[frames.HEAD.size :].decode()

    async def stop(self) -> None:
        """Kill everything that was started and wait until it is gone."""
        await self._zygotes.stop()
