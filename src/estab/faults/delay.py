"""The time that a packet takes."""

from __future__ import annotations

from random import Random

from estab.faults.timed import Timed
from estab.faults.verdict import duration
from estab.wire.packet import Packet


class Delay(Timed):
    """Every packet takes ``delay`` ± ``jitter`` ns, evenly distributed over that range.

    With ``keep_order`` a packet never overtakes an earlier one: it waits for it, as in one queue; without, jitter
    reorders, as over several paths."""

    __slots__ = ("_delay", "_jitter", "_keep_order", "_latest")

    def __init__(self, delay: int, jitter: int = 0, keep_order: bool = True) -> None:
        """Raises ``ValueError`` when jitter is larger than delay: packets would arrive before they were sent."""
        self._delay = duration(delay)
        self._jitter = duration(jitter)
        if jitter > delay:
            raise ValueError(f"a jitter of {jitter} ns is larger than the delay of {delay} ns")
        self._keep_order = keep_order
        self._latest = 0

    def when(self, packet: Packet, now: int, rng: Random) -> int | None:
        return self.arrive(now, rng)

    def arrive(self, now: int, rng: Random) -> int:
        """When a packet arrives that sets out now."""
        due = now + self._delay
        if self._jitter:
            due += rng.randrange(-self._jitter, self._jitter + 1)
        if self._keep_order:
            if due < self._latest:
                due = self._latest
            self._latest = due
        return due

    def snapshot(self, now: int) -> int:
        """How long after now the last packet arrives; what is over no longer matters."""
        return max(self._latest - now, 0)

    def restore(self, value: int, now: int) -> None:
        self._latest = now + value
