"""What the journal is told when a message that holds an event changes queues, so that the event's story goes on there.

Only a body that is an event as a rule delivered it is recognised, by its first bytes: this is asked on hot paths.
"""

from __future__ import annotations

from bascule.kernel.context import Context
from bascule.kernel.journal import Note
from bascule.kernel.queues import StoredMessage
from bascule.kernel.store import Tx

#: How such a body begins, and where its event id lies.
_HEAD = b'{"version":"0","id":"'
_ID = slice(len(_HEAD), len(_HEAD) + 36)
_NEXT = slice(_ID.stop, _ID.stop + 16)


def carried_event(body: bytes) -> str:
    """The id of the EventBridge event that a rule put into the queue; empty for any other body."""
    if not body.startswith(_HEAD) or body[_NEXT] != b'","detail-type":':
        return ""
    return body[_ID].decode("ascii", "replace")


def received_in_vain(count: int) -> str:
    """Why a queue gave a message up, as a sentence; ``count`` 0: nobody knows how often."""
    times = "once" if count == 1 else f"{count} times" if count else "too often"
    return f"It was received {times} and not deleted."


def note_given_up(ctx: Context, tx: Tx, message: StoredMessage, *, source_arn: str, target_arn: str) -> None:
    """A queue gives a message to its dead-letter queue; its id stays the same there."""
    event_id = carried_event(message.body)
    if event_id:
        received_count = message.attempt - 1
        detail: dict[str, str | int | float] = {
            "source_arn": source_arn,
            "reference": message.message_id,
            "reason": received_in_vain(received_count),
        }
        note = Note("dead-letter", ctx.now_ms, event_id, target_arn, message.message_id, received_count, detail=detail)
        ctx.journal.note(tx, note)


def note_moved(ctx: Context, tx: Tx, body: bytes, *, source_arn: str, target_arn: str, message_id: str) -> None:
    """A message was sent from one queue to another, where it has a new id."""
    event_id = carried_event(body)
    if event_id:
        ctx.journal.accepted(tx, ctx.now_ms, event_id, source_arn, target_arn, message_id, "", 1)
