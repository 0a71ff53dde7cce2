"""The relay, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from estab.drivers.relay import BUCKET, Relay
from estab.faults.path import Line, Path
from estab.links.memory import MemoryLink, memory_pair
from estab.links.seqpacket import seqpacket_pair
from estab.wire.link import NO_OFFLOAD
from estab.wire.packet import Packet

MS = 1_000_000


class Ends:
    """A relay between two pipes, and what stands at their other ends."""

    def __init__(self, path: Path, limit: int = 100) -> None:
        self.now = 7_000 * MS
        near, self.near = memory_pair(offload=NO_OFFLOAD)
        far, self.far = memory_pair(offload=NO_OFFLOAD, limit=limit)
        self.worked = 0
        self.relay = Relay(near, far, path, clock=lambda: self.now, cpu=lambda: self.worked)

    def send(self, end: MemoryLink, packets: Sequence[bytes]) -> None:
        end.send([Packet(each) for each in packets], self.now)
        self.relay.turn()

    def arrived(self, end: MemoryLink) -> list[bytes]:
        return [packet.tobytes() for packet in end.receive(self.now, 100)]


def test_packets_take_their_time_each_way() -> None:
    ends = Ends(Path(Line(delay=10 * MS), Line(delay=2 * MS)))
    ends.send(ends.near, [b"there"])
    ends.send(ends.far, [b"back"])
    assert ends.relay.turn() == ends.now + 2 * MS
    ends.now += 2 * MS
    assert ends.relay.turn() == ends.now + 8 * MS
    assert (ends.arrived(ends.near), ends.arrived(ends.far)) == ([b"back"], [])
    ends.now += 8 * MS
    assert ends.relay.turn() is None
    assert ends.arrived(ends.far) == [b"there"]


def test_it_says_how_late_it_was() -> None:
    ends = Ends(Path(Line(delay=MS)))
    for late in [0] * 95 + [20_000] * 4 + [3 * MS]:
        ends.send(ends.near, [b"x"])
        ends.now += MS + late
        ends.relay.turn()
    report = ends.relay.report()
    assert (report.packets, report.size, report.fates) == (100, 100, {"delivered": 100})
    assert (report.late_p50, report.late_p99) == (BUCKET, 20_000 + BUCKET)
    assert ends.arrived(ends.far) == [b"x"] * 100


def test_it_says_how_much_of_a_core_it_had() -> None:
    ends = Ends(Path())
    ends.now += 10 * MS
    ends.worked += 4 * MS
    assert ends.relay.report().cpu == 0.4


def test_an_end_where_nothing_has_come_is_not_read() -> None:
    """A read that finds nothing costs as much as a packet; what is due leaves all the same."""
    ends = Ends(Path(Line(delay=MS)))
    ends.send(ends.near, [b"first"])
    ends.near.send([Packet(b"second")], ends.now)
    ends.now += MS
    assert ends.relay.turn(near=False) is None
    assert ends.arrived(ends.far) == [b"first"]
    assert ends.relay.turn() == ends.now + MS


def test_it_says_what_became_of_packets() -> None:
    ends = Ends(Path(Line(mask=0b10, duplicate=1.0)))
    ends.send(ends.near, [b"a", b"b", b"c"])
    assert ends.arrived(ends.far) == [b"a", b"a", b"c", b"c"]
    assert ends.relay.report().fates == {"delivered": 2, "duplicate": 2, "lost": 1}


def test_what_an_end_does_not_take_is_dropped_behind_the_rest() -> None:
    ends = Ends(Path(), limit=2)
    for number in range(4):
        ends.send(ends.near, [bytes([number])] * 2)
    assert ends.relay.report().fates == {"delivered": 4, "no room": 4}
    assert ends.arrived(ends.far) == [b"\0"] * 2


def test_the_seed_decides_what_is_lost() -> None:
    found = set()
    for seed in (1, 1, 2):
        near, source = memory_pair(offload=NO_OFFLOAD)
        far, target = memory_pair(offload=NO_OFFLOAD)
        relay = Relay(near, far, Path(Line(loss=0.5)), seed=seed, clock=lambda: 0)
        source.send([Packet(bytes([number])) for number in range(32)], 0)
        relay.turn()
        found.add(b"".join(packet.tobytes() for packet in target.receive(0, 100)))
    assert len(found) == 2


def test_run_ends_when_it_is_told_and_when_a_link_is_gone() -> None:
    (near, source), (far, target) = seqpacket_pair(), seqpacket_pair()
    relay = Relay(near, far, Path())
    source.send([Packet(b"x")], 0)
    relay.run(lambda: True)
    assert [packet.head for packet in target.receive(0, 1)] == [b"x"]
    assert relay.report().packets == 1
    source.close()
    with pytest.raises(BrokenPipeError):
        relay.run(lambda: False)
    relay.close()
    target.close()
