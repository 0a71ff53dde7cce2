from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire import icmp, ip, tcp, udp
from estab.wire.icmp import Icmp, IcmpKind, Quote
from estab.wire.packet import Packet, ParseError
from tests.wire.dissector import ICMP, dissect, recomputed
from tests.wire.samples import FAMILIES, V4, V6, read, segment

SEQ = 0x11223344
MULTICAST = bytes((224, 0, 0, 1)), bytes.fromhex("ff020000000000000000000000000001")


def quoted(family: tuple[bytes, bytes]) -> Quote:
    return Quote(*family, 6, 4660, 80, SEQ)


@given(st.sampled_from(FAMILIES), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=40))
def test_an_echo_is_answered_with_its_own_data(
    family: tuple[bytes, bytes], identifier: int, sequence: int, payload: bytes
) -> None:
    src, dst = family
    request = icmp.build_echo(Icmp(IcmpKind.ECHO_REQUEST, 0, identifier, sequence, payload=payload), src, dst)
    got = icmp.parse(read(request.tobytes()))
    assert got == Icmp(IcmpKind.ECHO_REQUEST, 0, identifier, sequence, payload=payload)
    reply = icmp.build_echo_reply(got, dst, src).tobytes()
    assert icmp.parse(read(reply)) == got._replace(kind=IcmpKind.ECHO_REPLY)
    assert recomputed(reply) == reply
    if len(src) == 4:
        layer = dissect(reply)[ICMP]
        assert (layer.type, layer.id, layer.seq, bytes(layer.payload)) == (0, identifier, sequence, payload)
    else:
        layer = dissect(reply).payload
        assert (layer.type, layer.id, layer.seq, layer.data) == (129, identifier, sequence, payload)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (IcmpKind.UNREACHABLE, (3, 1)),
        (IcmpKind.TOO_BIG, (3, 2)),
        (IcmpKind.TIME_EXCEEDED, (11, 3)),
        (IcmpKind.PARAMETER_PROBLEM, (12, 4)),
    ],
)
def test_errors_come_back_with_their_quote(family: tuple[bytes, bytes], kind: IcmpKind, types: tuple[int, int]) -> None:
    src, dst = family
    wire = icmp.build_error(kind, 1, 1400, tcp.build(segment(b"x" * 2000), src, dst), dst, src, pointer=9).tobytes()
    v6 = len(src) == 16
    assert len(wire) == (1280 if v6 else 576)
    code = 1 if kind != IcmpKind.TOO_BIG else 0 if v6 else 4
    mtu = 1400 if kind == IcmpKind.TOO_BIG else 0
    assert icmp.parse(read(wire)) == Icmp(kind, code, mtu=mtu, quote=quoted(family))
    assert recomputed(wire) == wire
    seen = dissect(wire).payload
    assert (seen.type, seen.code) == (types[v6], code)
    if kind == IcmpKind.TOO_BIG:
        assert (seen.mtu if v6 else seen.nexthopmtu) == 1400
    if kind == IcmpKind.PARAMETER_PROBLEM:
        assert seen.ptr == 9


def message(
    family: tuple[bytes, bytes], number: int, code: int = 0, rest: bytes = bytes(4), data: bytes = b""
) -> Packet:
    """A message of any type, its checksum left to a link."""
    body = bytes((number, code, 0, 0)) + rest + data
    packet = read(ip.header(*family, 1 if len(family[0]) == 4 else 58, len(body)) + body)
    packet.checksum = 1
    return packet


@pytest.mark.req("RFC6633-01")
@pytest.mark.parametrize("addresses", [V4, V6], ids=["v4", "v6"])
def test_source_quench_is_never_built(addresses) -> None:
    with pytest.raises(KeyError):
        icmp.build_error(IcmpKind.SOURCE_QUENCH, 0, 0, tcp.build(segment(), *addresses), *addresses)


def test_kinds_that_nobody_builds() -> None:
    quote = tcp.build(segment(), *V4).tobytes()[:28]
    assert icmp.parse(message(V4, 4, data=quote)) == Icmp(IcmpKind.SOURCE_QUENCH, 0, quote=quoted(V4))
    assert icmp.parse(message(V4, 5, 1, data=quote)) == Icmp(IcmpKind.OTHER, 1)
    assert icmp.parse(message(V6, 135)) == Icmp(IcmpKind.OTHER, 0)


