"""Routers that count down the time to live."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults.router import ROUTER, Router, report
from estab.faults.verdict import PASS, Fault, Replace, Verdict
from estab.wire.icmp import IcmpKind
from estab.wire.ip import IPV4_HEADER, IPV6_HEADER
from estab.wire.packet import Buffer, Packet

V4_TTL: Final = 8
V4_CHECKSUM: Final = 10
V6_HOP_LIMIT: Final = 7


def hops(count: int, router: Router = ROUTER) -> Fault:
    """A path of ``count`` routers. A packet whose TTL or hop limit runs out on it is dropped, and the router where it
    did says so: ICMP time exceeded (RFC 792, RFC 4443 §3.3). Raises ``ValueError`` for fewer than one router."""
    if count < 1:
        raise ValueError(f"{count} hops: at least one is expected")

    def forward(packet: Packet, now: int, rng: Random) -> Verdict:
        head = packet.head
        version = head[0] >> 4 if len(head) else 0
        if version == 4 and len(head) >= IPV4_HEADER:
            ttl = head[V4_TTL]
        elif version == 6 and len(head) >= IPV6_HEADER:
            ttl = head[V6_HOP_LIMIT]
        else:
            return PASS
        if ttl <= count:
            return report(packet, IcmpKind.TIME_EXCEEDED, router, "ttl expired")
        return Replace(Packet(_count_down(head, version, ttl - count), packet.body), "")

    return forward


def _count_down(head: Buffer, version: int, ttl: int) -> bytes:
    """The headers with another TTL. The IPv4 checksum follows by RFC 1624 eqn. 3, so a wrong one stays wrong."""
    changed = bytearray(head)
    if version == 6:
        changed[V6_HOP_LIMIT] = ttl
        return bytes(changed)
    difference = changed[V4_TTL] - ttl << 8
    changed[V4_TTL] = ttl
    field = slice(V4_CHECKSUM, V4_CHECKSUM + 2)
    changed[field] = ((int.from_bytes(changed[field], "big") + difference) % 65535).to_bytes(2, "big")
    return bytes(changed)
