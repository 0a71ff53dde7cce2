"""F-RTO: did a timeout come too early? New data is sent instead of old, and the answers tell (RFC 5682)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from estab.tcp.scoreboard import SentRange
from estab.tcp.snapshot import Slots, Snapshot


class Trial(Snapshot):
    """From a timeout until it is judged. Nothing but the first segment is sent again meanwhile."""

    __slots__ = ("point", "room")
    PLAIN: ClassVar[Slots] = ("room",)
    SENT: ClassVar[Slots] = ("point",)

    def __init__(self) -> None:
        self.point: int | None = None
        """RecoveryPoint: SND.NXT at the first acknowledgement that advanced; None: there was none yet."""
        self.room: int = 0
        """Bytes of new data that may still leave, whatever the congestion window says."""

    def begin(self, snd_una: int, snd_nxt: int, able: bool, mss: int) -> bool:
        """Step 2, SND.UNA advanced: two new segments, or False: recovery goes on as usual.

        ``able``: there is new data and a window for it, and all that was repeated is acknowledged."""
        self.point = snd_nxt
        self.room = 2 * mss
        return able and snd_una < snd_nxt

    def is_spurious(self, snd_una: int, fack: int | None, arrived: Iterable[SentRange]) -> bool:
        """Step 3, on progress or a duplicate: what arrived had left before the timeout, and was never sent again."""
        point = self.point or 0
        if snd_una > point or (fack is not None and fack > point):
            return False
        return any(entry.transmissions == 1 and entry.end <= point for entry in arrived)
