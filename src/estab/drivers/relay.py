"""A path in real time: packets go from one link to another, through everything that the path does to them."""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from estab.faults.path import Path
from estab.sim.streams import stream
from estab.wire.link import Link
from estab.wire.packet import Packet

BATCH: Final = 32
"""Packets moved at once each way: few enough that none of them waits long for the others."""
BUCKET: Final = 5_000
"""ns: how finely it is counted how late packets are."""
BUCKETS: Final = 20_000
LONGEST_WAIT: Final = 0.1
"""Seconds after which ``run`` looks again whether it is to go on."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a relay has done so far."""

    packets: int
    """Handed on, both ways."""
    size: int
    """Their bytes."""
    fates: dict[str, int]
    """How many packets met with each fate: see ``estab.faults.link.Observer``."""
    late_p50: int
    """By how much (ns) packets left later than the path says: half of them by no more than this."""
    late_p99: int
    busy: float
    """The share of the time in which the relay was at work; near 1 it is the bottleneck."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Relay:
    """A path between two links, both of which are the relay's from now on. Everything happens in one thread.

    What arrives at ``near`` leaves at ``far``, and the other way round. ``seed``: what is lost depends on it."""

    def __init__(
        self, near: Link, far: Link, path: Path, *, seed: int = 0, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._clock = clock
        self._started = clock()
        streams = stream(seed, "path there"), stream(seed, "path back")
        self._near, self._far = path.between(near, far, self._started, streams, self._note)
        self._due: list[int] = []
        """Of the packets that are handed on in this turn."""
        self._late: list[int] = [0] * BUCKETS
        self._fates: Counter[str] = Counter()
        self._size: int = 0
        self._idle: int = 0

    def turn(self) -> int | None:
        """Move what there is to move. Returns when to call again (ns) if nothing arrives; None: only then.

        Raises ``OSError`` when a link is gone."""
        now = self._clock()
        near, far = self._near, self._far
        there = near.receive(now, BATCH)
        if there:
            self._drop(len(there) - far.send(there, now))
        back = far.receive(now, BATCH)
        if back:
            self._drop(len(back) - near.send(back, now))
        if self._due:
            self._measure()
        at, other = near.next_deadline(), far.next_deadline()
        if at is None or other is None:
            return other if at is None else at
        return min(at, other)

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until ``until()`` is true, which is asked every 0.1 s. Raises ``OSError`` when a link is gone."""
        _sharpen_timers()
        descriptors = [self._near.fileno(), self._far.fileno()]
        look = self._clock() + int(LONGEST_WAIT * 1e9)
        while True:
            deadline = self.turn()
            now = self._clock()
            if now >= look:
                if until():
                    return
                look = now + int(LONGEST_WAIT * 1e9)
            wait = LONGEST_WAIT if deadline is None else min((deadline - now) / 1e9, LONGEST_WAIT)
            if wait > 0:
                # select, because the others count in milliseconds.
                select.select(descriptors, [], [], wait)
                self._idle += self._clock() - now

    def report(self) -> Report:
        """The figures from the beginning until now."""
        elapsed = max(self._clock() - self._started, 1)
        return Report(
            sum(self._late),
            self._size,
            dict(self._fates),
            self._percentile(50),
            self._percentile(99),
            round(1 - self._idle / elapsed, 3),
        )

    def close(self) -> None:
        """Close both links; what is under way is lost."""
        self._near.close()
        self._far.close()

    def _note(self, now: int, direction: str, packet: Packet, fate: str) -> None:
        """A packet's way ends, at the time that the path says."""
        if direction == "out":
            self._fates[fate] += 1
            if fate in ("delivered", "duplicate"):
                self._due.append(now)
                self._size += packet.size()

    def _measure(self) -> None:
        """Everything that was due has just been sent."""
        now = self._clock()
        late = self._late
        for due in self._due:
            bucket = (now - due) // BUCKET
            late[bucket if bucket < BUCKETS else -1] += 1
        self._due.clear()

    def _drop(self, count: int) -> None:
        """The link in front is full, and so is our patience."""
        if count:
            self._fates["no room"] += count

    def _percentile(self, percent: int) -> int:
        """The upper end of the bucket."""
        left = -(-sum(self._late) * percent // 100)
        for number, count in enumerate(self._late):
            left -= count
            if left <= 0 < count:
                return (number + 1) * BUCKET
        return 0


def _sharpen_timers() -> None:
    """Ask the kernel to wake us when we said, not up to 50 µs later (proc(5), timerslack_ns)."""
    with suppress(OSError):
        descriptor = os.open("/proc/self/timerslack_ns", os.O_WRONLY)
        try:
            os.write(descriptor, b"1")
        finally:
            os.close(descriptor)
