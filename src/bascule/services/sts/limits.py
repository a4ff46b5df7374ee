"""Every number of STS, with unit and source."""

from __future__ import annotations

#: Credentials last this long when AssumeRole does not say. seconds; AssumeRole
ROLE_S_DEFAULT = 3_600
#: Credentials last this long when GetSessionToken does not say. seconds; GetSessionToken
TOKEN_S_DEFAULT = 43_200
#: Longest session of a role that was assumed with the credentials of another role. seconds; "role chaining", IAM User Guide
CHAINED_S_MAX = 3_600
#: Managed policies of a session. count; AssumeRole PolicyArns
SESSION_POLICY_ARNS_MAX = 10
#: Between two rounds of the loop that forgets expired sessions. milliseconds
ROUND_MS = 3_600_000
#: Sessions looked at in one round. count
ROWS_MAX = 1_000
