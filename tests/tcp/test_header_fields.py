"""What TCP asks of the IP header: RFC 9293 §3.9.1.9, §3.9.2."""

from __future__ import annotations

import pytest

from estab.tcp.config import MODERN
from estab.wire import ip
from estab.wire.packet import Packet
from tests.conversation import SYN

FAMILIES = pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])


def sent(t) -> list[Packet]:
    """The packets that go out now, read again from their bytes."""
    packets = [Packet(packet.tobytes()) for packet in t.stack.transmit(t.now)]
    assert packets
    for packet in packets:
        ip.parse(packet)
    return packets


@pytest.mark.req("RFC9293-MUST-49")
@FAMILIES
def test_the_time_to_live_is_configured(talk, v6) -> None:
    """MUST-49."""
    t = talk(MODERN.but(ttl=17), v6=v6)
    t.open()
    assert [packet.ttl for packet in sent(t)] == [17]
    t.stack.receive([Packet(t.segment_bytes(SYN, ports=(9, 4000)))], t.now)
    assert [packet.ttl for packet in sent(t)] == [17]


@pytest.mark.req("RFC9293-MUST-48", "RFC9293-SHLD-21", "RFC9293-SHLD-22")
@FAMILIES
def test_differentiated_services(talk, v6) -> None:
    """MUST-48, SHLD-21, SHLD-22: set by the application, changed while the connection lives, passed on as it is."""
    t = talk(MODERN.but(dscp=46), v6=v6).established()
    t.send(b"a")
    assert [packet.dscp for packet in sent(t)] == [46]
    t.c.dscp = 8
    t.c.set_nodelay(True, t.now)
    t.send(bytes(4000))
    assert {packet.dscp for packet in sent(t)} == {8}


def test_nothing_is_asked_for_unless_the_application_does(talk) -> None:
    t = talk().established()
    t.send(b"a")
    assert [packet.dscp for packet in sent(t)] == [0]


@pytest.mark.req("RFC9293-MUST-44", "RFC9293-MUST-45")
@FAMILIES
def test_the_source_does_not_change(talk, v6) -> None:
    """MUST-44, MUST-45: chosen once, before the first SYN."""
    t = talk(v6=v6)
    assert t.stack.open((t.peer, 80), t.now).local_address == t.ours
    first = sent(t)
    t.now = t.stack.next_deadline()
    t.stack.advance(t.now)
    assert {packet.src for packet in first + sent(t)} == {t.ours}
