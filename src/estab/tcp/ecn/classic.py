"""ECN as in RFC 3168 §6.1: the receiver repeats ECE until the sender says CWR."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from estab.tcp.ecn.feedback import EcnFeedback, hurry
from estab.tcp.snapshot import Slots
from estab.wire.packet import ECN_ECT0, ECN_NOT_ECT
from estab.wire.tcp import CWR, ECE, SYN

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment


class ClassicEcn(EcnFeedback):
    """One bit of feedback for a round trip."""

    __slots__ = ("cwr_owed", "echoing")
    PLAIN: ClassVar[Slots] = (*EcnFeedback.PLAIN, "echoing", "cwr_owed")

    name: ClassVar[str] = "classic"

    def __init__(self, iss: int, sends: bool) -> None:
        super().__init__(iss, sends)
        self.echoing: bool = False
        """CE has come, and no CWR since (§6.1.3)."""
        self.cwr_owed: bool = False
        """The window was reduced, and no new data has gone out since (§6.1.2)."""

    def syn_ack(self, c: Connection, segment: Segment, transmission: int) -> None:
        segment.flags |= ECE

    def on_packet(self, c: Connection, segment: Segment, now: int) -> None:
        """Only data counts: nothing else may be marked. A CWR answers marks before its own packet's."""
        if not segment.length:
            return
        before = self.echoing
        if segment.flags & CWR:
            self.echoing = False
        if segment.ce:
            self.marked += segment.ce
            self.echoing = True
        if self.echoing is not before or segment.flags & CWR:
            hurry(c, segment)

    def on_ack(self, c: Connection, segment: Segment, news: int) -> bool:
        return self.sends and segment.flags & (ECE | SYN) == ECE

    def dress(self, c: Connection, segment: Segment) -> None:
        """ECT and CWR on new data only: a repetition that is lost must be missed, and a forged one must not count
        (§6.1.4, §6.1.5, §6.1.6)."""
        if self.echoing:
            segment.flags |= ECE
        if segment.length and segment.seq >= c.snd_nxt:
            segment.ecn = ECN_ECT0 if self.sends else ECN_NOT_ECT
            if self.cwr_owed:
                self.cwr_owed = False
                segment.flags |= CWR

    def on_reduced(self, snd_nxt: int) -> None:
        super().on_reduced(snd_nxt)
        self.cwr_owed = True
