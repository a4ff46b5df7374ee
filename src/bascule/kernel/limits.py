"""Numbers that more than one service keeps to, with unit and source."""

from __future__ import annotations

#: Messages that a loop removes in one transaction, which nothing else can run beside: each has up to a megabyte. count; ours
REMOVE_STEP_MAX = 200
