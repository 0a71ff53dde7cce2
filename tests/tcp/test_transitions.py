"""The transition table (RFC 9293 Figure 5 and its notes), and what the calls of the user do in each state (§3.10)."""

import pytest

from estab.tcp.connection import Connection
from estab.tcp.observer import Observer
from estab.tcp.states import (
    DIAGRAM,
    RECEIVING,
    SENDING,
    SYNCHRONIZED,
    TRANSITIONS,
    Fact,
    IllegalTransitionError,
    State,
)
from tests.conversation import ACK, FIN, RST, SECOND, SYN, Conversation
from tests.tcp import states
from tests.tcp.states import reach

FIGURE_5 = """
CLOSED        passive OPEN  LISTEN
CLOSED        active OPEN   SYN-SENT
LISTEN        SYN           SYN-RECEIVED
LISTEN        CLOSE         CLOSED
SYN-SENT      SYN           SYN-RECEIVED
SYN-SENT      ACK of SYN    ESTABLISHED
SYN-SENT      CLOSE         CLOSED
SYN-RECEIVED  ACK of SYN    ESTABLISHED
SYN-RECEIVED  CLOSE         FIN-WAIT-1
ESTABLISHED   CLOSE         FIN-WAIT-1
ESTABLISHED   FIN           CLOSE-WAIT
FIN-WAIT-1    ACK of FIN    FIN-WAIT-2
FIN-WAIT-1    FIN           CLOSING
FIN-WAIT-2    FIN           TIME-WAIT
CLOSE-WAIT    CLOSE         LAST-ACK
CLOSING       ACK of FIN    TIME-WAIT
LAST-ACK      ACK of FIN    CLOSED
TIME-WAIT     2MSL          CLOSED
"""


def test_the_diagram_is_figure_5():
    rows = {(line[:13].strip(), line[14:27].strip(), line[28:].strip()) for line in FIGURE_5.strip().splitlines()}
    assert {(old.value, fact.value, new.value) for (old, fact), new in DIAGRAM.items()} == rows


def test_what_it_leaves_out_ends_the_connection():
    rest = {pair: new for pair, new in TRANSITIONS.items() if pair not in DIAGRAM}
    assert set(rest.values()) == {State.CLOSED}
    assert {fact for _, fact in rest} == {Fact.RESET, Fact.ABORT, Fact.TIMEOUT}
    never = {State.CLOSED, State.LISTEN, State.TIME_WAIT}
    assert {old for old, _ in rest} == set(State) - never


