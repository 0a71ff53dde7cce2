"""Addresses and prefixes: text to packed bytes (4 or 16 of them) and back, and what kind of address it is."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final, NamedTuple

UNSPECIFIED_V4: Final = bytes(4)
UNSPECIFIED_V6: Final = bytes(16)
_BROADCAST: Final = b"\xff\xff\xff\xff"
_LOOPBACK_V6: Final = bytes(15) + b"\x01"


class Prefix(NamedTuple):
    """An address and how many of its leading bits name the network; the host's own bits are kept."""

    address: bytes
    length: int

    def contains(self, packed: bytes) -> bool:
        """Whether ``packed`` is of the same family and agrees in the first ``length`` bits."""
        bits = len(self.address) * 8
        if len(packed) * 8 != bits:
            return False
        difference = int.from_bytes(self.address, "big") ^ int.from_bytes(packed, "big")
        return not difference >> (bits - self.length)

    @property
    def broadcast(self) -> bytes | None:
        """This IPv4 network's directed broadcast address; there is none in /31 and /32 (RFC 3021)."""
        if len(self.address) != 4 or not 0 < self.length < 31:
            return None
        hosts = (1 << (32 - self.length)) - 1
        return (int.from_bytes(self.address, "big") | hosts).to_bytes(4, "big")

    def __str__(self) -> str:
        return f"{format_address(self.address)}/{self.length}"


def parse_address(text: str) -> bytes:
    """``"10.0.0.1"`` or ``"fd00::1"`` as 4 or 16 bytes. Raises ``ValueError``; a zone (``%2``) is refused here."""
    if "%" in text:
        raise ValueError(f"address {text!r} has a zone where none is possible")
    return parse_scoped(text)[0]


def parse_scoped(text: str) -> tuple[bytes, int]:
    """Like ``parse_address``, with a numeric IPv6 zone (``"fe80::1%2"``, RFC 4007 §11) as the scope id."""
    host, percent, zone = text.partition("%")
    try:
        packed = _pack(host)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None
    if not percent:
        return packed, 0
    if len(packed) == 4 or not (zone.isascii() and zone.isdigit()) or int(zone) > 0xFFFFFFFF:
        raise ValueError(f"address {text!r} has a bad zone: a number after an IPv6 address is expected")
    return packed, int(zone)


@lru_cache(1024)
def _pack(host: str) -> bytes:
    """Whoever opens many connections names the same hosts."""
    return ipaddress.ip_address(host).packed


def format_address(packed: bytes, scope_id: int = 0) -> str:
    """The text of a packed address; a scope id other than 0 is appended as a zone."""
    text = str(ipaddress.ip_address(bytes(packed)))
    return f"{text}%{scope_id}" if scope_id else text


def parse_prefix(text: str) -> Prefix:
    """``"10.0.0.2/24"``, ``"fd00::2/64"``, ``"0.0.0.0/0"``; without a slash all bits. Raises ``ValueError``."""
    host, slash, bits = text.partition("/")
    address = parse_address(host)
    longest = len(address) * 8
    if not slash:
        return Prefix(address, longest)
    if not (bits.isascii() and bits.isdigit()) or int(bits) > longest:
        raise ValueError(f"prefix {text!r} has a bad length: a number from 0 to {longest} is expected")
    return Prefix(address, int(bits))


def is_multicast(packed: bytes) -> bool:
    """224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 §2.7)."""
    return packed[0] == 0xFF if len(packed) == 16 else packed[0] >> 4 == 0xE


def is_broadcast(packed: bytes) -> bool:
    """The limited broadcast 255.255.255.255; a directed one depends on a prefix, see ``Prefix.broadcast``."""
    return packed == _BROADCAST


def is_unspecified(packed: bytes) -> bool:
    """0.0.0.0 or ::"""
    return packed in (UNSPECIFIED_V4, UNSPECIFIED_V6)


def is_loopback(packed: bytes) -> bool:
    """127.0.0.0/8 or ::1"""
    return packed[0] == 127 if len(packed) == 4 else packed == _LOOPBACK_V6
