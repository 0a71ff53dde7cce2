"""Recovery without a connection: RFC 5681 §3.2, RFC 6582 §3.2, RFC 3042, RFC 3522, RFC 3708."""

import pytest

from estab.tcp.config import MODERN, RFC, Config
from estab.tcp.recovery import Phase, Recovery
from estab.tcp.scoreboard import Scoreboard
from estab.tcp.snapshot import Origin

MSS = 100


def flight(segments: int, config: Config = MODERN) -> tuple[Recovery, Scoreboard]:
    board = Scoreboard(100)
    board.sent(0, segments * MSS, 0)
    return Recovery(config, -1), board


def duplicates(recovery: Recovery, board: Scoreboard, count: int, una: int = 0, nxt: int = 1000) -> list[bool]:
    return [recovery.on_duplicate(board, una, nxt, MSS) for _ in range(count)]


@pytest.mark.req("RFC6582-01", "RFC6582-02")
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


@pytest.mark.req("RFC6582-07")
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


@pytest.mark.req("RFC6582-03")
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


@pytest.mark.req("RFC2018-10")
def test_timeout_forgets_what_was_sacked_and_thrown_away() -> None:
    """RFC 2018 §8: the left edge was SACKed and is not acknowledged, so the peer has reneged."""
    recovery, board = flight(10)
    board.sack([(0, 500)])
    recovery.on_timeout(board, 0, 1000)
    assert board.first_lost() == (0, 1000)
    assert recovery.pipe(board) == 0


@pytest.mark.req("RFC2018-10", "RFC2018-13")
def test_to_the_letter_a_timeout_forgets_all_that_was_sacked() -> None:
    """RFC 2018 §5.1: prior SACK information does not choose what is sent again."""
    recovery, board = flight(10, RFC)
    board.sack([(500, 1000)])
    recovery.on_timeout(board, 0, 1000)
    assert board.first_lost() == (0, 1000)
    assert board.sacked == 0


@pytest.mark.req("RFC6675-18")
def test_a_block_that_comes_after_the_timeout_is_believed() -> None:
    recovery, board = flight(10, RFC)
    recovery.on_timeout(board, 0, 1000)
    board.sack([(500, 1000)])
    assert board.first_lost() == (0, 500)


def test_otherwise_a_timeout_believes_the_other_blocks() -> None:
    """RFC 6675 §5.1: no sign of reneging, no reason to send it again."""
    recovery, board = flight(10)
    board.sack([(500, 1000)])
    recovery.on_timeout(board, 0, 1000)
    assert board.first_lost() == (0, 500)
    assert board.sacked == 500


# ---------------------------------------------------------------------- was it a mistake?


def reduced(again: int = 1) -> Recovery:
    """Ten segments, the first ``again`` of them sent again at 100; limited transmit brought two more."""
    recovery = Recovery(MODERN, -1)
    recovery.begin(Phase.RECOVERY, 0, 1000)
    for i in range(again):
        recovery.on_repeated(MSS * i, MSS * (i + 1), 1200, 100 + i)
    return recovery


@pytest.mark.parametrize(("echo_at", "spurious"), [(99, True), (100, False), (101, False), (None, False)])
def test_the_answer_to_the_first_repetition_tells(echo_at, spurious):
    """RFC 3522 §3.2: an echo from before it answers the original; the same tick proves nothing."""
    recovery = reduced()
    assert not recovery.is_spurious(MSS - 1, 0), "this is no answer to it yet"
    assert recovery.is_spurious(MSS, echo_at) is spurious


def test_no_later_answer_does():
    """The first was lost, and the second was merely late."""
    recovery = reduced(again=2)
    assert not recovery.is_spurious(MSS, 105)
    assert not recovery.is_spurious(2 * MSS, 50)


def test_every_repetition_must_be_reported():
    """RFC 3708 §3."""
    recovery = reduced(again=3)
    for i in (0, 2):
        recovery.on_duplicate_report(MSS * i, MSS * (i + 1), False)
        assert not recovery.is_spurious(1000, None)
    recovery.on_duplicate_report(MSS, 2 * MSS, False)
    assert recovery.is_spurious(1000, None)


