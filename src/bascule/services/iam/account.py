"""The account as a whole."""

from __future__ import annotations

from bascule.api import iam as api
from bascule.identity.records import home
from bascule.kernel.context import Context
from bascule.kernel.service import operation
from bascule.kernel.store import Tx
from bascule.services.iam import limits
from bascule.services.iam.kinds import GROUP, ROLE, USER
from bascule.services.iam.model import INSTANCE_PROFILES, POLICIES


@operation("ListAccountAliases", reads=True)
def list_account_aliases(ctx: Context, tx: Tx, inp: api.ListAccountAliasesRequest) -> api.ListAccountAliasesResponse:
    """The aliases of the account: it has none."""
    return api.ListAccountAliasesResponse(account_aliases=[], is_truncated=False)


@operation("GetAccountSummary", reads=True)
def get_account_summary(ctx: Context, tx: Tx, inp: api.Empty) -> api.GetAccountSummaryResponse:
    """How much the account has of what, and how much it may have."""
    scope = home(ctx.scope.account)
    return api.GetAccountSummaryResponse(
        summary_map={
            "Roles": ROLE.count(ctx, tx),
            "RolesQuota": limits.ROLES_MAX,
            "Users": USER.count(ctx, tx),
            "UsersQuota": limits.USERS_MAX,
            "Groups": GROUP.count(ctx, tx),
            "GroupsQuota": limits.GROUPS_MAX,
            "Policies": POLICIES.count(tx.documents, scope),
            "PoliciesQuota": limits.POLICIES_MAX,
            "InstanceProfiles": INSTANCE_PROFILES.count(tx.documents, scope),
            "InstanceProfilesQuota": limits.INSTANCE_PROFILES_MAX,
            "AccessKeysPerUserQuota": limits.ACCESS_KEYS_MAX,
            "AttachedPoliciesPerRoleQuota": limits.ATTACHED_POLICIES_MAX,
            "AttachedPoliciesPerUserQuota": limits.ATTACHED_POLICIES_MAX,
            "AttachedPoliciesPerGroupQuota": limits.ATTACHED_POLICIES_MAX,
            "AssumeRolePolicySizeQuota": limits.TRUST_POLICY_SIZE_MAX,
            "PolicySizeQuota": limits.POLICY_SIZE_MAX,
            "UserPolicySizeQuota": limits.USER_INLINE_SIZE_MAX,
            "GroupPolicySizeQuota": limits.GROUP_INLINE_SIZE_MAX,
            "VersionsPerPolicyQuota": limits.POLICY_VERSIONS_MAX,
        }
    )
