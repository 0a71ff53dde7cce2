"""TIME-WAIT: RFC 9293 §3.6.1, §3.10.7.4; RFC 6191 on a SYN; RFC 1337 on a RST."""

import pytest

from estab.stack.listener import Decision
from estab.tcp import time_wait
from estab.tcp.rules import RULES
from tests.conversation import ACK, FIN, MILLISECOND, RST, SECOND, SYN, URG
from tests.tcp import states
from tests.tcp.states import TIME_WAIT, reach

WITH_STAMPS = {"ts": (5_000_000, 0), "mss": 1460}


@pytest.fixture
def t(talk):
    t = talk()
    reach(t, TIME_WAIT)
    return t


@pytest.fixture(params=[False, True], ids=["v4", "v6"])
def stamped(talk, request):
    """In TIME-WAIT after a connection with timestamps: the last that came was 5,000,000."""
    t = talk(v6=request.param)
    t.listen()
    stamp = {"ts": (5_000_000, 0)}
    t.inject(SYN, seq=0, mss=1460, **stamp)
    t.expect(SYN | ACK)
    t.inject(ACK, seq=1, ack=1, **stamp)
    t.accept()
    t.call("close")
    t.expect(FIN | ACK, seq=1)
    t.inject(FIN | ACK, seq=1, ack=2, **stamp)
    t.expect(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"
    return t


def is_over_at(t, when: int) -> bool:
    """TIME-WAIT ends at ``when`` and not a nanosecond before."""
    t.after(when - t.now - 1)
    before = t.state
    t.after(1)
    return (before, t.state) == ("TIME-WAIT", "CLOSED")


# ---------------------------------------------------------------------- how long


@pytest.mark.req("RFC9293-MUST-13", "RFC1337-07")
@pytest.mark.parametrize("v6", [False, True])
def test_two_msl(talk, v6):
    t = talk(v6=v6)
    reach(t, TIME_WAIT)
    assert is_over_at(t, t.now + 2 * t.config.msl)
    assert not t.stack.time_wait.entries
    assert t.stack.next_deadline() is None


def test_each_repeated_fin_is_acknowledged_and_starts_anew(t):
    for _ in range(5):
        t.after(7 * SECOND)
        t.inject(FIN | ACK, seq=1, ack=2)
        t.expect(ACK, seq=2, ack=2)
    assert is_over_at(t, t.now + 2 * t.config.msl)


def test_a_repeated_fin_with_its_text(talk):
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK, seq=1)
    t.inject(FIN | ACK, seq=1, ack=2, data=b"last words")
    t.expect(ACK, seq=2, ack=12)
    assert t.c.receive(100, t.now) == b"last words"
    t.after(SECOND)
    t.inject(FIN | ACK, seq=1, ack=2, data=b"last words")
    t.expect(ACK, seq=2, ack=12)
    assert is_over_at(t, t.now + 2 * t.config.msl)


@pytest.mark.req("RFC1337-04")
@pytest.mark.parametrize(
    "stray",
    [
        {"flags": RST, "seq": 2},
        {"flags": RST, "seq": 50},
        {"flags": RST | ACK, "seq": 2, "ack": 2},
        {"flags": ACK, "seq": 2, "ack": 2},
        {"flags": ACK, "seq": 2, "ack": 3},
        {"flags": ACK, "seq": 1, "ack": 2, "data": b"x"},
        {"flags": ACK, "seq": 2, "ack": 2, "data": b"x"},
        {"flags": ACK, "seq": 90_000, "ack": 2, "data": b"x"},
        {"flags": SYN | ACK, "seq": 2, "ack": 2},
        {"flags": SYN, "seq": -20},
        {"flags": FIN | ACK, "seq": 2, "ack": 2},
        {"flags": FIN | SYN, "seq": 0},
        {"flags": URG | ACK, "seq": 2, "ack": 2, "urgent": 5, "data": b"urgent"},
        {"flags": 0, "seq": 2},
    ],
)
def test_nothing_else_moves_the_end(t, stray):
    began = t.now
    t.after(10 * SECOND)
    t.inject(**stray)
    t.drain()
    assert is_over_at(t, began + 2 * t.config.msl)


