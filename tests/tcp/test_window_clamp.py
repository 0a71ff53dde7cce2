"""TCP_WINDOW_CLAMP: the window offered has a limit of its own."""

import pytest

from estab.tcp.config import LINUX, MODERN
from tests.conversation import ACK


@pytest.mark.parametrize("config", [MODERN, LINUX], ids=["modern", "linux"])
@pytest.mark.parametrize(("clamp", "at_most"), [(5000, 5000), (None, 1 << 30)])
def test_the_window_stays_below_it(talk, config, clamp, at_most):
    t = talk(config.but(window_clamp=clamp)).established(window_scale=7)
    for place in range(4):
        t.inject(ACK, seq=1 + 1000 * place, ack=1, data=bytes(1000))
        t.receive()
        assert t.c.receive_window_edge() - t.c.rcv_nxt <= at_most
    if clamp is None:
        assert t.c.receive_window_edge() - t.c.rcv_nxt > 50_000
    else:
        assert t.c.rcv_wscale == 0