def test_of_what_was_repeated_twice_no_report_proves_anything():
    """RFC 3708 §3: which of the transmissions it was is open."""
    recovery = reduced()
    recovery.on_repeated(0, MSS, 1200, 300)
    recovery.on_duplicate_report(0, MSS, False)
    assert not recovery.is_spurious(1000, None)
    recovery.on_duplicate_report(0, MSS, False)
    assert not recovery.is_spurious(1000, None)


def test_reports_come_behind_what_was_sent_before_the_repetition():
    """So until that is acknowledged they are waited for, and no longer."""
    recovery = reduced()
    assert not recovery.is_spurious(1200, None)
    recovery.on_duplicate_report(0, MSS, False)
    assert recovery.is_spurious(1200, None)
    recovery = reduced()
    assert not recovery.is_spurious(1201, None)
    recovery.on_duplicate_report(0, MSS, False)
    assert not recovery.is_spurious(1201, None)


def test_a_network_that_duplicates_is_not_believed():
    """RFC 3708 §3: D-SACK about what was sent once ends it for the connection."""
    recovery = reduced()
    recovery.on_duplicate_report(500, 600, False)
    recovery.on_duplicate_report(0, MSS, False)
    assert not recovery.is_spurious(1000, None)
    recovery.begin(Phase.RECOVERY, 1200, 2000)
    recovery.on_repeated(1200, 1300, 2000, 300)
    recovery.on_duplicate_report(1200, 1300, False)
    assert not recovery.is_spurious(1300, None)


@pytest.mark.parametrize("block", [(-100, 0), (1000, 1100), (950, 1050)], ids=str)
def test_reports_about_other_times_are_not_counted(block):
    recovery = reduced()
    recovery.on_duplicate_report(*block, False)
    assert recovery.reported == 0
    assert not recovery.duplicating


def test_lost_acknowledgements_are_a_reason_to_reduce():
    """RFC 3708 §3: the report begins at SND.UNA, and nothing was SACKed."""
    recovery = reduced()
    recovery.on_duplicate_report(0, MSS, True)
    assert not recovery.is_spurious(1000, None)


def test_a_tail_probe_just_before_must_be_reported_too():
    """Its D-SACK must not pass for that of the repair."""
    recovery = Recovery(MODERN, -1)
    recovery.on_repeated(900, 1000, 1000, 50)
    recovery.begin(Phase.RECOVERY, 0, 1000)
    recovery.on_repeated(0, MSS, 1000, 100)
    recovery.on_duplicate_report(900, 1000, False)
    assert not recovery.is_spurious(1000, None)
    recovery.on_duplicate_report(0, MSS, False)
    assert recovery.is_spurious(1000, None)


def test_tail_probes_alone_leave_nothing_behind():
    recovery = Recovery(MODERN, -1)
    for i in range(100):
        recovery.on_repeated(1000 * i, 1000 * i + 100, 1000 * i + 100, i)
    assert len(recovery.again) == 1
    assert not recovery.is_spurious(200_000, None)


@pytest.mark.parametrize("phase", [Phase.OPEN, Phase.RECOVERY])
def test_what_one_sends_again_no_other_has(phase):
    """Those that have sent nothing again share the set that says so."""
    one, other = Recovery(MODERN, -1), Recovery(MODERN, -1)
    if phase is not Phase.OPEN:
        one.begin(phase, 0, 1000)
    one.on_repeated(0, MSS, 1000, 100)
    assert len(one.again) == 1
    assert not other.again and not Recovery(MODERN, -1).again


def test_a_second_timeout_keeps_the_first_repetition():
    """RFC 3522 §3.2: its time is never overwritten."""
    recovery, board = flight(10)
    recovery.on_timeout(board, 0, 1000)
    recovery.on_repeated(0, MSS, 1000, 100)
    recovery.on_timeout(board, 0, 1000)
    recovery.on_repeated(0, MSS, 1000, 300)
    assert recovery.is_spurious(MSS, 99)


def test_undone():
    recovery = reduced()
    recovery.undo()
    assert recovery.phase is Phase.OPEN
    assert not recovery.is_spurious(1000, 0)


def test_what_is_kept_for_the_undo_is_in_the_snapshot():
    recovery = reduced(again=3)
    recovery.on_duplicate_report(0, MSS, False)
    fresh = Recovery(MODERN, -1)
    fresh.restore(recovery.snapshot(Origin(7, -1, 0)), Origin(7, -1, 0))
    fresh.on_duplicate_report(MSS, 3 * MSS, False)
    assert fresh.is_spurious(1000, None)
