"""The scoreboard against a model of one record per position (RFC 6675 §3, RFC 2018 §5, RFC 6298 §3)."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estab.tcp.scoreboard import Scoreboard
from estab.tcp.snapshot import Origin


@dataclass
class Position:
    sent_at: int
    transmissions: int = 1
    sacked: bool = False
    lost: bool = False


class Model:
    """What the board must say, position by position."""

    def __init__(self) -> None:
        self.una = self.nxt = 100
        self.at: dict[int, Position] = {}

    def within(self, start: int, end: int) -> list[Position]:
        return [self.at[p] for p in range(start, end) if p in self.at]


def compare(board: Scoreboard, model: Model) -> None:
    position = model.una
    for entry in board.ranges:
        assert entry.start == position < entry.end
        for p in range(entry.start, entry.end):
            seen = Position(entry.sent_at, entry.transmissions, entry.sacked, entry.lost)
            assert seen == model.at[p], p
        position = entry.end
    assert position == model.nxt
    assert board.starts == [entry.start for entry in board.ranges]
    sacked = [p for p in model.at if model.at[p].sacked]
    lost = [p for p in model.at if model.at[p].lost]
    assert board.sacked == len(sacked)
    assert board.lost == len(lost)
    assert not set(sacked) & set(lost)
    assert board.outstanding() == len(model.at) - len(sacked) - len(lost)
    assert board.highest_sacked() == (max(sacked) + 1 if sacked else None)
    hole = board.first_lost()
    assert (hole and hole[0]) == (min(lost) if lost else None)
    if hole:
        assert set(range(*hole)) <= set(lost)
        assert hole[1] not in lost


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "again", "ack", "sack", "lose", "lose new", "timeout"]),
        st.integers(0, 1000),
        st.integers(1, 12),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(STEPS)
def test_against_a_model(steps) -> None:
    board, model = Scoreboard(1000), Model()
    for now, step in enumerate(steps):
        apply(board, model, step, now)
        compare(board, model)
    value = board.snapshot(Origin(50, 100, 0))
    fresh = Scoreboard(1000)
    fresh.restore(value, Origin(50, 100, 0))
    compare(fresh, model)


def apply(board: Scoreboard, model: Model, step: tuple[str, int, int], now: int) -> None:
    action, choice, size = step
    span = model.nxt - model.una
    if action == "send":
        board.sent(model.nxt, model.nxt + size, now)
        model.at |= {p: Position(now) for p in range(model.nxt, model.nxt + size)}
        model.nxt += size
        return
    start = model.una + choice % (span + 1)
    end = min(start + size, model.nxt)
    if action == "again":
        hole = board.first_lost()
        if hole is not None:
            start, end = hole[0], min(hole[0] + size, hole[1])
            board.sent(start, end, now)
            for each in model.within(start, end):
                each.lost, each.sent_at, each.transmissions = False, now, each.transmissions + 1
    elif action == "ack":
        acknowledge(board, model, start)
    elif action == "sack" and start < end:
        news = [each for each in model.within(start, end) if not each.sacked]
        assert board.sack([(start, end)]) == len(news)
        for each in news:
            each.sacked, each.lost = True, False
    elif action.startswith("lose") and start < end:
        once = action == "lose new"
        news = [e for e in model.within(start, end) if not (e.sacked or e.lost or (once and e.transmissions > 1))]
        assert board.mark_lost(start, end, only_once_sent=once) == len(news)
        for each in news:
            each.lost = True
    elif action == "timeout":
        board.forget_sacks()
        board.mark_lost(model.una, model.nxt)
        for each in model.at.values():
            each.sacked, each.lost = False, True


def acknowledge(board: Scoreboard, model: Model, position: int) -> None:
    gone = [model.at.pop(p) for p in range(model.una, position)]
    model.una = position
    result = board.acknowledge(position)
    assert result.delivered == sum(not each.sacked for each in gone)
    assert result.retransmitted == any(each.transmissions > 1 for each in gone)
    timed = [each.sent_at for each in gone if each.transmissions == 1 and not each.sacked]
    assert result.sent_at == (timed[-1] if timed else None)


def test_data_sent_at_one_time_is_one_range() -> None:
    board = Scoreboard(10)
    for start in range(0, 1000, 100):
        board.sent(start, start + 100, 7)
    assert len(board.ranges) == 1


def test_the_number_of_ranges_is_limited() -> None:
    board = Scoreboard(10)
    for start in range(1000):
        board.sent(start, start + 1, start)
    assert len(board.ranges) == 10
    assert board.sack([(p, p + 1) for p in range(1, 999, 2)]) < 10
    assert len(board.ranges) <= 12
    assert board.outstanding() + board.sacked == 1000


@pytest.mark.parametrize("again", [False, True])
def test_karn(again) -> None:
    board = Scoreboard(10)
    board.sent(0, 10, 5)
    if again:
        board.mark_lost(0, 10)
        board.sent(0, 10, 9)
    assert board.acknowledge(10).sent_at == (None if again else 5)
