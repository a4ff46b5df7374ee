"""What a queue accepts from ``delivery``: rule targets, dead letters, destinations and subscriptions end here."""

from __future__ import annotations

from base64 import b64decode

from bascule.kernel.arns import Arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.store import Tx
from bascule.policies import check_delivery
from bascule.services.sqs import content, state
from bascule.services.sqs.digests import is_binary
from bascule.services.sqs.errors import SqsError
from bascule.services.sqs.posting import Letter, post, post_plain

_PARAMETERS = frozenset(("MessageGroupId", "MessageDeduplicationId"))
_NONE: content.Attributes = {}


def _value(kind: str, text: str) -> bytes:
    """Attributes travel as text; that of a binary one is base64."""
    return b64decode(text) if is_binary(kind) else text.encode()


class SqsTarget:
    """The owner of ``arn:aws:sqs:...`` ARNs."""

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        """Enqueue the payload as a message; attributes become message attributes.

        Raises   Refused NO_RESOURCE when the queue does not exist; INVALID_PARAMETER when the message is too long, has
                 characters that SQS forbids, or lacks what a FIFO queue needs; NO_PERMISSIONS when the queue's policy
                 forbids it. None of them is worth a retry.
        Promise  exactly once, with the sender's transaction.
        """
        queue = state.get_queue(tx.documents, arn.scope, arn.resource)
        if queue is None:
            raise Refused("NO_RESOURCE", "The specified queue does not exist.")
        if queue.policy or ctx.settings.enforce_policies:
            check_delivery(
                ctx.settings, delivery, queue.policy or None, action="sqs:SendMessage", resource=delivery.target_arn
            )
        body = delivery.payload
        attributes = _NONE
        if delivery.attributes:
            attributes = {name: (kind, _value(kind, value)) for name, (kind, value) in delivery.attributes.items()}
        group = deduplication_id = None
        parameters = delivery.parameters
        if parameters:
            group = parameters.get("MessageGroupId")
            deduplication_id = parameters.get("MessageDeduplicationId")
            if not parameters.keys() <= _PARAMETERS:
                unknown = sorted(parameters.keys() - _PARAMETERS)
                raise Refused("INVALID_PARAMETER", f"A queue does not understand the target parameters {unknown}.")
        try:
            if not body:
                raise Refused("INVALID_PARAMETER", "The message is empty.")
            content.check_characters(body)
            content.check_size(queue, body, attributes)
            if queue.is_fifo or group is not None or deduplication_id is not None:
                content.check_ids(queue, group, deduplication_id)
        except SqsError as error:
            raise Refused("INVALID_PARAMETER", error.message) from error
        sender = "" if delivery.scope.account == arn.account else delivery.scope.account
        if not (attributes or parameters or sender or delivery.trace_header or queue.is_fifo):
            return Accepted(post_plain(ctx, tx, queue, body))
        letter = Letter(body, attributes, delivery.trace_header or "", group, deduplication_id or "", sender)
        return Accepted(post(ctx, tx, queue, letter).message_id)
