"""How buses, rules and timers are stored: the only file that knows their keys.

Rules change only through ``put_rule`` and ``delete_rule``, which also move the revision of their bus on: the new revision is
a digest of the old one and of the change. Two buses with the same revision therefore hold the same rules, whatever was
rolled back in between, and a cache that compares revisions can never serve the rules of a transaction that did not commit.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from bascule.kernel.documents import Collection, DocumentKey
from bascule.kernel.scope import Scope
from bascule.kernel.store import Tx
from bascule.services.events.model import EventBus, Firing, Rule

DEFAULT_BUS = "default"
RULE_KIND = "events.rule"
BUS_KIND = "events.bus"

buses = Collection(BUS_KIND, EventBus)
rules = Collection(RULE_KIND, Rule)
firings = Collection("events.firing", Firing)

_encode = msgspec.msgpack.Encoder().encode
#: A rule as stored -> the rule.
decode_rule = msgspec.msgpack.Decoder(Rule).decode


def get_bus(tx: Tx, scope: Scope, name: str) -> EventBus | None:
    """The bus, or None. The default bus exists in every scope, stored or not."""
    found = buses.get(tx.documents, scope, name)
    if found is None and name == DEFAULT_BUS:
        return EventBus(DEFAULT_BUS, created_ms=0, updated_ms=0)
    return found


def bus_body(tx: Tx, scope: Scope, name: str) -> bytes | None:
    """The bus as stored, undecoded: what the hot path compares. None also for a default bus that was never changed."""
    return tx.documents.get(DocumentKey(BUS_KIND, scope, "", name))


def rule_bodies(tx: Tx, scope: Scope, bus: str) -> dict[str, bytes]:
    """Every rule of a bus as stored, by name."""
    bodies: dict[str, bytes] = {}
    after = ""
    while page := tx.documents.page(RULE_KIND, scope, bus, after=after):
        bodies.update(page)
        after = page[-1][0]
    return bodies


def put_rule(tx: Tx, scope: Scope, bus: str, rule: Rule) -> None:
    """Create or replace a rule and move the revision of its bus on."""
    rules.put(tx.documents, scope, rule.name, rule, parent=bus)
    _move_on(tx, scope, bus, rule.name, _encode(rule))


def delete_rule(tx: Tx, scope: Scope, bus: str, name: str) -> None:
    """Remove a rule and move the revision of its bus on."""
    rules.delete(tx.documents, scope, name, parent=bus)
    _move_on(tx, scope, bus, name, b"")


def _move_on(tx: Tx, scope: Scope, bus: str, name: str, change: bytes) -> None:
    stored = get_bus(tx, scope, bus)
    assert stored is not None, "a rule is changed on a bus that exists"
    digest = blake2b(digest_size=16)
    for part in (stored.revision.encode(), name.encode(), change):
        digest.update(len(part).to_bytes(8, "big") + part)
    buses.put(tx.documents, scope, bus, msgspec.structs.replace(stored, revision=digest.hexdigest()))
