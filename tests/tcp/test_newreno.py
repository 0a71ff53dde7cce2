"""NewReno by numbers: RFC 5681 §3.1, RFC 3465, RFC 6928 §2."""

import pytest

from estab.tcp.config import MODERN, RFC
from estab.tcp.congestion import CONTROLS, Ack
from estab.tcp.congestion.newreno import NewReno

MSS = 1000


def ack(delivered: int, *, limited: bool = True, recovering: bool = False, recovered: bool = False) -> Ack:
    return Ack(0, delivered, 10_000, None, limited, recovering, recovered=recovered)


@pytest.mark.parametrize(
    ("mss", "window"),
    [(536, 5360), (1000, 10_000), (1460, 14_600), (2000, 14_600), (8960, 17_920), (16_000, 32_000)],
)
def test_initial_window(mss, window) -> None:
    """min(10·MSS, max(2·MSS, 14600))."""
    control = NewReno(MODERN, mss)
    assert control.cwnd == window
    assert control.ssthresh > 1 << 32


def test_slow_start_doubles_a_round_trip() -> None:
    control = NewReno(MODERN, MSS)
    for _ in range(10):
        control.on_ack(ack(MSS))
    assert control.cwnd == 20_000


def test_one_acknowledgement_of_many_counts_for_all() -> None:
    control = NewReno(MODERN, MSS)
    control.on_ack(ack(10 * MSS))
    assert control.cwnd == 20_000


@pytest.mark.req("RFC5681-06")
def test_to_the_letter_one_acknowledgement_counts_for_one_segment() -> None:
    control = NewReno(RFC, MSS)
    control.on_ack(ack(10 * MSS))
    assert control.cwnd == 11_000


