"""The size of packets that the path takes: RFC 1191 and 8201 when ICMP speaks, RFC 4821 when it is silent."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.config import Config
from estab.tcp.snapshot import Slots, Snapshot

_CLOSE_ENOUGH: Final = 32
"""The search ends when the bounds are this near (bytes)."""


class PathMtu(Snapshot):
    """``mtu`` is in use; a black hole makes it fall to a size that passes, probes search upwards from there.

    Sizes are those of IP packets in bytes.
    """

    __slots__ = (
        "base",
        "config",
        "floor",
        "high",
        "link_mtu",
        "low",
        "mtu",
        "paused",
        "probe",
        "probe_end",
        "probe_start",
        "searching",
    )
    PLAIN: ClassVar[Slots] = ("mtu", "low", "high", "probe", "searching", "paused", "link_mtu")
    SENT: ClassVar[Slots] = ("probe_start", "probe_end")
    DERIVED: ClassVar[Slots] = ("config", "floor", "base")

    def __init__(self, config: Config, link_mtu: int, known: int, ipv6: bool) -> None:
        self.config: Config = config
        self.floor: int = config.minimum_path_mtu_v6 if ipv6 else config.minimum_path_mtu_v4
        self.base: int = max(config.base_path_mtu, self.floor)
        self.link_mtu: int = link_mtu
        self.mtu: int = min(known, link_mtu)
        self.low: int = self.base
        """Largest size known to pass."""
        self.high: int = link_mtu
        """Smallest size known not to pass, or what the link takes."""
        self.searching: bool = False
        self.paused: bool = False
        """A probe was lost a short while ago."""
        self.probe: int = 0
        """Size of the probe in the network, 0: none."""
        self.probe_start: int | None = None
        self.probe_end: int | None = None
        """SND.NXT after the probe."""
        if config.search_path_mtu:
            self.on_black_hole()

    def on_link(self, mtu: int) -> bool:
        """The link's own limit changed. True when ``mtu`` did."""
        old = self.mtu
        grew = mtu > self.link_mtu
        self.link_mtu = mtu
        self.high = mtu
        self.mtu = mtu if grew and not self.searching else min(self.mtu, mtu)
        self.low = min(self.low, self.mtu)
        return self.mtu != old

    def on_icmp(self, mtu: int) -> bool:
        """A validated Packet Too Big. True when it taught something."""
        if not self.floor <= mtu < self.mtu:
            return False
        self.mtu = self.high = mtu
        self.low = min(self.low, mtu)
        self._end_probe()
        return True

    def on_black_hole(self) -> bool:
        """Full-sized segments keep vanishing. True when the size was reduced: RFC 4821 §7.7."""
        if self.mtu <= self.base:
            return False
        self.high = self.mtu
        self.mtu = self.low = self.base
        self.searching = True
        self._end_probe()
        return True

    def next_probe(self) -> int:
        """The size to try next, 0 when there is nothing to search, or a probe is out or was lost just now."""
        if not self.searching or self.probe or self.paused or self.high - self.low <= _CLOSE_ENOUGH:
            return 0
        return (self.low + self.high + 1) // 2

    def resume(self) -> None:
        """The pause is over."""
        self.paused = False

    def raise_again(self) -> bool:
        """Some time has passed: the path may have improved (RFC 4821 §7.3). True when there is a search to do."""
        if self.mtu >= self.link_mtu:
            return False
        self.low = self.mtu
        self.high = self.link_mtu + 1
        self.searching = True
        return True

    def probe_sent(self, size: int, start: int, end: int) -> None:
        self.probe = size
        self.probe_start = start
        self.probe_end = end

    def on_acknowledged(self, snd_una: int) -> bool:
        """True when this acknowledges the probe, and with it the size."""
        if self.probe_end is None or snd_una < self.probe_end:
            return False
        self.mtu = self.low = self.probe
        self._end_probe()
        return True

    def was_repeated(self, start: int, end: int) -> bool:
        """``[start, end)`` was sent again. If the probe was among it, in smaller packets, its acknowledgement will
        prove nothing."""
        if self.probe_start is None or self.probe_end is None:
            return False
        return start < self.probe_end and end > self.probe_start

    def on_probe_lost(self) -> None:
        """Only the probe was lost: it says that the path is smaller, not that it is congested (§7.6.2)."""
        self.high = self.probe
        self.paused = True
        self._end_probe()

    def _end_probe(self) -> None:
        self.probe = 0
        self.probe_start = self.probe_end = None
