"""The policy language of AWS: reading, checking and evaluating JSON policy documents.

Pure: no store, no clock, no request; everything a decision depends on is an argument. ``allows`` evaluates one resource
policy or trust policy for one request, ``check_delivery`` one for a delivery; ``check_identity_policy`` and
``check_trust_policy`` refuse a document in IAM's words.
"""

from bascule.policies.deliveries import (
    check_delivery,
    check_delivery_between_accounts,
    check_delivery_by_policies,
)
from bascule.policies.evaluation import Decision, Verdict, allows
from bascule.policies.problems import PolicyProblem
from bascule.policies.validation import check_identity_policy, check_trust_policy, size_of

__all__ = [
    "Decision",
    "PolicyProblem",
    "Verdict",
    "allows",
    "check_delivery",
    "check_delivery_between_accounts",
    "check_delivery_by_policies",
    "check_identity_policy",
    "check_trust_policy",
    "size_of",
]
