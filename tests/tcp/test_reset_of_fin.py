"""A RST in the place of the FIN before it, as some hosts send it."""

import pytest

from estab.tcp.config import LINUX, MODERN
from tests.conversation import ACK, FIN, RST


@pytest.mark.parametrize(("config", "ends"), [(LINUX, True), (MODERN, False)], ids=["linux", "modern"])
@pytest.mark.parametrize("seq", [1, 0], ids=["of the fin", "before it"])
def test_a_reset_in_the_place_of_the_fin_counts_under_linux(talk, config, ends, seq):
    t = talk(config).established()
    t.inject(ACK | FIN, seq=1, ack=1)
    t.drain()
    t.inject(RST, seq=seq)
    assert (t.state == "CLOSED") is (ends and seq == 1)
