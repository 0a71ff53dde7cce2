"""The Internet checksum (RFC 1071).

A one's-complement sum of 16-bit words is the number modulo 65535, and 2¹⁶ is 1 in that arithmetic: so the sum of a
buffer is the remainder of the buffer read as one integer. The remainder 0 stands for two sums, 0 (all bytes zero) and
0xFFFF (anything else).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from estab.wire.packet import Buffer


def fold(total: int) -> int:
    """A sum of any size as 16 bits: 0 only when the sum is 0."""
    return total % 65535 or (65535 if total else 0)


def ones_sum_pure(data: Buffer, start: int = 0, end: int | None = None) -> int:
    """The one's-complement sum of ``data[start:end]``, folded to 16 bits, not inverted; an odd length is padded with a
    zero."""
    part = data[start:end] if start or end is not None else data
    number = int.from_bytes(part, "big")
    if len(part) & 1:
        number <<= 8
    return number % 65535 or (65535 if number else 0)


try:
    from estab.wire import _native
except ImportError:  # no compiler was there when estab was installed
    ones_sum: Callable[..., int] = ones_sum_pure
else:
    ones_sum = _native.ones_sum


def sum_parts(parts: Iterable[Buffer], total: int = 0) -> int:
    """The folded sum of ``total`` and the concatenation of ``parts``.

    After an odd number of bytes the next part starts in the low half of a word: its sum is swapped (RFC 1071 §2 B)."""
    odd = 0
    for part in parts:
        part_sum = ones_sum(part)
        total += part_sum << 8 if odd else part_sum
        odd ^= len(part) & 1
    return fold(total)


def checksum(parts: Iterable[Buffer], total: int = 0) -> int:
    """The value of a checksum field that is zero in ``parts``; ``total`` is a first summand (the pseudo-header)."""
    return 0xFFFF ^ sum_parts(parts, total)


def pseudo_header(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """The folded sum of the pseudo-header; ``length`` is that of the transport header and its payload in bytes.

    The layouts of RFC 9293 §3.1 (4-byte addresses) and RFC 8200 §8.1 (16 bytes) have the same sum."""
    return fold(int.from_bytes(src, "big") + int.from_bytes(dst, "big") + protocol + length)
