"""Loss detection without a connection: RFC 5681 §3.2, RFC 6582 §3.2, RFC 3042."""

from estab.tcp.config import MODERN
from estab.tcp.recovery import Phase, Recovery
from estab.tcp.scoreboard import Scoreboard

MSS = 100


def flight(segments: int) -> tuple[Recovery, Scoreboard]:
    board = Scoreboard(100)
    board.sent(0, segments * MSS, 0)
    return Recovery(MODERN, -1), board


def duplicates(recovery: Recovery, board: Scoreboard, count: int, una: int = 0, nxt: int = 1000) -> list[bool]:
    return [recovery.on_duplicate(board, una, nxt, MSS, False) for _ in range(count)]


def test_the_third_duplicate_begins_recovery() -> None:
    recovery, board = flight(10)
    assert duplicates(recovery, board, 4) == [False, False, True, False]
    assert recovery.phase is Phase.RECOVERY
    assert recovery.recover == 1000
    assert board.first_lost() == (0, MSS)
    assert recovery.forced


def test_each_duplicate_says_that_a_segment_has_left_the_network() -> None:
    """Limited transmit without inflating any window: RFC 3042 §2."""
    recovery, board = flight(10)
    assert recovery.pipe(board) == 1000
    duplicates(recovery, board, 2)
    assert recovery.pipe(board) == 800


def test_no_more_leaves_than_was_there() -> None:
    """RFC 5681 §3.2: forged duplicates beyond the flight open nothing."""
    recovery, board = flight(4)
    duplicates(recovery, board, 100, nxt=400)
    assert recovery.pipe(board) >= 0
    assert recovery.departed <= 300


def test_partial_acknowledgement_is_the_next_hole() -> None:
    recovery, board = flight(10)
    duplicates(recovery, board, 3)
    board.sent(0, MSS, 1)
    delivered = board.acknowledge(300).delivered
    assert not recovery.on_progress(board, 300, 1000, MSS, delivered)
    assert board.first_lost() == (300, 400)
    assert recovery.phase is Phase.RECOVERY


def test_full_acknowledgement_ends_recovery() -> None:
    recovery, board = flight(10)
    duplicates(recovery, board, 3)
    board.sent(1000, 1200, 2)
    board.acknowledge(1000)
    assert recovery.on_progress(board, 1000, 1200, MSS, 1000)
    assert recovery.phase is Phase.OPEN
    assert recovery.pipe(board) == 200


def test_duplicates_of_what_a_timeout_sent_again_begin_nothing() -> None:
    """RFC 6582 §3.2 step 2: only beyond ``recover``."""
    recovery, board = flight(10)
    recovery.on_timeout(board, 0, 1000)
    assert recovery.phase is Phase.LOSS
    assert board.first_lost() == (0, 1000)
    board.sent(0, 1000, 5)
    board.acknowledge(1000)
    assert recovery.on_progress(board, 1000, 1000, MSS, 1000)
    board.sent(1000, 2000, 6)
    assert duplicates(recovery, board, 5, una=1000, nxt=2000) == [False] * 5
    assert not board.lost


def test_timeout_forgets_what_was_sacked_and_thrown_away() -> None:
    """RFC 2018 §8: the left edge was SACKed and is not acknowledged, so the peer has reneged."""
    recovery, board = flight(10)
    board.sack([(0, 500)])
    recovery.on_timeout(board, 0, 1000)
    assert board.first_lost() == (0, 1000)
    assert recovery.pipe(board) == 0


def test_timeout_believes_the_other_blocks() -> None:
    recovery, board = flight(10)
    board.sack([(500, 1000)])
    recovery.on_timeout(board, 0, 1000)
    assert board.first_lost() == (0, 500)
    assert board.sacked == 500
