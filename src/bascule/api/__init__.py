"""The typed inputs and outputs of every operation, one module per service, generated from botocore's models.

Rules of the package: the modules are written by ``tools/generate_api.py`` and import nothing of ours; a service imports the
one it needs (``from bascule.api import events as api``). Only this file is written by hand.
"""

from __future__ import annotations

from importlib import import_module

import msgspec

#: botocore's name of a service -> the module here. Modules are imported at first use.
MODULES = {
    "events": "events",
    "iam": "iam",
    "lambda": "lambda_",
    "logs": "logs",
    "sns": "sns",
    "sqs": "sqs",
    "sts": "sts",
}


def shapes_of(service: str, operation: str) -> tuple[type[msgspec.Struct], type[msgspec.Struct]] | None:
    """The input and output class of an operation, or None when there are no typed shapes for it.

    Takes    botocore's service name (``lambda``) and the model's operation name (``CreateFunction``).
    Gives    ``(input, output)``; the same classes each time.
    """
    name = MODULES.get(service)
    if name is None:
        return None
    table: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct]]] = import_module(f"{__name__}.{name}").OPERATIONS
    return table.get(operation)
