"""Service models written by hand, for what no single real service shows."""

from __future__ import annotations

from typing import Any

import msgspec

from bascule.protocol.model import Document, ServiceModel


def model_of(
    shapes: dict[str, Any], *, operations: dict[str, Any] | None = None, name: str = "made-up", **metadata: Any
) -> ServiceModel:
    """A model with these shapes; ``metadata`` in botocore's spelling."""
    document = {
        "metadata": {"apiVersion": "2026-01-01", "endpointPrefix": name, "protocol": "json", **metadata},
        "operations": operations or {},
        "shapes": {"String": {"type": "string"}, "Integer": {"type": "integer"}, **shapes},
    }
    return ServiceModel(name, msgspec.convert(document, Document))


def structure(required: tuple[str, ...] = (), **members: Any) -> dict[str, Any]:
    """A structure shape; a member is a shape name or a whole reference."""
    refs = {key: value if isinstance(value, dict) else {"shape": value} for key, value in members.items()}
    return {"type": "structure", "required": list(required), "members": refs}
