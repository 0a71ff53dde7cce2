"""A receiver that stops reading for a while: the window closes, is probed, and opens again without loss."""

from __future__ import annotations

import random

import pytest

from estab.tcp.config import KIB
from estab.tcp.timers import NEVER
from tests.interop.ours import CONFIG, Ours, attempt
from tests.netns import isolated_with_tun

FAMILIES = pytest.mark.parametrize("family", [4, 6])
PAYLOAD = random.Random(1).randbytes(6_000_000)


@FAMILIES
@isolated_with_tun
def test_we_stop_reading(family: int) -> None:
    ours = Ours(family, config=CONFIG.but(receive_buffer=64 * KIB))
    flow, peer = ours.pair()
    flow.reading = False
    sent = 0

    def stuck() -> bool:
        nonlocal sent
        sent += attempt(lambda: peer.send(PAYLOAD[sent : sent + KIB * 64])) or 0
        return ours.stack.counters["TCPOutOfWindow"] >= 2

    # The kernel's probes repeat a byte that we have.
    ours.until(stuck)
    assert flow.connection.rcv_edge - flow.connection.rcv_nxt < flow.connection.rcv_mss
    held = flow.connection.readable
    assert 32 * KIB < held <= 64 * KIB
    flow.resume()
    ours.kernel_send(peer, PAYLOAD[sent:])
    peer.close()
    ours.until(lambda: flow.connection.eof)
    assert flow.received == PAYLOAD


@FAMILIES
@isolated_with_tun
def test_the_kernel_stops_reading(family: int) -> None:
    ours = Ours(family)
    flow, peer = ours.pair()
    flow.write(PAYLOAD)
    flow.finish()
    ours.until(lambda: ours.stack.counters.get("TCPWinProbe", 0) >= 2)
    assert flow.connection.timers.persist != NEVER
    assert flow.connection.snd_una + flow.connection.snd_wnd - flow.connection.snd_nxt < flow.connection.mss
    assert ours.kernel_receive(peer) == PAYLOAD
