"""Tags of IAM resources: keys are unique without regard to case, and keep the case they came with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bascule.api import iam as api
from bascule.services.iam.errors import InvalidInput, LimitExceeded
from bascule.services.iam.limits import TAGS_MAX


def merged(kept: Mapping[str, str], given: Sequence[api.Tag] | None) -> dict[str, str]:
    """The tags after some were given.

    Raises   InvalidInput for a key that comes twice; LimitExceeded.
    """
    given = given or ()
    new = {tag.key.lower() for tag in given}
    if len(new) < len(given):
        raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    tags = {key: value for key, value in kept.items() if key.lower() not in new}
    tags.update((tag.key, tag.value) for tag in given)
    if len(tags) > TAGS_MAX:
        raise LimitExceeded(f"The number of tags has reached the maximum limit of {TAGS_MAX}.")
    return tags


def without(kept: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """The tags after some were removed; keys that are not there are fine."""
    gone = {key.lower() for key in keys}
    return {key: value for key, value in kept.items() if key.lower() not in gone}


def shown(tags: Mapping[str, str]) -> list[api.Tag]:
    """As the API lists them."""
    return [api.Tag(key=key, value=value) for key, value in tags.items()]


def rows(tags: Mapping[str, str]) -> list[tuple[str, api.Tag]]:
    """For pages of tags."""
    return [(key, api.Tag(key=key, value=value)) for key, value in tags.items()]
