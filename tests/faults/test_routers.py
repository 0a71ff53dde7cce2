"""Path MTU, black holes and hops, with the ICMP errors that they send."""

from __future__ import annotations

from random import Random

import pytest

from estab.faults.hops import hops
from estab.faults.path_mtu import black_hole, path_mtu
from estab.faults.router import ROUTER, Router
from estab.faults.verdict import PASS, Drop, Fault, Replace, Reply, Verdict
from estab.wire import icmp, ip, tcp, udp
from estab.wire.icmp import Icmp, IcmpKind
from estab.wire.packet import Packet, ParseError
from tests.faults.samples import V4, V6, datagram, segment

FAMILIES = [V4, V6]


def ask(fault: Fault, packet: Packet) -> Verdict:
    return fault(packet, 0, Random(1))


def message(verdict: Verdict) -> tuple[Packet, Icmp]:
    """The ICMP error of a reply; its checksums are verified."""
    assert isinstance(verdict, Reply)
    packet = Packet(verdict.packet.tobytes())
    ip.parse(packet)
    return packet, icmp.parse(packet)


@pytest.mark.parametrize("ends", FAMILIES)
def test_too_big_is_told_to_the_sender(ends: tuple[bytes, bytes]) -> None:
    fits, large = (segment(tcp.ACK, bytes(size), seq=77, ends=ends) for size in (1000, 1400))
    fault = path_mtu(1300)
    assert ask(fault, fits) == PASS
    packet, error = message(ask(fault, large))
    assert (packet.src, packet.dst) == ((ROUTER.v4, V4[0]) if ends == V4 else (ROUTER.v6, V6[0]))
    assert (error.kind, error.mtu) == (IcmpKind.TOO_BIG, 1300)
    assert error.quote is not None
    assert (error.quote.src, error.quote.dst, error.quote.seq) == (*ends, 77)


def test_the_limit_is_the_ip_packet() -> None:
    packet = datagram(bytes(1272))
    assert packet.size() == 1300
    assert [ask(path_mtu(1300), packet), ask(black_hole(1300), packet)] == [PASS, PASS]
    assert isinstance(ask(path_mtu(1299), packet), Reply)
    assert ask(black_hole(1299), packet) == Drop("too big")


def test_what_may_be_fragmented_passes() -> None:
    data = bytearray(datagram(bytes(1400)).tobytes())
    data[6] &= ~0x40
    assert ask(path_mtu(1300), Packet(bytes(data))) == PASS


def test_no_error_about_an_error() -> None:
    error = icmp.build_error(IcmpKind.UNREACHABLE, 1, 0, datagram(bytes(1000)), *V4)
    assert error.size() > 100
    assert ask(path_mtu(100), error) == Drop("too big")
    assert ask(path_mtu(100), Packet(b"\x45" + bytes(5) + b"\x40" + bytes(200))) == Drop("too big")


@pytest.mark.parametrize("ends", FAMILIES)
def test_hops_count_down(ends: tuple[bytes, bytes]) -> None:
    original = udp.build(*ends, 1, 2, b"payload", ttl=64)
    before = original.tobytes()
    verdict = ask(hops(5), original)
    assert isinstance(verdict, Replace)
    arrived = Packet(verdict.packet.tobytes())
    ip.parse(arrived)
    assert arrived.ttl == 59
    assert bytes(udp.parse(arrived).payload) == b"payload"
    assert original.tobytes() == before


def test_every_header_checksum_survives_every_count() -> None:
    for identification in range(0, 65536, 257):
        for count in (1, 63):
            packet = ip.build(b"", (), *V4, 17, ttl=64, identification=identification)
            verdict = ask(hops(count), packet)
            assert isinstance(verdict, Replace)
            ip.parse(verdict.packet)


def test_a_wrong_header_checksum_stays_wrong() -> None:
    data = bytearray(datagram(b"x").tobytes())
    data[10] ^= 1
    verdict = ask(hops(3), Packet(bytes(data)))
    assert isinstance(verdict, Replace)
    with pytest.raises(ParseError, match="ip-checksum"):
        ip.parse(verdict.packet)


@pytest.mark.parametrize("ends", FAMILIES)
def test_time_exceeded_comes_from_the_router(ends: tuple[bytes, bytes]) -> None:
    router = Router(b"\xc6\x33\x64\x09", bytes(15) + b"\x09")
    fault = hops(3, router)
    assert isinstance(ask(fault, udp.build(*ends, 1, 2, b"", ttl=4)), Replace)
    verdict = ask(fault, udp.build(*ends, 1, 2, b"", ttl=3))
    packet, error = message(verdict)
    assert verdict.reason == "ttl expired"
    assert packet.src == (router.v4 if ends == V4 else router.v6)
    assert (error.kind, error.code) == (IcmpKind.TIME_EXCEEDED, 0)
    assert error.quote is not None
    assert error.quote.destination_port == 2


@pytest.mark.parametrize("data", [b"", b"\x45", b"\x60" + bytes(38), b"\xff" * 60])
def test_what_is_no_ip_passes_routers(data: bytes) -> None:
    assert ask(hops(1), Packet(data)) == PASS
