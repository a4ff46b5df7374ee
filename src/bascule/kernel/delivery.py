"""What it means to hand a payload to an ARN: the contract between senders, the delivery engine and the owners of ARNs.

The engine that carries it out is ``bascule.delivery``; the owners are the services, which register a ``Target`` each. A
sender asks ``ctx.courier.send`` and is done: acceptance in the same transaction, retries, dead letters and the journal
happen in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from bascule.kernel.arns import Arn
from bascule.kernel.scope import Scope

if TYPE_CHECKING:
    from bascule.kernel.context import Context
    from bascule.kernel.store import Tx


class RetryPolicy(msgspec.Struct, frozen=True):
    """How long a delivery is tried: whichever limit is reached first."""

    retries_max: int = 185
    age_max_ms: int = 86_400_000


class Failure(msgspec.Struct, frozen=True):
    """How a delivery failed for good, kept with a dead letter that cannot say it itself."""

    target_arn: str
    code: str
    message: str
    try_count: int
    #: Which limit of the retry policy ended it.
    exhausted: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """A payload on its way to a target."""

    delivery_id: str
    #: Whose delivery it is; failures are accounted there.
    scope: Scope
    #: What sends: ``rule``, ``destination``, ``dead-letter``, ``schedule``, ``subscription`` ...
    origin: str
    #: ARN of the sender: the rule, the function, the topic.
    source_arn: str
    target_arn: str
    payload: bytes
    created_ms: int
    #: Service-specific settings of the target, such as ``{"MessageGroupId": "a"}``.
    parameters: dict[str, str] = {}
    #: Message attributes that must arrive with the payload (dead letters): name -> (data type, value).
    attributes: dict[str, tuple[str, str]] = {}
    #: The event of the journal this belongs to; empty when there is none.
    event_id: str = ""
    retry: RetryPolicy = RetryPolicy()
    dead_letter_arn: str | None = None
    #: What goes to the dead-letter queue when it differs from ``payload`` (the original event).
    dead_letter_payload: bytes | None = None
    #: Deliveries this one is a consequence of; loops are cut at a limit.
    hops: int = 0
    trace_header: str | None = None
    #: Of a dead letter that has neither attributes nor an event to tell it: why it is one.
    failure: Failure | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The target has it: durable with this transaction. ``reference`` names it there (a message id, a request id)."""

    reference: str = ""


class Refused(Exception):
    """The target did not take it.

    ``code`` is one of EventBridge's ERROR_CODE values (``NO_RESOURCE``, ``NO_PERMISSIONS``, ``THROTTLING`` ...).
    """

    def __init__(self, code: str, message: str, *, is_retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.is_retryable = is_retryable


class Target(Protocol):
    """What a service registers for the ARNs it owns. Synchronous; state only through ``tx``; no waiting."""

    def accept(self, ctx: Context, tx: Tx, delivery: Delivery, arn: Arn) -> Accepted:
        """Take the payload in this transaction.

        Raises   Refused. Nothing may have been written before it is raised.
        Promise  exactly once: the acceptance and the sender's settlement commit together or not at all.
        """


class Courier(Protocol):
    """The delivery engine as services see it."""

    def send(self, ctx: Context, tx: Tx, delivery: Delivery) -> None:
        """Hand over now when the target is in this store and takes it; otherwise keep a durable row that is retried.

        Promise  in the same transaction, always exactly one of: accepted, retry row, dead letter, recorded as lost.
        """

    def fail(
        self,
        ctx: Context,
        tx: Tx,
        delivery: Delivery,
        refused: Refused,
        *,
        retry_count: int = 0,
        exhausted: str | None = None,
    ) -> None:
        """A target that had accepted ``delivery`` has finally failed to carry it out: dead letter, or recorded as lost.

        Takes    retry_count: tries after the first; exhausted: which limit of the retry policy ended it
                 (``MaximumRetryAttempts`` or ``MaximumEventAgeInSeconds``), None when the failure was not retryable.
        Promise  in the same transaction, exactly one of: dead letter, retry row of the dead letter, recorded as lost.
        """
