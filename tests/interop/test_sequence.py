"""Two thousand connections, one after the other: nothing is left but TIME-WAIT, and then nothing at all."""

from __future__ import annotations

import pytest

from estab.tcp.config import SECOND
from tests.interop.ours import CONFIG, LOSS, Ours
from tests.netns import isolated_with_tun

ROUNDS = 20 if LOSS else 2000


@pytest.mark.parametrize("family", [4, 6])
@isolated_with_tun
def test_two_thousand_connections_leave_nothing(family: int) -> None:
    ours = Ours(family, config=CONFIG.but(msl=SECOND // 2))
    server = ours.kernel_listen(5000)
    listener = ours.listen(6000)
    for number in range(ROUNDS):
        if number % 2:
            flow = ours.connect(5000)
            peer = ours.kernel_accept(server)
        else:
            peer = ours.kernel_connect(6000)
            flow = ours.accept(listener)
        peer.send(b"?")
        ours.until(lambda flow=flow: flow.received == b"?")
        if number % 4 < 2:
            flow.close()
            assert ours.kernel_receive(peer) == b""
            peer.close()
        else:
            peer.close()
            ours.until(lambda flow=flow: flow.connection.eof)
            flow.close()
        ours.until(lambda flow=flow: flow.over)
        assert flow.connection.error is None
    assert set(ours.connections()) <= {"TIME-WAIT"}
    assert ours.stack.counters["PassiveOpens"] == ours.stack.counters["ActiveOpens"] == ROUNDS // 2
    _let_go(ours)


def _let_go(ours: Ours) -> None:
    """After 2 MSL everything that the stack keeps by connection is empty."""
    ours.until(lambda: not ours.connections())
    stack = ours.stack
    assert not stack.connections
    assert not stack.embryos
    assert not stack.events
    assert not stack.time_wait.queue
    assert not stack.time_wait.stale
    ours.until(lambda: stack.next_deadline() is None)
