"""The interface that every congestion control fills."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from estab.tcp.config import Config
from estab.tcp.snapshot import Snapshot


class Ack(NamedTuple):
    """What an acknowledgement told, in bytes and ns."""

    now: int
    delivered: int
    """Bytes newly acknowledged, cumulatively or by SACK."""
    in_flight: int
    """Bytes in the network before this acknowledgement."""
    rtt: int | None
    """A valid sample, if it gave one."""
    limited: bool
    """The window, not the application, had limited the sender."""
    recovering: bool
    """Loss recovery goes on: the window is not to be opened."""


class CongestionControl(Snapshot, ABC):
    """``cwnd`` and ``ssthresh`` in bytes."""

    __slots__ = ("cwnd", "mss", "ssthresh")

    def __init__(self, config: Config, mss: int) -> None:
        self.mss: int = mss
        self.cwnd: int = min(config.initial_window * mss, max(2 * mss, config.initial_window * 1460))
        self.ssthresh: int = 1 << 40

    def pacing_rate(self, srtt: int) -> int | None:
        """Bytes per second at which to spread what the window allows, or None: as fast as the window opens."""
        return None

    @abstractmethod
    def on_ack(self, ack: Ack) -> None:
        """New data was acknowledged."""

    @abstractmethod
    def on_loss(self, now: int, in_flight: int) -> None:
        """Loss was detected without a timeout: once per window of data."""

    @abstractmethod
    def on_timeout(self, now: int, in_flight: int, first: bool) -> None:
        """The retransmission timer expired; ``first``: for the first time for this data."""

    @abstractmethod
    def on_idle(self, restart_window: int) -> None:
        """Sending starts again after more than an RTO of silence."""

    def on_mss(self, mss: int) -> None:
        """The path takes segments of another size now."""
        self.mss = mss
        self.cwnd = max(self.cwnd, mss)

    def on_syn_loss(self) -> None:
        """RFC 5681 §3.1: after the loss of a SYN the initial window is one segment."""
        self.cwnd = self.mss
