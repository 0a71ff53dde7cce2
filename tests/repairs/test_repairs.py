"""Loss recovery between two stacks, in round trips of virtual time, and what it costs: RFC 8985, RFC 9937."""

from __future__ import annotations

import pytest

import estab
from estab.faults import rules
from estab.tcp.config import SECOND
from estab.wire.tcp import Segment
from tests.goodput.cell import CONTROLS
from tests.repairs import holes
from tests.repairs.burst import BURST, SEGMENTS, repair
from tests.repairs.reordering import WAYS, flow
from tests.repairs.tables import LATENCY, REORDERING, Row, latency, reordering
from tests.sim.sink import opened

SPREAD = {"newreno": 0.01, "cubic": 0.01, "bbr": 0.6}
"""Round trips that sending the burst itself takes: BBR paces it."""
SHORT = 2 * SECOND
REORDERED = [way for way in WAYS if way != "in order"]


def expected(lost: int) -> float:
    """With three segments behind it a hole is found after one round trip, with fewer after another quarter, and the
    repair takes one more. The last is probed for in the RTO's place: its own acknowledgement might be delayed, as
    that of the segment before it was."""
    if lost == SEGMENTS:
        return 1.4 + 2.5 + 1
    return 2 if lost <= SEGMENTS - 3 else 2.25


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("lost", range(1, SEGMENTS + 1))
def test_any_one_of_a_burst_is_repaired_without_a_timeout(lost: int, control: str) -> None:
    made = repair(control, lost)
    assert (made.timeouts, made.again) == (0, 1)
    assert expected(lost) <= made.round_trips <= expected(lost) + SPREAD[control]
    assert LATENCY.read()[control, str(lost)] == latency((control, str(lost)))


@pytest.mark.parametrize("lost", range(1, SEGMENTS - 3))
def test_a_lost_repair_is_repaired_too_if_anything_is_behind_it(lost: int) -> None:
    """What limited transmit and recovery send meanwhile shows it."""
    seqs: list[int] = []

    def it(segment: Segment) -> bool:
        if segment.length:
            seqs.append(segment.seq)
        return len(seqs) >= lost and segment.seq == seqs[lost - 1]

    network, a, c, sink = opened(BURST, rules.drop(it, first=2))
    c.send(bytes(3 * SEGMENTS * c.mss), network.clock.now)
    assert network.run(lambda: sink.received == 3 * SEGMENTS * c.mss, 10 * SECOND)
    assert "TCPTimeouts" not in a.stack.counters
    assert a.stack.counters["RetransSegs"] == 2


# ---------------------------------------------------------------------- reordering


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("way", REORDERED)
def test_reordering_within_a_quarter_of_a_round_trip_costs_nothing(way: str, control: str) -> None:
    """RFC 8985 §6.2 step 4, as the table has it: nothing is sent twice, and nothing is slower."""
    rows = REORDERING.read()
    steady, _, packets, again = map(float, rows[control, way])
    assert again < packets / 1000
    assert steady >= 0.9 * float(rows[control, "in order"][0])


def test_in_order_nothing_is_sent_twice() -> None:
    for control in CONTROLS:
        steady, *counts = REORDERING.read()[control, "in order"]
        assert (counts[0], counts[2]) == ("0", "0")
        assert float(steady) > 9


@pytest.mark.parametrize("row", [("newreno", "any order"), ("cubic", "10 % late")], ids="-".join)
def test_a_row_of_the_table_of_reordering_is_as_it_was(row: Row) -> None:
    """If the change is meant: ``make repairs``, and let somebody approve the difference."""
    assert REORDERING.read()[row] == reordering(row)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_path_is_soon_known_to_reorder(control: str) -> None:
    """Until then a packet that comes late is sent again, and that is noticed."""
    made = flow(control, "10 % late", SHORT)
    assert made.before <= 2
    assert made.again < made.packets / 500


# ---------------------------------------------------------------------- holes


@pytest.mark.skipif(estab.COMPILED, reason="the lines of compiled code are not counted")
@pytest.mark.parametrize("control", CONTROLS)
def test_an_acknowledgement_is_no_more_work_when_there_are_many_holes(control: str) -> None:
    few, many = (holes.acknowledgements(count, control).lines for count in (10, 10_000))
    assert 0 < many <= 2 * few


@pytest.mark.skipif(estab.COMPILED, reason="the lines of compiled code are not counted")
def test_a_segment_is_no_more_work_when_there_are_many_holes() -> None:
    few, many = (holes.arrivals(count).lines for count in (10, 10_000))
    assert 0 < many <= 2 * few


@pytest.mark.skipif(estab.COMPILED, reason="the lines of compiled code are not counted")
def test_a_growing_work_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a board that counts what is under way range by range."""
    slow = "lambda self: sum(r.end - r.start for r in self.ranges if not (r.sacked or r.lost))"
    name = "estab.tcp.scoreboard"
    monkeypatch.setattr(f"{name}.Scoreboard.outstanding", eval(slow, {"__name__": name, "sum": sum}))
    few, many = (holes.acknowledgements(count).lines for count in (10, 300))
    assert many > 2 * few
