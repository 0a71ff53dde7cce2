"""The routers of a path: what they cannot forward, they report by ICMP."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.faults.packets import peek
from estab.faults.verdict import Drop, Reply, Verdict
from estab.wire.address import parse_address
from estab.wire.icmp import IcmpKind, build_error, error_allowed
from estab.wire.packet import Packet


class Router(NamedTuple):
    """The address that a router reports from, one per family, packed."""

    v4: bytes
    v6: bytes


ROUTER: Final = Router(parse_address("192.0.2.1"), parse_address("2001:db8::1"))
"""Of the documentation prefixes (RFC 5737, RFC 3849)."""


def report(packet: Packet, kind: IcmpKind, router: Router, reason: str, mtu: int = 0) -> Verdict:
    """Drop a packet and tell its sender, unless no error may be sent about it (RFC 1122 §3.2.2, RFC 4443 §2.4)."""
    parsed = peek(packet)
    if parsed is None or not error_allowed(parsed):
        return Drop(reason)
    source = router.v4 if len(parsed.src) == 4 else router.v6
    return Reply(build_error(kind, 0, mtu, packet, source, parsed.src), reason)
