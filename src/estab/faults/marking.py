"""Congestion that is said aloud: the CE mark of RFC 3168."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from estab.faults.verdict import PASS, Fault, Replace, Verdict
from estab.wire.ip import IPV4_HEADER, IPV6_HEADER
from estab.wire.packet import ECN_CE, ECN_NOT_ECT, Buffer, Packet

V4_CHECKSUM: Final = 10


def marking(threshold: int, backlog: Callable[[int], int]) -> Fault:
    """A packet that finds more than ``threshold`` bytes in the queue goes on with CE, if its sender said ECT.

    backlog: the bytes in the queue at a time (ns), such as ``RateLimit.backlog``; the fault stands before that queue.
    What is not ECT passes as it is: its signal is the end of the queue. Raises ``ValueError`` when the threshold is
    negative."""
    if threshold < 0:
        raise ValueError(f"a threshold of {threshold} bytes: 0 or more is expected")

    def mark(packet: Packet, now: int, rng: Random) -> Verdict:
        head = packet.head
        if len(head) < IPV4_HEADER or not _codepoint(head) or backlog(now) <= threshold:
            return PASS
        return Replace(Packet(marked(head), packet.body), "")

    return mark


def _codepoint(head: Buffer) -> int:
    """The ECN field of an ECT packet; 0 of any other, and of what needs no mark because it has one."""
    version = head[0] >> 4
    if version == 4:
        codepoint = head[1] & ECN_CE
    elif version == 6 and len(head) >= IPV6_HEADER:
        codepoint = head[1] >> 4 & ECN_CE
    else:
        return ECN_NOT_ECT
    return ECN_NOT_ECT if codepoint == ECN_CE else codepoint


def marked(head: Buffer) -> bytes:
    """A packet as one buffer, or its head, with CE. The IPv4 checksum follows by RFC 1624 eqn. 3, so a wrong one stays
    wrong."""
    changed = bytearray(head)
    if changed[0] >> 4 == 6:
        changed[1] |= ECN_CE << 4
        return bytes(changed)
    difference = ECN_CE - (changed[1] & ECN_CE)
    changed[1] |= ECN_CE
    field = slice(V4_CHECKSUM, V4_CHECKSUM + 2)
    changed[field] = ((int.from_bytes(changed[field], "big") - difference) % 65535).to_bytes(2, "big")
    return bytes(changed)
