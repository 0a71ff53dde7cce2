"""RACK without a connection: RFC 8985 §6.2."""

import pytest

from estab.tcp.config import MILLISECOND
from estab.tcp.rack import Rack
from estab.tcp.scoreboard import Scoreboard, SentRange

MS = MILLISECOND


def sent(start: int, at: int, transmissions: int = 1) -> SentRange:
    entry = SentRange(start, start + 1000, at)
    entry.transmissions = transmissions
    return entry


def test_the_newest_delivery_counts():
    rack = Rack(0)
    rack.on_delivered(sent(1000, 20 * MS), 120 * MS, 0, None)
    rack.on_delivered(sent(0, 10 * MS), 130 * MS, 0, None)
    assert (rack.xmit_at, rack.end, rack.rtt) == (20 * MS, 2000, 100 * MS)
    rack.on_delivered(sent(2000, 20 * MS), 140 * MS, 0, None)
    assert (rack.end, rack.rtt) == (3000, 120 * MS), "of what left together the highest"


@pytest.mark.req("RFC8985-06")
@pytest.mark.parametrize(
    ("echo_at", "now", "counts"),
    [(None, 149, False), (None, 150, True), (99, 180, False), (100, 180, True)],
    ids=["sooner than any", "in time", "an older echo", "its own echo"],
)
def test_what_was_sent_twice_counts_only_if_it_can_have_been_the_second(echo_at, now, counts):
    """Step 2: sent again at 100 ms, on a path of at least 50 ms."""
    rack = Rack(0)
    at = None if echo_at is None else echo_at * MS
    rack.on_delivered(sent(0, 100 * MS, transmissions=2), now * MS, 50 * MS, at)
    assert (rack.xmit_at is not None) is counts


def test_reordering_is_noticed():
    """Step 3: something sent once arrives below what had arrived."""
    rack = Rack(0)
    rack.on_delivered(sent(2000, 0), 100 * MS, 0, None)
    assert not rack.reordering
    rack.on_delivered(sent(0, 0, transmissions=2), 200 * MS, 0, None)
    assert not rack.reordering, "a repetition proves nothing"
    rack.on_delivered(sent(1000, 0), 110 * MS, 0, None)
    assert rack.reordering


@pytest.mark.parametrize(
    ("reordering", "eager", "expected"), [(False, True, 0), (False, False, 25), (True, True, 25), (True, False, 25)]
)
def test_the_window(reordering, eager, expected):
    """Step 4: a quarter of the least round trip, or none where nothing is known to reorder."""
    rack = Rack(0)
    rack.reordering = reordering
    assert rack.window(100 * MS, 120 * MS, eager) == expected * MS


@pytest.mark.req("RFC8985-03")
def test_false_alarms_widen_it_once_a_round_trip():
    """Step 4, by D-SACK; never beyond the smoothed round trip."""
    rack = Rack(0)
    rack.reordering = True
    rack.on_dsack(1000, 5000)
    rack.on_dsack(2000, 6000)
    assert rack.window(100 * MS, 120 * MS, False) == 50 * MS
    rack.on_dsack(5000, 9000)
    assert rack.window(100 * MS, 120 * MS, False) == 75 * MS
    for end in range(10, 20):
        rack.on_dsack(end * 1000, (end + 1) * 1000)
    assert rack.window(100 * MS, 120 * MS, False) == 120 * MS


@pytest.mark.req("RFC8985-09")
def test_sixteen_quiet_recoveries_narrow_it_again():
    rack = Rack(0)
    rack.reordering = True
    rack.on_dsack(0, 1000)
    for _ in range(15):
        rack.on_recovered()
    assert rack.window(100 * MS, 120 * MS, False) == 50 * MS
    rack.on_recovered()
    assert rack.window(100 * MS, 120 * MS, False) == 25 * MS


def test_what_was_sent_before_is_lost_when_its_time_is_up():
    """Step 5: sent at 0, 10 and 20 ms; the last arrives at 120 ms, and 25 ms are left to reordering."""
    rack, board = Rack(0), Scoreboard(100)
    for i in range(3):
        board.sent(1000 * i, 1000 * (i + 1), 10 * i * MS)
    board.sack([(2000, 3000)])
    rack.on_delivered(sent(2000, 20 * MS), 120 * MS, 100 * MS, None)
    assert rack.detect(board, 124 * MS, 25 * MS) == (0, 11 * MS)
    assert rack.detect(board, 125 * MS, 25 * MS) == (1000, 10 * MS)
    assert rack.detect(board, 135 * MS, 25 * MS) == (1000, 0)
    assert board.first_lost() == (0, 2000)


def test_what_was_sent_after_is_not_judged():
    rack, board = Rack(0), Scoreboard(100)
    board.sent(0, 1000, 0)
    board.sent(1000, 2000, 50 * MS)
    board.sack([(0, 1000)])
    rack.on_delivered(sent(0, 0), 100 * MS, 100 * MS, None)
    assert rack.detect(board, 10_000 * MS, 0) == (0, 0)


def test_the_timer_waits_for_the_last_of_what_was_overtaken():
    """Step 5: not for what was sent after the newest delivery, and not for what has been lost already."""
    rack, board = Rack(0), Scoreboard(100)
    for i in range(5):
        board.sent(1000 * i, 1000 * (i + 1), 10 * i * MS)
    board.sack([(3000, 4000)])
    rack.on_delivered(sent(3000, 30 * MS), 130 * MS, 100 * MS, None)
    assert rack.detect(board, 130 * MS, 25 * MS) == (1000, 15 * MS)
    board.sack([(2000, 3000)])
    assert rack.detect(board, 130 * MS, 25 * MS) == (0, 5 * MS)
    board.sack([(1000, 2000)])
    assert rack.detect(board, 130 * MS, 25 * MS) == (0, 0)


def test_of_what_left_together_only_the_lower_is_judged():
    """RACK_sent_after: ties go to the higher end."""
    rack, board = Rack(0), Scoreboard(100)
    board.sent(0, 3000, 0)
    board.sack([(1000, 2000)])
    rack.on_delivered(sent(1000, 0), 100 * MS, 0, None)
    assert rack.detect(board, 100 * MS, 0) == (1000, 0)
    assert board.first_lost() == (0, 1000)


def test_what_was_sent_again_is_judged_again():
    """Step 5: a lost repetition is one that something sent later has overtaken."""
    rack, board = Rack(0), Scoreboard(100)
    board.sent(0, 1000, 0)
    board.sent(1000, 2000, 0)
    board.sack([(1000, 2000)])
    rack.on_delivered(sent(1000, 0), 100 * MS, 0, None)
    assert rack.detect(board, 100 * MS, 0) == (1000, 0)
    board.sent(0, 1000, 100 * MS)
    assert rack.detect(board, 150 * MS, 0) == (0, 0)
    board.sent(2000, 3000, 101 * MS)
    board.sack([(2000, 3000)])
    rack.on_delivered(sent(2000, 101 * MS), 201 * MS, 100 * MS, None)
    assert rack.detect(board, 201 * MS, 0) == (1000, 0)


def test_an_ambiguous_answer_still_tells_how_far_the_peer_got():
    """Step 3 asks for the highest delivery, whichever transmission it was."""
    rack = Rack(0)
    rack.on_delivered(sent(5000, 100 * MS, transmissions=2), 101 * MS, 50 * MS, None)
    assert rack.xmit_at is None
    rack.on_delivered(sent(1000, 0), 101 * MS, 50 * MS, None)
    assert rack.reordering
