"""What Lambda accepts from delivery: an event for a function, a version or an alias, into the function's queue."""

from __future__ import annotations

from bascule.kernel.arns import Arn
from bascule.kernel.context import Context
from bascule.kernel.delivery import Accepted, Delivery, Refused
from bascule.kernel.store import Tx
from bascule.policies import check_delivery
from bascule.services.lambda_.async_events import Headers, enqueue
from bascule.services.lambda_.errors import ResourceNotFound
from bascule.services.lambda_.limits import ASYNC_PAYLOAD_BYTES_MAX
from bascule.services.lambda_.names import FunctionReference
from bascule.services.lambda_.permissions import policy_of
from bascule.services.lambda_.resolution import configuration_of
from bascule.services.lambda_.state import FUNCTIONS
from bascule.services.lambda_.tracing import fresh_trace


class FunctionTarget:
    """Deliveries to ``arn:aws:lambda:...:function:name[:qualifier]``."""

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        """Queue the payload as an asynchronous invocation.

        Gives    the request id that all its attempts will have.
        Raises   Refused: NO_RESOURCE when there is no such function, version or alias; NO_PERMISSIONS with
                 --enforce-policies when no policy lets the sender in. The sender does not retry.
        Promise  exactly one queued event; function errors are Lambda's business and never the sender's.
        """
        kind, _, rest = arn.resource.partition(":")
        name, separator, qualifier = rest.partition(":")
        named = FunctionReference(arn.scope, name, qualifier if separator else None)
        function = FUNCTIONS.get(tx.documents, named.scope, name) if kind == "function" else None
        if function is None:
            raise Refused("NO_RESOURCE", f"Function not found: {arn}")
        if named.qualifier is not None:
            try:
                configuration_of(tx.documents, named, function)
            except ResourceNotFound as error:
                raise Refused("NO_RESOURCE", error.message) from error
        if ctx.settings.enforce_policies:
            policy = policy_of(tx, named)
            check_delivery(ctx.settings, delivery, policy, action="lambda:InvokeFunction", resource=named.named_arn)
        if len(delivery.payload) > ASYNC_PAYLOAD_BYTES_MAX:
            raise Refused(
                "INVALID_PARAMETER",
                f"{len(delivery.payload)} byte payload is too large for the Event invocation type "
                f"(limit {ASYNC_PAYLOAD_BYTES_MAX} bytes)",
            )
        request_id = ctx.ids.uuid()
        headers = Headers(
            invoked_arn=delivery.target_arn,
            qualifier=named.qualifier,
            trace_header=delivery.trace_header or fresh_trace(ctx.now_ms, ctx.ids),
            event_id=delivery.event_id,
        )
        enqueue(ctx, tx, function, headers, delivery.payload, request_id=request_id)
        return Accepted(request_id)