def test_every_state_is_reachable_and_left():
    reached = {State.CLOSED}
    while True:
        more = {new for (old, _), new in TRANSITIONS.items() if old in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(State)
    assert {old for old, _ in TRANSITIONS} == set(State)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TRANSITIONS[State.CLOSED, Fact.FIN] = State.LISTEN


def test_sets_of_states():
    assert {s.value for s in SYNCHRONIZED} == {place.state for place in states.SYNCHRONIZED}
    assert {s.value for s in SENDING} == {"SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT"}
    assert {s.value for s in RECEIVING} == {"SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"}


@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
def test_what_is_not_listed_is_illegal(state):
    t = Conversation()
    t.established()
    for fact in Fact:
        t.c.state = state
        if (state, fact) in TRANSITIONS:
            t.c.fact(fact, t.now)
            assert t.c.state is TRANSITIONS[state, fact]
        else:
            with pytest.raises(IllegalTransitionError, match=state.value):
                t.c.fact(fact, t.now)
            assert t.c.state is state


class Walked(Observer):
    def __init__(self) -> None:
        self.pairs: set[tuple[State, Fact]] = set()

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        self.pairs.add((old, fact))

    def time_wait_over(self, now: int, local: object, remote: object) -> None:
        self.pairs.add((State.TIME_WAIT, Fact.EXPIRED))


def test_every_row_is_walked():
    """No row that nothing can take, but for LISTEN, where a listener stands in for the connection (§3.10.1)."""
    walked = Walked()

    def walk(place, then) -> None:
        t = Conversation()
        t.stack.observer = t.stack.host.observer = walked
        n = reach(t, place)
        t.c = t.c or t.stack.connections.get(t.key)
        then(t, n)

    for place in states.PLACES[2:-1]:
        walk(place, lambda t, n: t.call("abort"))
        walk(place, wait_for_the_peer)
        walk(place, lambda t, n: (t.call("close"), t.after(FOR_EVER)))
        walk(place, lambda t, n: t.inject(RST | ACK, seq=n.rcv, ack=n.nxt))
        walk(place, lambda t, n: t.call("shutdown"))
        walk(place, lambda t, n: t.inject(ACK, seq=n.rcv, ack=n.nxt))
        walk(place, lambda t, n: t.inject(FIN | ACK, seq=n.rcv, ack=n.una))
        walk(place, lambda t, n: t.inject(SYN, seq=0))
        walk(place, lambda t, n: t.inject(SYN | ACK, seq=0, ack=1))
    walk(states.TIME_WAIT, lambda t, n: t.after(t.config.time_wait))

    by_the_listener = {(State.CLOSED, Fact.PASSIVE_OPEN), (State.LISTEN, Fact.CLOSE)}
    assert walked.pairs == TRANSITIONS.keys() - by_the_listener


FOR_EVER = 2_000 * SECOND


def wait_for_the_peer(t, n) -> None:
    if t.c.room:
        t.send(b"never acknowledged")
    t.after(FOR_EVER)


# ---------------------------------------------------------------------- the calls of the user


def test_open_twice(talk):
    t = talk()
    reach(t, states.SYN_SENT)
    with pytest.raises(OSError, match="exists already"):
        t.stack.open((t.peer, 80), t.now, local=(t.ours, t.PORT))


@pytest.mark.parametrize("place", states.PLACES[2:], ids=str)
def test_send(talk, place):
    t = talk()
    reach(t, place)
    c = t.c or t.stack.connections[t.key]
    if place.state in ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT"):
        assert c.send(b"data", t.now) == 4
        expected = b"data" if place.state in ("ESTABLISHED", "CLOSE-WAIT") else None
        assert [b"".join(s.payload) for s in t.drain()] == ([expected] if expected else [])
    else:
        with pytest.raises(BrokenPipeError):
            c.send(b"data", t.now)
        t.expect_nothing()


@pytest.mark.parametrize("place", states.PLACES[2:], ids=str)
def test_receive_of_nothing(talk, place):
    t = talk()
    reach(t, place)
    c = t.c or t.stack.connections[t.key]
    assert c.receive(100, t.now) == b""
    assert c.eof == (place.state in ("CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"))


@pytest.mark.parametrize("place", states.PLACES[2:], ids=str)
@pytest.mark.parametrize("call", ["shutdown", "close"])
def test_closing_twice_sends_one_fin(talk, place, call):
    t = talk()
    n = reach(t, place)
    if t.c is None:
        t.c = t.stack.connections[t.key]
    fin = {"SYN-RECEIVED": 1, "ESTABLISHED": 1, "CLOSE-WAIT": 1}.get(place.state, 0)
    for _ in range(3):
        t.call(call)
    assert [(s.flags, s.seq) for s in t.drain()] == [(FIN | ACK, n.nxt)] * fin
    after = {
        "SYN-SENT": "CLOSED",
        "SYN-RECEIVED": "FIN-WAIT-1",
        "ESTABLISHED": "FIN-WAIT-1",
        "CLOSE-WAIT": "LAST-ACK",
    }
    assert t.state == after.get(place.state, place.state)


def test_close_in_syn_received_waits_for_what_was_sent(talk):
    t = talk()
    reach(t, states.SIMULTANEOUS)
    t.send(b"data")
    t.call("shutdown")
    t.expect_nothing()
    assert t.state == "SYN-RECEIVED"
    t.inject(ACK, seq=1, ack=1)
    t.expect(ACK | FIN, seq=1, data=b"data")
    assert t.state == "FIN-WAIT-1"


def test_close_in_syn_received_and_then_the_handshake(talk):
    t = talk()
    reach(t, states.SIMULTANEOUS)
    t.call("close")
    t.expect(FIN | ACK, seq=1, ack=1)
    t.inject(ACK, seq=1, ack=1)
    assert t.state == "FIN-WAIT-1"
    t.inject(ACK, seq=1, ack=2)
    assert t.state == "FIN-WAIT-2"
    t.inject(FIN | ACK, seq=1, ack=2)
    t.expect(ACK, seq=2, ack=2)
    assert t.state == "TIME-WAIT"


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("place", states.PLACES[2:], ids=str)
def test_abort(talk, place, v6):
    """One RST with SND.NXT where the peer would otherwise wait (§3.10.5); silence elsewhere."""
    t = talk(v6=v6)
    n = reach(t, place)
    if t.c is None:
        t.c = t.stack.connections[t.key]
    t.call("abort")
    if place.state in ("SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT"):
        t.expect(RST | ACK, seq=n.nxt, ack=n.rcv)
    t.expect_nothing()
    assert t.state == ("TIME-WAIT" if place.state == "TIME-WAIT" else "CLOSED")
    t.after(1000 * SECOND)
    t.expect_nothing()


def test_closing_a_listener_resets_what_nobody_accepted(talk):
    t = talk()
    t.listen()
    t.inject(SYN, seq=0)
    t.drain()
    t.stack.stop_listening(t.stack.listeners[80][0], t.now)
    t.expect(RST | ACK, seq=1, ack=1)
    t.inject(SYN, seq=50)
    t.expect(RST | ACK, ack=51)


@pytest.mark.parametrize("place", [states.ESTABLISHED, states.FIN_WAIT_2], ids=str)
def test_data_after_close_resets(talk, place):
    """Nobody will read it (RFC 9293 SHLD-3, RFC 2525 §2.17)."""
    t = talk()
    reach(t, place)
    t.call("close")
    t.drain()
    t.inject(ACK, seq=1, ack=2, data=b"too late")
    t.expect(RST, seq=2)
    t.expect_nothing()
    assert t.state == "CLOSED"


def test_close_with_unread_data_resets(talk):
    t = talk().established()
    t.inject(ACK, seq=1, ack=1, data=b"unread")
    t.call("close")
    t.expect(RST | ACK, seq=1, ack=7)
    assert t.state == "CLOSED"


def test_half_close_goes_on_receiving(talk):
    t = talk().established()
    t.call("shutdown")
    t.expect(FIN | ACK, seq=1, ack=1)
    t.inject(ACK, seq=1, ack=2, data=b"more")
    assert t.receive() == b"more"
    t.inject(FIN | ACK, seq=5, ack=2, data=b"")
    t.expect(ACK, seq=2, ack=6)
    assert t.state == "TIME-WAIT"


def test_half_close_goes_on_sending(talk):
    t = talk().established()
    t.inject(FIN | ACK, seq=1, ack=1)
    t.expect(ACK, seq=1, ack=2)
    for position in (1, 5, 9):
        t.send(b"data")
        t.expect(ACK, seq=position, ack=2, data=b"data")
        t.inject(ACK, seq=2, ack=position + 4)
    assert t.state == "CLOSE-WAIT"
    t.call("shutdown")
    t.expect(FIN | ACK, seq=13, ack=2)
    t.inject(ACK, seq=2, ack=14)
    assert t.state == "CLOSED"
    assert t.c.error is None
