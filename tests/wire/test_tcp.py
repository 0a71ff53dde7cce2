from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire import ip, tcp
from estab.wire.checksum import pseudo_header
from estab.wire.options import Options
from estab.wire.packet import Checksum, Packet, ParseError
from estab.wire.segmentation import split
from tests.wire.dissector import TCP, dissect, recomputed
from tests.wire.samples import EVERY_OPTION, FAMILIES, V4, V6, read, segment

short = st.integers(0, 0xFFFF)


@pytest.mark.req("RFC9293-MUST-2")
@given(
    st.sampled_from(FAMILIES),
    st.builds(
        tcp.Segment,
        st.integers(-(1 << 40), 1 << 40),
        st.integers(0, 1 << 40),
        st.integers(0, 0x1FF),
        short,
        st.lists(st.binary(max_size=40), max_size=4).map(tuple),
        st.sampled_from(EVERY_OPTION),
        short,
        short,
        short,
    ),
    st.integers(1, 255),
    st.integers(0, 3),
)
def test_segments_come_back_and_scapy_agrees(
    family: tuple[bytes, bytes], sent: tcp.Segment, ttl: int, ecn: int
) -> None:
    packet = tcp.build(sent, *family, ttl=ttl, dscp=10, ecn=ecn, flow_label=0xABCDE, identification=77)
    data = packet.tobytes()
    arrived = read(data)
    got = tcp.parse(arrived)
    for name in ("flags", "window", "options", "urgent", "source_port", "destination_port", "length", "span"):
        assert getattr(got, name) == getattr(sent, name)
    assert (got.seq, got.ack) == (sent.seq & 0xFFFFFFFF, sent.ack & 0xFFFFFFFF)
    assert b"".join(got.payload) == b"".join(sent.payload)
    assert (got.ecn, got.ce, got.segments, got.segment_size) == (ecn, ecn == 3, 1, 0)
    for name in ("src", "dst", "protocol", "ttl", "dscp", "ecn", "flow_label", "transport", "length"):
        assert getattr(packet, name) == getattr(arrived, name)

    seen = dissect(data)[TCP]
    assert (seen.sport, seen.dport, seen.window, seen.urgptr) == (
        sent.source_port,
        sent.destination_port,
        sent.window,
        sent.urgent,
    )
    assert (seen.seq, seen.ack, int(seen.flags)) == (got.seq, got.ack, sent.flags)
    assert bytes(seen.payload) == b"".join(sent.payload)
    assert recomputed(data) == data


@pytest.mark.parametrize("family", FAMILIES)
def test_scapy_reads_the_same_options(family: tuple[bytes, bytes]) -> None:
    options = Options(mss=1460, window_scale=7, sack_permitted=True, timestamps=(5, 6))
    seen = dict(dissect(tcp.build(segment(options=options), *family).tobytes())[TCP].options)
    assert (seen["MSS"], seen["WScale"], seen["SAckOK"], seen["Timestamp"]) == (1460, 7, b"", (5, 6))
    options = Options(sack=((1, 2), (3, 4)), timestamps=(1, 2))
    assert dict(dissect(tcp.build(segment(options=options), *family).tobytes())[TCP].options)["SAck"] == (1, 2, 3, 4)
    options = Options(user_timeout=90, fast_open=bytes(8))
    seen = dict(dissect(tcp.build(segment(options=options), *family).tobytes())[TCP].options)
    assert (seen["UTO"], seen["TFO"]) == (90, (0, 0))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_partial_checksum_is_the_pseudo_headers_sum(family: tuple[bytes, bytes]) -> None:
    packet = tcp.build(segment(b"hello"), *family, partial=True)
    at = packet.transport + tcp.CHECKSUM_OFFSET
    assert packet.checksum == Checksum.PARTIAL
    assert int.from_bytes(packet.head[at : at + 2], "big") == pseudo_header(*family, 6, 25)
    ip.parse(packet)
    assert tcp.parse(packet).length == 5


@pytest.mark.parametrize("family", FAMILIES)
def test_payload_is_never_copied(family: tuple[bytes, bytes]) -> None:
    mine = b"0123456789"
    packet = tcp.build(segment(mine), *family)
    assert packet.body[0] is mine
    ip.parse(packet)
    assert tcp.parse(packet).payload[0] is mine
    buffer = bytearray(packet.tobytes())
    view = memoryview(buffer)
    (got,) = tcp.parse(read(view)).payload  # type: ignore[arg-type]
    buffer[-1] = ord("X")
    assert bytes(got) == b"012345678X"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_view_is_taken_apart_and_stays_the_same_packet(family: tuple[bytes, bytes]) -> None:
    wire = tcp.build(segment(b"hello"), *family).tobytes()
    packet = Packet(memoryview(bytearray(wire)))
    ip.parse(packet)
    assert tcp.parse(packet).length == 5
    assert type(packet.head) is bytes
    assert [bytes(view) for view in packet.body] == [b"hello"]
    assert packet.tobytes() == wire


