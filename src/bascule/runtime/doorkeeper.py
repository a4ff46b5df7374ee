"""Who may speak with one environment's Runtime API: its own processes.

What a connection's other end is, the kernel says (``peers``). Nobody can say it of a connection that was closed before the server
saw it, as a program that ends closes what it has just written. Such a connection is held for a moment: when the environment's
program ends meanwhile, these were its last words and count, though nothing is said to it; else it is refused.
"""

from __future__ import annotations

import asyncio
import logging

from bascule.kernel.invocation import FunctionVersion
from bascule.kernel.metrics import Metrics
from bascule.runtime.http_listener import Admission
from bascule.runtime.limits import LAST_WORDS_MAX, LAST_WORDS_S_MAX
from bascule.runtime.peers import Address, Peer, Peers
from bascule.runtime.zygote import Fork

log = logging.getLogger("bascule.runtime")

_SAID = {
    Peer.STRANGER: "a process of something else connected to the Runtime API and was refused; its port belongs to",
    Peer.GONE: "a connection to the Runtime API was closed before anybody knew whose it was; its port belongs to",
    Peer.UNTOLD: "nobody says which process connected to the Runtime API, so anybody of this machine can; its port belongs to",
}


class Doorkeeper:
    """Decides on connections to one environment.

    Takes    peers: None when only the environment's own processes can connect.
    """

    def __init__(self, peers: Peers | None, metrics: Metrics, function: FunctionVersion) -> None:
        self._peers = peers
        self._metrics = metrics
        self._function = function
        self._forks: list[Fork] = []
        self._held: set[asyncio.Future[Admission]] = set()
        self._is_said = False

    def born(self, fork: Fork) -> None:
        """The environment has one more process, which has not become its program yet."""
        self._forks.append(fork)

    def ended(self) -> None:
        """A program of the environment has ended."""
        for held in self._held:
            if not held.done():
                held.set_result(Admission.HEARD)

    def admit(self, peer: Address, ours: Address) -> Admission | asyncio.Future[Admission]:
        """See ``http_listener.Admit``."""
        if self._peers is None:
            return Admission.ANSWERED
        family = (pid for fork in reversed(self._forks) for pid in fork.each_of_family())
        found = self._peers.judge(peer, ours, family)
        if found is Peer.KNOWN:
            return Admission.ANSWERED
        if found is Peer.UNTOLD:
            self._say(found)
            return Admission.ANSWERED
        if any(fork.has_ended for fork in self._forks):
            return Admission.HEARD
        if found is Peer.GONE and len(self._held) < LAST_WORDS_MAX:
            return self._hold()
        return self._refuse(found)

    def _hold(self) -> asyncio.Future[Admission]:
        loop = asyncio.get_running_loop()
        held: asyncio.Future[Admission] = loop.create_future()

        def refuse() -> None:
            if not held.done():
                held.set_result(self._refuse(Peer.GONE))

        self._held.add(held)
        held.add_done_callback(self._held.discard)
        timer = loop.call_later(LAST_WORDS_S_MAX, refuse)
        held.add_done_callback(lambda _: timer.cancel())
        return held

    def _refuse(self, found: Peer) -> Admission:
        self._metrics.count("lambda.runtime_api_strangers", self._function.name)
        self._say(found)
        return Admission.REFUSED

    def _say(self, found: Peer) -> None:
        if not self._is_said:
            self._is_said = True
            log.warning("%s %s", _SAID[found], self._function.arn)
