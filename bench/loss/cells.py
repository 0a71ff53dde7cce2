"""What is compared: paths, controls, and the part that estab plays."""

from __future__ import annotations

from typing import Final, NamedTuple

from estab.faults.path import Line, Path, bandwidth_delay

CONTROLS: Final = {"newreno": "reno", "cubic": "cubic", "bbr": "bbr"}
"""Our names and the kernel's."""
MEGABIT: Final = 1_000_000
MILLISECOND: Final = 1_000_000
SMALLEST_QUEUE: Final = 15_000
"""Bytes: ten packets, where the bandwidth-delay product is less."""


class Cell(NamedTuple):
    """One flow on one path; both directions are alike, and the queue holds one bandwidth-delay product."""

    rtt_ms: int
    loss: float
    rate_mbit: int
    control: str

    @property
    def counted(self) -> bool:
        """The kernel's BBR is version 1, which ignores loss: beyond 1 % there is nothing to compare."""
        return self.control != "bbr" or self.loss <= 0.01

    @property
    def path(self) -> Path:
        rate, rtt = self.rate_mbit * MEGABIT, self.rtt_ms * MILLISECOND
        queue = max(bandwidth_delay(rate, rtt), SMALLEST_QUEUE)
        return Path(Line(rate, queue, rtt // 2, loss=self.loss))


FULL: Final = (
    Cell(20, 0.0, 10, "newreno"),
    Cell(20, 0.001, 100, "newreno"),
    Cell(20, 0.01, 10, "newreno"),
    Cell(20, 0.05, 10, "newreno"),
    Cell(20, 0.0, 100, "cubic"),
    Cell(100, 0.001, 10, "cubic"),
    Cell(20, 0.01, 100, "cubic"),
    Cell(100, 0.01, 10, "cubic"),
    Cell(20, 0.05, 10, "cubic"),
    Cell(100, 0.0, 10, "bbr"),
    Cell(20, 0.001, 10, "bbr"),
    Cell(20, 0.01, 10, "bbr"),
    Cell(20, 0.05, 10, "bbr"),
)
"""With 15 runs of 5 s each, under 20 minutes."""

QUICK: Final = (
    Cell(20, 0.01, 10, "newreno"),
    Cell(20, 0.0, 100, "cubic"),
    Cell(20, 0.01, 100, "cubic"),
    Cell(20, 0.01, 10, "bbr"),
)
"""With 9 runs of 5 s each, under 5 minutes."""
