"""The interface that every congestion control fills."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import ClassVar, Final

from estab.tcp.config import SECOND, Config
from estab.tcp.delivery import Loss, RateSample
from estab.tcp.snapshot import Snapshot
from estab.wire.form import mypyc_attr

UNBOUNDED: Final = 1 << 40
"""More bytes than any window: no slow-start threshold yet."""


class Ack:
    """What an acknowledgement told, in bytes and ns."""

    __slots__ = (
        *("delivered", "in_flight", "limited", "lost", "min_rtt", "now", "recovered", "recovering", "rtt", "sample"),
        "srtt",
    )

    def __init__(  # noqa: PLR0917  (called with positions: keywords cost time here)
        self,
        now: int,
        delivered: int,
        in_flight: int,
        rtt: int | None,
        limited: bool,
        recovering: bool,
        lost: int = 0,
        srtt: int = 0,
        min_rtt: int = 0,
        sample: RateSample | None = None,
        recovered: bool = False,
    ) -> None:
        self.now: int = now
        self.delivered: int = delivered
        """Bytes newly acknowledged, cumulatively or by SACK."""
        self.in_flight: int = in_flight
        """Bytes in the network before this acknowledgement."""
        self.rtt: int | None = rtt
        """A valid sample, if it gave one."""
        self.limited: bool = limited
        """The window, not the application, had limited the sender."""
        self.recovering: bool = recovering
        """Loss recovery goes on: the window is not to be opened."""
        self.lost: int = lost
        """Bytes newly believed lost because of it."""
        self.srtt: int = srtt
        """Smoothed, this sample included; 0: not known yet."""
        self.min_rtt: int = min_rtt
        """The least of the connection; 0: not known yet."""
        self.sample: RateSample | None = sample
        """For controls that are ``sampled``."""
        self.recovered: bool = recovered
        """Loss recovery ends with it: the window stays what recovery left (RFC 5681 §3.2 step 6), but growth from
        there on begins with what it delivered."""


@mypyc_attr(allow_interpreted_subclasses=True)
class CongestionControl(Snapshot, metaclass=ABCMeta):
    """``cwnd`` and ``ssthresh`` in bytes."""

    __slots__ = ("cwnd", "mss", "ssthresh")

    uses_prr: ClassVar[bool] = True
    """During recovery the window follows RFC 9937; otherwise the control sets it itself."""
    paced: ClassVar[bool] = False
    """It must not be sent faster than ``pacing_rate``; others may be spread by it."""
    sampled: ClassVar[bool] = False
    """It needs the delivery rate: ``Ack.sample``, ``on_sent`` and ``on_lost``."""
    ecn_capable: ClassVar[bool] = True
    """It knows what to do about a mark, so what it sends may be marked."""

    def __init__(self, config: Config, mss: int) -> None:
        self.mss: int = mss
        self.cwnd: int = min(config.initial_window * mss, max(2 * mss, config.initial_window * 1460))
        self.ssthresh: int = UNBOUNDED

    def pacing_rate(self, srtt: int) -> int | None:
        """Bytes per second at which to spread what the window allows, or None: as fast as the window opens.

        Faster than a window per round trip, so that pacing never holds back what the window would let go: twice as
        fast while it may double, a fifth faster in avoidance.
        """
        if not srtt:
            return None
        rate = self.cwnd * SECOND // srtt
        return 2 * rate if 2 * self.cwnd < self.ssthresh else rate + rate // 5

    @abstractmethod
    def on_ack(self, ack: Ack) -> None:
        """Something was delivered; losses and the end of a recovery that it brings have been reported before."""

    @abstractmethod
    def on_loss(self, now: int, in_flight: int) -> None:
        """Loss was detected without a timeout: once per window of data."""

    @abstractmethod
    def on_ecn(self, now: int, in_flight: int) -> None:
        """The peer reported congestion that lost nothing (RFC 3168 §6.1.2): once per window of data."""

    @abstractmethod
    def on_timeout(self, now: int, in_flight: int, first: bool) -> None:
        """The retransmission timer expired; ``first``: for the first time for this data."""

    @abstractmethod
    def on_idle(self, restart_window: int) -> None:
        """Sending starts again after more than an RTO of silence."""

    @abstractmethod
    def on_undo(self) -> None:
        """The last reduction was a mistake: back to what was before it. Without one, nothing happens."""

    def on_recovered(self, now: int) -> None:
        """What was outstanding when loss was detected, by whatever means, is acknowledged."""

    def on_sent(self, now: int, size: int, in_flight: int, app_limited: bool) -> None:
        """``size`` bytes go out on top of ``in_flight``; only for controls that are ``sampled``."""

    def on_lost(self, now: int, loss: Loss) -> None:
        """A transmission is believed lost, whether by an ACK or by a timer; only for controls that are ``sampled``."""

    def on_mss(self, mss: int) -> None:
        """The path takes segments of another size now."""
        self.mss = mss
        self.cwnd = max(self.cwnd, mss)

    def on_syn_loss(self) -> None:
        """RFC 5681 §3.1: after the loss of a SYN the initial window is one segment."""
        self.cwnd = self.mss
