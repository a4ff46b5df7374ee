"""The trace header of invocations, and the chain of functions it remembers.

The header's ``Lineage`` counts how often a function appears in one chain of calls. SDKs inside functions pass the header on
with every call, so a function that feeds itself through queues, topics or destinations is recognised and stopped.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from bascule.kernel.ids import Ids


def fresh_trace(now_ms: int, ids: Ids) -> str:
    """A trace header for a call that came without one."""
    token = ids.token(20)
    return f"Root=1-{now_ms // 1000:08x}-{token[:24]};Parent={token[24:]};Sampled=0"


@lru_cache(maxsize=4_096)
def _mark(function_arn: str) -> str:
    return sha256(function_arn.encode()).hexdigest()[:8]


def _fields(header: str) -> dict[str, str]:
    pairs = (field.partition("=") for field in header.split(";"))
    return {name.strip(): value for name, separator, value in pairs if separator}


def _lineage(fields: dict[str, str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for part in fields.get("Lineage", "").split("|"):
        mark, _, count = part.partition(":")
        if mark and count.isdigit():
            counted[mark] = int(count)
    return counted


def chain_length(header: str, function_arn: str) -> int:
    """How often the function has already run in the chain that the header belongs to."""
    if "Lineage=" not in header:
        return 0
    return _lineage(_fields(header)).get(_mark(function_arn), 0)


def extended(header: str, function_arn: str) -> str:
    """The header that one more run of the function passes on."""
    if "Lineage=" not in header:
        return f"{header};Lineage={_mark(function_arn)}:1"
    fields = _fields(header)
    counted = _lineage(fields)
    mark = _mark(function_arn)
    counted[mark] = counted.get(mark, 0) + 1
    fields["Lineage"] = "|".join(f"{name}:{count}" for name, count in counted.items())
    return ";".join(f"{name}={value}" for name, value in fields.items())
