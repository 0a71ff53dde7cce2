"""What BBR distils from samples: the greatest bandwidth, whether the pipe is full, bursts of ACKs, the least RTT."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.snapshot import Slots, Snapshot

_FULL_ROUNDS: Final = 3
_PROBE_RTT_INTERVAL: Final = 5 * SECOND
_PROBE_RTT_ROUNDS: Final = 40
"""The draft has the interval be five seconds whatever the path is. But a ProbeRTT takes more than a round trip at half
the rate, so that of a path of 600 ms it would leave seven eighths: at least so many rounds lie between two."""

PROBE_RTT_DURATION: Final = 200 * MILLISECOND


class MaxBandwidth(Snapshot):
    """The greatest rate (bytes/s) of the present cycle of ProbeBW and the one before it. Exactly two."""

    __slots__ = ("earlier", "latest", "value")
    PLAIN: ClassVar[Slots] = ("earlier", "latest", "value")

    def __init__(self) -> None:
        self.earlier: int = 0
        self.latest: int = 0
        self.value: int = 0

    def update(self, rate: int) -> None:
        if rate > self.latest:
            self.latest = rate
            self.value = max(self.earlier, rate)

    def advance(self) -> None:
        """A cycle is over. While the new one has no sample yet, the old one still counts."""
        if self.latest:
            self.earlier, self.latest = self.latest, 0
            self.value = self.earlier


class FullPipe(Snapshot):
    """Three rounds in which the rate grew by less than a quarter: more in flight brings no more bandwidth."""

    __slots__ = ("count", "now", "rate", "reached")
    PLAIN: ClassVar[Slots] = ("rate", "count", "now", "reached")

    def __init__(self) -> None:
        self.rate: int = 0
        self.count: int = 0
        self.now: bool = False
        """Found since ``restart``: ends ProbeBW_UP."""
        self.reached: bool = False
        """Found ever: ends Startup."""

    def restart(self, rate: int) -> None:
        """Look again, from ``rate`` on."""
        self.rate = rate
        self.count = 0
        self.now = False

    def on_round(self, rate: int) -> None:
        """A round that was not short of data has ended with a sample of ``rate``."""
        if self.now:
            return
        if 4 * rate >= 5 * self.rate:
            self.restart(rate)
            return
        self.count += 1
        if self.count == _FULL_ROUNDS:
            self.now = self.reached = True


class Aggregation(Snapshot):
    """How much more is acknowledged at once than the bandwidth explains (bytes): the window must cover it."""

    __slots__ = ("acked", "best", "start")
    PLAIN: ClassVar[Slots] = ("acked", "best")
    TIMES: ClassVar[Slots] = ("start",)

    def __init__(self) -> None:
        self.start: int | None = None
        self.acked: int = 0
        self.best: tuple[tuple[int, int], ...] = ()
        """(round, bytes), the round rising and the bytes falling: a windowed maximum, one entry a round at most."""

    @property
    def extra(self) -> int:
        return self.best[0][1] if self.best else 0

    def restart(self, now: int) -> None:
        self.start = now
        self.acked = 0

    def update(self, now: int, delivered: int, bandwidth: int, *, cwnd: int, round_count: int, rounds: int) -> None:
        """``rounds``: how long a maximum is remembered."""
        if self.start is None:
            self.start = now
        expected = bandwidth * (now - self.start) // SECOND
        if self.acked <= expected:
            self.restart(now)
            expected = 0
        self.acked += delivered
        extra = min(self.acked - expected, cwnd)
        best = self.best
        if best and best[-1][0] == round_count and best[-1][1] >= extra and best[0][0] > round_count - rounds:
            return
        kept = tuple(entry for entry in best if entry[0] > round_count - rounds and entry[1] > extra)
        # A greater one of this round outlives it.
        self.best = kept if kept and kept[-1][0] == round_count else (*kept, (round_count, extra))


class MinRtt(Snapshot):
    """The least RTT (ns; 0: unknown) of two intervals, and when to make room in the queue to see it again."""

    __slots__ = ("at", "expired", "probe", "probe_at", "value")
    PLAIN: ClassVar[Slots] = ("value", "probe", "expired")
    TIMES: ClassVar[Slots] = ("at", "probe_at")

    def __init__(self) -> None:
        self.value: int = 0
        self.at: int | None = None
        self.probe: int = 0
        """The least of one interval."""
        self.probe_at: int | None = None
        self.expired: bool = False
        """No sample below ``probe`` for an interval, as of the last acknowledgement."""

    def update(self, now: int, rtt: int | None, known: int) -> None:
        """``known``: the least RTT of the connection, of which the handshake is part."""
        if self.probe_at is None or self.at is None:
            self.at = self.probe_at = now
            self.value = known
        interval = max(_PROBE_RTT_INTERVAL, _PROBE_RTT_ROUNDS * self.value)
        self.expired = now > self.probe_at + interval
        if rtt is not None and (rtt < self.probe or self.expired or not self.probe):
            self.probe = rtt
            self.probe_at = now
        if self.probe and (self.probe < self.value or not self.value or now > self.at + 2 * interval):
            self.value = self.probe
            self.at = self.probe_at
