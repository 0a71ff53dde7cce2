from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire import ip
from estab.wire.packet import Checksum, Packet, ParseError
from tests.wire.dissector import dissect, recomputed
from tests.wire.samples import FAMILIES, V4, V6, read

HOP, ROUTING, FRAGMENT, DESTINATION, UDP = 0, 43, 44, 60, 17


def refusal(data: bytes) -> str:
    with pytest.raises(ParseError) as caught:
        read(data)
    return caught.value.reason


def extended(*extensions: tuple[int, bytes], last: int = UDP, payload: bytes = b"PAYLOAD!") -> bytes:
    """An IPv6 packet with extension headers, each given without its next-header octet."""
    kinds = [kind for kind, _ in extensions] + [last]
    chain = b"".join(bytes((kinds[index + 1],)) + data for index, (_, data) in enumerate(extensions))
    return ip.header(*V6, kinds[0], len(chain) + len(payload)) + chain + payload


@given(
    st.sampled_from(FAMILIES),
    st.sampled_from([6, 17, 58]),
    st.binary(max_size=30),
    st.integers(0, 255),
    st.integers(0, 63),
    st.integers(0, 3),
    st.integers(0, 0xFFFFF),
    st.integers(0, 1 << 40),
    st.booleans(),
)
def test_headers_come_back(  # noqa: PLR0917
    family: tuple[bytes, bytes],
    protocol: int,
    payload: bytes,
    ttl: int,
    dscp: int,
    ecn: int,
    flow_label: int,
    identification: int,
    dont_fragment: bool,
) -> None:
    data = ip.header(
        *family,
        protocol,
        len(payload),
        ttl=ttl,
        dscp=dscp,
        ecn=ecn,
        flow_label=flow_label,
        identification=identification,
        dont_fragment=dont_fragment,
    )
    packet = read(data + payload)
    assert (packet.src, packet.dst, packet.protocol) == (*family, protocol)
    assert (packet.ttl, packet.dscp, packet.ecn, packet.ce) == (ttl, dscp, ecn, ecn == 3)
    assert packet.flow_label == (flow_label if len(packet.src) == 16 else 0)
    assert (packet.transport, packet.length, packet.fragment) == (len(data), len(data) + len(payload), None)
    seen = dissect(data)
    if len(packet.src) == 4:
        assert (seen.tos, seen.ttl, seen.id) == (dscp << 2 | ecn, ttl, identification & 0xFFFF)
        assert ("DF" in str(seen.flags)) is dont_fragment
        assert recomputed(data)[10:12] == data[10:12]
    else:
        assert (seen.tc, seen.hlim, seen.fl, seen.plen) == (dscp << 2 | ecn, ttl, flow_label, len(payload))


