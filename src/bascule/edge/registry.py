"""Which service does what: the operations, targets and loops of every service package, checked once at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bascule.kernel.delivery import Target
from bascule.kernel.loop import Loop
from bascule.kernel.service import Operation, Service


class Registry:
    """All services. Immutable after construction; a name registered twice is our bug."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services: dict[str, Service] = {}
        targets: dict[str, Target] = {}
        loops: list[Loop] = []
        for service in services:
            assert service.name not in self.services, f"service {service.name} is registered twice"
            self.services[service.name] = service
            for arn_service, target in service.targets.items():
                assert arn_service not in targets, f"two services accept {arn_service} ARNs"
                targets[arn_service] = target
            loops.extend(service.loops)
        self.targets: Mapping[str, Target] = targets
        self.loops: tuple[Loop, ...] = tuple(loops)

    def find(self, service: str, operation: str) -> Operation | None:
        """The operation, or None when it is not implemented."""
        found = self.services.get(service)
        return None if found is None else found.operations.get(operation)