@pytest.mark.req("RFC5681-06")
def test_divided_acknowledgements_gain_nothing() -> None:
    """RFC 5681 §3.1: many ACKs for one segment open the window by one segment."""
    for config in (MODERN, RFC):
        control = NewReno(config, MSS)
        for _ in range(100):
            control.on_ack(ack(MSS // 100))
        assert control.cwnd == 11_000


def test_avoidance_adds_one_segment_a_window() -> None:
    control = NewReno(MODERN, MSS)
    control.ssthresh = control.cwnd
    for _ in range(9):
        control.on_ack(ack(MSS))
    assert control.cwnd == 10_000
    control.on_ack(ack(MSS))
    assert control.cwnd == 11_000
    for _ in range(11):
        control.on_ack(ack(MSS))
    assert control.cwnd == 12_000


@pytest.mark.req("RFC5681-07")
def test_half_a_segment_does_not_delay_growth() -> None:
    """RFC 5681 §3.1: a segment per round trip, in which a window of five and a half carries five."""
    control = NewReno(MODERN, MSS)
    control.ssthresh = control.cwnd = 5500
    for cwnd, segments in ((5500, 5), (6500, 6), (7500, 7)):
        for _ in range(segments):
            assert control.cwnd == cwnd
            control.on_ack(ack(MSS))
    assert control.cwnd == 8500


def test_slow_start_ends_at_ssthresh() -> None:
    control = NewReno(MODERN, MSS)
    control.ssthresh = 12_000
    control.on_ack(ack(10 * MSS))
    assert 12_000 <= control.cwnd <= 13_000


def test_no_growth_unless_the_window_was_used() -> None:
    control = NewReno(MODERN, MSS)
    control.on_ack(ack(MSS, limited=False))
    assert control.cwnd == 10_000


def test_no_growth_in_recovery() -> None:
    control = NewReno(MODERN, MSS)
    control.on_ack(ack(MSS, recovering=True))
    assert control.cwnd == 10_000


@pytest.mark.parametrize("delivered", [MSS, 30 * MSS])
def test_the_end_of_recovery_counts_for_later_growth_only(delivered) -> None:
    """RFC 5681 §3.2 step 6: with it the window is what recovery left, however much it acknowledges."""
    control = NewReno(MODERN, MSS)
    control.on_loss(0, 10_000)
    control.on_ack(ack(delivered, recovered=True))
    assert control.cwnd == 5000
    control.on_ack(ack(4 * MSS))
    assert control.cwnd == 6000


@pytest.mark.parametrize(("flight", "threshold"), [(20_000, 10_000), (3000, 2000)])
def test_loss_halves_what_was_in_flight(flight, threshold) -> None:
    control = NewReno(MODERN, MSS)
    control.cwnd = 40_000
    control.on_loss(0, flight)
    assert control.ssthresh == control.cwnd == threshold


@pytest.mark.req("RFC5681-09", "RFC5681-10")
def test_timeout_leaves_one_segment() -> None:
    control = NewReno(MODERN, MSS)
    control.on_timeout(0, 10_000, True)
    assert (control.cwnd, control.ssthresh) == (MSS, 5000)


def test_a_second_timeout_of_the_same_data_keeps_the_threshold() -> None:
    control = NewReno(MODERN, MSS)
    control.on_timeout(0, 10_000, True)
    control.on_timeout(0, 1000, False)
    assert (control.cwnd, control.ssthresh) == (MSS, 5000)


@pytest.mark.parametrize(("cwnd", "after"), [(50_000, 10_000), (4000, 4000)])
def test_restart_window(cwnd, after) -> None:
    control = NewReno(MODERN, MSS)
    control.cwnd = cwnd
    control.on_idle(10_000)
    assert control.cwnd == after


def test_lost_handshake() -> None:
    control = NewReno(MODERN, MSS)
    control.on_syn_loss()
    assert control.cwnd == MSS


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_keeps_room_for_one_segment(name) -> None:
    control = CONTROLS[name](MODERN, MSS)
    control.on_timeout(0, 0, True)
    control.on_loss(0, 0)
    control.on_mss(1400)
    assert control.cwnd >= 1400


@pytest.mark.parametrize("reduce", ["on_loss", "on_timeout"])
def test_a_false_alarm_is_undone(reduce) -> None:
    control = NewReno(MODERN, MSS)
    control.cwnd, control.ssthresh = 40_000, 30_000
    if reduce == "on_loss":
        control.on_loss(0, 40_000)
    else:
        control.on_timeout(0, 40_000, True)
        control.on_timeout(0, 1000, False)
    control.on_undo()
    assert (control.cwnd, control.ssthresh) == (40_000, 30_000)
    control.cwnd = 5000
    control.on_undo()
    assert control.cwnd == 5000


def test_what_a_mark_has_confirmed_is_not_undone() -> None:
    control = NewReno(MODERN, MSS)
    control.cwnd = 40_000
    control.on_loss(0, 40_000)
    control.on_ecn(0, 20_000)
    control.on_undo()
    assert control.cwnd == 16_000


@pytest.mark.req("RFC8311-01")
@pytest.mark.parametrize(("flight", "ssthresh", "after"), [(40_000, 1000, 32_000), (40_000, 1 << 40, 20_000)])
def test_marks(flight, ssthresh, after) -> None:
    """RFC 8511 §3: 0.8 in avoidance, a half in slow start."""
    control = NewReno(MODERN, MSS)
    control.cwnd, control.ssthresh = flight, ssthresh
    control.on_ecn(0, flight)
    assert control.cwnd == control.ssthresh == after


def test_marks_leave_a_window_of_one_segment() -> None:
    """RFC 3168 §6.1.2; the threshold has its floor (RFC 8511 §3)."""
    control = NewReno(MODERN, MSS)
    control.cwnd = control.ssthresh = 2 * MSS
    control.on_ecn(0, 2 * MSS)
    assert (control.cwnd, control.ssthresh) == (MSS * 8 // 5, 2 * MSS)
    control.on_ecn(0, MSS)
    assert (control.cwnd, control.ssthresh) == (MSS, 2 * MSS)


def test_pacing_is_faster_than_the_window_needs() -> None:
    control = NewReno(MODERN, MSS)
    assert control.pacing_rate(0) is None
    assert control.pacing_rate(100_000_000) == 200_000
    control.ssthresh = 20_000
    assert control.pacing_rate(100_000_000) == 120_000
