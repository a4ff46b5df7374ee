"""Roles, users and groups as one thing: found, kept, made and removed in the same way, with other words and quotas.

Names are unique without regard to case, but a request must write a name as it was created.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from bascule.identity.records import GROUPS, ROLES, USERS, Group, Identity, Role, User, home, key_of
from bascule.kernel.context import Context
from bascule.kernel.documents import Collection
from bascule.kernel.store import Tx
from bascule.services.iam import limits
from bascule.services.iam.errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity, UnmodifiableEntity
from bascule.services.iam.naming import iam_arn
from bascule.services.iam.paging import rows_of

R = TypeVar("R", bound=Identity)


class Kind(Generic[R]):
    """One of the three, with its words and quotas."""

    def __init__(
        self, label: str, collection: Collection[R], id_prefix: str, *, count_max: int, inline_size_max: int
    ) -> None:
        self.label = label
        self.title = label.capitalize()
        self.id_prefix = id_prefix
        self.inline_size_max = inline_size_max
        self._collection = collection
        self._count_max = count_max

    def use_key(self, record: R) -> str:
        """The key of this record among the users of a managed policy."""
        return f"{self.label}/{key_of(record.name)}"

    def arn(self, ctx: Context, record: R) -> str:
        """The ARN of a record."""
        return iam_arn(ctx, self.label, record.path, record.name)

    def find(self, ctx: Context, tx: Tx, name: str) -> R:
        """The record of that name.

        Raises   NoSuchEntity.
        """
        found = self._collection.get(tx.documents, home(ctx.scope.account), key_of(name))
        if found is None or found.name != name:
            raise NoSuchEntity(f"The {self.label} with name {name} cannot be found.")
        return found

    def find_own(self, ctx: Context, tx: Tx, name: str) -> R:
        """The record of that name, to be changed.

        Raises   NoSuchEntity; UnmodifiableEntity for a role that belongs to an AWS service.
        """
        found = self.find(ctx, tx, name)
        if isinstance(found, Role) and found.linked_service:
            raise UnmodifiableEntity(
                f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            )
        return found

    def rows(self, ctx: Context, tx: Tx, after: str, path_prefix: str | None) -> Iterator[tuple[str, R]]:
        """(key, record) pairs whose path starts with the prefix."""
        rows = rows_of(tx.documents, self._collection, home(ctx.scope.account), after)
        return (row for row in rows if row[1].path.startswith(path_prefix or "/"))

    def count(self, ctx: Context, tx: Tx) -> int:
        """How many the account has."""
        return self._collection.count(tx.documents, home(ctx.scope.account))

    def add(self, ctx: Context, tx: Tx, record: R) -> None:
        """Keep a new record.

        Raises   EntityAlreadyExists for a name in use, in whatever case; LimitExceeded.
        """
        scope = home(ctx.scope.account)
        if self._collection.get(tx.documents, scope, key_of(record.name)) is not None:
            raise EntityAlreadyExists(f"{self.title} with name {record.name} already exists.")
        if self._collection.count(tx.documents, scope) >= self._count_max:
            raise LimitExceeded.of(f"{self.title}sPerAccount", self._count_max)
        self.keep(ctx, tx, record)

    def keep(self, ctx: Context, tx: Tx, record: R) -> None:
        """Replace a record."""
        self._collection.put(tx.documents, home(ctx.scope.account), key_of(record.name), record)

    def remove(self, ctx: Context, tx: Tx, record: R) -> None:
        """Forget a record."""
        self._collection.delete(tx.documents, home(ctx.scope.account), key_of(record.name))


ROLE: Kind[Role] = Kind("role", ROLES, "AROA", count_max=limits.ROLES_MAX, inline_size_max=limits.ROLE_INLINE_SIZE_MAX)
USER: Kind[User] = Kind("user", USERS, "AIDA", count_max=limits.USERS_MAX, inline_size_max=limits.USER_INLINE_SIZE_MAX)
GROUP: Kind[Group] = Kind(
    "group", GROUPS, "AGPA", count_max=limits.GROUPS_MAX, inline_size_max=limits.GROUP_INLINE_SIZE_MAX
)