def test_many_connections_end_in_their_order(talk):
    t = talk()
    reach(t, TIME_WAIT)
    first = t.key
    t.after(SECOND)
    t.inject(FIN | ACK, seq=1, ack=2)
    assert t.stack.time_wait.get(first).expires == t.now + 2 * t.config.msl


# ---------------------------------------------------------------------- RFC 1337


@pytest.mark.req("RFC1337-01", "RFC1337-02", "RFC1337-09")
def test_a_reset_does_not_kill_time_wait(t):
    """Figure 1 of RFC 1337, from our side: the old duplicate is answered, the RST that this provokes is ignored."""
    t.inject(ACK, seq=-200, ack=-60, data=b"old duplicate")
    t.expect(ACK, seq=2, ack=2)
    t.inject(RST, seq=2)
    t.expect_nothing()
    assert t.state == "TIME-WAIT"
    assert t.stack.counters["TCPTimeWaitIgnored"] == 1


@pytest.mark.parametrize(("offset", "state"), [(-1, "TIME-WAIT"), (0, "CLOSED"), (1, "TIME-WAIT")])
def test_without_rfc_1337_an_exact_reset_does(talk, offset, state):
    t = talk(config=talk().config.but(rfc1337=False))
    reach(t, TIME_WAIT)
    t.inject(RST, seq=2 + offset)
    t.expect_nothing()
    assert t.state == state


@pytest.mark.req("RFC1337-05")
def test_answers_are_limited(t):
    """H2 of RFC 1337: two ends that disagree must not talk for ever."""
    for _ in range(100):
        t.inject(ACK, seq=2, ack=900)
    assert len(t.drain()) == t.config.challenge_acks
    assert t.stack.counters["TCPACKSkippedTimeWait"] == 100 - t.config.challenge_acks
    t.inject(FIN | ACK, seq=1, ack=2)
    t.expect(ACK, seq=2, ack=2)


# ---------------------------------------------------------------------- a SYN: RFC 6191 §2


def opens(t, *, seq: int, **options) -> bool:
    """Whether a SYN opens the next incarnation; if not, it is dropped without a word."""
    before = t.stack.time_wait.get(t.key)
    last = before.snd_nxt
    t.inject(SYN, seq=seq, mss=1460, **options)
    if t.state == "TIME-WAIT":
        t.expect_nothing()
        assert t.stack.counters["TCPTimeWaitIgnored"] == 1
        assert t.stack.time_wait.get(t.key).expires == before.expires
        return False
    t.expect(SYN | ACK, seq=0 if t.opened == 2 else None, ack=seq + 1)
    c = t.stack.connections[t.key]
    assert (c.iss - last + 2**31 & 0xFFFFFFFF) > 2**31, "the new ISS lies beyond every number used before"
    assert t.state == "SYN-RECEIVED"
    return True


# The peer's FIN had sequence number 1.
@pytest.mark.req("RFC9293-SHLD-4", "RFC6191-01", "RFC6191-02", "RFC6191-03", "RFC6191-04")
@pytest.mark.parametrize(
    ("stamp", "seq", "expected"),
    [
        (5_000_001, 50, True),
        (5_000_001, -50, True),
        (5_000_000, 2, True),
        (5_000_000, 1, False),
        (5_000_000, -50, False),
        (4_999_999, 50, False),
        (4_999_999, -50, False),
        (5_000_000 + 2**31 - 1, -50, True),
        (None, 2, True),
        (None, 1, False),
        (None, -50, False),
    ],
)
def test_syn_after_a_connection_with_timestamps(stamped, stamp, seq, expected):
    options = {"ts": (stamp, 0)} if stamp is not None else {}
    assert opens(stamped, seq=seq, **options) == expected


