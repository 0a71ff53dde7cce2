"""The scoreboard against a model of one record per position (RFC 6675 §3, RFC 2018 §5, RFC 6298 §3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import estab
from estab.tcp.rack import Rack
from estab.tcp.scoreboard import Scoreboard, SentRange, transmission
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
        seen = Position(entry.sent_at, entry.transmissions, entry.sacked, entry.lost)
        assert all(each == seen for each in model.within(entry.start, entry.end))
        position = entry.end
    assert position == model.nxt
    assert board.starts == [entry.start for entry in board.ranges]
    sacked = [p for p in model.at if model.at[p].sacked]
    lost = [p for p in model.at if model.at[p].lost]
    assert board.sacked == len(sacked)
    assert board.lost == len(lost)
    assert not set(sacked) & set(lost)
    assert board.outstanding() == len(model.at) - len(sacked) - len(lost)
    assert board.fack == (max(sacked) + 1 if sacked else None)
    hole = board.first_lost()
    assert (hole and hole[0]) == (min(lost) if lost else None)
    if hole:
        assert set(range(*hole)) <= set(lost)
        assert hole[1] not in lost
    compare_order(board)


def compare_order(board: Scoreboard) -> None:
    """The list holds what is undecided, in the order of transmission, and can be walked both ways."""
    undecided = [entry for entry in board.ranges if not (entry.sacked or entry.lost)]
    forwards, entry = [], board.oldest
    while entry is not None:
        forwards.append(entry)
        entry = entry.newer
    assert forwards == sorted(undecided, key=transmission)
    backwards, entry = [], board.newest
    while entry is not None:
        backwards.append(entry)
        entry = entry.older
    assert backwards == forwards[::-1]
    assert board.edge is None or board.edge in forwards


RARE = ("timeout", "reneged", "too old", "false alarm", "probe")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "again", "ack", "sack", "sack", "lose", *RARE]),
        st.integers(0, 40),
        st.integers(1, 12),
        st.booleans(),
    ),
    min_size=4,
    max_size=30,
)
"""What happens, where, to how much, and whether time has passed since the last step."""


@pytest.mark.req("RFC2018-09", "RFC6675-03", "RFC6675-15")
@settings(max_examples=300)
@given(STEPS)
def test_against_a_model(steps) -> None:
    board, model = Scoreboard(1000), Model()
    now = 0
    for *step, later in steps:
        now += later
        apply(board, model, step, now)
        compare(board, model)
    value = board.snapshot(Origin(50, 100, 0))
    fresh = Scoreboard(1000)
    fresh.restore(value, Origin(50, 100, 0))
    compare(fresh, model)


def apply(board: Scoreboard, model: Model, step: Sequence[Any], now: int) -> None:
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
        assert sum(entry.end - entry.start for entry in board.arrived) == len(news)
        board.forget_arrivals()
        for each in news:
            each.sacked, each.lost = True, False
        if news:
            join(board, model, start)
    elif action == "lose" and start < end:
        news = [e for e in model.within(start, end) if not (e.sacked or e.lost)]
        assert board.mark_lost(start, end) == len(news)
        for each in news:
            each.lost = True
    elif action == "probe" and model.at and not board.lost and not board.sacked:
        board.sent(model.nxt - 1, model.nxt, now)
        last = model.at[model.nxt - 1]
        last.sent_at, last.transmissions = now, last.transmissions + 1
    elif action in RARE and model.at:
        rarely(board, model, action, now - choice % 4)


def join(board: Scoreboard, model: Model, position: int) -> None:
    """A SACKed run is one range, as new as the newest of what it grew from, and sent as often."""
    run = next(entry for entry in board.ranges if entry.start <= position < entry.end)
    within = model.within(run.start, run.end)
    newest, most = max(each.sent_at for each in within), max(each.transmissions for each in within)
    for each in within:
        each.sent_at, each.transmissions = newest, most


def rarely(board: Scoreboard, model: Model, action: str, time: int) -> None:
    every = list(model.at.values())
    if action == "false alarm":
        board.unlose()
        for each in every:
            each.lost = False
    elif action == "too old":
        first = board.ranges[0].end
        board.mark_lost_before(time)
        for p, each in model.at.items():
            each.lost = each.lost or (not each.sacked and (p < first or each.sent_at <= time))
    elif action != "probe":
        board.forget_sacks()
        for each in every:
            each.sacked = False
        if action == "timeout":
            board.mark_lost(model.una, model.nxt)
            for each in every:
                each.lost = True


def acknowledge(board: Scoreboard, model: Model, position: int) -> None:
    gone = [model.at.pop(p) for p in range(model.una, position)]
    model.una = position
    result = board.acknowledge(position)
    assert result.delivered == sum(not each.sacked for each in gone)
    assert result.delivered == sum(entry.end - entry.start for entry in board.arrived)
    board.forget_arrivals()
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


def test_a_full_board_takes_what_does_not_divide_it() -> None:
    """A window of packets may fill it by itself: the limit must not make the sender deaf."""
    board = Scoreboard(10)
    for start in range(0, 1000, 100):
        board.sent(start, start + 100, start)
    assert board.sack([(200, 300)]) == 100
    assert board.sack([(420, 430), (510, 700)]) == 0
    assert board.sack([(420, 430), (500, 700)]) == 200
    assert len(board.ranges) == 9
    assert board.sack([(410, 500)]) == 90
    assert board.sack([(310, 320)]) == 0


@pytest.mark.parametrize("again", [False, True])
def test_karn(again) -> None:
    board = Scoreboard(10)
    board.sent(0, 10, 5)
    if again:
        board.mark_lost(0, 10)
        board.sent(0, 10, 9)
    assert board.acknowledge(10).sent_at == (None if again else 5)


def board_of(segments: int) -> Scoreboard:
    """Segments of 100 bytes, sent 10 apart."""
    board = Scoreboard(100_000)
    for i in range(segments):
        board.sent(100 * i, 100 * (i + 1), 10 * i)
    return board


def order(board: Scoreboard) -> list[int]:
    entry, starts = board.oldest, []
    while entry is not None:
        starts.append(entry.start)
        entry = entry.newer
    return starts


def test_a_run_of_sacked_ranges_is_one():
    board = board_of(5)
    board.sack([(100, 200), (300, 400)])
    assert len(board.ranges) == 5
    board.sack([(200, 300)])
    assert [(entry.start, entry.end, entry.sacked) for entry in board.ranges] == [
        (0, 100, False),
        (100, 400, True),
        (400, 500, False),
    ]


def test_what_arrived_is_told_once():
    board = board_of(4)
    board.sack([(100, 200)])
    board.sack([(100, 300)])
    board.acknowledge(100)
    assert [(entry.start, entry.end) for entry in board.arrived] == [(100, 200), (200, 300), (0, 100)]
    board.forget_arrivals()
    board.acknowledge(300)
    assert not board.arrived, "it had been SACKed"


def test_what_is_old_is_lost_and_the_first_in_any_case():
    """RFC 8985 §6.3."""
    board = board_of(6)
    board.mark_lost_before(-1)
    assert board.first_lost() == (0, 100)
    board.mark_lost_before(20)
    assert board.first_lost() == (0, 300)
    assert order(board) == [300, 400, 500]


def test_a_false_alarm_goes_back_to_its_place():
    board = board_of(5)
    board.mark_lost(0, 300)
    board.sent(0, 100, 90)
    board.unlose()
    assert board.lost == 0
    assert board.first_lost() is None
    assert order(board) == [100, 200, 300, 400, 0]


def test_what_was_thrown_away_goes_back_to_its_place():
    """After RFC 2018 §8's reneging the old ones are the first to be judged."""
    board = board_of(5)
    board.sack([(100, 300)])
    board.forget_sacks()
    assert order(board) == [0, 100, 300, 400]


