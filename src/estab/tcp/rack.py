"""RACK: loss detection by time, from the newest delivery (RFC 8985 §6), with its adaptive reordering window."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.scoreboard import Scoreboard, SentRange, transmission
from estab.tcp.snapshot import Slots, Snapshot

_PERSIST: Final = 16
"""Recoveries without D-SACK after which a widened window narrows again: RFC 8985 §6.2 step 4."""


class Rack(Snapshot):
    """Times in ns. ``xmit_at``, ``end`` and ``rtt`` belong to the newest transmission known to have been delivered."""

    __slots__ = ("dsack_round", "end", "fack", "multiplier", "persist", "reordering", "rtt", "xmit_at")
    PLAIN: ClassVar[Slots] = ("rtt", "reordering", "multiplier", "persist")
    TIMES: ClassVar[Slots] = ("xmit_at",)
    SENT: ClassVar[Slots] = ("end", "fack", "dsack_round")

    def __init__(self, iss: int) -> None:
        self.rtt: int = 0
        self.xmit_at: int | None = None
        self.end: int = iss
        self.fack: int = iss
        """The highest position acknowledged or SACKed."""
        self.reordering: bool = False
        """The path has been seen to reorder."""
        self.multiplier: int = 1
        self.persist: int = 0
        self.dsack_round: int | None = None

    def on_delivered(self, entry: SentRange, now: int, min_rtt: int, echo_at: int | None) -> None:
        """RFC 8985 §6.2 steps 2 and 3; what one acknowledgement shows comes in the order of its transmission.

        ``echo_at``: the time that the peer's timestamp echo stands for."""
        sent_at, end = entry.sent_at, entry.end
        rtt = now - sent_at
        if end > self.fack:
            self.fack = end
        elif end < self.fack and entry.transmissions == 1:
            self.reordering = True
        if entry.transmissions > 1 and ((echo_at is not None and echo_at < sent_at) or rtt < min_rtt):
            # The answer is older than the last transmission, or came too soon for it: it answers an earlier one.
            return
        if self.xmit_at is None or sent_at > self.xmit_at or (sent_at == self.xmit_at and end > self.end):
            self.xmit_at = sent_at
            self.end = end
            self.rtt = rtt

    def forget_newest(self) -> None:
        """What was taken for the newest delivery was none: its answer had been that to an earlier transmission."""
        self.xmit_at = None

    def on_dsack(self, snd_una: int, snd_nxt: int) -> None:
        """A spurious retransmission: wait longer, once per round trip (step 4)."""
        if self.dsack_round is None or snd_una >= self.dsack_round:
            self.dsack_round = snd_nxt
            self.multiplier += 1
            self.persist = _PERSIST

    def on_recovered(self) -> None:
        """A recovery ended; after some without D-SACK the window is what it was."""
        if self.persist:
            self.persist -= 1
            if not self.persist:
                self.multiplier = 1

    def window(self, min_rtt: int, srtt: int, eager: bool) -> int:
        """How long reordering is given the benefit of the doubt; ``eager``: in recovery, or enough was SACKed."""
        if not self.reordering and eager:
            return 0
        return min(self.multiplier * min_rtt // 4, srtt)

    def detect(self, board: Scoreboard, now: int, window: int) -> tuple[int, int]:
        """Mark what is lost (step 5): (bytes newly lost, ns until the last of the rest has to be judged or 0).

        The order of transmission saves looking at the rest: what was sent first is lost first, and what something
        newer was known to have overtaken has stayed so."""
        if self.xmit_at is None:
            return 0, 0
        edge = board.edge
        while edge is not None and transmission(edge) <= (self.xmit_at, self.end):
            edge = edge.newer
        board.edge = edge
        latest = board.newest if edge is None else edge.older
        until = now - self.rtt - window
        lost = 0
        entry = board.oldest
        while entry is not None and entry is not edge and entry.sent_at <= until:
            newer = entry.newer
            lost += entry.end - entry.start
            board.lose(entry)
            entry = newer
        if latest is None or entry is edge:
            return lost, 0
        return lost, latest.sent_at - until
