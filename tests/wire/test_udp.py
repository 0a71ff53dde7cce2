from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire import ip, udp
from estab.wire.packet import Checksum, Packet, ParseError
from tests.wire.dissector import UDP, dissect, recomputed
from tests.wire.samples import FAMILIES, V4, V6, read

port = st.integers(0, 0xFFFF)


@given(st.sampled_from(FAMILIES), port, port, st.binary(max_size=50))
def test_datagrams_come_back_and_scapy_agrees(family: tuple[bytes, bytes], sport: int, dport: int, data: bytes) -> None:
    packet = udp.build(*family, sport, dport, data, ttl=3, dscp=4, ecn=1, flow_label=5, identification=6)
    wire = packet.tobytes()
    assert udp.parse(read(wire)) == (sport, dport, data)
    assert udp.parse(packet) == (sport, dport, data)
    seen = dissect(wire)[UDP]
    assert (seen.sport, seen.dport, seen.len, bytes(seen.payload)) == (sport, dport, 8 + len(data), data)
    assert recomputed(wire) == wire


def test_a_computed_zero_is_sent_as_ones() -> None:
    first = udp.build(*V4, 0, 0, b"\0\0").tobytes()
    wire = udp.build(*V4, 0, 0, first[26:28]).tobytes()
    assert wire[26:28] == b"\xff\xff"
    assert udp.parse(read(wire)).payload == first[26:28]


def without_checksum(family: tuple[bytes, bytes]) -> Packet:
    wire = udp.build(*family, 1, 2, b"data").tobytes()
    return read(wire[:-6] + b"\0\0" + wire[-4:])


def test_no_checksum_is_for_ipv4_only() -> None:
    assert udp.parse(without_checksum(V4)).payload == b"data"
    with pytest.raises(ParseError, match="udp-checksum"):
        udp.parse(without_checksum(V6))


@pytest.mark.parametrize("family", FAMILIES)
def test_malformed_datagrams(family: tuple[bytes, bytes]) -> None:
    def refusal(transport: bytes) -> str:
        with pytest.raises(ParseError) as caught:
            udp.parse(read(ip.header(*family, 17, len(transport)) + transport))
        return caught.value.reason

    good = udp.build(*family, 1, 2, b"data").tobytes()[-12:]
    assert refusal(good[:7]) == "udp-truncated"
    assert refusal(good[:11]) == "udp-length"
    assert refusal(good[:4] + b"\0\x07" + good[6:]) == "udp-length"
    assert refusal(good[:-1] + b"!") == "udp-checksum"


@pytest.mark.parametrize("family", FAMILIES)
def test_bytes_behind_the_datagram_are_cut_off(family: tuple[bytes, bytes]) -> None:
    good = udp.build(*family, 1, 2, b"data").tobytes()[-12:]
    assert udp.parse(read(ip.header(*family, 17, 15) + good + b"pad")).payload == b"data"


def test_a_link_may_vouch_for_the_checksum() -> None:
    wire = udp.build(*V4, 1, 2, b"data").tobytes()
    packet = Packet(wire[:-1] + b"!", (), Checksum.VERIFIED)
    ip.parse(packet)
    assert udp.parse(packet).payload == b"dat!"


def test_too_long_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="too long"):
        udp.build(*V4, 1, 2, bytes(65508))
    with pytest.raises(ValueError, match="too long"):
        udp.build(*V6, 1, 2, bytes(65528))
    assert udp.build(*V6, 1, 2, bytes(65527)).length == 65575
