"""HyStart++: leaving slow start when the round-trip time rises, before the queue overflows (RFC 9406)."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Final

from estab.tcp.config import MILLISECOND
from estab.tcp.snapshot import Slots, Snapshot

_MIN_RTT_THRESHOLD: Final = 4 * MILLISECOND
_MAX_RTT_THRESHOLD: Final = 16 * MILLISECOND
_MIN_RTT_DIVISOR: Final = 8
_RTT_SAMPLES: Final = 8
_CSS_GROWTH_DIVISOR: Final = 4
_CSS_ROUNDS: Final = 5


class Phase(Enum):
    """Where slow start stands."""

    SLOW_START = "slow start"
    CONSERVATIVE = "conservative slow start"
    DONE = "done"
    """It was left, or loss has ended it: for good (§4.3: only the initial slow start)."""

    __hash__ = object.__hash__


SLOW_START: Final = Phase.SLOW_START
CONSERVATIVE: Final = Phase.CONSERVATIVE
DONE: Final = Phase.DONE


class HyStart(Snapshot):
    """Bytes and ns; an RTT of 0 is none. A round ends when what was in flight at its beginning is delivered."""

    __slots__ = ("baseline", "delivered", "last_rtt", "phase", "round_end", "round_rtt", "rounds", "samples")
    PLAIN: ClassVar[Slots] = (
        "phase",
        "delivered",
        "round_end",
        "round_rtt",
        "last_rtt",
        "samples",
        "baseline",
        "rounds",
    )

    def __init__(self) -> None:
        self.phase: Phase = SLOW_START
        self.delivered: int = 0
        self.round_end: int = 0
        """The round lasts until this much is delivered; 0: none has begun."""
        self.round_rtt: int = 0
        """currentRoundMinRTT."""
        self.last_rtt: int = 0
        """lastRoundMinRTT."""
        self.samples: int = 0
        self.baseline: int = 0
        """cssBaselineMinRtt."""
        self.rounds: int = 0
        """Rounds of conservative slow start that are over, the one of its entry included."""

    def on_ack(self, delivered: int, in_flight: int, rtt: int | None) -> bool:
        """``in_flight``: before this acknowledgement. True when it is time to leave slow start (§4.2)."""
        if not self.round_end:
            self.round_end = in_flight
        self.delivered += delivered
        if rtt is not None:
            self._sample(rtt)
        if self.delivered >= self.round_end:
            self._next_round(in_flight - delivered)
        return self.phase is DONE

    def growth(self, size: int) -> int:
        """What ``size`` bytes acknowledged add to the window."""
        return size // _CSS_GROWTH_DIVISOR if self.phase is CONSERVATIVE else size

    def _sample(self, rtt: int) -> None:
        self.samples += 1
        if not self.round_rtt or rtt < self.round_rtt:
            self.round_rtt = rtt
        if self.samples < _RTT_SAMPLES:
            return
        if self.phase is CONSERVATIVE:
            if self.round_rtt < self.baseline:
                self.phase = SLOW_START
        elif self.last_rtt and self.round_rtt >= self.last_rtt + threshold(self.last_rtt):
            self.phase = CONSERVATIVE
            self.baseline = self.round_rtt
            self.rounds = 0

    def _next_round(self, in_flight: int) -> None:
        if self.phase is CONSERVATIVE:
            self.rounds += 1
            if self.rounds == _CSS_ROUNDS:
                self.phase = DONE
        self.round_end = self.delivered + max(in_flight, 1)
        self.last_rtt = self.round_rtt
        self.round_rtt = self.samples = 0


def threshold(last_rtt: int) -> int:
    """RttThresh: how much longer a round trip must be than in the round before (ns)."""
    return max(_MIN_RTT_THRESHOLD, min(last_rtt // _MIN_RTT_DIVISOR, _MAX_RTT_THRESHOLD))
