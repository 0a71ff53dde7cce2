"""BBR by computed numbers (draft-ietf-ccwg-bbr)."""

from __future__ import annotations

import pytest

from estab.tcp.config import MODERN, SECOND
from estab.tcp.congestion import Ack
from estab.tcp.congestion.bbr import Bbr, probe_bw
from estab.tcp.congestion.bbr.bounds import Bounds, in_flight_at_threshold, too_high
from estab.tcp.congestion.bbr.filters import Aggregation, FullPipe, MaxBandwidth, MinRtt
from estab.tcp.congestion.bbr.states import CRUISE, DOWN, PROBE_RTT, REFILL, STARTUP, UP, State
from estab.tcp.congestion.control import UNBOUNDED
from estab.tcp.delivery import Loss, RateSample
from tests.tcp.congestion.path import MS, MSS


def bbr(state: State = CRUISE, bandwidth: int = 1_250_000, rtt: int = 40 * MS, **more: int) -> Bbr:
    """In the middle of things, with the next probe far away."""
    control = Bbr(MODERN, MSS)
    control.state = state
    control.full_pipe.reached = state is not STARTUP
    control.bandwidth = bandwidth
    control.max_bandwidth.update(bandwidth)
    control.min_rtt.update(0, rtt, rtt)
    control.cycle_wait = 100 * SECOND
    control.rounds_since_probe = -1000
    for name, value in more.items():
        setattr(control, name, value)
    return control


def sample(
    rate: int = 0, delivered: int = 0, *, prior: int = 0, total: int = 0, tx: int = 0, lost: int = 0
) -> RateSample:
    return RateSample(rate, delivered, 40 * MS, False, prior, total, tx, lost)


@pytest.mark.parametrize(("srtt", "rate"), [(0, 40_442_000), (40 * MS, 1_011_050)])
def test_the_first_rate_is_the_initial_window_over_the_round_trip(srtt, rate) -> None:
    assert Bbr(MODERN, MSS).pacing_rate(srtt) == rate


@pytest.mark.parametrize(
    ("rate", "quantum"), [(125_000, 2920), (12_500_000, 12_500), (1_250_000_000, 65_536)], ids=["slow", "fast", "huge"]
)
def test_quantum_is_a_millisecond(rate, quantum) -> None:
    control = bbr(bandwidth=rate)
    control.rate = rate
    control.full_pipe.reached = False
    control.on_ack(Ack(0, 0, 0, 40 * MS, True, False, 0, 40 * MS, 40 * MS, sample()))
    assert control.quantum == quantum