@pytest.mark.parametrize(("family", "most"), [(V4, 65515), (V6, 65535)])
def test_a_packet_too_long_for_its_header_is_the_callers_mistake(family: tuple[bytes, bytes], most: int) -> None:
    assert ip.header(*family, UDP, most)
    with pytest.raises(ValueError, match="too long"):
        ip.header(*family, UDP, most + 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_of_the_link_is_cut_off(family: tuple[bytes, bytes]) -> None:
    data = ip.header(*family, UDP, 5) + b"hello" + bytes(13)
    packet = read(data)
    assert packet.tobytes() == data[:-13]
    assert packet.length == len(data) - 13
    in_parts = Packet(data[:-18], (data[-18:-16], data[-16:-5], data[-5:]))
    ip.parse(in_parts)
    assert in_parts.tobytes() == data[:-13]


@pytest.mark.parametrize("family", FAMILIES)
def test_marks_of_a_super_packet(family: tuple[bytes, bytes]) -> None:
    packet = Packet(ip.header(*family, UDP, 0, ecn=3), (), Checksum.VERIFIED, 1000, 7)
    ip.parse(packet)
    assert packet.ce == 7


def test_malformed_ipv4() -> None:
    good = ip.header(*V4, UDP, 4) + b"data"
    assert refusal(b"") == "ip-truncated"
    assert refusal(good[:19]) == "ip-truncated"
    assert refusal(b"\x55" + good[1:]) == "ip-version"
    assert refusal(b"\x44" + good[1:]) == "ip-header-length"
    assert refusal(b"\x4f" + good[1:]) == "ip-header-length"
    assert refusal(good[:-1]) == "ip-length"
    assert refusal(good[:2] + b"\0\x13" + good[4:]) == "ip-length"
    assert refusal(good[:8] + b"\x41" + good[9:]) == "ip-checksum"


def test_the_header_checksum_is_left_to_a_link_that_vouches_for_it() -> None:
    good = ip.header(*V4, UDP, 4) + b"data"
    packet = Packet(good[:10] + b"\0\0" + good[12:], (), Checksum.VERIFIED)
    ip.parse(packet)
    assert packet.protocol == UDP


@pytest.mark.req("RFC9293-MUST-50")
def test_ipv4_options_are_skipped() -> None:
    options = bytes.fromhex("070704000000000000000000")  # record route, padded
    head = bytearray(ip.header(*V4, UDP, len(options) + 4) + options)
    head[0] = 0x48
    head[10:12] = b"\0\0"
    head[10:12] = (0xFFFF - int.from_bytes(head, "big") % 65535).to_bytes(2, "big")
    packet = read(bytes(head) + b"data")
    assert (packet.transport, packet.protocol) == (32, UDP)


PAD6 = bytes((0, 1, 4, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "extensions",
    [
        ((HOP, PAD6),),
        ((DESTINATION, PAD6),),
        ((HOP, PAD6), (DESTINATION, PAD6), (ROUTING, bytes(7))),
        ((DESTINATION, bytes((1, 5, 12)) + bytes(12)),),
        ((HOP, bytes(7)),),
        ((FRAGMENT, bytes(7)),),  # atomic, RFC 6946
    ],
)
def test_extension_headers_are_walked(extensions: tuple[tuple[int, bytes], ...]) -> None:
    packet = read(extended(*extensions))
    assert packet.protocol == UDP
    assert packet.fragment is None
    assert packet.head[packet.transport :] == b"PAYLOAD!"


def test_no_next_header() -> None:
    assert read(extended((DESTINATION, PAD6), last=59)).protocol == 59


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (extended((DESTINATION, PAD6), (HOP, PAD6)), "ipv6-next-header"),
        (extended(last=200), "ipv6-next-header"),
        (extended(last=1), "ipv6-next-header"),
        (extended((51, PAD6)), "ipv6-next-header"),
        (extended((ROUTING, bytes((0, 0, 1, 0, 0, 0, 0)))), "ipv6-routing"),
        (extended(*[(DESTINATION, PAD6)] * 9), "ipv6-extension-count"),
        (extended((DESTINATION, bytes((200,)) + PAD6[1:])), "ipv6-extension-length"),
        (extended((DESTINATION, PAD6[:3]), payload=b""), "ipv6-extension-length"),
        (extended((DESTINATION, bytes((0, 1, 5, 0, 0, 0, 0)))), "ipv6-option-length"),
        (extended((DESTINATION, bytes((0, 0xC2, 4, 0, 1, 0, 0)))), "ipv6-option"),
        (extended((DESTINATION, bytes((0, 0x45, 4, 0, 1, 0, 0)))), "ipv6-option"),
        (extended((DESTINATION, bytes((0, 0x85, 4, 0, 1, 0, 0)))), "ipv6-option"),
        (extended((DESTINATION, bytes((5,)) + bytes(46))), "ipv6-option-count"),
        (ip.header(*V6, UDP, 4)[:39], "ip-truncated"),
        (ip.header(*V6, UDP, 4) + b"dat", "ip-length"),
    ],
)
def test_malformed_ipv6(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


def test_as_many_extension_headers_as_are_allowed() -> None:
    assert read(extended(*[(DESTINATION, PAD6)] * 8)).protocol == UDP


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fragment_is_told(family: tuple[bytes, bytes]) -> None:
    whole = ip.build(b"", (bytes(range(200)),), *family, UDP)
    pieces = ip.fragment_packet(whole, 120, 0x12345)
    assert len(pieces) == 3
    told = []
    for piece in pieces:
        fragment = read(piece.tobytes()).fragment
        assert fragment is not None
        assert fragment.identification == (0x2345 if len(family[0]) == 4 else 0x12345)
        told.append((fragment.offset, fragment.more))
    step = 96 if len(family[0]) == 4 else 72
    assert told == [(0, True), (step, True), (2 * step, False)]
    assert all(piece.length == len(piece.tobytes()) <= 120 for piece in pieces)


def test_what_cannot_be_cut() -> None:
    whole = ip.build(b"", (bytes(200),), *V4, UDP)
    assert ip.fragment_packet(whole, 220, 1) == [whole]
    with pytest.raises(ValueError, match="MTU"):
        ip.fragment_packet(whole, 27, 1)
    whole.checksum = Checksum.PARTIAL
    with pytest.raises(ValueError, match="partial"):
        ip.fragment_packet(whole, 100, 1)
