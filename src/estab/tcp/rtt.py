"""Round-trip time and retransmission timeout: RFC 6298, with RFC 7323 appendix G for many samples per RTT."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import Config
from estab.tcp.snapshot import Slots, Snapshot

_ALPHA_SHIFT: Final = 3
_BETA_SHIFT: Final = 2
_K: Final = 4
_NONE: Final = 1 << 62


class RttEstimator(Snapshot):
    """SRTT, RTTVAR and RTO in nanoseconds; ``srtt`` is 0 until the first sample."""

    __slots__ = (
        *("backoff", "base", "before", "config", "min_rtt", "recent", "relearn_from", "renew_at", "rttvar", "srtt"),
    )
    PLAIN: ClassVar[Slots] = ("srtt", "rttvar", "base", "backoff", "min_rtt", "recent", "before")
    TIMES: ClassVar[Slots] = ("renew_at",)
    SENT: ClassVar[Slots] = ("relearn_from",)
    DERIVED: ClassVar[Slots] = ("config",)

    def __init__(self, config: Config) -> None:
        self.config: Config = config
        self.srtt: int = 0
        self.rttvar: int = 0
        self.min_rtt: int = 0
        """The least of the last ``min_rtt_window``, 0 until the first sample."""
        self.recent: int = _NONE
        """The least since half a window before ``renew_at``, when what came before is forgotten."""
        self.renew_at: int | None = None
        self.base: int = config.rto_initial
        """The RTO before backoff, without slop."""
        self.backoff: int = 0
        """How often the timer has expired since the last valid sample (RFC 6298 §5.5)."""
        self.before: tuple[int, int] = (0, 0)
        """SRTT, with 2 G, and RTTVAR when it expired first."""
        self.relearn_from: int | None = None
        """It has expired too early: what was sent from this position on tells anew."""

    @property
    def rto(self) -> int:
        """The timeout to arm now, backed off and capped (RFC 6298 §2.5, §5.5)."""
        slop = self.config.rto_slop
        if not self.backoff:
            return self.base + slop if self.srtt else self.base
        return min((self.base << self.backoff) + slop, self.config.rto_maximum)

    def on_sample(self, rtt: int, now: int, samples_per_rtt: int = 1) -> None:
        """Take a measurement of a segment that was not retransmitted (Karn) or is known by its timestamp."""
        if rtt < self.recent or (self.renew_at is not None and now >= self.renew_at):
            self._note_minimum(rtt, now)
        if self.srtt == 0:
            self.srtt = rtt
            self.rttvar = rtt >> 1
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) // (samples_per_rtt << _BETA_SHIFT)
            self.srtt += (rtt - self.srtt) // (samples_per_rtt << _ALPHA_SHIFT)
        self._set_timeout()

    def forget_samples(self) -> None:
        """The timeout stays what it is."""
        self.srtt = self.rttvar = self.min_rtt = 0
        self.recent = _NONE
        self.renew_at = None

    def relearn(self, rtt: int, now: int) -> None:
        """RFC 4015 §3.2 (RTO): the first measurement of what was sent after a timeout that came too early."""
        self._note_minimum(rtt, now)
        self.relearn_from = None
        self.srtt = max(self.before[0], rtt)
        self.rttvar = max(self.before[1], rtt >> 1)
        self._set_timeout()

    def _note_minimum(self, rtt: int, now: int) -> None:
        """The least of this half of the window and of the one before (RFC 8985 §6.2: a path may become longer)."""
        half = self.config.min_rtt_window // 2
        if self.renew_at is None or now >= self.renew_at:
            stale = self.renew_at is None or now >= self.renew_at + half
            self.min_rtt = rtt if stale else min(self.recent, rtt)
            self.recent = rtt
            self.renew_at = now + half
        else:
            self.recent = min(self.recent, rtt)
            self.min_rtt = min(self.min_rtt, rtt)

    def _set_timeout(self) -> None:
        config = self.config
        variance = _K * self.rttvar
        if variance < config.clock_granularity:
            variance = config.clock_granularity
        if variance < config.rto_variance_minimum:
            variance = config.rto_variance_minimum
        base = self.srtt + variance
        if base < config.rto_minimum:
            base = config.rto_minimum
        self.base = base if base < config.rto_maximum else config.rto_maximum
        self.backoff = 0

    def on_timeout(self) -> None:
        """Back off (RFC 6298 §5.5). The shift stops where the cap has long been reached."""
        if not self.backoff:
            self.before = (self.srtt + 2 * self.config.clock_granularity, self.rttvar)
        self.backoff = min(self.backoff + 1, 32)

    def on_spurious_timeout(self, snd_nxt: int) -> None:
        """It had come too early; ``snd_nxt``: what SND.NXT was then."""
        self.relearn_from = snd_nxt

    def on_handshake(self, syn_retransmitted: bool) -> None:
        """RFC 6298 §5.7: a SYN that timed out says that the initial RTO was too short for this path."""
        if syn_retransmitted and self.srtt == 0:
            self.base = max(self.base, self.config.rto_after_syn_loss)
        self.backoff = 0