@pytest.mark.parametrize("family", FAMILIES)
def test_a_small_packets_payload_does_not_pin_the_packet(family: tuple[bytes, bytes]) -> None:
    (got,) = tcp.parse(read(tcp.build(segment(b"hello"), *family).tobytes())).payload
    assert got == b"hello"
    assert type(got) is bytes


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("cuts", [(20, 40), (33, 41), (40, 40), (41, 43)])
def test_a_packet_in_odd_pieces_verifies(family: tuple[bytes, bytes], cuts: tuple[int, int]) -> None:
    """Headers have to be in the head; from there on any cut will do."""
    data = tcp.build(segment(bytes(range(77))), *family).tobytes()
    first, second = (len(data) - 77 + cut - 20 for cut in cuts)
    packet = Packet(data[:first], (data[first:second], data[second:]))
    ip.parse(packet)
    got = tcp.parse(packet)
    assert b"".join(got.payload) == bytes(range(77))


def test_a_super_segment() -> None:
    sent = segment(bytes(2500))
    sent.segment_size = 1000
    packet = tcp.build(sent, *V4, ecn=3, partial=True)
    assert (packet.segment_size, packet.segments) == (1000, 3)
    ip.parse(packet)
    got = tcp.parse(packet)
    assert (got.segment_size, got.segments, got.ce, got.length) == (1000, 3, 3, 2500)
    sent.segment_size = 2500
    assert tcp.build(sent, *V4).segment_size == 0


@pytest.mark.parametrize(("family", "most"), [(V4, 65495), (V6, 65515)])
def test_the_longest_segment(family: tuple[bytes, bytes], most: int) -> None:
    data = tcp.build(segment(bytes(most)), *family).tobytes()
    assert tcp.parse(read(data)).length == most
    with pytest.raises(ValueError, match="too long"):
        tcp.build(segment(bytes(most + 1)), *family)


def test_options_in_the_callers_order() -> None:
    sent = segment(options=Options(mss=1460, window_scale=7))
    packet = tcp.build(sent, *V4, order=("window_scale", "nop", "mss"))
    assert bytes(packet.head[40:]).hex() == "03030701020405b4"
    assert tcp.parse(read(packet.tobytes())).options == sent.options


@pytest.mark.parametrize("family", FAMILIES)
def test_malformed_segments(family: tuple[bytes, bytes]) -> None:
    def refusal(transport: bytes) -> str:
        packet = read(ip.header(*family, 6, len(transport)) + transport)
        packet.checksum = Checksum.VERIFIED
        with pytest.raises(ParseError) as caught:
            tcp.parse(packet)
        return caught.value.reason

    good = tcp.build(segment(b"data"), *family).tobytes()[-24:]
    assert refusal(good[:19]) == "tcp-truncated"
    assert refusal(b"") == "tcp-truncated"
    assert refusal(good[:12] + b"\x40" + good[13:]) == "tcp-header-length"
    assert refusal(good[:12] + b"\x70" + good[13:]) == "tcp-header-length"
    assert refusal(good[:12] + b"\x60" + good[13:20] + b"\xff\0\0\0") == "tcp-option-length"


def test_what_a_segment_occupies() -> None:
    assert tcp.Segment(0, 0, tcp.SYN | tcp.FIN, 0, (b"abc", b"d")).span == 6
    assert tcp.Segment(0, 0, tcp.ACK | tcp.PSH, 0).span == 0


def test_the_text_of_a_segment() -> None:
    assert repr(
        tcp.Segment(1000, 1, tcp.SYN | tcp.ACK, 65535, (bytes(1000),), Options(mss=1460, timestamps=(1, 2)))
    ) == ("1000:2000(1000) ack 1 win 65535 [S.] <mss 1460,TS val 1 ecr 2>")
    assert repr(tcp.Segment(5, 9, tcp.RST, 0)) == "5:5(0) win 0 [R]"
    assert (
        repr(tcp.Segment(5, 9, tcp.URG | tcp.FIN | tcp.PSH | tcp.ACK, 0, urgent=3)) == "5:5(0) ack 9 win 0 urg 3 [FPU.]"
    )
    assert tcp.format_flags(tcp.ECE | tcp.CWR | tcp.AE) == "EWe"
    assert tcp.format_flags(0) == "none"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_packet_too_long_for_its_length_field(family: tuple[bytes, bytes]) -> None:
    """It says 0, and whoever hands it on in memory knows better; cut, it is as any other."""
    sent = segment(bytes(range(250)) * 400)
    sent.segment_size = 1400
    packet = tcp.build(sent, *family)
    place = 2 if family is V4 else 4
    assert packet.head[place : place + 2] == b"\0\0"
    again = Packet(packet.head, packet.body, packet.checksum, packet.segment_size, packet.segments)
    ip.parse(again)
    assert again.length == packet.size()
    assert tcp.parse(again).length == 100_000
    pieces = split(again)
    assert sum(tcp.parse(read(piece.tobytes())).length for piece in pieces) == 100_000
    assert max(piece.size() for piece in pieces) <= 1500
    with pytest.raises(ParseError):
        tcp.parse(read(packet.tobytes()))
