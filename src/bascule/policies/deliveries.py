"""May this delivery be made? What the resource policy of a target says of a sender that hands it a payload.

A service that sends (EventBridge, SNS) is a principal of its own and needs the target's permission; a function sends with the
permissions of its execution role, which no resource policy needs to repeat. An explicit Deny counts always; what a policy
does not allow is refused only with ``--enforce-policies``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from bascule.kernel.arns import parse_arn
from bascule.kernel.delivery import Delivery, Refused
from bascule.kernel.settings import Settings
from bascule.policies.evaluation import NOT_MENTIONED, Decision, Verdict, allows
from bascule.policies.problems import PolicyProblem

#: Service of the sender's ARN -> the principal it sends as.
SENDERS = {"events": "events.amazonaws.com", "sns": "sns.amazonaws.com"}
#: Verdicts that are remembered. count
VERDICTS_KEPT_MAX = 4_096


def check_delivery(settings: Settings, delivery: Delivery, policy: str | None, *, action: str, resource: str) -> None:
    """Check a delivery that a service makes under its own name.

    Takes    policy: the target's, None for none; action: what the delivery does to it (``sqs:SendMessage``).
    Raises   Refused NO_PERMISSIONS, which is not worth a retry.
    Differs  a rule target's RoleArn is not looked at: with --enforce-policies the resource policy must allow the service.
    """
    check_delivery_by_policies(settings, delivery, (policy,), action=action, resource=resource)


def check_delivery_by_policies(
    settings: Settings, delivery: Delivery, policies: Sequence[str | None], *, action: str, resource: str
) -> None:
    """Check a delivery to a target whose policies stand side by side: a Deny in any counts, an Allow in one is enough.

    Raises   Refused NO_PERMISSIONS, which is not worth a retry.
    """
    source = parse_arn(delivery.source_arn)
    principal = SENDERS.get(source.service) if source is not None else None
    is_needed = settings.enforce_policies and principal is not None
    _check(delivery, policies, principal or delivery.scope.account, action, resource, is_needed=is_needed)


def check_delivery_between_accounts(
    settings: Settings, delivery: Delivery, policy: str | None, *, action: str, resource: str, account: str
) -> None:
    """Check a delivery that is made under the name of the sender's account: only another account needs permission.

    Takes    account: the target's.
    Raises   Refused NO_PERMISSIONS, which is not worth a retry.
    """
    sender = delivery.scope.account
    is_needed = settings.enforce_policies and sender != account
    _check(delivery, (policy,), sender, action, resource, is_needed=is_needed)


def _check(
    delivery: Delivery,
    policies: Sequence[str | None],
    principal: str,
    action: str,
    resource: str,
    *,
    is_needed: bool,
) -> None:
    account = delivery.scope.account
    decisions = [
        _verdict(policy, principal, action, resource, delivery.source_arn, account).decision for policy in policies
    ]
    if Decision.DENIED in decisions:
        reason = "with an explicit deny in a resource-based policy"
    elif is_needed and Decision.ALLOWED not in decisions:
        reason = f"because no resource-based policy allows the {action} action"
    else:
        return
    raise Refused(
        "NO_PERMISSIONS", f"{principal} is not authorized to perform: {action} on resource: {resource} {reason}"
    )


@lru_cache(maxsize=VERDICTS_KEPT_MAX)
def _verdict(
    policy: str | None, principal: str, action: str, resource: str, source_arn: str, source_account: str
) -> Verdict:
    """The verdict of a policy; one that cannot be read says nothing."""
    is_service = not principal.isdigit()
    conditions = {
        "aws:SourceArn": source_arn,
        "aws:SourceAccount": source_account,
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "true" if is_service else "false",
    }
    conditions["aws:PrincipalServiceName" if is_service else "aws:PrincipalAccount"] = principal
    try:
        return allows(policy, principal=principal, action=action, resource=resource, conditions=conditions)
    except PolicyProblem:
        return NOT_MENTIONED
