"""A path with a smaller MTU than the link's: one that says so, and one that does not."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults.router import ROUTER, Router, report
from estab.faults.verdict import PASS, Drop, Fault, Verdict
from estab.wire.icmp import IcmpKind
from estab.wire.packet import Packet

DONT_FRAGMENT: Final = 0x40
"""In byte 6 of the IPv4 header."""


def black_hole(mtu: int) -> Fault:
    """IP packets of more than ``mtu`` bytes vanish without a word (RFC 2923 §2.1)."""

    def swallow(packet: Packet, now: int, rng: Random) -> Verdict:
        return Drop("too big") if packet.size() > mtu else PASS

    return swallow


def path_mtu(mtu: int, router: Router = ROUTER) -> Fault:
    """IP packets of more than ``mtu`` bytes are dropped, and their sender is told (RFC 1191, RFC 8201).

    An IPv4 packet without "don't fragment" passes whole: fragments would be put together before anybody looks."""

    def check(packet: Packet, now: int, rng: Random) -> Verdict:
        if packet.size() <= mtu or _may_be_fragmented(packet):
            return PASS
        return report(packet, IcmpKind.TOO_BIG, router, "too big", mtu)

    return check


def _may_be_fragmented(packet: Packet) -> bool:
    head = packet.head
    return len(head) > 6 and head[0] >> 4 == 4 and not head[6] & DONT_FRAGMENT
