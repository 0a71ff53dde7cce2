"""A snapshot holds everything that a decision reads, and asking for a decision changes nothing."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import estab
import estab.stack
import estab.tcp
from estab.stack import snapshot
from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.plan import Emission, Plan, plan
from estab.tcp.snapshot import Origin, Snapshot
from estab.wire.packet import Packet
from tests.conversation import ACK, FIN, SYN, Conversation, Mode
from tests.tcp import states
from tests.tcp.states import reach

KINDS = ("PLAIN", "TIMES", "SENT", "RECEIVED", "PARTS", "DERIVED")


def subclasses() -> list[type[Snapshot]]:
    for package in (estab.tcp, estab.stack):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    found: list[type[Snapshot]] = []
    pending = [Snapshot]
    while pending:
        below = pending.pop().__subclasses__()
        found += below
        pending += below
    return [each for each in found if each.__module__.startswith("estab.") and not each.__subclasses__()]


def slots(cls: type) -> list[str]:
    """The attributes of an instance; a compiled class keeps their names, those of its bases too, in another list."""
    if estab.COMPILED:
        return list(cls.__mypyc_attrs__)
    return [name for base in cls.__mro__ for name in base.__dict__.get("__slots__", ())]


def test_there_are_classes_to_check():
    assert {"Connection", "Scoreboard", "Reassembly", "NewReno", "PathMtu"} <= {cls.__name__ for cls in subclasses()}


@pytest.mark.parametrize("cls", subclasses(), ids=lambda cls: cls.__name__)
def test_each_slot_is_listed_once(cls):
    listed = [name for kind in KINDS for name in getattr(cls, kind)]
    assert sorted(listed) == sorted(slots(cls))
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("cls", subclasses(), ids=lambda cls: cls.__name__)
def test_there_is_no_dictionary_to_hide_in(cls):
    assert cls.__dictoffset__ == 0


# ---------------------------------------------------------------------- plan() is pure


class Asked(Conversation):
    """Before each turn of the stack, every connection is asked for its plan, and must not have changed by that."""

    asked = 0

    def _collect(self) -> None:
        self.ask()
        super()._collect()
        self.ask()

    def ask(self) -> None:
        if not hasattr(self, "stack"):
            return
        for c in self.stack.connections.values():
            origin = Origin(self.now, c.iss, c.irs)
            before = c.snapshot(origin)
            counters = dict(self.stack.counters)
            assert _value(plan(c, self.now)) == _value(plan(c, self.now))
            assert c.snapshot(origin) == before
            assert dict(self.stack.counters) == counters
            Asked.asked += 1


def _value(decision: Plan) -> object:
    return decision if isinstance(decision, int) else [getattr(decision, name) for name in slots(Emission)]


@pytest.mark.parametrize("place", states.PLACES, ids=str)
def test_plan_changes_nothing_in_any_state(place):
    t = Asked()
    n = reach(t, place, ts=(1, 0), sack_permitted=True, window_scale=7)
    t.inject(ACK, seq=n.rcv + 10, ack=n.nxt, data=b"out of order", ts=True)
    t.inject(FIN | ACK, seq=n.rcv + 50, ack=n.nxt + 1, ts=True)
    t.after(200 * SECOND)
    t.drain()


def test_plan_changes_nothing_in_a_conversation():
    t = Asked()
    t.established(ts=(1, 0), sack_permitted=True, window_scale=7)
    t.send(b"x" * 50_000)
    t.inject(ACK, seq=1, ack=1449, sack=((2897, 4345),), ts=True)
    t.inject(ACK, seq=1, ack=1449, sack=((2897, 8689),), ts=True)
    t.inject(ACK, seq=1, ack=1449, sack=((2897, 11_585),), ts=True)
    t.after(SECOND)
    t.inject(ACK, seq=1, ack=14_000, win=0, ts=True)
    t.after(10 * SECOND)
    t.inject(ACK, seq=1, ack=50_001, win=100, ts=True)
    t.send(b"urgent", urgent=True)
    t.inject(ACK, seq=1, ack=50_001, win=65535, ts=True, data=b"received")
    t.after(100 * MILLISECOND)
    t.c.receive(100, t.now)
    t.call("close")
    t.after(100 * SECOND)
    assert Asked.asked > 30


# ---------------------------------------------------------------------- there and back


@pytest.mark.parametrize("place", states.PLACES, ids=str)
def test_equal_states_have_equal_snapshots_wherever_their_numbers_begin(place):
    values = []
    for mode in (Mode("a", iss=1000, irs=5000), Mode("b", iss=2**32 - 2, irs=2**31 - 1)):
        t = Conversation(mode)
        reach(t, place, ts=(1, 0), sack_permitted=True, window_scale=7)
        values.append(snapshot.take(t.stack, t.now))
    assert values[0] == values[1]
    assert hash(values[0]) == hash(values[1])


@pytest.mark.parametrize("place", states.PLACES, ids=str)
def test_the_restored_goes_on_alike(place):
    """Restored an hour later by the clock: only distances in time are kept."""
    t = Conversation()
    n = reach(t, place, ts=(1, 0), sack_permitted=True, window_scale=7)
    if place.state in ("ESTABLISHED", "CLOSE-WAIT"):
        t.send(b"unacknowledged" * 500)
        t.drain()
    value = snapshot.take(t.stack, t.now)
    fresh = t._fresh()
    later = t.now + 3600 * SECOND
    snapshot.restore(fresh, value, later, snapshot.origins(t.stack))
    assert snapshot.take(fresh, later) == value

    twin = Conversation()
    twin.stack, twin.now, twin.opened, twin.ports = fresh, later, t.opened, t.ports
    twin.drain()
    for each in (t, twin):
        each.inject(ACK, seq=n.rcv + 5, ack=n.nxt, data=b"ahead", ts=(2, 0))
        each.after(30 * SECOND)
    seen = [[(s.flags, s.seq, s.ack, s.length, s.window, s.options.sack) for s in each.drain()] for each in (t, twin)]
    assert seen[0] == seen[1]
    assert t.state == twin.state


def test_owed_replies_and_embryos_are_in_it():
    t = Conversation()
    t.listen()
    for port in (41000, 41001):
        t.stack.receive([Packet(t.segment_bytes(SYN, ports=(80, port)))], t.now)
    t.stack.receive([Packet(t.segment_bytes(ACK, ports=(99, 42000)))], t.now)
    value = snapshot.take(t.stack, t.now)
    fresh = t._fresh()
    snapshot.restore(fresh, value, t.now, snapshot.origins(t.stack))
    assert snapshot.take(fresh, t.now) == value
    assert len(fresh.replies.packets) == 1
    assert len(fresh.embryos) == len(fresh.listeners[80][0].half_open) == 2
    assert [p.tobytes() for p in fresh.transmit(t.now)] == [p.tobytes() for p in t.stack.transmit(t.now)]
