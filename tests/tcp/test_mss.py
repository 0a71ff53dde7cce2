"""The size of segments: RFC 9293 §3.7.1, RFC 6691."""

import pytest

from estab.tcp.config import MODERN, RFC
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
ONE_BY_ONE = MODERN.but(super_segments=False)


@pytest.mark.req("RFC9293-MUST-14", "RFC9293-MUST-67", "RFC9293-SHLD-5", "RFC9293-MAY-3", "RFC6691-01")
@pytest.mark.parametrize(
    ("v6", "mtu", "mss"), [(False, 1500, 1460), (True, 1500, 1440), (False, 9000, 8960), (False, 65_535, 65_495)]
)
def test_announced(talk, v6, mtu, mss):
    """The MTU without fixed headers, options not counted: RFC 6691 §2."""
    t = talk(v6=v6, mtu=mtu)
    t.open()
    assert t.expect(SYN).options.mss == mss


@pytest.mark.req("RFC9293-MUST-14", "RFC9293-SHLD-5", "RFC9293-MAY-3")
def test_announced_in_the_answer(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0)
    assert t.expect(SYN | ACK).options.mss == 1460


@pytest.mark.req("RFC9293-MUST-65")
def test_never_on_other_segments(talk):
    """RFC 9293 MUST-65."""
    t = talk().established()
    t.send(b"x")
    assert t.expect(data=b"x").options.mss is None


@pytest.mark.req("RFC9293-MUST-15")
@pytest.mark.parametrize(("v6", "size"), [(False, 536), (True, 1220)])
def test_without_the_option(talk, v6, size):
    """RFC 9293 MUST-15."""
    t = talk(ONE_BY_ONE, v6=v6)
    t.listen()
    t.inject(SYN, seq=0)
    t.expect(SYN | ACK)
    t.inject(ACK, seq=1, ack=1)
    t.accept()
    t.send(bytes(3000))
    t.expect(ACK, len=size)


@pytest.mark.req("RFC9293-MUST-14", "RFC9293-MUST-16", "RFC6691-01")
@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"mss": 1200}, 1200),
        ({"mss": 9000}, 1460),
        ({"mss": 65_535}, 1460),
        ({"mss": 1460, "ts": (1, 0)}, 1448),
        ({"mss": 1200, "ts": (1, 0)}, 1188),
    ],
    ids=str,
)
def test_the_lesser_of_both_less_options(talk, options, size):
    """RFC 9293 MUST-16."""
    t = talk(ONE_BY_ONE).established(**options)
    t.send(bytes(5000))
    t.expect(ACK, len=size)


@pytest.mark.parametrize(("config", "size"), [(ONE_BY_ONE, 88), (RFC.but(super_segments=False), 64)])
@pytest.mark.parametrize("offered", [1, 40])
def test_a_tiny_segment_size_is_not_believed(talk, config, size, offered):
    """A peer must not multiply our work (CVE-2019-11479)."""
    t = talk(config).established(mss=offered)
    t.send(bytes(500))
    t.expect(ACK, len=size)


def test_an_offer_of_nothing_is_none(talk):
    t = talk(ONE_BY_ONE).established(mss=0)
    t.send(bytes(1000))
    t.expect(ACK, len=536)


def test_with_timestamps_too(talk):
    t = talk(ONE_BY_ONE).established(mss=1, ts=(1, 0))
    t.send(bytes(500))
    t.expect(ACK, len=88 - 12)


def test_sack_blocks_do_not_make_a_packet_too_large(talk):
    """RFC 9293 MUST-16 with blocks beside data: no packet exceeds the MTU."""
    t = talk().established(sack_permitted=True, ts=(1, 0))
    for i in range(3):
        t.inject(ACK, seq=11 + 10 * i, ack=1, data=b"x", ts=True)
    t.drain()
    t.send(bytes(20_000))
    packets = t.stack.transmit(t.now, 64)
    assert packets
    assert max(packet.size() for packet in packets) <= 1500
