"""The ordered structure of deadlines, with stand-ins for connections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import estab
from estab.stack.deadlines import Deadlines
from estab.tcp.timers import NEVER

pytestmark = pytest.mark.skipif(estab.COMPILED, reason="compiled code takes connections, and no stand-ins")


class Sleeper:
    def __init__(self, number: int) -> None:
        self.key = number.to_bytes(2, "big")
        self.wake_at = NEVER
        self.wake_serial = 0


def test_earliest_first() -> None:
    deadlines, a, b = Deadlines(), Sleeper(1), Sleeper(2)
    alive = {a.key: a, b.key: b}
    assert deadlines.earliest() == NEVER
    deadlines.wake(a, 200)
    deadlines.wake(b, 100)
    assert deadlines.earliest() == 100
    assert deadlines.pop(99, alive) is None
    assert deadlines.pop(300, alive) is b
    assert deadlines.pop(300, alive) is a
    assert deadlines.pop(300, alive) is None


def test_a_later_deadline_costs_nothing() -> None:
    deadlines, a = Deadlines(), Sleeper(1)
    deadlines.wake(a, 100)
    for at in range(100, 1000):
        deadlines.wake(a, at)
    assert len(deadlines.entries) == 1


def test_an_earlier_deadline_makes_the_old_entry_void() -> None:
    deadlines, a = Deadlines(), Sleeper(1)
    deadlines.wake(a, 100)
    deadlines.wake(a, 50)
    assert deadlines.pop(1000, {a.key: a}) is a
    assert deadlines.pop(1000, {a.key: a}) is None


def test_the_dead_are_not_woken() -> None:
    deadlines, a, heir = Deadlines(), Sleeper(1), Sleeper(1)
    deadlines.wake(a, 100)
    assert deadlines.pop(100, {}) is None
    deadlines.wake(heir, 300)
    assert deadlines.pop(1000, {heir.key: heir}) is heir


def test_the_heir_of_a_four_tuple_is_not_woken_for_the_dead() -> None:
    deadlines, a, heir = Deadlines(), Sleeper(1), Sleeper(1)
    deadlines.wake(a, 100)
    assert deadlines.pop(1000, {heir.key: heir}) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100)), max_size=40))
def test_nobody_is_woken_late(calls) -> None:
    deadlines, sleepers = Deadlines(), [Sleeper(i) for i in range(6)]
    alive = {each.key: each for each in sleepers}
    wanted: dict[bytes, int] = {}
    for number, at in calls:
        deadlines.wake(sleepers[number], at)
        key = sleepers[number].key
        wanted[key] = min(at, wanted.get(key, NEVER))
    for now in range(101):
        while (woken := deadlines.pop(now, alive)) is not None:
            assert wanted.pop(woken.key) == now
    assert wanted == {}
