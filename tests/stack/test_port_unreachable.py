"""The ICMP error for a datagram that nobody wants."""

from __future__ import annotations

import random

import pytest

from estab.stack.stack import Stack
from estab.wire import udp
from estab.wire.address import parse_address
from estab.wire.checksum import pseudo_header, sum_parts
from estab.wire.packet import PROTO_UDP, Checksum, Packet

FAMILIES = pytest.mark.parametrize(
    ("src", "dst", "ip_header"), [("10.0.0.1", "10.0.0.2", 20), ("fd00::1", "fd00::2", 40)], ids=["v4", "v6"]
)
ICMP_HEADER = 8
CHECKSUM_AT = 6


@FAMILIES
def test_a_datagram_without_its_checksum_is_quoted_with_it(src: str, dst: str, ip_header: int) -> None:
    stack = Stack(addresses=["10.0.0.2", "fd00::2"], rng=random.Random(1))
    sent = udp.build(parse_address(src), parse_address(dst), 1000, 9, b"anybody?").tobytes()
    stack.receive([partial(sent, src, dst, ip_header)], 0)
    (error,) = stack.transmit(0)
    assert error.tobytes()[ip_header + ICMP_HEADER :] == sent


def partial(sent: bytes, src: str, dst: str, ip_header: int) -> Packet:
    """The datagram as an offloading link hands it in: only the pseudo-header is summed."""
    half = sum_parts((), pseudo_header(parse_address(src), parse_address(dst), PROTO_UDP, len(sent) - ip_header))
    field = ip_header + CHECKSUM_AT
    data = sent[:field] + half.to_bytes(2, "big") + sent[field + 2 :]
    assert data != sent
    return Packet(data, checksum=Checksum.PARTIAL)
