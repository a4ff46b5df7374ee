"""Receipt handles: which message of which queue was received when, and the lease that proves it."""

from __future__ import annotations

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from typing import NamedTuple

from bascule.services.sqs.errors import ReceiptHandleIsInvalid
from bascule.services.sqs.model import Queue


class Receipt(NamedTuple):
    """What a handle says. ``storage`` is the kernel queue the message was in; a purge leaves it behind."""

    storage: str
    sequence: int
    token: str
    received_ms: int


def make_handle(queue: Queue, receipt: Receipt) -> str:
    """The opaque text given to the consumer."""
    text = f"{queue.uuid} {receipt.storage} {receipt.sequence} {receipt.token} {receipt.received_ms}"
    return b2a_base64(text.encode(), newline=False).decode()


def read_handle(queue: Queue, handle: str) -> Receipt:
    """What a handle of this queue says.

    Raises   ReceiptHandleIsInvalid when the text is no handle, or one of another queue.
    """
    try:
        uuid, storage, sequence, token, received = a2b_base64(handle.encode(), strict_mode=True).decode().split(" ")
        receipt = Receipt(storage, int(sequence), token, int(received))
    except (NotBase64, ValueError):
        raise ReceiptHandleIsInvalid.given(handle) from None
    if uuid != queue.uuid:
        raise ReceiptHandleIsInvalid.given(handle)
    return receipt
