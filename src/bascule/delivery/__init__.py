"""Row 2: the one delivery engine. Everything that hands a payload to an ARN goes through here.

``DeliveryEngine`` is the ``Courier`` of every ``Context``. A sender calls ``send`` inside its transaction; what cannot be
taken at once becomes a row of the outbox, which ``delivery.outbox`` tries again until it is accepted, dead-lettered or
recorded as lost. No fourth end exists. See docs/design/delivery.md.
"""

from bascule.delivery.engine import DeliveryEngine
from bascule.delivery.faults import Faults
from bascule.delivery.outbox import Waiting
from bascule.delivery.retry_schedule import Exhausted, next_try_ms

__all__ = ["DeliveryEngine", "Exhausted", "Faults", "Waiting", "next_try_ms"]
