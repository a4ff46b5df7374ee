"""What a function's answer says about its batch, when the mapping asked for ReportBatchItemFailures.

Source: developer guide, "Implementing partial batch responses"; recorded answers in the specification, section 11.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_NONE: frozenset[str] = frozenset()


def failed_items(answer: bytes, message_ids: Collection[str]) -> frozenset[str] | None:
    """The messages that the function reports as failed.

    Gives    message ids, none when all succeeded; None when the whole batch counts as failed, because the answer is no
             JSON, has another form than it should, or names what is not in the batch.
    """
    if not answer:
        return _NONE
    try:
        given: Any = _decode(answer)
    except (msgspec.DecodeError, RecursionError):
        return None
    if given in (None, "", {}, []):
        return _NONE
    if not isinstance(given, dict):
        return None
    items = given.get("batchItemFailures")
    if items is None:
        return _NONE
    if not isinstance(items, list):
        return None
    known = set(message_ids)
    failed = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    reported = frozenset(name for name in failed if isinstance(name, str) and name in known)
    return reported if len(reported) == len(set(map(repr, failed))) else None
