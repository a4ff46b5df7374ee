"""Numbers of the delivery engine, each with its unit and source."""

from __future__ import annotations

#: Every this many hops a chain of deliveries leaves the transaction it runs in and continues from the outbox, so that one
#: request never does unbounded work before it is answered. count
INLINE_HOPS_MAX = 4
#: A chain of deliveries longer than this is taken for a loop and cut; AWS stops Lambda chains "after about 16". count
HOPS_MAX = 16
#: Rows that one tick of the outbox tries in one transaction. count
OUTBOX_ROWS_MAX = 100
#: Leases are settled in the transaction that takes them, so their length only matters to a crash of our own. milliseconds
OUTBOX_LEASE_MS = 60_000
#: How often the outbox is looked at although no row is due and no signal came; rows wait in it for minutes. milliseconds
OUTBOX_POLL_MS = 60_000
#: Target ARNs whose parsed form and owner are remembered. count
ROUTES_MAX = 10_000
#: A sender whose deliveries are lost is logged once in this time. milliseconds
LOSS_LOGGED_MS = 60_000
#: Losses that are kept for people, and how many more may come before old ones are removed. count
LOSSES_KEPT = 1_000
LOSSES_TRIMMED_AFTER = 250
#: Characters of an error message kept in notes, rows and dead letters. count; Lambda dead letters cut at 1 KB
MESSAGE_MAX = 1_024
