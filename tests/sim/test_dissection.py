"""Everything that two stacks put on a wire reads alike in scapy: lengths, checksums, and nothing left over."""

import pytest

from estab.sim import Network
from estab.tcp.config import MILLISECOND, SECOND
from estab.wire import icmp
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from tests.wire.dissector import TCP, dissect, recomputed

ADDRESSES = {"v4": ("10.0.0.1", "10.0.0.2"), "v6": ("fd00::1", "fd00::2")}


@pytest.mark.parametrize("family", ADDRESSES)
def test_every_packet_of_a_busy_network_is_well_formed(family: str) -> None:
    ours, theirs = ADDRESSES[family]
    net = Network(seed=11)
    a, b = net.host("a", f"{ours}/64" if ":" in ours else f"{ours}/24"), net.host("b", theirs)
    net.connect(a, b, delay=10 * MILLISECOND, jitter=MILLISECOND, loss=0.05, duplicate=0.05, reorder=0.1)
    seen: list[bytes] = []

    def tap(packet: Packet, now: int, direction: str) -> None:
        if direction == "out":
            seen.append(packet.tobytes())

    a.link.taps.append(tap)
    b.link.taps.append(tap)

    listener = b.stack.listen(80)
    c = a.stack.open((theirs, 80), net.clock.now)
    refused = a.stack.open((theirs, 81), net.clock.now)
    a.stack.udp(5000).send_to(bytes(3001), (theirs, 5001), net.clock.now)
    ping = icmp.Icmp(icmp.IcmpKind.ECHO_REQUEST, 0, 1, 2, payload=b"odd")
    a.stack.replies.add(icmp.build_echo(ping, parse_address(ours), parse_address(theirs)))
    net.run(lambda: listener.ready > 0, 30 * SECOND)
    server = b.stack.accept(listener)
    assert server is not None
    c.send(bytes(range(256)) * 301, net.clock.now)
    c.send(b"!", net.clock.now, urgent=True)
    server.send(bytes(70_001), net.clock.now)
    c.shutdown(net.clock.now)
    for _ in range(100):
        net.run_until(net.clock.now + 100 * MILLISECOND)
        for end in (c, server):
            while end.receive_some(net.clock.now):
                pass
    server.close(net.clock.now)
    net.run_until(net.clock.now + 10 * SECOND)

    assert isinstance(refused.error, ConnectionRefusedError)
    assert len(seen) > 150
    segments = 0
    for data in seen:
        layer = dissect(data)
        # A fragment carries the checksum of the whole datagram.
        if layer.version == 6 or not (layer.frag or layer.flags.MF):
            assert recomputed(data) == data
        assert (layer.len if ":" not in ours else layer.plen + 40) == len(data) <= 1500
        segments += TCP in layer
    assert segments > 100
