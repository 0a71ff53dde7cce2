"""Forged ICMP errors: RFC 5927, RFC 9293 §3.9.2.2."""

from __future__ import annotations

import pytest

from estab.tcp.config import MODERN, SECOND
from estab.wire import icmp, tcp
from estab.wire.packet import Packet
from estab.wire.tcp import ACK, Segment
from tests.tcp import states
from tests.tcp.states import reach

HARD = {False: (2, 3), True: (4,)}
"""Codes of destination unreachable that refuse, for IPv4 and IPv6."""


@pytest.fixture(params=[False, True], ids=["v4", "v6"])
def v6(request):
    return request.param


@pytest.mark.req("RFC9293-SHLD-26", "RFC5927-04", "RFC5927-05")
@pytest.mark.parametrize("place", states.PLACES[2:-1], ids=str)
@pytest.mark.parametrize("seq", ["before", "una", "next", "far"])
def test_a_hard_error_ends_an_opening_and_nothing_else(talk, v6, place, seq):
    """CVE-2004-0790."""
    for code in HARD[v6]:
        t = talk(v6=v6)
        n = reach(t, place)
        if place.state in ("ESTABLISHED", "CLOSE-WAIT"):
            t.send(b"in flight")
            t.drain()
        position = {"before": n.una - 1, "una": n.una, "next": n.nxt + 9, "far": 2**31}[seq]
        t.inject_icmp(icmp.IcmpKind.UNREACHABLE, code, seq=position)
        ended = place.state == "SYN-SENT" and seq == "una"
        assert t.state == ("CLOSED" if ended else place.state)
        if ended:
            assert isinstance(t.c.error, ConnectionRefusedError)


@pytest.mark.parametrize("mtu", [0, 68, 551, 1500, 1501, 65_535])
def test_an_unbelievable_path_mtu(talk, mtu):
    """CVE-2004-1060: too small to be true, or no news."""
    t = talk().established()
    t.send(b"x" * 5000)
    t.drain()
    before = t.c.mss
    t.inject_icmp(icmp.IcmpKind.TOO_BIG, 0, seq=1, mtu=mtu)
    assert t.c.mss == before
    t.expect_nothing()


@pytest.mark.parametrize("mtu", [0, 1279, 1500, 2**32 - 1])
def test_an_unbelievable_path_mtu_v6(talk, mtu):
    t = talk(v6=True).established()
    t.send(b"x" * 5000)
    t.drain()
    before = t.c.mss
    t.inject_icmp(icmp.IcmpKind.TOO_BIG, 0, seq=1, mtu=mtu)
    assert t.c.mss == before


@pytest.mark.req("RFC5927-02")
@pytest.mark.parametrize("seq", [-1, 5001, 2**31, 100_000])
def test_a_path_mtu_for_what_is_not_in_flight(talk, v6, seq):
    t = talk(v6=v6).established()
    t.inject(ACK, seq=1, ack=1)
    t.send(b"x" * 5000)
    t.drain()
    before = t.c.mss
    t.inject_icmp(icmp.IcmpKind.TOO_BIG, 0, seq=seq, mtu=1280)
    assert t.c.mss == before
    assert t.stack.counters["OutOfWindowIcmps"] == 1
    t.inject_icmp(icmp.IcmpKind.TOO_BIG, 0, seq=1, mtu=1280)
    assert t.c.mss < before


@pytest.mark.req("RFC9293-MUST-55", "RFC5927-07", "RFC6633-02")
def test_source_quench_is_ignored(talk):
    """CVE-2004-0791, RFC 6633."""
    t = talk().established()
    t.send(b"x" * 5000)
    t.drain()
    cwnd = t.c.congestion.cwnd
    t.inject_bytes(quoting(t, number=4, code=0))
    assert t.c.congestion.cwnd == cwnd
    assert t.stack.counters["IcmpIgnored"] == 1
    t.expect_nothing()


def quoting(t, *, number: int, code: int) -> bytes:
    """An ICMPv4 message of any type that quotes our segment in flight."""
    quoted = Segment(t.iss + 1, 0, ACK, 0, (), source_port=t.ports[0], destination_port=t.ports[1])
    original = tcp.build(quoted, t.ours, t.peer)
    message = icmp.build_error(icmp.IcmpKind.UNREACHABLE, 1, 0, original, t.peer, t.ours).tobytes()
    body = bytearray(message[20:])
    body[0], body[1] = number, code
    body[2:4] = b"\0\0"
    total = int.from_bytes(body, "big") % 65535
    body[2:4] = (65535 - total).to_bytes(2, "big")
    return message[:20] + bytes(body)


def test_every_truncation_of_a_quote(talk, v6):
    for length in range(70):
        t = talk(v6=v6).established()
        t.send(b"x" * 5000)
        t.drain()
        quoted = Segment(t.iss + 1, 0, ACK, 0, (), source_port=t.ports[0], destination_port=t.ports[1])
        head = tcp.build(quoted, t.ours, t.peer).tobytes()[:length]
        before = t.c.mss
        error = icmp.build_error(icmp.IcmpKind.TOO_BIG, 0, 1280, Packet(head), t.peer, t.ours)
        t.inject_bytes(error.tobytes())
        complete = length >= (48 if v6 else 28)
        assert (t.c.mss < before) == complete, length
        if t.mode.name != "plain":
            break


def test_what_one_connection_learned_is_bounded(talk):
    t = talk(config=MODERN.but(path_mtu_entries=3))
    for number in range(10):
        t.stack.remember_path_mtu(bytes([192, 0, 2, number]), 1400, t.now + SECOND * number)
    assert len(t.stack.path_mtus) == 3
