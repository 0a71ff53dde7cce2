"""TIME-WAIT entries: packed, in the order in which they expire, limited in number."""

from hypothesis import given
from hypothesis import strategies as st

from estab.stack.time_wait import TimeWaitTable
from estab.tcp.time_wait import TimeWait
from estab.tcp.timers import NEVER

LIFE = 60


def packed(expires: int) -> bytes:
    entry = TimeWait(bytes(TimeWait.size))
    entry.expires = expires
    return entry.pack()


def test_an_entry_is_small() -> None:
    assert TimeWait.size <= 40


def test_packing_loses_nothing() -> None:
    entry = TimeWait(bytes(TimeWait.size))
    for i, name in enumerate(TimeWait.FIELDS):
        setattr(entry, name, i + 1)
    again = TimeWait(entry.pack())
    assert [getattr(again, name) for name in TimeWait.FIELDS] == list(range(1, len(TimeWait.FIELDS) + 1))


def test_first_in_first_out() -> None:
    table = TimeWaitTable(10)
    assert table.next_deadline() == NEVER
    for i in range(3):
        table.add(bytes([i]), packed(LIFE + i))
    assert table.next_deadline() == LIFE
    assert table.pop_expired(LIFE - 1) is None
    assert table.pop_expired(LIFE + 1) == b"\0"
    assert table.pop_expired(LIFE + 1) == b"\1"
    assert table.pop_expired(LIFE + 1) is None
    assert len(table) == 1


def test_extending_moves_to_the_end() -> None:
    table = TimeWaitTable(10)
    table.add(b"a", packed(60))
    table.add(b"b", packed(61))
    table.extend(b"a", table.get(b"a"), 100)
    assert table.pop_expired(99) == b"b"
    assert table.pop_expired(99) is None
    assert table.pop_expired(100) == b"a"
    assert len(table) == 0
    assert not table.stale


def test_overflow_takes_the_oldest() -> None:
    table = TimeWaitTable(2)
    assert table.add(b"a", packed(1))
    assert table.add(b"b", packed(2))
    assert not table.add(b"c", packed(3))
    assert b"a" not in table
    assert b"b" in table
    assert b"c" in table


def test_a_flood_of_extensions_does_not_grow_the_queue() -> None:
    table = TimeWaitTable(4)
    table.add(b"a", packed(1))
    for at in range(1000):
        table.extend(b"a", table.get(b"a"), at + 60)
    assert len(table.queue) <= 8


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "extend", "remove", "wait"]), st.integers(0, 5), st.integers(0, 30)), max_size=50
)


@given(STEPS)
def test_against_a_dictionary(steps) -> None:
    table, model, now = TimeWaitTable(100), {}, 0
    for action, number, wait in steps:
        key = bytes([number])
        if action == "add" and key not in model:
            assert table.add(key, packed(now + LIFE))
            model[key] = now + LIFE
        elif action == "extend" and key in model:
            table.extend(key, table.get(key), now + LIFE)
            model[key] = now + LIFE
        elif action == "remove":
            table.remove(key)
            model.pop(key, None)
        elif action == "wait":
            now += wait
            while (gone := table.pop_expired(now)) is not None:
                assert model.pop(gone) <= now
        assert set(table.entries) == set(model)
        assert {k: TimeWait(v).expires for k, v in table.entries.items()} == model
        assert table.next_deadline() == min(model.values(), default=NEVER)
        assert len(table.queue) == len(model) + sum(table.stale.values())
