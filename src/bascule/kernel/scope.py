"""Account and region: the first part of every key.

A ``Scope`` travels as an argument and never as a global, so several accounts and regions live in one process and a
missing scope is a type error rather than somebody else's data.
"""

from __future__ import annotations

from typing import NamedTuple

ACCOUNT_DEFAULT = "000000000000"
REGION_DEFAULT = "us-east-1"


class Scope(NamedTuple):
    """The owner of a resource: a 12-digit account and a region name."""

    account: str = ACCOUNT_DEFAULT
    region: str = REGION_DEFAULT

    @property
    def partition(self) -> str:
        """The ARN partition of the region: ``aws``, ``aws-cn`` or ``aws-us-gov``."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        if self.region.startswith("us-gov-"):
            return "aws-us-gov"
        return "aws"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of ``resource`` of ``service`` in this scope: ``arn:aws:sqs:us-east-1:000000000000:orders``."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