def test_a_full_board_keeps_the_order():
    """What then joins the last range is as new as that."""
    board = Scoreboard(3)
    for i in range(3):
        board.sent(100 * i, 100 * (i + 1), 10 * i)
    board.mark_lost(0, 100)
    board.sent(0, 100, 40)
    board.sent(300, 400, 50)
    assert len(board.ranges) == 3
    assert order(board) == [100, 0, 200]


def test_of_what_leaves_together_the_lowest_is_the_oldest():
    """RACK_sent_after of RFC 8985 §6.2."""
    board = board_of(3)
    board.mark_lost(0, 200)
    board.sent(300, 400, 50)
    board.sent(0, 100, 50)
    board.sent(100, 200, 50)
    assert order(board) == [200, 0, 100, 300]


class Counting(SentRange):
    """Counts how often its time is looked at: once for each visit of ``Rack.detect``."""

    __slots__ = ()
    visits = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "sent_at":
            Counting.visits += 1
        return super().__getattribute__(name)


@pytest.mark.skipif(estab.COMPILED, reason="compiled code looks at its own class, not at one that counts")
@pytest.mark.parametrize("window", [0, 100, 10**9], ids=["at once", "some wait", "all wait"])
def test_the_work_for_an_acknowledgement_does_not_grow_with_the_holes(window, monkeypatch):
    """Every second segment is missing; each acknowledgement tells of one more."""
    monkeypatch.setattr("estab.tcp.scoreboard.SentRange", Counting)

    def most_visits(holes: int) -> int:
        board, rack = board_of(2 * holes), Rack(0)
        visits = []
        for i in range(holes):
            now = 1000 + 20 * i
            Counting.visits = 0
            board.sack([(200 * i + 100, 200 * i + 200)])
            for entry in board.arrived:
                rack.on_delivered(entry, now, 0, None)
            board.forget_arrivals()
            lost, _ = rack.detect(board, now, window)
            board.first_lost()
            assert bool(lost) is (window == 0 or (window == 100 and i >= 5))
            visits.append(Counting.visits)
        return max(visits)

    assert 0 < most_visits(10_000) <= 2 * most_visits(10)


def test_the_lowest_hole_is_found_without_a_search():
    """However far away it is, and however often it is asked for."""
    board = board_of(4000)
    board.mark_lost(0, 100)
    board.mark_lost(399_900, 400_000)
    board.sent(0, 100, 50_000)
    assert board.first_lost() == (399_900, 400_000)
    assert board.lost_hint == 399_900
