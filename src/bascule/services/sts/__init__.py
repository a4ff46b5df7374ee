"""STS: who calls, and temporary credentials. Signatures are not verified here: that is the edge's business."""

from __future__ import annotations

from bascule.kernel.service import Service, operations
from bascule.services.sts import sessions

SERVICE = Service(
    name="sts",
    operations=operations(
        sessions.get_caller_identity,
        sessions.assume_role,
        sessions.get_session_token,
        sessions.get_access_key_info,
    ),
    loops=sessions.LOOPS,
)
