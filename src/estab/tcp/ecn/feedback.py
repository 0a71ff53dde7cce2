"""The interface of ECN on one connection: marks that arrive are told to the peer, and what the peer tells is heard."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from estab.tcp.snapshot import Slots, Snapshot

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment


class EcnFeedback(Snapshot, metaclass=ABCMeta):
    """Made once both sides have agreed; a connection without it sends Not-ECT and reads nothing into the flags."""

    __slots__ = ("holds", "marked", "reducing", "sends", "until")
    PLAIN: ClassVar[Slots] = ("sends", "reducing", "holds", "marked")
    SENT: ClassVar[Slots] = ("until",)

    name: ClassVar[str]

    def __init__(self, iss: int, sends: bool) -> None:
        self.sends: bool = sends
        """New data goes out as ECT(0)."""
        self.until: int = iss
        """What was sent before the last reduction of the window ends here: its marks have been answered."""
        self.reducing: bool = False
        """A mark has reduced the window, and ``until`` is not acknowledged yet."""
        self.holds: int = 0
        """How often in a row a mark came when the window was one segment (§6.1.2)."""
        self.marked: int = 0
        """Packets that came with CE and were acceptable."""

    @property
    def telling(self) -> bool:
        """There is something to say for which only a pure acknowledgement has room."""
        return False

    @abstractmethod
    def syn_ack(self, c: Connection, segment: Segment, transmission: int) -> None:
        """Put the agreement on our SYN-ACK, which is sent for the ``transmission``-th time."""

    @abstractmethod
    def on_packet(self, c: Connection, segment: Segment, now: int) -> None:
        """An acceptable segment with an acceptable ACK has arrived; SYNs are none."""

    @abstractmethod
    def on_ack(self, c: Connection, segment: Segment, news: int) -> bool:
        """Whether an acknowledgement says that what we sent met congestion; ``news``: bytes that it is the first to
        acknowledge."""

    @abstractmethod
    def dress(self, c: Connection, segment: Segment) -> None:
        """Put the feedback, and the codepoint of the IP header, on a segment that goes out."""

    def on_reduced(self, snd_nxt: int) -> None:
        """The window was reduced, for whatever reason: marks on what is out now ask for nothing more."""
        self.until = snd_nxt
        self.reducing = False


def hurry(c: Connection, segment: Segment) -> None:
    """A change of what the network says is told at once; what arrives out of order is acknowledged at once anyway."""
    if segment.seq == c.rcv_nxt and not c.acks_owed and not c.reassembly:
        c.acks_owed = 1
