"""The SQLite engine: the kernel's store in one file, on disk after one sync per group of commands.

One writer thread drains a bounded inbox in groups: one transaction and one sync for many commands, each undone alone
when it fails. Readers see committed snapshots beside it. Statements live in ``statements/*.sql`` and are loaded by name;
the schema grows by the numbered files of ``migrations/``. Why it is built this way: ``docs/decisions/0001``.
"""

from bascule.engines.sqlite.directory import DataDirectoryInUse, DataDirectoryUnusable
from bascule.engines.sqlite.schema import StoreVersionError
from bascule.engines.sqlite.snapshot import WriteInSnapshot
from bascule.engines.sqlite.store import SqliteStore, open_store

__all__ = [
    "DataDirectoryInUse",
    "DataDirectoryUnusable",
    "SqliteStore",
    "StoreVersionError",
    "WriteInSnapshot",
    "open_store",
]