def test_full_pipe_is_three_rounds_without_a_quarter_more() -> None:
    full = FullPipe()
    seen = []
    for rate in (100, 200, 240, 249, 249.9):
        full.on_round(round(1000 * rate))
        seen.append((full.rate // 1000, full.count, full.reached))
    assert seen == [(100, 0, False), (200, 0, False), (200, 1, False), (200, 2, False), (200, 3, True)]
    full.restart(5)
    assert (full.now, full.reached) == (False, True)


def test_rounds_without_data_do_not_tell_that_the_pipe_is_full() -> None:
    control = bbr(STARTUP)
    for n in range(1, 10):
        short = sample(200_000, prior=n * 10_000, total=(n + 1) * 10_000)._replace(app_limited=n > 2)
        control.on_ack(Ack(n * 40 * MS, 10_000, 10_000, 40 * MS, False, False, 0, 40 * MS, 40 * MS, short))
    assert (control.full_pipe.count, control.state) == (1, STARTUP)


@pytest.mark.parametrize(
    ("state", "bandwidth", "rtt", "extra", "window"),
    [
        (CRUISE, 1_250_000, 40 * MS, 8760, 108_760),
        (UP, 1_250_000, 40 * MS, 8760, 124_180),
        (CRUISE, 20_000, 10 * MS, 0, 8760),
    ],
    ids=["cruise", "up", "less than a packet"],
)
def test_window(state, bandwidth, rtt, extra, window) -> None:
    control = bbr(state, bandwidth, rtt)
    assert control.room(bandwidth, 225 if state is UP else 200, extra) == window


@pytest.mark.parametrize(("state", "rate"), [(CRUISE, 1_237_500), (UP, 1_546_875), (DOWN, 1_113_750)])
def test_rate(state, rate) -> None:
    control = bbr(state)
    control._set_rate(40 * MS)
    assert control.rate == rate


def test_without_a_round_trip_the_window_is_the_initial_one() -> None:
    control = Bbr(MODERN, MSS)
    assert control.room(1_250_000, 200) == control.initial_cwnd == 14_600


def test_extra_acknowledged() -> None:
    aggregation = Aggregation()
    aggregation.restart(0)
    seen = []
    for now, round_count in ((10, 1), (11, 1), (20, 2), (60, 3)):
        aggregation.update(now * MS, 14_600, 1_250_000, cwnd=1 << 30, round_count=round_count, rounds=10)
        seen.append((aggregation.best[-1][1], aggregation.extra))
    assert seen == [(14_600, 14_600), (27_950, 27_950), (31_300, 31_300), (14_600, 31_300)]
    for round_count in range(4, 14):
        aggregation.update(60 * MS, 0, 1_250_000, cwnd=14_000, round_count=round_count, rounds=10)
        assert len(aggregation.best) <= 10
    assert aggregation.extra == 14_000


@pytest.mark.parametrize(("packets", "high"), [(1, False), (2, False), (3, False), (4, True)])
def test_two_percent_of_loss_are_tolerated_beside_the_one_in_hand(packets, high) -> None:
    """ "IsInflightTooHigh", of which the draft asks at each loss: that one alone shows nothing."""
    control = bbr(UP, cwnd=175_200, probe_samples=True)
    control.bounds.inflight_longterm = 200_000
    for n in range(1, packets + 1):
        control.on_lost(SECOND, Loss(n * MSS, (n + 1) * MSS, 146_000, n * MSS, False, True))
    assert too_high((packets - 1) * MSS, 146_000) is high
    assert control.prev_too_high is high
    assert (control.state, control.undo_state) == ((DOWN, UP) if high else (UP, None))
    assert control.bounds.inflight_longterm == (143_020 if high else 200_000)


def test_where_the_losses_passed_two_percent() -> None:
    assert in_flight_at_threshold(MSS, 3 * MSS, 146_000) == 144_510
    assert in_flight_at_threshold(65_536, 65_536, 65_536) == 0


def test_the_long_term_bound_falls_by_no_more_than_thirty_percent() -> None:
    control = bbr(UP, cwnd=175_200, probe_samples=True)
    control.on_lost(SECOND, Loss(0, 20 * MSS, 30 * MSS, 20 * MSS, False, True))
    assert control.bounds.inflight_longterm == 35_000


def test_one_reaction_for_one_probe() -> None:
    control = bbr(UP, cwnd=175_200, probe_samples=True)
    control.on_lost(SECOND, Loss(0, 4 * MSS, 146_000, 4 * MSS, False, True))
    bound = control.bounds.inflight_longterm
    control.on_lost(SECOND, Loss(4 * MSS, 14 * MSS, 40_000, 14 * MSS, False, True))
    assert control.bounds.inflight_longterm == bound


def test_without_sack_any_loss_is_too_much() -> None:
    control = bbr(UP, cwnd=175_200, probe_samples=True)
    control.on_lost(SECOND, Loss(0, MSS, 1_460_000, MSS, False, False))
    assert control.state is DOWN


def test_lower_bounds() -> None:
    bounds = Bounds()
    seen = []
    for rate, in_flight, loss in (
        (1_200_000, 48_000, False),
        (1_000_000, 40_000, True),
        (500_000, 20_000, True),
        (660_000, 36_000, True),
    ):
        bounds.next_round(sample(rate, in_flight))
        if loss:
            bounds.lower(1_250_000, 100_000)
        seen.append((bounds.bandwidth_shortterm, bounds.inflight_shortterm))
    assert seen == [(UNBOUNDED, UNBOUNDED), (1_000_000, 70_000), (700_000, 49_000), (660_000, 36_000)]


@pytest.mark.parametrize(("state", "lowered"), [(CRUISE, True), (DOWN, True), (REFILL, False), (UP, False)])
def test_only_what_does_not_probe_is_lowered(state, lowered) -> None:
    control = bbr(state, cwnd=100_000)
    control.on_lost(0, Loss(0, 3 * MSS, 100_000, 3 * MSS, False, True))
    of_round = sample(900_000, 36_000, total=MSS, tx=100_000)
    control.on_ack(Ack(MS, MSS, 90_000, 40 * MS, True, True, MSS, 40 * MS, 40 * MS, of_round))
    assert control.bandwidth == (900_000 if lowered else 1_250_000)


@pytest.mark.parametrize(("losses", "lowered"), [(1, False), (2, False), (3, True)])
def test_a_round_that_loses_as_little_as_a_probe_may_lowers_nothing(losses, lowered) -> None:
    """ "Once per round trip": the draft lowers for any loss. 2 % of 100,000 bytes are one segment, beside the first."""
    control = bbr(CRUISE, cwnd=100_000)
    for n in range(losses):
        control.on_lost(0, Loss(2 * n * MSS, (2 * n + 1) * MSS, 100_000, (n + 1) * MSS, False, True))
    of_round = sample(900_000, 36_000, total=MSS, tx=100_000)
    control.on_ack(Ack(MS, MSS, 90_000, 40 * MS, True, True, MSS, 40 * MS, 40 * MS, of_round))
    assert (control.bounds.bandwidth_shortterm < UNBOUNDED) is lowered
    control.on_lost(2 * MS, Loss(0, MSS, 100_000, MSS, False, True))
    assert control.bounds.lost_in_round == MSS


def test_without_sack_any_loss_lowers() -> None:
    control = bbr(CRUISE, cwnd=100_000)
    control.on_lost(0, Loss(0, MSS, 100_000, MSS, False, False))
    of_round = sample(900_000, 36_000, total=MSS, tx=100_000)
    control.on_ack(Ack(MS, MSS, 90_000, 40 * MS, True, True, MSS, 40 * MS, 40 * MS, of_round))
    assert control.bandwidth == 900_000


def test_a_probe_climbs_by_twice_as_much_each_round() -> None:
    control = bbr(REFILL, cwnd=146_000)
    probe_bw.start_refill(control)
    probe_bw._start_up(control, sample(1_250_000))
    control.bounds.inflight_longterm = 146_000
    seen = []
    for _ in range(5):
        before, control.round_start = control.bounds.inflight_longterm, False
        probe_bw.climb(control, control.cwnd)
        control.cwnd = control.bounds.inflight_longterm
        control.round_start = True
        probe_bw.climb(control, 0)
        seen.append(((control.cwnd - before) // MSS, control.cwnd, control.up_cost))
    assert seen == [
        (1, 147_460, 73_730),
        (2, 150_380, 37_595),
        (4, 156_220, 19_527),
        (8, 167_900, 10_493),
        (16, 191_260, 5976),
    ]


def test_the_greatest_bandwidth_of_two_cycles() -> None:
    best = MaxBandwidth()
    seen = []
    for rate in (900, 1000, None, 400, None, 420, None, 410):
        best.advance() if rate is None else best.update(rate)
        seen.append(best.value)
    assert seen == [900, 1000, 1000, 1000, 400, 420, 420, 420]


def test_a_cycle_without_a_sample_forgets_nothing() -> None:
    best = MaxBandwidth()
    best.update(900)
    for _ in range(3):
        best.advance()
    assert best.value == 900


@pytest.mark.parametrize(("longterm", "room"), [(146_000, 124_100), (7300, 5840), (UNBOUNDED, UNBOUNDED)])
def test_headroom(longterm, room) -> None:
    bounds = Bounds()
    bounds.inflight_longterm = longterm
    assert bounds.headroom(MSS) == room


@pytest.mark.parametrize(("bandwidth", "window"), [(1_250_000, 25_000), (200_000, 5840)])
def test_probe_rtt_window(bandwidth, window) -> None:
    assert bbr(PROBE_RTT, bandwidth).probe_rtt_cwnd() == window


class Rounds:
    """Acknowledgements, each of which ends a round."""

    def __init__(self, control: Bbr) -> None:
        self.control = control
        self.total = 0

    def ack(self, now: int, rtt: int, in_flight: int) -> State:
        prior, self.total = self.total, self.total + MSS
        rates = sample(1_200_000, 50_000, prior=prior, total=self.total)
        self.control.on_ack(Ack(now, MSS, in_flight + MSS, rtt, False, False, 0, rtt, 40 * MS, rates))
        return self.control.state


def test_probe_rtt_begins_after_five_seconds_and_lasts_until_a_round_has_ended() -> None:
    control = bbr(CRUISE, cwnd=100_000)
    t = Rounds(control)
    assert t.ack(5 * SECOND, 41 * MS, 60_000) is CRUISE
    assert t.ack(5001 * MS, 41 * MS, 60_000) is PROBE_RTT
    assert control.cwnd == 25_000
    assert t.ack(5010 * MS, 41 * MS, 30_000) is PROBE_RTT
    assert control.probe_rtt_done_at is None
    assert t.ack(5020 * MS, 41 * MS, 24_000) is PROBE_RTT
    assert control.probe_rtt_done_at == 5220 * MS
    assert t.ack(5220 * MS, 40 * MS, 24_000) is PROBE_RTT
    assert t.ack(5221 * MS, 40 * MS, 24_000) is CRUISE
    assert control.cwnd > 90_000


def test_on_a_long_path_probe_rtt_is_as_rare_as_on_a_short_one() -> None:
    """ "ProbeRTT": 200 ms and a round in five seconds are little at 40 ms, and a quarter of the time at 600."""
    control = bbr(CRUISE, rtt=600 * MS, cwnd=1_000_000)
    t = Rounds(control)
    assert t.ack(24 * SECOND, 601 * MS, 700_000) is CRUISE
    assert t.ack(24_001 * MS, 601 * MS, 700_000) is PROBE_RTT


def test_probe_rtt_in_startup_goes_back_to_it() -> None:
    control = bbr(STARTUP, cwnd=100_000)
    t = Rounds(control)
    assert t.ack(5001 * MS, 41 * MS, 20_000) is PROBE_RTT
    control.full_pipe.reached = False
    t.ack(5010 * MS, 41 * MS, 20_000)
    assert t.ack(5300 * MS, 41 * MS, 20_000) is STARTUP


def test_what_probe_rtt_holds_back_tells_nothing_about_the_path() -> None:
    control = bbr(PROBE_RTT)
    t = Rounds(control)
    t.ack(MS, 40 * MS, 20_000)
    assert control.max_bandwidth.latest == 1_250_000
    control.max_bandwidth.advance()
    t.ack(2 * MS, 40 * MS, 20_000)
    assert (control.max_bandwidth.latest, control.max_bandwidth.value) == (0, 1_250_000)


def test_the_least_round_trip_is_remembered_for_ten_seconds() -> None:
    least = MinRtt()
    seen = []
    for now, rtt in ((0, 40), (4, 50), (6, 50), (9, 45), (10, 60), (12, 60)):
        least.update(now * SECOND, rtt * MS, 40 * MS)
        seen.append((least.value // MS, least.probe // MS, least.expired))
    assert seen == [
        (40, 40, False),
        (40, 40, False),
        (40, 50, True),
        (40, 45, False),
        (40, 45, False),
        (45, 45, False),
    ]


def test_an_equal_round_trip_does_not_renew() -> None:
    least = MinRtt()
    for now in (0, 3, 6):
        least.update(now * SECOND, 40 * MS, 40 * MS)
    assert least.expired


def test_the_handshake_knows_the_round_trip_first() -> None:
    least = MinRtt()
    least.update(0, None, 30 * MS)
    assert least.value == 30 * MS


def test_after_silence_no_faster_than_the_bandwidth() -> None:
    control = bbr(UP, rate=5_000_000)
    control.on_sent(SECOND, MSS, 0, False)
    assert control.rate == 5_000_000
    control.on_sent(SECOND, MSS, MSS, True)
    assert control.rate == 5_000_000
    window = control.cwnd
    control.on_sent(SECOND, MSS, 0, True)
    assert (control.rate, control.cwnd, control.idle_restart) == (1_237_500, window, True)


def test_silence_is_no_reason_for_probe_rtt() -> None:
    control = bbr(CRUISE)
    control.on_sent(20 * SECOND, MSS, 0, True)
    t = Rounds(control)
    assert t.ack(20 * SECOND + 41 * MS, 41 * MS, 0) is CRUISE
    assert not control.idle_restart


# ---------------------------------------------------------------------- recovery


def test_a_timeout_leaves_one_segment_and_the_next_acknowledgement_four() -> None:
    control = bbr(CRUISE, cwnd=100_000)
    control.on_timeout(SECOND, 50_000, True)
    assert control.cwnd == MSS
    Rounds(control).ack(SECOND, 40 * MS, 0)
    assert control.cwnd == 4 * MSS


def test_after_recovery_the_window_is_what_it_was() -> None:
    control = bbr(CRUISE, cwnd=80_000)
    control.on_loss(SECOND, 70_000)
    control.cwnd = 20_000
    control.on_timeout(SECOND, 10_000, True)
    control.on_recovered(2 * SECOND)
    assert control.cwnd == 80_000
    control.cwnd = 10_000
    control.on_recovered(2 * SECOND)
    assert control.cwnd == 10_000


def test_a_false_alarm_in_a_probe_is_undone() -> None:
    control = bbr(UP, cwnd=100_000, probe_samples=True)
    control.on_lost(SECOND, Loss(0, 5 * MSS, 100_000, 5 * MSS, False, True))
    control.on_loss(SECOND, 90_000)
    assert (control.state, control.bounds.inflight_longterm < UNBOUNDED) == (DOWN, True)
    control.cwnd = 50_000
    control.on_undo()
    assert (control.state, control.cwnd, control.bounds.inflight_longterm) == (REFILL, 100_000, UNBOUNDED)


def test_an_undo_goes_back_to_before_the_first_loss_of_the_recovery() -> None:
    control = bbr(CRUISE, cwnd=100_000)
    control.on_loss(SECOND, 90_000)
    t = Rounds(control)
    for n in range(3):
        control.on_lost(SECOND, Loss(3 * n * MSS, (3 * n + 2) * MSS, 100_000, MSS, False, True))
        for _ in range(2):
            t.ack(SECOND + n * 40 * MS, 40 * MS, 60_000)
    assert control.bounds.bandwidth_shortterm < UNBOUNDED
    control.on_undo()
    assert control.bounds.bandwidth_shortterm == UNBOUNDED
    control.cwnd = 10_000
    control.on_undo()
    assert control.cwnd == 10_000


def test_startup_ends_by_a_round_of_much_loss_and_an_undo_brings_it_back() -> None:
    control = bbr(STARTUP, cwnd=100_000)
    for n in range(6):
        control.on_lost(SECOND, Loss(2 * n * MSS, (2 * n + 1) * MSS, 100_000, MSS, False, True))
    control.on_loss(SECOND, 90_000)
    much = sample(1_250_000, 60_000, total=MSS, tx=100_000, lost=6 * MSS)
    control.on_ack(Ack(SECOND, MSS, 150_000, 40 * MS, True, True, 0, 40 * MS, 40 * MS, much))
    assert (control.state.value, control.bounds.inflight_longterm) == ("Drain", 60_000)
    assert control.full_pipe.now
    control.on_undo()
    assert (control.state, control.full_pipe.reached) == (STARTUP, False)
    assert control.bounds.inflight_longterm == UNBOUNDED


@pytest.mark.parametrize(("ranges", "lost", "recovering"), [(5, 6, True), (6, 1, True), (6, 6, False)])
def test_startup_goes_on_unless_all_three_say_so(ranges, lost, recovering) -> None:
    control = bbr(STARTUP, cwnd=100_000)
    for n in range(ranges):
        control.on_lost(SECOND, Loss(2 * n * MSS, (2 * n + 1) * MSS, 100_000, MSS, False, True))
    control.on_lost(SECOND, Loss(2 * ranges * MSS - MSS, 2 * ranges * MSS, 100_000, MSS, False, True))
    if recovering:
        control.on_loss(SECOND, 90_000)
    some = sample(1_250_000, 60_000, total=MSS, tx=100_000, lost=lost * MSS)
    control.on_ack(Ack(SECOND, MSS, 150_000, 40 * MS, True, True, 0, 40 * MS, 40 * MS, some))
    assert control.state is STARTUP


def test_a_mark_counts_like_a_loss() -> None:
    control = bbr(CRUISE, cwnd=100_000)
    control.on_ecn(SECOND, 90_000)
    Rounds(control).ack(SECOND, 40 * MS, 60_000)
    assert control.bounds.inflight_shortterm == 70_000


def test_it_is_paced_sampled_and_does_without_proportional_rate_reduction() -> None:
    assert (Bbr.paced, Bbr.sampled, Bbr.uses_prr, Bbr.ecn_capable) == (True, True, False, False)


@pytest.mark.parametrize(
    ("bandwidth", "rounds", "due"),
    [(1_250_000, 33, False), (1_250_000, 34, True), (12_500_000, 62, False), (12_500_000, 63, True)],
)
def test_a_probe_comes_as_soon_as_reno_would_have_come_back(bandwidth, rounds, due) -> None:
    """The product in segments is the number of rounds: 34 of them are 50,000 bytes."""
    control = bbr(CRUISE, bandwidth, cwnd=1 << 30, rounds_since_probe=rounds)
    assert probe_bw._time_to_probe(control, 0) is due


@pytest.mark.parametrize("now", [2, 3])
def test_a_probe_comes_after_two_to_three_seconds(now) -> None:
    control = bbr(DOWN, rounds_since_probe=0)
    for _ in range(100):
        probe_bw.start_down(control, 0)
        assert control.rounds_since_probe in (0, 1)
        assert 2 * SECOND <= control.cycle_wait < 3 * SECOND
        assert probe_bw._time_to_probe(control, now * SECOND) is (now == 3)
