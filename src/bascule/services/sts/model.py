"""What STS keeps: who a temporary access key stands for, until it expires."""

from __future__ import annotations

import msgspec

from bascule.kernel.documents import Collection


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """An assumed role. Kept because GetCallerIdentity must name the role and the session."""

    arn: str
    user_id: str
    expires_ms: int


#: name: access key id.
SESSIONS = Collection("sts.session", Session)
