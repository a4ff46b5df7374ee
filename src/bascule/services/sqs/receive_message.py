"""ReceiveMessage: short and long polling."""

from __future__ import annotations

from collections.abc import Iterable

from bascule.api import sqs as api
from bascule.kernel.context import Context
from bascule.kernel.queues import Lease
from bascule.kernel.scope import Scope
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.kernel.waiting import WaitFor
from bascule.services.sqs import in_flight, limits, state
from bascule.services.sqs.digests import attributes_digest, body_digest, is_binary
from bascule.services.sqs.errors import InvalidAttributeName, InvalidParameterValue, OverLimit
from bascule.services.sqs.model import Queue, unpack_headers
from bascule.services.sqs.receipts import make_handle
from bascule.services.sqs.receiving import receipt_of, remember_attempt, repeat_attempt, take
from bascule.services.sqs.system_attributes import SYSTEM_ATTRIBUTES, system_attributes


class Poll(WaitFor, frozen=True):
    """A long poll that goes on: when it must end although nothing arrived."""

    deadline_ms: int


class _Order:
    """What a receive asks for, checked and with the queue's defaults."""

    __slots__ = ("attempt_id", "count_max", "selectors", "system_names", "visibility_ms", "wait_ms")

    def __init__(self, queue: Queue, inp: api.ReceiveMessageRequest) -> None:
        self.count_max = _bounded(inp.max_number_of_messages, 1, "MaxNumberOfMessages", 1, limits.RECEIVE_MESSAGES_MAX)
        wait_s = _bounded(inp.wait_time_seconds, queue.wait_s, "WaitTimeSeconds", 0, limits.WAIT_S_MAX)
        visibility_s = _bounded(
            inp.visibility_timeout, queue.visibility_s, "VisibilityTimeout", 0, limits.VISIBILITY_S_MAX
        )
        self.wait_ms, self.visibility_ms = wait_s * 1000, visibility_s * 1000
        self.system_names = _system_names((*(inp.attribute_names or ()), *(inp.message_system_attribute_names or ())))
        self.selectors = tuple(inp.message_attribute_names or ())
        self.attempt_id = inp.receive_request_attempt_id
        if self.attempt_id is not None:
            if not queue.is_fifo:
                raise InvalidParameterValue.wrong_queue_type(self.attempt_id, "ReceiveRequestAttemptId")
            if not limits.FIFO_ID.fullmatch(self.attempt_id):
                raise InvalidParameterValue.of(
                    self.attempt_id,
                    "ReceiveRequestAttemptId",
                    "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
                )


def _bounded(given: int | None, default: int, name: str, lowest: int, highest: int) -> int:
    if given is None:
        return default
    if not lowest <= given <= highest:
        bounds = f"Must be >= {lowest} and <= {highest}" if lowest == 0 else f"Must be between {lowest} and {highest}"
        raise InvalidParameterValue.of(given, name, f"{bounds}, if provided.")
    return given


def _system_names(asked: Iterable[str]) -> frozenset[str]:
    names = frozenset(asked)
    if "All" in names:
        return SYSTEM_ATTRIBUTES
    for name in names - SYSTEM_ATTRIBUTES:
        raise InvalidAttributeName.unknown(name)
    return names


@operation("ReceiveMessage")
def receive_message(ctx: Context, tx: Tx, inp: api.ReceiveMessageRequest) -> api.ReceiveMessageResult | Poll:
    """Take up to ten messages, waiting up to twenty seconds for the first.

    Gives    messages, oldest first; ``messages`` absent when none came until the deadline; a ``Poll`` to wait on.
    Raises   QueueDoesNotExist, also when the queue is deleted during the wait; InvalidParameterValue,
             InvalidAttributeName; OverLimit when a standard queue has 120,000 messages in flight.
    Promise  at least once; on a FIFO queue in order within a group, and to one consumer at a time.
    Source   ReceiveMessage API reference.
    """
    scope, queue = state.find(ctx, tx, inp.queue_url)
    order = _Order(queue, inp)
    leases = _take(ctx, tx, scope, queue, order)
    if leases:
        ctx.metrics.count("AWS/SQS/NumberOfMessagesReceived", queue.name, len(leases))
        return api.ReceiveMessageResult(messages=[_show(ctx, scope, queue, order, lease) for lease in leases])
    deadline_ms = ctx.resume.deadline_ms if isinstance(ctx.resume, Poll) else ctx.now_ms + order.wait_ms
    if ctx.now_ms >= deadline_ms:
        ctx.metrics.count("AWS/SQS/NumberOfEmptyReceives", queue.name)
        return api.ReceiveMessageResult()
    due_ms = tx.queues.next_due_ms(queue.storage)
    if due_ms is not None and due_ms <= ctx.now_ms:
        # Due but not to be had: behind a message in flight of its group, expired, or over the redrive rounds.
        due_ms = ctx.now_ms + limits.BLOCKED_LOOK_MS
    return Poll(queue.signal, deadline_ms if due_ms is None else min(deadline_ms, due_ms), deadline_ms)


def _take(ctx: Context, tx: Tx, scope: Scope, queue: Queue, order: _Order) -> list[Lease]:
    if order.attempt_id is not None:
        repeated = repeat_attempt(ctx, tx, queue, order.attempt_id, visibility_ms=order.visibility_ms)
        if repeated:
            return repeated
    count_max = in_flight.allowance(tx, queue, now_ms=ctx.now_ms, count_max=order.count_max)
    if count_max == 0:
        if queue.is_fifo:
            return []
        raise OverLimit(f"The maximum of {limits.IN_FLIGHT_MAX} messages in flight is reached for this queue.")
    leases = take(ctx, tx, scope, queue, count_max=count_max, visibility_ms=order.visibility_ms)
    if leases:
        in_flight.received(queue, len(leases))
        if order.attempt_id is not None:
            remember_attempt(tx, queue, order.attempt_id, leases, now_ms=ctx.now_ms)
    return leases


def _show(ctx: Context, scope: Scope, queue: Queue, order: _Order, lease: Lease) -> api.Message:
    """A leased message as the consumer sees it."""
    message = lease.message
    headers = unpack_headers(message.headers)
    system = system_attributes(scope, queue, message, headers, order.system_names) if order.system_names else None
    selected = _selected(headers.attributes, order.selectors) if headers.attributes and order.selectors else {}
    return api.Message(
        message_id=message.message_id,
        receipt_handle=make_handle(queue, receipt_of(queue, lease, now_ms=ctx.now_ms)),
        md5_of_body=body_digest(message.body),
        body=message.body.decode(),
        attributes=system or None,
        md5_of_message_attributes=attributes_digest(selected) if selected else None,
        message_attributes={name: _attribute(*value) for name, value in selected.items()} if selected else None,
    )


def _attribute(data_type: str, value: bytes) -> api.MessageAttributeValue:
    if is_binary(data_type):
        return api.MessageAttributeValue(binary_value=value, data_type=data_type)
    return api.MessageAttributeValue(string_value=value.decode(), data_type=data_type)


def _selected(attributes: dict[str, tuple[str, bytes]], selectors: tuple[str, ...]) -> dict[str, tuple[str, bytes]]:
    """The attributes that are asked for: by name, by ``prefix.*``, or all with ``All`` or ``.*``."""
    if "All" in selectors or ".*" in selectors:
        return attributes
    names = frozenset(selectors)
    prefixes = tuple(text[:-2] for text in selectors if text.endswith(".*"))
    return {name: value for name, value in attributes.items() if name in names or name.startswith(prefixes)}
