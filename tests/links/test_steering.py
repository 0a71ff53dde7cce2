"""Whose a packet is, among several stacks behind one device."""

from __future__ import annotations

from collections import Counter

import pytest

from estab.links.steering import by_four_tuple
from estab.wire import icmp, ip, tcp, udp
from estab.wire.packet import Packet
from tests.wire.samples import FAMILIES

SECRET = bytes(range(32))
BOTH = pytest.mark.parametrize("family", FAMILIES, ids=["v4", "v6"])


def segment(family: tuple[bytes, bytes], port: int = 4000, flags: int = tcp.ACK) -> Packet:
    made = tcp.build(tcp.Segment(1, 2, flags, 3, (b"text",), source_port=port, destination_port=80), *family)
    return Packet(made.tobytes())


@BOTH
def test_every_segment_of_a_connection_has_one_owner(family) -> None:
    owner = by_four_tuple(SECRET, 5)
    for port in range(4000, 4050):
        assert len({owner(segment(family, port, flags)) for flags in (tcp.SYN, tcp.ACK, tcp.FIN, tcp.RST)}) == 1


@BOTH
def test_connections_are_spread(family) -> None:
    owner = by_four_tuple(SECRET, 4)
    counts = Counter(owner(segment(family, port)) for port in range(1024, 3024))
    assert set(counts) == {0, 1, 2, 3}
    assert min(counts.values()) > 400


@BOTH
def test_who_does_not_know_the_secret_cannot_tell_the_owner(family) -> None:
    one, other = by_four_tuple(SECRET, 2), by_four_tuple(bytes(32), 2)
    packets = [segment(family, port) for port in range(1024, 2024)]
    agree = sum(one(packet) == other(packet) for packet in packets)
    assert 400 < agree < 600


@BOTH
def test_an_icmp_error_is_for_the_owner_of_what_it_quotes(family) -> None:
    peer, ours = family
    owner = by_four_tuple(SECRET, 7)
    for port in range(4000, 4050):
        sent = tcp.build(tcp.Segment(1, 2, tcp.ACK, 3, source_port=80, destination_port=port), ours, peer)
        error = icmp.build_error(icmp.IcmpKind.UNREACHABLE, 1, 0, sent, peer, ours)
        assert owner(Packet(error.tobytes())) == owner(segment(family, port))


@BOTH
def test_the_fragments_of_a_datagram_have_one_owner(family) -> None:
    owner = by_four_tuple(SECRET, 7)
    whole = udp.build(*family, 4000, 80, bytes(5000), identification=7)
    pieces = ip.fragment_packet(whole, 1280, 7)
    assert len(pieces) > 3
    assert len({owner(Packet(piece.tobytes())) for piece in pieces}) == 1


@BOTH
def test_what_belongs_to_no_connection_is_for_anybody(family) -> None:
    owner = by_four_tuple(SECRET, 7)
    kind = b"\x08" if len(family[0]) == 4 else b"\x80"
    echo = ip.build(kind + bytes(7), (), *family, 1 if len(family[0]) == 4 else 58)
    assert owner(Packet(echo.tobytes())) is None
    for data in (b"", b"\x45", b"\xff" * 40, bytes(60)):
        assert owner(Packet(data)) is None
