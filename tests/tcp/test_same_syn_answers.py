"""The options of the SYN-ACK where both sides open."""

import pytest

from estab.tcp.config import LINUX, MODERN
from tests.conversation import ACK, SYN


@pytest.mark.parametrize(("config", "same"), [(LINUX, True), (MODERN, False)], ids=["linux", "modern"])
def test_the_answer_in_a_simultaneous_opening_has_the_options_of_the_syn(talk, config, same):
    t = talk(config)
    t.open()
    first = t.expect(SYN, seq=0)
    t.inject(SYN, seq=0, mss=1460)
    answer = t.expect(SYN | ACK, seq=0, ack=1)
    assert first.options.window_scale is not None
    assert (answer.options.window_scale == first.options.window_scale) is same
