"""Faults that change at times known beforehand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from random import Random
from typing import Any

from estab.faults.packets import wire_size
from estab.faults.rate import BIT_NANOSECONDS, RateLimit
from estab.faults.timed import Timed
from estab.faults.verdict import PASS, Fault, Verdict
from estab.wire.packet import Packet


class Changing:
    """Another fault from a time on. What one has kept, such as its place in a mask, passes on to the next of its kind.

    steps: from when (ns) each is in force, None for no fault, in order of time; the first is also what was before."""

    __slots__ = ("_current", "_faults", "_times")

    def __init__(self, steps: Sequence[tuple[int, Fault | None]]) -> None:
        """Raises ``ValueError`` unless there are steps, in order of time."""
        self._times = _in_order([since for since, _ in steps])
        self._faults = [fault for _, fault in steps]
        self._current = 0

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        while self._current + 1 < len(self._times) and now >= self._times[self._current + 1]:
            self._change(now)
        fault = self._faults[self._current]
        return PASS if fault is None else fault(packet, now, rng)

    def snapshot(self, now: int) -> Hashable:
        """How far it is, and the state of the fault in force. The times of the steps are absolute."""
        fault: Any = self._faults[self._current]
        return self._current, fault.snapshot(now) if hasattr(fault, "snapshot") else None

    def restore(self, value: Any, now: int) -> None:
        self._current, state = value
        fault: Any = self._faults[self._current]
        if state is not None:
            fault.restore(state, now)

    def _change(self, now: int) -> None:
        old: Any = self._faults[self._current]
        self._current += 1
        new: Any = self._faults[self._current]
        if type(new) is type(old) and hasattr(new, "restore"):
            new.restore(old.snapshot(now), now)


class ChangingRate(Timed):
    """A ``RateLimit`` whose rate changes under the packets that wait: each bit leaves at the rate of its moment.

    steps: from when (ns), bits per second, and the bytes that may wait; the first is also what was before."""

    __slots__ = ("_idle_at", "_queues", "_rates", "_times")

    def __init__(self, steps: Sequence[tuple[int, int, int]]) -> None:
        """Raises ``ValueError`` unless there are steps, in order of time, of positive integers."""
        self._times = _in_order([since for since, _, _ in steps])
        for _, rate, queue in steps:
            RateLimit(rate, queue)
        self._rates = [rate for _, rate, _ in steps]
        self._queues = [queue for _, _, queue in steps]
        self._idle_at = 0

    def when(self, packet: Packet, now: int, rng: Random) -> int | None:
        return self.leave(wire_size(packet), now)

    def leave(self, size: int, now: int) -> int | None:
        """When a packet of ``size`` bytes that comes now has left the line; None: it found the queue full."""
        start = max(now, self._idle_at)
        if start > now and self.backlog(now) + size > self._queues[self._step(now)]:
            return None
        self._idle_at = self._finish(start, size * BIT_NANOSECONDS)
        return self._idle_at

    def backlog(self, now: int) -> int:
        """Bytes that wait or are on the line."""
        work, at, step = 0, now, self._step(now)
        while at < self._idle_at:
            end = min(self._idle_at, self._end(step, self._idle_at))
            work += (end - at) * self._rates[step]
            at, step = end, step + 1
        return work // BIT_NANOSECONDS

    def snapshot(self, now: int) -> int:
        """For how many nanoseconds the line is still busy. The times of the steps are absolute."""
        return max(self._idle_at - now, 0)

    def restore(self, value: int, now: int) -> None:
        self._idle_at = now + value

    def _finish(self, at: int, work: int) -> int:
        """When ``work`` (bits, times ns in a second) is done that begins at ``at``; rounded up."""
        step = self._step(at)
        while True:
            rate = self._rates[step]
            done = at - (-work // rate)
            end = self._end(step, done)
            if done <= end:
                return done
            work -= (end - at) * rate
            at, step = end, step + 1

    def _step(self, now: int) -> int:
        return max(bisect_right(self._times, now) - 1, 0)

    def _end(self, step: int, never: int) -> int:
        """When the next step begins; ``never`` after the last."""
        return self._times[step + 1] if step + 1 < len(self._times) else never


def _in_order(times: list[int]) -> list[int]:
    if not times or times != sorted(times):
        raise ValueError(f"steps from {times} ns: at least one is expected, and in order")
    return times
