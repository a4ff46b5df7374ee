"""Removes blobs that no document names any more: at the start, and a while after something that may have named one changed.

The while lets invocations of the old code begin that were on their way when it changed. What an operation has put and not yet
named is held until all its commands have run; an operation that was cut off keeps its blob until the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Set

from bascule.host.async_store import AsyncStore
from bascule.kernel.store import StoreBusy, StoreClosed, Tx

log = logging.getLogger("bascule.blobs")

#: A sweep comes this long after the first change since the last sweep. seconds
SWEEP_AFTER_S = 60.0
#: The store's inbox was full: the next try. seconds
BUSY_PAUSE_S = 0.1


class BlobSweeper:
    """Use from one event loop."""

    def __init__(self, store: AsyncStore, named: Callable[[Tx], Set[str]]) -> None:
        """``named`` reads what all documents name."""
        self._store = store
        self._named = named
        self._is_changed = asyncio.Event()
        #: False until the first sweep is over, and during each.
        self.is_idle = False

    async def run(self) -> None:
        """Sweep now, and after changes, until cancelled."""
        while True:
            self._is_changed.clear()
            await self._sweep()
            await self._is_changed.wait()
            await asyncio.sleep(SWEEP_AFTER_S)

    def changed(self) -> None:
        """A document that names blobs was changed or deleted."""
        self._is_changed.set()

    def over(self, digest: str) -> None:
        """The operation that put a blob has come to an end; let go of it behind all commands that it may have left."""
        try:
            self._store.store.submit(lambda tx: None, lambda outcome: self._store.store.blobs.release(digest))
        except StoreBusy:
            asyncio.get_running_loop().call_later(BUSY_PAUSE_S, self.over, digest)
        except StoreClosed:
            return

    async def _sweep(self) -> None:
        store = self._store.store
        self.is_idle = False
        try:
            removed = await asyncio.to_thread(store.blobs.sweep, lambda: store.read(self._named))
        except StoreClosed:
            return
        except OSError as error:
            log.warning("packages that nobody wants stay for now: %s", error)
        else:
            if removed:
                log.info("%d packages that nobody wants were removed", len(removed))
        finally:
            self.is_idle = True
