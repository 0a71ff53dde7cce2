"""How much of a round trip is the path: on one that has been seen to be short, the rest is a queue.

A window that grows with the time that a queue takes makes the queue longer, and so itself grow again. But a path may
become longer, and from one connection nothing tells that from a queue that stays. So a length that no round trip falls
below for long is believed in the end; if it was a queue, it grows by that, and the next length takes twice as long.
"""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import SECOND
from estab.tcp.snapshot import Slots, Snapshot

_PATIENCE: Final = 10 * SECOND


class ShortPath(Snapshot):
    """Times in ns."""

    __slots__ = ("believe_at", "bound", "least", "patience")
    PLAIN: ClassVar[Slots] = ("bound", "least", "patience")
    TIMES: ClassVar[Slots] = ("believe_at",)

    def __init__(self) -> None:
        self.bound: int = 0
        """No round trip counts for more; 0: the path has never been short, and all of it counts."""
        self.least: int = 0
        """The least above the bound since it was last met, as long as there is a time to believe it."""
        self.patience: int = _PATIENCE
        self.believe_at: int | None = None

    def on_sample(self, rtt: int, low_rtt: int, now: int) -> None:
        """A round trip took so long; ``low_rtt``: what is shorter is short."""
        if rtt < low_rtt:
            self.bound, self.patience, self.believe_at = low_rtt, _PATIENCE, None
        elif rtt <= self.bound:
            self.believe_at = None
        elif self.bound:
            self._on_longer(rtt, now)

    def _on_longer(self, rtt: int, now: int) -> None:
        if self.believe_at is None:
            # From the first one on: a pause in which nothing came has shown nothing.
            self.least, self.believe_at = rtt, now + self.patience
            return
        self.least = min(self.least, rtt)
        if now >= self.believe_at:
            self.bound, self.believe_at = self.least, None
            self.patience *= 2

    def of(self, rtt: int) -> int:
        """What counts of a round trip."""
        return min(rtt, self.bound) if self.bound else rtt
