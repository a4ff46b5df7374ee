"""EventBridge: buses, rules, targets, PutEvents and schedules.

The way of an event through the package: ``put_events`` makes it (``entries``, ``envelope``, ``detail_json``), ``routes`` knows
which rules of the bus match it, ``routing`` makes one delivery for each target. ``target`` is the other end: a bus that
receives from rules, functions and services. ``timers`` fires rules with a schedule. ``explain`` says why a rule did not match.
State lives in ``state``; every other file is about one resource or is pure.
"""

from bascule.kernel.service import Service, operations
from bascule.services.events import timers
from bascule.services.events.buses import (
    create_event_bus,
    delete_event_bus,
    describe_event_bus,
    list_event_buses,
    update_event_bus,
)
from bascule.services.events.event_pattern import test_event_pattern
from bascule.services.events.permissions import put_permission, remove_permission
from bascule.services.events.put_events import put_events
from bascule.services.events.rules import (
    delete_rule,
    describe_rule,
    disable_rule,
    enable_rule,
    list_rule_names_by_target,
    list_rules,
    put_rule,
)
from bascule.services.events.tags import list_tags_for_resource, tag_resource, untag_resource
from bascule.services.events.target import BusTarget
from bascule.services.events.targets import list_targets_by_rule, put_targets, remove_targets

__all__ = ["SERVICE"]

SERVICE = Service(
    name="events",
    operations=operations(
        create_event_bus,
        describe_event_bus,
        list_event_buses,
        update_event_bus,
        delete_event_bus,
        put_permission,
        remove_permission,
        put_rule,
        describe_rule,
        list_rules,
        enable_rule,
        disable_rule,
        delete_rule,
        list_rule_names_by_target,
        put_targets,
        remove_targets,
        list_targets_by_rule,
        tag_resource,
        untag_resource,
        list_tags_for_resource,
        put_events,
        test_event_pattern,
    ),
    targets={"events": BusTarget()},
    loops=(timers.LOOP,),
)
