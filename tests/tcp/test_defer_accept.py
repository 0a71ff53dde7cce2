"""TCP_DEFER_ACCEPT: a listener's connections open with their first data."""

from estab.tcp.config import MODERN
from estab.tcp.states import ESTABLISHED, SYN_RECEIVED
from tests.conversation import ACK, FIN, SECOND, SYN

CONFIG = MODERN.but(defer_accept=2)


def opened(talk, config):
    t = talk(config)
    t.listen()
    t.inject(SYN, seq=0, mss=1460)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(ACK, seq=1, ack=1)
    return t


def state(t):
    return next(iter(t.stack.connections.values())).state


def test_a_bare_ack_opens_nothing(talk):
    assert state(opened(talk, CONFIG)) is SYN_RECEIVED
    assert state(opened(talk, MODERN)) is ESTABLISHED


def test_data_opens(talk):
    t = opened(talk, CONFIG)
    t.inject(ACK, seq=1, ack=1, data=b"GET")
    assert state(t) is ESTABLISHED


def test_a_fin_opens(talk):
    t = opened(talk, CONFIG)
    t.inject(ACK | FIN, seq=1, ack=1)
    assert state(t) is not SYN_RECEIVED


def test_the_syn_ack_is_not_repeated_until_the_time_is_up(talk):
    t = opened(talk, CONFIG)
    t.after(2 * SECOND)
    t.expect_nothing()
    t.after(2 * SECOND)
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(ACK, seq=1, ack=1)
    assert state(t) is ESTABLISHED
