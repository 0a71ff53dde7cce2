"""RACK: loss detection by time, from the newest delivery (RFC 8985 §6), with its adaptive reordering window."""

from __future__ import annotations

from typing import ClassVar, Final

from estab.tcp.scoreboard import Scoreboard, SentRange
from estab.tcp.snapshot import Slots, Snapshot

_PERSIST: Final = 16
"""Recoveries without D-SACK after which a widened window narrows again: RFC 8985 §6.2 step 4."""


class Rack(Snapshot):
    """Times in ns. ``xmit_at`` and ``end`` belong to the newest transmission known to have been delivered."""

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
        """RFC 8985 §6.2 steps 2 and 3. ``echo_at``: the time that the peer's timestamp echo stands for."""
        rtt = now - entry.sent_at
        if entry.transmissions > 1:
            # Which transmission arrived? Not the last one, if the answer is older or came too soon.
            if (echo_at is not None and echo_at < entry.sent_at) or rtt < min_rtt:
                return
        elif entry.end <= self.fack:
            self.reordering = self.reordering or entry.end < self.fack
        self.fack = max(self.fack, entry.end)
        newer = self.xmit_at is None or entry.sent_at > self.xmit_at
        if newer or (entry.sent_at == self.xmit_at and entry.end > self.end):
            self.xmit_at = entry.sent_at
            self.end = entry.end
            self.rtt = rtt

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
        """Mark what is lost (step 5): (bytes newly lost, ns until the rest has to be judged again or 0)."""
        if self.xmit_at is None:
            return 0, 0
        lost = wait = 0
        entry = board.oldest
        while entry is not None:
            newer = entry.newer
            if entry.sent_at > self.xmit_at or (entry.sent_at == self.xmit_at and entry.end > self.end):
                break
            remaining = entry.sent_at + self.rtt + window - now
            if remaining <= 0:
                lost += entry.end - entry.start
                board.lose(entry)
            else:
                wait = max(wait, remaining)
            entry = newer
        return lost, wait
