"""IP address literals, and the ``cidr`` operator.

Spellings: four decimal parts (leading zeros allowed) or IPv6 hexadecimal groups with at most one ``::``, any case. IPv6 with an
embedded dotted quad, zone identifiers and brackets are not addresses in events. Source: spec 6.3, 6.9, cases 72-79.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import msgspec

from bascule.patterns.errors import PatternError
from bascule.patterns.operators.condition import Leaf, quoted

_V4 = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_V6 = re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,8}")
_V6_DOTTED = re.compile(r"[0-9a-fA-F:]*:[0-9.]+")
_BITS = {4: 32, 6: 128}


@lru_cache(maxsize=16_384)  # addresses come back: clients, hosts, gateways
def address_of(text: str) -> tuple[int, int] | None:
    """Give ``(version, address as an integer)`` of an address literal, None for any other text."""
    if len(text) > 45:
        return None
    match = _V4.fullmatch(text)
    if match is not None:
        parts = [int(part) for part in match.groups()]
        return (4, int.from_bytes(bytes(parts), "big")) if max(parts) < 256 else None
    return _v6_of(text) if _V6.fullmatch(text) else None


def _v6_of(text: str) -> tuple[int, int] | None:
    try:
        return (6, int(ipaddress.IPv6Address(text)))
    except ValueError:
        return None


class Cidr(msgspec.Struct, frozen=True):
    """The leaf is an address literal inside the block."""

    text: str
    version: int
    network: int  # address bits shifted down to the masked length
    shift: int
    operator: str = "cidr"

    def holds(self, leaf: Leaf) -> bool:
        """Unparsable text and non-strings are simply outside."""
        if not isinstance(leaf, str):
            return False
        address = address_of(leaf)
        return address is not None and address[0] == self.version and address[1] >> self.shift == self.network

    def wanted(self) -> str:
        """Words for explanations."""
        return f"be an IP address inside {quoted(self.text)}"


def cidr_of(text: str) -> Cidr:
    """Read ``address/bits``; host bits are ignored.

    Raises   PatternError with AWS's words and no location.
    """
    parts = text.split("/")
    if len(parts) != 2:
        raise PatternError("Malformed CIDR, one '/' required")
    literal, mask = parts
    if re.fullmatch(r"[+-]?[0-9]{1,9}", mask) is None:
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    bits = int(mask)
    if bits < 0:
        raise PatternError("Malformed CIDR, mask bits must not be negative")
    version, address = _network_address(literal)
    bits_max = _BITS[version]
    if bits >= bits_max:
        raise PatternError(f"IPv{version} mask bits must be < {bits_max}")
    shift = bits_max - bits
    return Cidr(text=text, version=version, network=address >> shift, shift=shift)


def _network_address(literal: str) -> tuple[int, int]:
    address = address_of(literal) or (_v6_of(literal) if _V6_DOTTED.fullmatch(literal) else None)
    if address is not None:  # ::ffff:1.2.3.4 is the IPv4 address it maps
        is_mapped = address[0] == 6 and address[1] >> 32 == 0xFFFF
        return (4, address[1] & 0xFFFF_FFFF) if is_mapped else address
    if _V4.fullmatch(literal) or _V6_DOTTED.fullmatch(literal) or re.fullmatch(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*", literal):
        raise PatternError(f"Invalid IP address: {literal}")
    raise PatternError(f"Nonstandard IP address: {literal}")
