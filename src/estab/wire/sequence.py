"""Sequence numbers are 32 bits on the wire only (RFC 9293 §3.4); inside they are absolute integers."""

from __future__ import annotations

from typing import Final

MASK32: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000


def unwrap(value: int, near: int) -> int:
    """The integer congruent to ``value`` modulo 2³² that is nearest to ``near``.

    A distance of exactly 2³¹ counts as behind. ``near`` may be any integer, the result may be negative."""
    return near + ((value - near + _HALF) & MASK32) - _HALF
