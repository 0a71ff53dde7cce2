"""Attacks on fast open, and what stops them: RFC 7413 §5. What nothing stops, §6.1, is shown as well."""

from __future__ import annotations

import pytest

from estab.mutations import MUTATIONS
from estab.tcp.config import MODERN, Config
from estab.tcp.fast_open import make_cookie
from estab.tcp.rules import RULES, Rules
from tests.conversation import ACK, FIN, RST, SYN, Conversation

SERVER = MODERN.but(fast_open_queue=8, timestamps=False)
QUEUE = SERVER.fast_open_queue


def listening(config: Config = SERVER, rules: Rules = RULES) -> Conversation:
    t = Conversation(config=config, rules=rules)
    t.listen()
    return t


def good(t: Conversation) -> bytes:
    return make_cookie(t.stack.cookie_secret, t.peer, t.ours, t.now // SERVER.fast_open_key_lifetime)


def flood(t: Conversation, cookies: list[bytes], reset: bool = False) -> int:
    """One SYN with data for each cookie, and a reset behind it if wanted; how many were let in at once."""
    for n, cookie in enumerate(cookies):
        t.ports = (80, 20_000 + n)
        t.inject(SYN, seq=0, data=b"work", mss=1460, fast_open=cookie)
        if reset:
            t.inject(RST, seq=5)
        t.drain()
    return t.stack.counters["TCPFastOpenPassive"]


@pytest.mark.req("RFC7413-03")
def test_forged_cookies_deliver_nothing() -> None:
    t = listening()
    assert flood(t, [n.to_bytes(8, "big") for n in range(1000)]) == 0
    assert not t.stack.listeners[80][0].ready
    assert t.stack.counters["TCPFastOpenPassiveFail"] == 1000


def test_without_the_check_they_do() -> None:
    mutant = MUTATIONS["any-cookie"].apply(RULES, SERVER)
    t = listening(mutant.config, mutant.rules)
    assert flood(t, [n.to_bytes(8, "big") for n in range(1000)]) == QUEUE
    assert mutant.took_effect(t.stack.rules, t.stack.config)


@pytest.mark.req("RFC7413-08")
def test_a_flood_with_a_stolen_cookie_fills_the_queue_and_no_more() -> None:
    t = listening()
    assert flood(t, [good(t)] * 500) == QUEUE
    assert len(t.stack.listeners[80][0].half_open) == SERVER.backlog_half_open


@pytest.mark.req("RFC7413-14")
def test_resetting_each_makes_no_room() -> None:
    t = listening()
    assert flood(t, [good(t)] * 500, reset=True) == QUEUE


def test_without_the_penalty_it_does() -> None:
    t = listening(SERVER.but(fast_open_reset_penalty=0))
    assert flood(t, [good(t)] * 500, reset=True) == 500


def test_who_answers_is_served_during_the_flood() -> None:
    t = listening()
    flood(t, [good(t)] * 100)
    t.ports = (80, Conversation.PORT)
    t.inject(SYN, seq=0, data=b"work", mss=1460, fast_open=good(t))
    t.expect(SYN | ACK, seq=0, ack=1)
    t.inject(ACK, seq=1, ack=1, data=b"work")
    assert t.state == "ESTABLISHED"


def test_a_stolen_cookie_makes_the_server_send_no_more_than_an_initial_window() -> None:
    """Reflection: the victim never answers, or resets."""
    t = listening()
    t.inject(SYN, seq=0, data=b"all", mss=1460, fast_open=good(t))
    t.expect(SYN | ACK)
    t.accept()
    t.send(bytes(1_000_000))
    t.after(10**9 * 200)
    assert sum(segment.length for segment in t.drain()) <= SERVER.initial_window * 1460


def test_a_syn_that_the_network_repeats_delivers_its_data_twice() -> None:
    """RFC 7413 §6.1: so fast open is for what may be done twice, and for nobody who has not asked for it."""
    t = listening()
    packet = t.segment_bytes(SYN, seq=0, data=b"pay 100", mss=1460, fast_open=good(t))
    paid = b""
    for _ in range(2):
        t.inject_bytes(packet)
        t.expect(SYN | ACK, seq=0, ack=8)
        t.accept()
        paid += t.receive()
        t.call("close")
        t.expect(FIN | ACK)
        t.inject(RST, seq=8)
    assert paid == b"pay 100" * 2
