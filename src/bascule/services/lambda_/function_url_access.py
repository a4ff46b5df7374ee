"""Who may call a function URL: what its resource policy says. Pure.

A call needs ``lambda:InvokeFunctionUrl`` and ``lambda:InvokeFunction`` (AWS, October 2025). Without authentication the policy
has to grant both to everybody. A signed call of the function's own account needs no grant, because identity policies are
kept but not enforced; a deny in the policy holds for it, and another account needs both grants.
"""

from __future__ import annotations

from bascule.policies import Decision, allows
from bascule.services.lambda_.function_url_callers import Signer

#: AWS asks for both.
ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


def forbidden_because(
    policy: str | None, *, auth_type: str, signer: Signer | None, function_arn: str, account: str, source_ip: str
) -> str | None:
    """Why a call is refused, as a sentence for whoever sets the URL up; None when it is allowed.

    Takes    policy: JSON text; signer: whose signature was found right, None for an unsigned call; function_arn: as the URL
             invokes it, with the alias; account: the function's.
    """
    conditions = {
        "lambda:FunctionUrlAuthType": auth_type,
        "lambda:InvokedViaFunctionUrl": "true",
        "aws:SourceIp": source_ip,
    }
    principal = "*"
    if auth_type == "AWS_IAM":
        if signer is None:
            return "The URL has AuthType AWS_IAM and the request is not signed."
        principal = signer.principal_arn
        conditions |= {"aws:PrincipalArn": signer.principal_arn, "aws:PrincipalAccount": signer.account}
    needs_grant = signer is None or auth_type == "NONE" or signer.account != account
    for action in ACTIONS:
        verdict = allows(policy, principal=principal, action=action, resource=function_arn, conditions=conditions)
        if verdict.decision is Decision.DENIED:
            return f"The statement '{verdict.statement_sid}' of the resource policy denies {action}."
        if needs_grant and verdict.decision is not Decision.ALLOWED:
            return f"No statement of the resource policy of {function_arn} allows {action} to this caller."
    return None
