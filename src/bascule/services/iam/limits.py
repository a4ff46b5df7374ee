"""Every number of IAM, with unit and source. Sources are the page "IAM and AWS STS quotas" of the IAM User Guide."""

from __future__ import annotations

#: Roles of an account. count; default quota
ROLES_MAX = 1_000
#: Users of an account. count; quota
USERS_MAX = 5_000
#: Groups of an account. count; default quota
GROUPS_MAX = 300
#: Customer managed policies of an account. count; default quota
POLICIES_MAX = 1_500
#: Instance profiles of an account. count; default quota
INSTANCE_PROFILES_MAX = 1_000
#: Managed policies attached to a role, a user or a group. count; default quota
ATTACHED_POLICIES_MAX = 10
#: Groups of a user. count; quota
GROUPS_PER_USER_MAX = 10
#: Access keys of a user. count; quota
ACCESS_KEYS_MAX = 2
#: Roles of an instance profile. count; quota
ROLES_PER_INSTANCE_PROFILE_MAX = 1
#: Versions of a managed policy. count; quota
POLICY_VERSIONS_MAX = 5
#: Tags of a resource. count; quota
TAGS_MAX = 50
#: A managed policy without its white space. characters; quota
POLICY_SIZE_MAX = 6_144
#: A trust policy without its white space. characters; default quota
TRUST_POLICY_SIZE_MAX = 2_048
#: All inline policies of a role together, without white space. characters; quota
ROLE_INLINE_SIZE_MAX = 10_240
#: ... of a user
USER_INLINE_SIZE_MAX = 2_048
#: ... of a group
GROUP_INLINE_SIZE_MAX = 5_120
#: Entries of a page when MaxItems is not given. count; the List operations
PAGE_DEFAULT = 100