def test_an_old_router_names_no_mtu() -> None:
    assert icmp.parse(message(V4, 3, 4)) == Icmp(IcmpKind.TOO_BIG, 4)
    assert icmp.parse(message(V6, 2, 0, b"\x00\x01\x00\x00")) == Icmp(IcmpKind.TOO_BIG, 0, mtu=65536)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_quote_of_the_other_family_is_none(family: tuple[bytes, bytes]) -> None:
    other = tcp.build(segment(), *(V6 if family is V4 else V4)).tobytes()
    assert icmp.parse(message(family, 3, 0, data=other)).quote is None


@pytest.mark.parametrize("family", FAMILIES)
def test_every_truncation_of_a_quote(family: tuple[bytes, bytes]) -> None:
    data = tcp.build(segment(b"payload"), *family).tobytes()
    header = len(data) - 27
    whole = quoted(family)
    for size in range(len(data)):
        quote = icmp.parse_quote(data[:size])
        if size < header:
            assert quote is None
        elif size < header + 4:
            assert quote == whole._replace(source_port=0, destination_port=0, seq=None)
        elif size < header + 8:
            assert quote == whole._replace(seq=None)
        else:
            assert quote == whole


def test_quotes_of_other_packets() -> None:
    datagram = udp.build(*V4, 53, 1053, b"data" * 500)
    assert icmp.parse_quote(datagram.tobytes()) == Quote(*V4, 17, 53, 1053, None)
    for family in FAMILIES:
        later = ip.fragment_packet(udp.build(*family, 53, 1053, b"\x01" * 3000), 1500, 1)[1]
        assert icmp.parse_quote(later.tobytes()) == Quote(*family, 17, 0, 0, None)
    ping = icmp.build_echo(Icmp(IcmpKind.ECHO_REQUEST, 0), *V6)
    assert icmp.parse_quote(ping.tobytes()) == Quote(*V6, 58, 0, 0, None)
    assert icmp.parse_quote(b"\x44" + bytes(40)) is None
    assert icmp.parse_quote(ip.header(*V6, 43, 0)) is None


@given(st.binary(max_size=80), st.sampled_from([0x45, 0x4F, 0x60]))
def test_any_bytes_may_be_quoted(data: bytes, first: int) -> None:
    quote = icmp.parse_quote(bytes((first,)) + data)
    assert quote is None or len(quote.src) in (4, 16)


@pytest.mark.parametrize("family", FAMILIES)
def test_malformed_messages(family: tuple[bytes, bytes]) -> None:
    protocol, other = (1, 58) if family is V4 else (58, 17)
    for transport, number, reason in (
        (bytes(7), protocol, "icmp-truncated"),
        (b"\x08\0\0\0\0\0\0\0", protocol, "icmp-checksum"),
        (bytes(8), other, "icmp-family"),
    ):
        with pytest.raises(ParseError) as caught:
            icmp.parse(read(ip.header(*family, number, len(transport)) + transport))
        assert caught.value.reason == reason


@pytest.mark.parametrize("index", [0, 1])
def test_what_no_error_is_sent_about(index: int) -> None:
    src, dst = FAMILIES[index]
    good = tcp.build(segment(), src, dst)
    assert icmp.error_allowed(good)
    assert icmp.error_allowed(icmp.build_echo(Icmp(IcmpKind.ECHO_REQUEST, 0), src, dst))
    assert not icmp.error_allowed(icmp.build_error(IcmpKind.UNREACHABLE, 1, 0, good, dst, src))
    assert not icmp.error_allowed(tcp.build(segment(), src, MULTICAST[index]))
    assert not icmp.error_allowed(tcp.build(segment(), MULTICAST[index], dst))
    assert not icmp.error_allowed(tcp.build(segment(), bytes(len(src)), dst))
    assert not icmp.error_allowed(read(ip.header(src, dst, 58 if index else 1, 0)))
    first, later = ip.fragment_packet(udp.build(src, dst, 1, 2, bytes(2000)), 1500, 1)
    assert icmp.error_allowed(first)
    assert not icmp.error_allowed(later)


def test_no_error_about_a_broadcast() -> None:
    assert not icmp.error_allowed(tcp.build(segment(), V4[0], b"\xff\xff\xff\xff"))
