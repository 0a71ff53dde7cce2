"""How large a receive buffer has to be: dynamic right-sizing, by what the application reads in a round trip.

A window of just that would do for a sender that neither loses nor grows; twice as much lets it repair a loss within a
round trip, and more lets it double.
"""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import MILLISECOND
from estab.tcp.short_path import ShortPath
from estab.tcp.snapshot import Slots, Snapshot

_GAIN_SHIFT: Final = 3


class ReceiveTuning(Snapshot):
    """The round trip as a receiver sees it, and what was read in the present one. Bytes and ns."""

    __slots__ = ("begun", "echo", "edge", "edge_at", "low_rtt", "path", "previous", "read", "rtt")
    PLAIN: ClassVar[Slots] = ("rtt", "echo", "previous", "read")
    TIMES: ClassVar[Slots] = ("begun", "edge_at")
    RECEIVED: ClassVar[Slots] = ("edge",)
    PARTS: ClassVar[Slots] = ("path",)
    DERIVED: ClassVar[Slots] = ("low_rtt",)

    def __init__(self, previous: int, low_rtt: int) -> None:
        """previous: what a round trip brings without any growth. low_rtt: what is shorter is a short path."""
        self.low_rtt: int = low_rtt
        self.path: ShortPath = ShortPath()
        self.rtt: int = 0
        """0 until there is a sample; nothing is concluded before."""
        self.echo: int = 0
        """The echoed timestamp that gave the latest sample; each gives one."""
        self.edge: int | None = None
        """The right edge of the window at ``edge_at``."""
        self.edge_at: int = 0
        self.previous: int = previous
        """The most that was read in a round trip."""
        self.read: int = 0
        self.begun: int | None = None
        """When the present round trip began; None until it is known how long one is."""

    def on_echo(self, echo: int, age: int, now: int) -> None:
        """A full-sized segment echoes what we sent ``age`` ns of whole ticks ago."""
        self.echo = echo
        self.path.on_sample(age, self.low_rtt, now)
        # Less than a tick is no telling how much; longer than one it is not.
        age = age or MILLISECOND
        self.rtt += (age - self.rtt) >> _GAIN_SHIFT if self.rtt else age

    def on_arrival(self, position: int, edge: int, now: int) -> None:
        """Without timestamps: what lies beyond the edge of the window cannot come before a round trip has passed.

        It may come later; so the shortest time counts."""
        if self.edge is not None and position <= self.edge:
            return
        if self.edge is not None:
            took = max(now - self.edge_at, 1)
            self.path.on_sample(took, self.low_rtt, now)
            self.rtt = min(self.rtt, took) if self.rtt else took
        self.edge, self.edge_at = edge, now

    def on_read(self, size: int, now: int) -> bool:
        """``size`` bytes were read. True when that ends a round trip: then ``conclude``.

        On a short path a queue does not make it longer: between two standstills of whoever reads, the rate shows."""
        if self.begun is None:
            self.begun = now if self.rtt else None
            return False
        self.read += size
        return now - self.begun >= self.path.of(self.rtt)

    def conclude(self, unread: int, beyond: int, now: int) -> int:
        """The buffer that the round trip calls for, 0 for no other than before.

        What is still ``unread`` says that the application is the slower one, and then no buffer is too small. beyond:
        how far ahead of what is in order the sender is known to be."""
        assert self.begun is not None
        length = self.path.of(self.rtt)
        read = self.read * length // (now - self.begun) - unread
        self.read, self.begun = 0, now
        if read <= self.previous:
            return 0
        previous, self.previous = self.previous, read
        return window_for(read, 0 if self.path.bound else previous) + beyond


def window_for(read: int, previous: int) -> int:
    """Twice what was read, and room for growth at the rate seen. 0 as ``previous``: without that."""
    window = 2 * read
    return window + 2 * window * (read - previous) // previous if previous else window
