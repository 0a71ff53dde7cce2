"""Tail loss probe: the end of a flight gets an acknowledgement without waiting for the timeout (RFC 8985 §7)."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.snapshot import Slots, Snapshot

_SHORTEST: Final = 2_000_000
"""On a path of microseconds a scheduler's hiccup must not look like a loss (ns)."""


class TailLossProbe(Snapshot):
    """At most one probe is outstanding; ``end`` is SND.NXT when it went out."""

    __slots__ = ("end", "flight", "fresh", "owed", "probed", "repeated")
    PLAIN: ClassVar[Slots] = ("owed", "repeated", "fresh", "flight", "probed")
    SENT: ClassVar[Slots] = ("end",)

    def __init__(self) -> None:
        self.owed: bool = False
        """The plan is to send a probe."""
        self.end: int | None = None
        self.repeated: bool = False
        """The probe repeated data: if it repaired a loss, nobody else would notice."""
        self.fresh: bool = False
        """There has been an RTT sample since the last probe."""

        self.flight: int = 0
        """Bytes in flight when the newest segment left, itself included."""
        self.probed: int = 0
        """Those when the segment left that the probe repeats: what was too much, should it be lost."""

    def timeout(self, srtt: int, alone: bool, ack_delay: int) -> int:
        """PTO in ns (§7.2); ``alone``: one segment is in flight, and its acknowledgement may be delayed."""
        return max(2 * srtt, _SHORTEST) + (ack_delay if alone else 0)

    def sent(self, snd_nxt: int, repeated: bool) -> None:
        self.owed = False
        self.end = snd_nxt
        self.repeated = repeated
        self.probed = self.flight
        self.fresh = False

    def on_acknowledged(self, snd_una: int) -> bool:
        """SND.UNA advanced. True when the probe has silently repaired a loss, which is a sign of congestion (§7.4.2).

        A probe that repeated data is judged only by what comes beyond it: until then D-SACK may speak for it."""
        if self.end is None or snd_una < self.end or (self.repeated and snd_una == self.end):
            return False
        self.end = None
        return self.repeated

    def on_duplicate(self, end: int) -> None:
        """Of what ends at ``end`` two copies have arrived: by D-SACK, or by a duplicate without any SACK (§7.4.2)."""
        if self.repeated and end == self.end:
            self.end = None

    def cancel(self) -> None:
        """Recovery begins: its own signals take over."""
        self.owed = False
        self.end = None