@pytest.mark.req("RFC9293-MAY-2", "RFC1122-02", "RFC6191-05", "RFC6191-06", "RFC6191-07", "RFC6191-08")
@pytest.mark.parametrize(
    ("stamp", "seq", "expected"),
    [
        (1, 50, True),
        (1, -50, True),
        (None, 2, True),
        (None, 1, False),
        (None, -50, False),
    ],
)
def test_syn_after_a_connection_without_timestamps(t, stamp, seq, expected):
    options = {"ts": (stamp, 0)} if stamp is not None else {}
    assert opens(t, seq=seq, **options) == expected


@pytest.mark.req("RFC6191-09")
@pytest.mark.parametrize(("seq", "expected"), [(2, True), (1, False)])
def test_timestamps_that_we_do_not_speak_prove_nothing(talk, seq, expected):
    """TSnew means that our SYN-ACK would carry them too."""
    t = talk(config=talk().config.but(timestamps=False))
    reach(t, TIME_WAIT)
    assert opens(t, seq=seq, ts=(9, 0)) == expected


def test_the_new_incarnation_works(stamped):
    t = stamped
    assert opens(t, seq=1000, ts=(5_000_100, 0))
    t.inject(ACK, seq=1001, ack=1, ts=(5_000_101, 0), data=b"again")
    t.accept()
    assert t.receive() == b"again"
    assert len(t.stack.time_wait) == 0
    assert not t.stack.reopened


@pytest.mark.req("RFC9293-MAY-2")
def test_a_syn_that_proves_old_leaves_time_wait_as_it_was(talk):
    """§3.6.1: whoever is said to have sent it answers our SYN-ACK by a RST."""
    t = talk()
    reach(t, TIME_WAIT)
    before = t.stack.time_wait.get(t.key).pack()
    t.after(MILLISECOND)
    t.inject(SYN, seq=100)
    t.expect(SYN | ACK, ack=101)
    assert t.state == "SYN-RECEIVED"
    t.inject(RST, seq=101)
    t.opened -= 1
    assert t.state == "TIME-WAIT"
    assert t.stack.time_wait.get(t.key).pack() == before
    t.inject(FIN | ACK, seq=1, ack=2)
    t.expect(ACK, seq=2, ack=2)


def test_an_opening_that_comes_to_nothing_does_not_end_time_wait(talk):
    """Nobody answers."""
    t = talk(talk().config.but(syn_ack_retries=1, msl=60 * SECOND))
    reach(t, TIME_WAIT)
    t.inject(SYN, seq=100)
    t.drain()
    t.after(10 * SECOND)
    assert t.state == "TIME-WAIT"
    assert not t.stack.reopened


def test_the_initial_number_is_moved_beyond_the_old_ones(talk):
    """Where the ISN clock has not passed what was used, the new ISS is computed from that (MAY-2)."""
    t = talk()
    reach(t, TIME_WAIT)
    last = t.stack.time_wait.get(t.key).snd_nxt
    t.opened = 0  # the source of ISNs starts over
    t.inject(SYN, seq=100)
    (answer,) = t.drain()
    assert (answer.seq + t.iss - last) & 0xFFFFFFFF == 64_000


