"""Each control alone on a path: what it is for."""

from __future__ import annotations

import random

import pytest

from estab.tcp.config import MODERN, SECOND
from estab.tcp.congestion import CONTROLS
from estab.tcp.congestion.bbr.states import DRAIN, PROBE_RTT, STARTUP, UP
from estab.tcp.snapshot import Origin
from tests.tcp.congestion.path import MS, MSS, Path

RATE = 1_250_000
PRODUCT = 50_000


def share(t: Path, seconds: int) -> float:
    """Of the bottleneck's rate, in that time from now on."""
    return t.run(seconds * SECOND) / (t.rate * seconds)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_path_without_loss_is_filled(name) -> None:
    t = Path(name, queue=PRODUCT)
    t.run(2 * SECOND)
    assert share(t, 12) >= 0.95


@pytest.mark.parametrize(("name", "least"), [("newreno", 0.25), ("cubic", 0.25), ("bbr", 0.9)])
def test_one_percent_of_loss(name, least) -> None:
    t = Path(name, queue=PRODUCT)
    rng = random.Random(1)
    t.lose = lambda number: rng.random() < 0.01
    assert share(t, 12) >= least


def test_cubic_comes_back_sooner_than_newreno_where_the_window_is_large() -> None:
    shares = {}
    for name in ("newreno", "cubic"):
        t = Path(name, rate=2_500_000, rtt=200 * MS, queue=50_000)
        t.run(12 * SECOND)
        shares[name] = share(t, 12)
    assert shares["cubic"] > shares["newreno"] + 0.2


def test_hystart_leaves_slow_start_before_the_queue_overflows() -> None:
    t = Path("cubic", queue=10 * PRODUCT)
    t.run(SECOND)
    assert t.lost == 0
    assert t.control.ssthresh < 8 * PRODUCT
    reno = Path("newreno", queue=10 * PRODUCT)
    reno.run(2 * SECOND)
    assert reno.lost > 100 * MSS


# ---------------------------------------------------------------------- BBR


def test_bbr_keeps_the_queue_short() -> None:
    t = Path("bbr")
    t.run(2 * SECOND)
    t.longest_queue = 0
    assert share(t, 8) >= 0.95
    assert t.longest_queue <= PRODUCT
    assert t.min_rtt < 42 * MS
    assert t.lost == 0


def test_bbr_holds_a_path_that_loses_one_percent_of_many() -> None:
    """ "Loss Threshold": 2 % of what is in flight are tolerated, between the probes too."""
    t = Path("bbr", rate=12_500_000, rtt=20 * MS, queue=250_000)
    rng = random.Random(1)
    t.lose = lambda number: rng.random() < 0.01
    t.run(SECOND)
    assert share(t, 5) >= 0.9


def test_bbr_fills_a_long_path() -> None:
    t = Path("bbr", rate=1_250_000, rtt=600 * MS, queue=750_000)
    t.run(12 * SECOND)
    assert share(t, 30) >= 0.95


def test_bbr_goes_through_its_states() -> None:
    t = Path("bbr")
    t.run(8 * SECOND)
    names = [str(state.value) for state in t.seen]  # type: ignore[attr-defined]
    assert names[:2] == ["Startup", "Drain"]
    assert set(names) == {
        *("Startup", "Drain", "ProbeBW_DOWN", "ProbeBW_CRUISE", "ProbeBW_REFILL", "ProbeBW_UP"),
        "ProbeRTT",
    }


def test_bbr_short_of_data_stays_in_startup() -> None:
    t = Path("bbr")
    for _ in range(20):
        t.backlog = 4 * MSS
        t.run(100 * MS)
    assert t.seen == [STARTUP]


def test_bbr_leaves_startup_when_a_shallow_queue_loses_much() -> None:
    t = Path("bbr", queue=6000)
    t.run(2 * SECOND)
    assert DRAIN in t.seen
    assert t.lost < 0.1 * t.sent * MSS
    assert share(t, 8) >= 0.9


@pytest.mark.parametrize("factor", [4, 0.25])
def test_bbr_follows_the_path(factor) -> None:
    t = Path("bbr", queue=4 * PRODUCT)
    t.run(6 * SECOND)
    t.rate = round(RATE * factor)
    t.run(8 * SECOND)
    assert share(t, 6) >= 0.85


def test_bbr_finds_the_round_trip_again_when_it_grows() -> None:
    t = Path("bbr")
    t.run(4 * SECOND)
    t.rtt = 80 * MS
    t.run(14 * SECOND)
    assert PROBE_RTT in t.seen
    assert t.control.min_rtt.value >= 80 * MS  # type: ignore[attr-defined]
    assert share(t, 6) >= 0.85


def test_bbr_after_silence_neither_bursts_nor_forgets() -> None:
    t = Path("bbr")
    t.run(4 * SECOND)
    t.backlog = 10 * MSS
    t.run(3 * SECOND)
    assert t.in_flight == 0
    t.backlog = None
    t.longest_queue = 0
    assert share(t, 2) >= 0.9
    assert t.longest_queue <= PRODUCT


def test_two_bbr_flows_do_not_probe_together() -> None:
    one, other = Path("bbr"), Path("bbr", rtt=41 * MS)
    for t in (one, other):
        t.run(4 * SECOND)
        assert UP in t.seen
    assert one.control.cycle_wait != other.control.cycle_wait  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("at", [30 * MS, 700 * MS, 5300 * MS])
def test_a_control_taken_over_at_any_time_goes_on_alike(name, at) -> None:
    """Restored an hour later by the clock and at other sequence numbers."""
    runs = []
    for moved in (False, True):
        t = Path(name, queue=PRODUCT // 2)
        t.run(at)
        if moved:
            control = CONTROLS[name](MODERN, MSS)
            value = t.control.snapshot(Origin(t.now, 0, 0))
            assert hash(value) == hash(t.control.snapshot(Origin(t.now, 0, 0)))
            control.restore(value, Origin(t.now, 0, 0))
            assert control.snapshot(Origin(t.now, 0, 0)) == value
            t.control = control
        t.run(3 * SECOND)
        runs.append((t.delivered, t.lost, t.control.cwnd, t.control.snapshot(Origin(t.now, 0, 0))))
    assert runs[0] == runs[1]
