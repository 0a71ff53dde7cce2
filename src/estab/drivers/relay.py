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

from estab.faults.link import FaultyLink
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
    """The share of the time in which the relay was at work, or wanted to be; near 1 it is the bottleneck."""
    cpu: float
    """The share of one core that it had. Where others compete for the cores it is less than ``busy``."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Relay:
    """A path between two links, both of which are the relay's from now on. Everything happens in one thread.

    What arrives at ``near`` leaves at ``far``, and the other way round. ``seed``: what is lost depends on it."""

    def __init__(
        self,
        near: Link,
        far: Link,
        path: Path,
        *,
        seed: int = 0,
        clock: Callable[[], int] = time.monotonic_ns,
        cpu: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        """clock, cpu: the time, and that during which this thread has had a core (ns)."""
        self._clock = clock
        self._started = clock()
        self._cpu = cpu
        self._cpu_before = cpu()
        streams = stream(seed, "path there"), stream(seed, "path back")
        self._near, self._far = near, far
        self._back, self._there = path.between(near, far, self._started, streams, self._note)
        self._due: list[int] = []
        """Of the packets that are handed on in this turn."""
        self._late: list[int] = [0] * BUCKETS
        self._fates: Counter[str] = Counter()
        self._size: int = 0
        self._idle: int = 0

    def turn(self, near: bool = True, far: bool = True) -> int | None:
        """Move what there is to move. Returns when to call again (ns) if nothing arrives; None: only then.

        near, far: something may have come there, so it is worth reading. Raises ``OSError`` when a link is gone."""
        now = self._clock()
        self._carry(self._near if near else None, self._there, now)
        self._carry(self._far if far else None, self._back, now)
        if self._due:
            self._measure()
        at, other = self._back.next_deadline(), self._there.next_deadline()
        if at is None or other is None:
            return other if at is None else at
        return min(at, other)

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until ``until()`` is true, which is asked every 0.1 s. Raises ``OSError`` when a link is gone."""
        _sharpen_timers()
        near, far = descriptors = [self._near.fileno(), self._far.fileno()]
        readable = descriptors
        look = self._clock() + int(LONGEST_WAIT * 1e9)
        while True:
            deadline = self.turn(near in readable, far in readable)
            now = self._clock()
            if now >= look:
                if until():
                    return
                look = now + int(LONGEST_WAIT * 1e9)
            wait = LONGEST_WAIT if deadline is None else min((deadline - now) / 1e9, LONGEST_WAIT)
            # select, because the others count in milliseconds.
            readable = select.select(descriptors, [], [], max(wait, 0))[0]
            if wait > 0:
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
            round((self._cpu() - self._cpu_before) / elapsed, 3),
        )

    def close(self) -> None:
        """Close both links; what is under way is lost."""
        self._back.close()
        self._there.close()

    def _carry(self, source: Link | None, way: FaultyLink, now: int) -> None:
        """What has come at one end sets out, and what is due arrives."""
        packets = source.receive(now, BATCH) if source is not None else ()
        if not packets:
            way.receive(now, 0)
        elif left := len(packets) - way.send(packets, now):
            # The link in front is full, and so is our patience.
            self._fates["no room"] += left

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