def test_nobody_listens_any_more(t):
    """Then it is a SYN like any other here: told where we stand, and TIME-WAIT goes on."""
    t.stack.stop_listening(t.stack.listeners[80][0], t.now)
    t.inject(SYN, seq=500)
    t.expect(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"


@pytest.mark.parametrize("why", ["backlog", "hook"])
def test_a_listener_that_does_not_take_it(talk, why):
    """The old connection's numbers stay protected."""
    t = talk()
    reach(t, TIME_WAIT)
    listener = t.stack.listeners[80][0]
    if why == "hook":
        listener.decide = lambda syn: Decision.DROP
    else:
        listener.backlog = 1
        other = (80, 41000)
        t.inject(SYN, seq=0, ports=other)
        t.expect(SYN | ACK)
        iss = t.stack.connections[next(iter(t.stack.connections))].iss
        t.inject(ACK, seq=1, ack=iss + 1 - t.iss, ports=other)
        assert t.stack.listeners[80][0].full
    t.inject(SYN, seq=500)
    t.expect_nothing()
    assert t.state == "TIME-WAIT"


def test_an_active_open_must_wait(t):
    """Only a SYN from the peer may end it early."""
    with pytest.raises(OSError, match="TIME-WAIT"):
        t.stack.open((t.peer, t.PORT), t.now, local=(t.ours, 80))


# ---------------------------------------------------------------------- what the steps are for


def without(step):
    return RULES.but(time_wait=tuple(each for each in RULES.time_wait if each is not step))


def test_without_reopen_a_new_syn_waits(talk):
    t = talk(rules=without(time_wait.reopen))
    reach(t, TIME_WAIT)
    t.inject(SYN, seq=500)
    t.expect(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"


def test_without_the_answer_to_fin_the_peer_waits_in_vain(talk):
    t = talk(rules=without(time_wait.answer_fin))
    reach(t, TIME_WAIT)
    began = t.now
    t.after(MILLISECOND)
    t.inject(FIN | ACK, seq=1, ack=2)
    t.drain()
    assert is_over_at(t, began + 2 * t.config.msl)


def test_without_the_reset_rule_a_stray_is_answered(talk):
    t = talk(rules=without(time_wait.ignore_reset))
    reach(t, TIME_WAIT)
    t.inject(RST, seq=90_000)
    t.expect(ACK, seq=2, ack=2)


def test_without_the_last_step_an_old_duplicate_is_not_answered(talk):
    t = talk(rules=without(time_wait.answer_unacceptable))
    reach(t, TIME_WAIT)
    t.inject(ACK, seq=-200, ack=-60, data=b"old duplicate")
    t.expect_nothing()


# ---------------------------------------------------------------------- what it holds


def test_the_table_is_bounded(talk):
    """The oldest goes: SYN floods cannot make entries, only connections that closed can."""
    t = talk(config=talk().config.but(time_wait_entries=3))
    t.listen()
    for port in range(41000, 41005):
        t.ports = (80, port)
        t.inject(SYN, seq=0)
        t.inject(ACK, seq=1, ack=1)
        t.accept()
        t.call("close")
        t.drain()
        t.inject(FIN | ACK, seq=1, ack=2)
        assert t.state == "TIME-WAIT"
    assert len(t.stack.time_wait) == 3
    assert t.stack.counters["TCPTimeWaitOverflow"] == 2


def test_a_flood_of_fins_holds_no_memory(talk):
    t = talk(config=talk().config.but(time_wait_entries=4))
    reach(t, TIME_WAIT)
    for _ in range(50):
        t.inject(FIN | ACK, seq=1, ack=2)
        t.expect(ACK, seq=2, ack=2)
    assert len(t.stack.time_wait.queue) <= 8
    t.after(2 * t.config.msl)
    assert t.state == "CLOSED"
    assert not t.stack.time_wait.queue
    assert not t.stack.time_wait.stale


def test_reopening_over_and_over_holds_no_memory(talk):
    t = talk(config=talk().config.but(time_wait_entries=4))
    reach(t, TIME_WAIT)
    for round_ in range(1, 30):
        t.inject(SYN, seq=100 * round_)
        t.inject(ACK, seq=100 * round_ + 1, ack=1)
        t.accept()
        t.call("close")
        t.drain()
        t.inject(FIN | ACK, seq=100 * round_ + 1, ack=2)
        assert t.state == "TIME-WAIT"
        t.drain()
    assert len(t.stack.time_wait.queue) <= 8


def test_the_application_reads_on(talk):
    t = talk()
    reach(t, states.FIN_WAIT_2)
    t.inject(FIN | ACK, seq=1, ack=2, data=b"the end")
    assert t.state == "TIME-WAIT"
    assert t.c.receive(100, t.now) == b"the end"
    assert t.c.eof


@pytest.mark.req("RFC7323-13")
def test_the_last_acknowledgement_carries_timestamps(stamped):
    t = stamped
    t.inject(FIN | ACK, seq=1, ack=2, ts=(5_000_000, 0))
    answer = t.expect(ACK, seq=2, ack=2)
    assert answer.options.timestamps is not None
    assert answer.options.timestamps[1] == 5_000_000
