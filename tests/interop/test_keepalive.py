"""Keep-alive: the idle peer is asked, answers, and is given up when it does not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from estab.faults.verdict import PASS, Drop, Fault, Verdict
from estab.tcp.config import MILLISECOND
from tests.interop.ours import CONFIG, Ours
from tests.netns import isolated_with_tun

FAMILIES = pytest.mark.parametrize("family", [4, 6])
SHORT = CONFIG.but(
    keepalive=True, keepalive_idle=50 * MILLISECOND, keepalive_interval=50 * MILLISECOND, keepalive_probes=3
)


class Cut:
    """A fault that can be switched on: from then on nothing passes."""

    def __init__(self) -> None:
        self.on = False

    def __call__(self, packet: object, now: int, rng: object) -> Verdict:
        return Drop() if self.on else PASS


def ask_often(peer: socket.socket) -> None:
    """One second is the kernel's least."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 1)


@FAMILIES
@isolated_with_tun
def test_we_ask_and_the_kernel_answers(family: int) -> None:
    # The kernel answers what is out of its window only twice a second, unless it is told not to count.
    Path("/proc/sys/net/ipv4/tcp_invalid_ratelimit").write_text("0")
    ours = Ours(family, config=SHORT)
    flow, _peer = ours.pair()
    # More than would be sent without an answer.
    ours.until(lambda: ours.stack.counters.get("TCPKeepAlive", 0) > 2 * SHORT.keepalive_probes)
    assert flow.states[-1] == "ESTABLISHED"


@FAMILIES
@isolated_with_tun
def test_we_ask_and_nobody_answers(family: int) -> None:
    cut: Fault = (switch := Cut())
    ours = Ours(family, config=SHORT, into=[cut])
    flow, _peer = ours.pair()
    switch.on = True
    ours.until(lambda: flow.over)
    assert isinstance(flow.connection.error, TimeoutError)
    assert ours.connections() == []


@FAMILIES
@isolated_with_tun
def test_the_kernel_asks_and_we_answer(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    ask_often(peer)
    quiet = ours.stack.counters["InSegs"]
    # The first probe is the only one without an answer, so a second one proves ours.
    ours.until(lambda: ours.stack.counters["InSegs"] >= quiet + 2)
    assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    flow.write(b"alive")
    assert ours.kernel_receive(peer, 5) == b"alive"


@FAMILIES
@isolated_with_tun
def test_the_kernel_asks_and_we_are_silent(family: int) -> None:
    cut: Fault = (switch := Cut())
    ours = Ours(family, out=[cut])
    _flow, peer = ours.pair()
    ask_often(peer)
    switch.on = True
    with pytest.raises(TimeoutError):
        ours.kernel_receive(peer)
