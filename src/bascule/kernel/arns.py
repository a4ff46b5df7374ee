"""The one ARN parser."""

from __future__ import annotations

from typing import NamedTuple

from bascule.kernel.scope import Scope


class Arn(NamedTuple):
    """The six parts of an ARN; ``resource`` keeps its own colons and slashes."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def scope(self) -> Scope:
        """The account and region that own the resource."""
        return Scope(self.account, self.region)

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: str) -> Arn | None:
    """Split an ARN into its parts.

    Takes    any text.
    Gives    the parts, or None when the text is not ``arn:partition:service:region:account:resource``
             (region and account may be empty, as in S3 ARNs).
    """
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    return Arn(parts[1], parts[2], parts[3], parts[4], parts[5])
