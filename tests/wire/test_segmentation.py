from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire import icmp, ip, tcp, udp
from estab.wire.checksum import pseudo_header
from estab.wire.packet import Checksum, Packet, ParseError
from estab.wire.segmentation import complete_checksum, divide, split
from tests.wire.dissector import IP, TCP, dissect, recomputed
from tests.wire.samples import EVERY_OPTION, FAMILIES, V4, V6, read, segment


@pytest.mark.req("RFC9293-MUST-2")
@given(
    st.sampled_from(FAMILIES),
    st.lists(st.binary(max_size=60), max_size=6).map(tuple),
    st.integers(1, 70),
    st.integers(0, 0x1FF),
    st.sampled_from(EVERY_OPTION),
    st.booleans(),
    st.booleans(),
)
def test_pieces_are_the_whole(  # noqa: PLR0917
    family: tuple[bytes, bytes],
    payload: tuple[bytes, ...],
    size: int,
    flags: int,
    options: tcp.Options,
    partial: bool,
    in_one: bool,
) -> None:
    flags &= ~tcp.URG
    sent = tcp.Segment(0xFFFFFFF0, 7, flags, 500, payload, options, 0, 1, 2)
    sent.segment_size = size
    packet = tcp.build(sent, *family, ttl=9, ecn=1, identification=0xFFFF, partial=partial)
    if in_one:  # as it comes from an offloading link
        packet = Packet(packet.tobytes(), (), Checksum.PARTIAL, packet.segment_size, packet.segments)
    pieces = split(packet)
    whole = b"".join(payload)
    last = max(-(-len(whole) // size), 1) - 1
    assert len(pieces) == last + 1
    for index, piece in enumerate(pieces):
        data = piece.tobytes()
        assert recomputed(data) == data
        got = tcp.parse(read(data))
        assert b"".join(got.payload) == whole[index * size : (index + 1) * size]
        assert got.seq == (0xFFFFFFF0 + index * size) & 0xFFFFFFFF
        assert (got.options, got.window, got.ack) == (options, 500, 7)
        expected = flags & ~(tcp.CWR if index else 0) & ~(0 if index == last else tcp.FIN | tcp.PSH)
        assert got.flags == expected
        seen = dissect(data)
        assert seen[TCP].seq == got.seq
        if IP in seen:
            assert seen.id == (0xFFFF + index) & 0xFFFF
        assert (piece.checksum, piece.segment_size, piece.segments) == (Checksum.RAW, 0, 1)
        assert (piece.src, piece.dst, piece.ttl, piece.length) == (*family, 9, len(data))


@given(
    st.lists(st.binary(max_size=60), min_size=1, max_size=6).map(tuple),
    st.integers(1, 30),
    st.integers(1, 90),
    st.integers(0, 0x1FF),
    st.integers(1, 200),
)
def test_what_is_divided_first_is_cut_into_the_same_packets(
    payload: tuple[bytes, ...], size: int, most: int, flags: int, urgent: int
) -> None:
    whole = tcp.Segment(0xFFFFFFF0, 7, flags, 500, payload, EVERY_OPTION[1], urgent if flags & tcp.URG else 0, 1, 2)
    whole.segment_size = size
    whole.segments = -(-whole.length // size)
    expected = [packet.tobytes() for packet in split(tcp.build(whole, *V6))] if whole.length > size else None
    pieces = divide(whole, most)
    assert all(piece.length <= max(most, size) for piece in pieces)
    assert sum(piece.segments for piece in pieces) == whole.segments
    if expected is not None:
        assert [packet.tobytes() for piece in pieces for packet in split(tcp.build(piece, *V6))] == expected


def test_payload_is_shared_not_copied() -> None:
    sent = segment(bytearray(b"abcdef"))  # type: ignore[arg-type]
    sent.segment_size = 4
    pieces = split(tcp.build(sent, *V4))
    sent.payload[0][5] = ord("X")  # type: ignore[index]
    assert pieces[1].tobytes()[-2:] == b"eX"


def test_urgent_data_ends_where_it_did() -> None:
    sent = segment(bytes(10), flags=tcp.ACK | tcp.URG)
    sent.urgent = 6
    sent.segment_size = 4
    told = [tcp.parse(read(piece.tobytes())) for piece in split(tcp.build(sent, *V4))]
    assert [(got.flags & tcp.URG, got.urgent) for got in told] == [(tcp.URG, 6), (tcp.URG, 2), (0, 0)]


def test_marks_go_to_each_piece() -> None:
    sent = segment(bytes(10))
    sent.segment_size = 4
    assert [piece.ce for piece in split(tcp.build(sent, *V4, ecn=3))] == [1, 1, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_partial_checksum_is_completed(family: tuple[bytes, bytes]) -> None:
    complete = tcp.build(segment(b"hello"), *family).tobytes()
    partial = tcp.build(segment(b"hello"), *family, partial=True)
    before = partial.tobytes()
    done = complete_checksum(partial)
    assert (done.tobytes(), done.checksum) == (complete, Checksum.RAW)
    assert (partial.tobytes(), partial.checksum) == (before, Checksum.PARTIAL)
    assert complete_checksum(Packet(before, (), Checksum.PARTIAL)).tobytes() == complete
    assert [piece.tobytes() for piece in split(partial)] == [complete]


def made_partial(packet: Packet, at: int) -> Packet:
    data = bytearray(packet.tobytes())
    start = packet.transport
    value = pseudo_header(packet.src, packet.dst, packet.protocol, len(data) - start)
    data[start + at : start + at + 2] = value.to_bytes(2, "big")
    return Packet(bytes(data), (), Checksum.PARTIAL)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_udp_and_icmpv6_are_completed(family: tuple[bytes, bytes], payload: bytes) -> None:
    datagram = udp.build(*family, 1, 2, payload)
    assert complete_checksum(made_partial(datagram, 6)).tobytes() == datagram.tobytes()
    ping = icmp.build_echo(icmp.Icmp(icmp.IcmpKind.ECHO_REQUEST, 0, 1, 2, payload=payload), *V6)
    assert complete_checksum(made_partial(ping, 2)).tobytes() == ping.tobytes()


def test_a_udp_checksum_of_zero_is_completed_to_ones() -> None:
    probe = udp.build(*V4, 0, 0, b"\0\0").tobytes()
    datagram = udp.build(*V4, 0, 0, probe[26:28])
    assert datagram.tobytes()[26:28] == b"\xff\xff"
    assert complete_checksum(made_partial(datagram, 6)).tobytes() == datagram.tobytes()


def test_others_are_left_alone() -> None:
    raw = tcp.build(segment(b"x"), *V4)
    assert complete_checksum(raw) is raw
    verified = Packet(raw.tobytes(), (), Checksum.VERIFIED)
    assert split(verified) == [verified]
    unknown = Packet(ip.header(*V4, 99, 4) + b"data", (), Checksum.PARTIAL)
    assert complete_checksum(unknown) is unknown


def test_headers_that_are_not_there() -> None:
    for data in (ip.header(*V4, 6, 4) + b"data", ip.header(*V6, 17, 4) + b"data"):
        for size in (0, 2):
            with pytest.raises(ParseError):
                split(Packet(data, (), Checksum.PARTIAL, size, 2))


@pytest.mark.parametrize("family", FAMILIES)
@given(size=st.integers(1, 50), last=st.integers(1, 50), count=st.integers(1, 9))
def test_a_super_packet_of_datagrams_is_its_datagrams(family, size, last, count) -> None:
    payloads = [bytes([index]) * size for index in range(count)] + [b"z" * min(size, last)]
    sent = [udp.build(*family, 5, 7, data, ttl=9, dscp=3, partial=True) for data in payloads]
    joined = udp.join(sent, size)
    assert (joined.checksum, joined.segment_size, joined.segments) == (Checksum.PARTIAL, size, count + 1)
    for whole in (joined, Packet(joined.tobytes(), (), joined.checksum, size, joined.segments)):
        pieces = split(whole)
        assert [bytes(udp.parse(read(piece.tobytes())).payload) for piece in pieces] == payloads
        for piece in pieces:
            data = piece.tobytes()
            assert recomputed(data) == data
            assert (piece.checksum, piece.segment_size, piece.ttl, piece.dscp) == (Checksum.RAW, 0, 9, 3)
