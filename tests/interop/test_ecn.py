"""ECN with the kernel as the peer, over a path that marks: who asks, who agrees, what is told and what comes of it."""

from __future__ import annotations

import socket
from pathlib import Path
from random import Random

import pytest

from estab.faults.marking import marked
from estab.faults.verdict import PASS, Fault, Replace, Verdict
from estab.tcp.config import Ecn
from estab.wire import ip, tcp
from estab.wire.packet import ECN_NOT_ECT, PROTO_TCP, Packet
from estab.wire.tcp import ACK, CWR, ECE, SYN
from tests.interop.ours import CONFIG, Ours
from tests.netns import isolated_with_tun

DATA = Random(1).randbytes(2_000_000)
SYSCTL = Path("/proc/sys/net/ipv4/tcp_ecn")
OFF, ASKS, ACCEPTS = "0", "1", "2"
TCP_INFO_OPTIONS = 5
ECN, ECN_SEEN = 8, 16
"""Of the options octet in ``struct tcp_info``."""
ASKING = CONFIG.but(ecn=Ecn.ASK)


class Watched:
    """A fault that marks some of what is ECT, and notes the flags of all."""

    def __init__(self, every: int = 0) -> None:
        self.every = every
        self.ect = 0
        self.plain = 0
        self.flags: list[int] = []

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        seen = Packet(packet.tobytes(), (), packet.checksum)
        ip.parse(seen)
        if seen.protocol != PROTO_TCP:
            return PASS
        segment = tcp.parse(seen)
        self.flags.append(segment.flags)
        if segment.ecn == ECN_NOT_ECT:
            self.plain += segment.length > 0
            return PASS
        self.ect += 1
        if not self.every or self.ect % self.every:
            return PASS
        head = bytes(seen.head)
        made = Packet(marked(head), (), packet.checksum)
        return Replace(made, "marked")

    def count(self, flag: int) -> int:
        """Segments with it, SYNs aside."""
        return sum(1 for flags in self.flags if flags & flag and not flags & SYN)


def ours(out: Fault, into: Fault, family: int = 4, ecn: Ecn = Ecn.ASK, kernel: str = ACCEPTS) -> Ours:
    SYSCTL.write_text(kernel)
    return Ours(family, config=CONFIG.but(ecn=ecn), out=[out], into=[into])


def kernel_uses_ecn(peer: socket.socket) -> int:
    return peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[TCP_INFO_OPTIONS] & (ECN | ECN_SEEN)


@pytest.mark.lossless("it counts what marks alone cause")
@isolated_with_tun
@pytest.mark.parametrize("family", [4, 6])
def test_we_ask_and_send(family: int) -> None:
    """The kernel echoes our marks until it has seen our CWR."""
    out, into = Watched(every=200), Watched()
    us = ours(out, into, family)
    flow, peer = us.pair()
    with peer:
        flow.write(DATA)
        flow.finish()
        assert us.kernel_receive(peer) == DATA
        assert kernel_uses_ecn(peer) == ECN | ECN_SEEN
    assert out.flags[0] == SYN | ECE | CWR
    assert into.flags[0] == SYN | ACK | ECE
    assert us.stack.counters["TCPECNReduced"] > 0
    assert 0 < out.count(CWR) <= us.stack.counters["TCPECNReduced"]
    assert into.count(ECE) > 0
    assert us.stack.counters["RetransSegs"] == 0
    assert out.plain == 0


@isolated_with_tun
@pytest.mark.parametrize("family", [4, 6])
def test_the_kernel_asks_and_sends(family: int) -> None:
    """We echo its marks, and its CWR ends that: more acknowledgements are without ECE than with."""
    out, into = Watched(), Watched(every=200)
    us = ours(out, into, family, Ecn.ACCEPT, ASKS)
    flow, peer = us.pair(active=False)
    with peer:
        us.kernel_send(peer, DATA)
        us.until(lambda: len(flow.received) == len(DATA))
        assert bytes(flow.received) == DATA
        assert kernel_uses_ecn(peer) & ECN
    assert into.flags[0] & ~tcp.AE == SYN | ECE | CWR
    assert out.flags[0] == SYN | ACK | ECE
    assert flow.connection.ecn is not None
    assert flow.connection.ecn.marked > 0
    assert 0 < out.count(ECE) < len(out.flags)
    assert into.count(CWR) > 0


@isolated_with_tun
@pytest.mark.parametrize(
    ("ecn", "kernel", "active"),
    [("ask", OFF, True), ("accept", ACCEPTS, True), ("accept", ACCEPTS, False), ("off", ASKS, False)],
)
def test_it_takes_two(ecn: str, kernel: str, active: bool) -> None:
    """Opened by us or by the kernel: whoever does not want it is not made to."""
    out, into = Watched(), Watched()
    us = ours(out, into, ecn=Ecn(ecn), kernel=kernel)
    flow, peer = us.pair(active=active)
    with peer:
        assert flow.connection.ecn is None
        flow.write(DATA[:100_000])
        flow.finish()
        assert us.kernel_receive(peer) == DATA[:100_000]
        assert not kernel_uses_ecn(peer)
    assert out.ect == into.ect == 0


@isolated_with_tun
def test_accurate_ecn_is_asked_for_and_falls_back() -> None:
    """A kernel that knows only RFC 3168 reads the flags as a request for that."""
    out, into = Watched(every=200), Watched()
    us = ours(out, into, ecn=Ecn.ACCURATE)
    flow, peer = us.pair()
    with peer:
        flow.write(DATA)
        flow.finish()
        assert us.kernel_receive(peer) == DATA
    assert out.flags[0] == SYN | tcp.AE | ECE | CWR
    assert flow.connection.ecn is not None
    if into.flags[0] == SYN | ACK | ECE:
        assert flow.connection.ecn.name == "classic"
        assert out.count(CWR) > 0
    else:
        assert flow.connection.ecn.name == "accurate"
    assert us.stack.counters["TCPECNReduced"] > 0


@pytest.mark.lossless("nothing is to be sent again")
@isolated_with_tun
def test_super_segments_with_cwr_pass_the_device() -> None:
    """The device cuts them, and CWR stays on the first piece: the kernel ends its echo and nothing is lost.

    Losses make us say CWR too: here it is said without any."""
    SYSCTL.write_text(ACCEPTS)
    us = Ours(config=ASKING)
    flow, peer = us.pair()
    with peer:
        assert flow.connection.ecn is not None
        flow.connection.ecn.on_reduced(flow.connection.snd_nxt)
        flow.write(DATA)
        flow.finish()
        assert us.kernel_receive(peer) == DATA
        assert kernel_uses_ecn(peer) == ECN | ECN_SEEN
    assert us.stack.counters["RetransSegs"] == 0
