"""Numbers of the journal, each with its unit and source."""

from __future__ import annotations

#: A live view without a cursor begins this long ago. seconds
BEGIN_S = 8
#: Pages of other logs' records that one look of the live view passes over. count
STRANGERS_MAX = 20
#: Messages of notes are cut here: a journal is not a log. characters
MESSAGE_MAX = 1_024
#: Characters of an id from elsewhere that count. count
STRANGER_ID_MAX = 200
#: An id whose time is further in the future than this was not made by us. milliseconds
AHEAD_MS_MAX = 60_000
#: Calls whose acceptances are held at once, before the oldest are forgotten. count
HELD_MAX = 256
#: Calls remembered as recorded. count
RECORDED_MAX = 4_096
#: Logs remembered as announced. count
ANNOUNCED_MAX = 4_096
#: Stories outlive their age by up to this, so that the last words of a 24-hour retry policy find their story. milliseconds
GRACE_MS_MAX = 7_200_000
#: What a record takes besides its body. bytes; three index entries of the SQLite engine, estimated
RECORD_BYTES = 64
#: How often the bounds of the journal are looked at when nothing tells that it has grown. milliseconds
RETENTION_POLL_MS = 60_000
#: Records removed in one tick, so that other writers wait for a few milliseconds only. count
RECORDS_MAX = 2_000
#: Logs looked at in one tick. count
LOGS_MAX = 64
#: Records of a story read at a time. count
PAGE_MAX = 1_000
