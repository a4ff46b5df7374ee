"""Queue attributes: one table that says how each is read, checked, kept and shown.

Values are text on the wire. The counts of messages and the ARN need a transaction or a scope; ``queues.py`` adds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from bascule.services.sqs import limits
from bascule.services.sqs.errors import InvalidAttributeName, InvalidAttributeValue
from bascule.services.sqs.model import Queue
from bascule.services.sqs.redrive import read_redrive, read_redrive_allow

Changes = dict[str, Any]


class Attribute(NamedTuple):
    """How one attribute is kept. ``read`` gives the fields it changes; ``show`` its text, None when it is not set."""

    read: Callable[[str], Changes]
    show: Callable[[Queue], str | None]
    is_fifo_only: bool = False


def _number(name: str, field: str, lowest: int, highest: int) -> Attribute:
    def read(text: str) -> Changes:
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not lowest <= value <= highest:
            raise InvalidAttributeValue.of(name)
        return {field: value}

    return Attribute(read, lambda queue: str(getattr(queue, field)))


def _choice(name: str, field: str, off: str, on: str, *, is_fifo_only: bool = True) -> Attribute:
    def read(text: str) -> Changes:
        value = text.lower() if on == "true" else text
        if value not in (off, on):
            raise InvalidAttributeValue.of(name)
        return {field: value == on}

    return Attribute(read, lambda queue: on if getattr(queue, field) else off, is_fifo_only)


def read_policy(text: str) -> dict[str, Any] | None:
    """A queue policy as JSON, None when the text is empty.

    Raises   InvalidAttributeValue when it is not an object with at least one statement.
    """
    if not text:
        return None
    try:
        policy = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise InvalidAttributeValue.of("Policy") from None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise InvalidAttributeValue.of("Policy")
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise InvalidAttributeValue.of("Policy")
    assert isinstance(policy, dict)
    return policy


def _read_policy_change(text: str) -> Changes:
    read_policy(text)
    return {"policy": text}


def _read_kms_key(text: str) -> Changes:
    return {"kms_key_id": text, "is_sse_managed": False} if text else {"kms_key_id": ""}


def _show_kms_reuse(queue: Queue) -> str | None:
    return str(queue.kms_reuse_s) if queue.kms_key_id else None


_KMS_REUSE = _number("KmsDataKeyReusePeriodSeconds", "kms_reuse_s", 60, 86_400)
_SSE = _choice("SqsManagedSseEnabled", "is_sse_managed", "false", "true", is_fifo_only=False)

#: Every attribute that can be set, by wire name.
SETTABLE: Mapping[str, Attribute] = {
    "DelaySeconds": _number("DelaySeconds", "delay_s", 0, limits.DELAY_S_MAX),
    "MaximumMessageSize": _number(
        "MaximumMessageSize", "message_bytes_max", limits.MESSAGE_BYTES_MAX_LOWEST, limits.MESSAGE_BYTES_MAX
    ),
    "MessageRetentionPeriod": _number(
        "MessageRetentionPeriod", "retention_s", limits.RETENTION_S_LOWEST, limits.RETENTION_S_MAX
    ),
    "ReceiveMessageWaitTimeSeconds": _number("ReceiveMessageWaitTimeSeconds", "wait_s", 0, limits.WAIT_S_MAX),
    "VisibilityTimeout": _number("VisibilityTimeout", "visibility_s", 0, limits.VISIBILITY_S_MAX),
    "Policy": Attribute(_read_policy_change, lambda queue: queue.policy or None),
    "RedrivePolicy": Attribute(
        lambda text: {"redrive": read_redrive(text)}, lambda queue: queue.redrive.text if queue.redrive else None
    ),
    "RedriveAllowPolicy": Attribute(
        lambda text: {"redrive_allow": read_redrive_allow(text)},
        lambda queue: queue.redrive_allow.text if queue.redrive_allow else None,
    ),
    "KmsMasterKeyId": Attribute(_read_kms_key, lambda queue: queue.kms_key_id or None),
    "KmsDataKeyReusePeriodSeconds": Attribute(_KMS_REUSE.read, _show_kms_reuse),
    "SqsManagedSseEnabled": _SSE,
    "ContentBasedDeduplication": _choice("ContentBasedDeduplication", "is_content_deduplicated", "false", "true"),
    "DeduplicationScope": _choice("DeduplicationScope", "is_deduplicated_by_group", "queue", "messageGroup"),
    "FifoThroughputLimit": _choice("FifoThroughputLimit", "is_limited_by_group", "perQueue", "perMessageGroupId"),
}


def changed(queue: Queue, attributes: Mapping[str, str]) -> Queue:
    """The queue with attributes set.

    Takes    attributes by wire name, without ``FifoQueue``.
    Raises   InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue.
    """
    changes: Changes = {}
    for name, text in attributes.items():
        attribute = SETTABLE.get(name)
        if attribute is None:
            raise InvalidAttributeName.unknown(name)
        if attribute.is_fifo_only and not queue.is_fifo:
            if name == "ContentBasedDeduplication":
                raise InvalidAttributeName.unknown(name)
            raise InvalidAttributeName(f"You can specify the {name} only when FifoQueue is set to true.")
        changes.update(attribute.read(text))
    if attributes.get("SqsManagedSseEnabled", "").lower() == "true":
        if attributes.get("KmsMasterKeyId"):
            raise InvalidAttributeValue(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
            )
        changes |= {"kms_key_id": "", "is_sse_managed": True}
    after = msgspec.structs.replace(queue, **changes)
    if after.is_limited_by_group and not after.is_deduplicated_by_group:
        raise InvalidAttributeValue.of(
            "FifoThroughputLimit", "perMessageGroupId is allowed only when DeduplicationScope is messageGroup."
        )
    return after


def first_difference(queue: Queue, attributes: Mapping[str, str]) -> str | None:
    """The first of the attributes that has another value on the queue, or None.

    Raises   what ``changed`` raises, when the attributes would be refused anyway.
    """
    after = changed(queue, attributes)
    for name, text in attributes.items():
        show = SETTABLE[name].show
        if show(after) != show(queue) and not _is_same_text(name, queue, text):
            return name
    return None


def _is_same_text(name: str, queue: Queue, text: str) -> bool:
    """Whether a JSON attribute has the same meaning although it is written differently."""
    kept = SETTABLE[name].show(queue)
    if name not in ("Policy", "RedrivePolicy", "RedriveAllowPolicy") or not kept or not text:
        return False
    ours, theirs = msgspec.json.decode(kept), msgspec.json.decode(text)
    for policy in (ours, theirs):
        if "maxReceiveCount" in policy:
            policy["maxReceiveCount"] = int(policy["maxReceiveCount"])
    return bool(ours == theirs)
