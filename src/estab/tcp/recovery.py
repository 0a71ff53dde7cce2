"""Where the sender stands after a loss, and detection by duplicate acknowledgements where the peer has no SACK.

RFC 5681 §3.2, RFC 6582, RFC 3042. The window is never inflated: a duplicate acknowledgement says that a segment has
left the network, so it takes one out of the pipe. With SACK, ``rack.py`` detects and the board knows what arrived.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import Any, ClassVar, Final

from estab.tcp.config import Config
from estab.tcp.frto import Trial
from estab.tcp.ranges import NOWHERE, RangeSet
from estab.tcp.scoreboard import Scoreboard
from estab.tcp.snapshot import Origin, Slots, Snapshot


class Phase(Enum):
    """Where the sender stands after a loss."""

    OPEN = "open"
    RECOVERY = "recovery"
    """Fast recovery, until ``recover`` is acknowledged."""
    LOSS = "loss"
    """After a timeout, until ``recover`` is acknowledged."""

    __hash__ = object.__hash__


OPEN: Final = Phase.OPEN
RECOVERY: Final = Phase.RECOVERY
LOSS: Final = Phase.LOSS


class Recovery(Snapshot):
    """One recovery after the other. ``recover`` is RFC 6582's variable of that name."""

    __slots__ = (
        "again",
        "config",
        "departed",
        "duplicates",
        "duplicating",
        "forced",
        "phase",
        "recover",
        "repeated",
        "repeated_at",
        "repeated_end",
        "reported",
        "trial",
        "twice",
        "undo_from",
        "undo_until",
    )
    PLAIN: ClassVar[Slots] = (
        "phase",
        "duplicates",
        "departed",
        "forced",
        "repeated",
        "reported",
        "duplicating",
        "twice",
    )
    TIMES: ClassVar[Slots] = ("repeated_at",)
    SENT: ClassVar[Slots] = ("recover", "repeated_end", "undo_from", "undo_until")
    DERIVED: ClassVar[Slots] = ("config", "again", "trial")

    def __init__(self, config: Config, iss: int) -> None:
        self.config: Config = config
        self.phase: Phase = OPEN
        self.duplicates: int = 0
        self.departed: int = 0
        """Bytes that duplicate acknowledgements say have arrived, where no SACK says which."""
        self.recover: int = iss
        self.forced: bool = False
        """The first retransmission of a recovery goes out whatever the window says."""
        self.again: RangeSet = NOWHERE
        """What was sent again in this recovery, or by a tail probe just before it."""
        self.repeated: int = 0
        """Bytes of those transmissions."""
        self.reported: int = 0
        """Bytes of those that D-SACK has reported as superfluous."""
        self.twice: bool = False
        """Some of it has been sent again more than once: of which transmission a D-SACK speaks is open."""
        self.duplicating: bool = False
        """The network has duplicated something on its own, so D-SACK says nothing about our repetitions."""
        self.repeated_at: int | None = None
        """When the first of them went out; None once the answer to it has been judged."""
        self.repeated_end: int | None = None
        """Where the first of them ends."""
        self.trial: Trial | None = None
        """A timeout is being tried: after the first segment nothing is sent again."""
        self.undo_from: int = iss
        self.undo_until: int | None = None
        """The reduction may still turn out to have been a mistake while SND.UNA is not beyond this."""

    def pipe(self, board: Scoreboard) -> int:
        """Bytes in the network."""
        return board.outstanding() - self.departed

    def on_duplicate(self, board: Scoreboard, snd_una: int, snd_nxt: int, mss: int) -> bool:
        """A duplicate acknowledgement from a peer without SACK. True when recovery begins."""
        self.duplicates += 1
        self.departed = min(self.departed + mss, max(self._witnesses(board, snd_una) - mss, 0))
        if self.phase is not OPEN:
            return False
        if self.duplicates < self.config.duplicate_threshold or snd_una <= self.recover:
            return False
        self.begin(RECOVERY, snd_una, snd_nxt)
        board.mark_lost(snd_una, min(snd_una + mss, snd_nxt))
        return True

    def on_progress(  # noqa: PLR0917
        self, board: Scoreboard, snd_una: int, snd_nxt: int, mss: int, delivered: int, sack: bool = False
    ) -> bool:
        """SND.UNA advanced to ``snd_una``. True when recovery ends with it."""
        self.duplicates = 0
        if self.departed:
            self.departed = max(self.departed - delivered, 0)
        if self.phase is OPEN:
            return False
        if snd_una >= self.recover:
            self.phase = OPEN
            self.departed = 0
            self.forced = False
            self.trial = None
            return True
        if self.phase is RECOVERY and not sack:
            # A partial acknowledgement: what follows it is the next hole (RFC 6582 §3.2 step 3).
            board.mark_lost(snd_una, min(snd_una + mss, snd_nxt))
            self.forced = True
        return False

    def on_timeout(self, board: Scoreboard, snd_una: int, snd_nxt: int, sent_before: int | None = None) -> None:
        """Everything outstanding is believed lost (RFC 5681 §3.1, RFC 6582 §3.2 step 4).

        With ``sent_before`` (ns) only the first range and what is at least as old (RFC 8985 §6.3)."""
        # A peer that had kept a SACKed left edge would have acknowledged it (RFC 2018 §8).
        reneged = bool(board.ranges) and board.ranges[0].sacked
        if reneged or self.config.forget_sacks:
            board.forget_sacks()
        if sent_before is None:
            board.mark_lost(snd_una, snd_nxt)
        else:
            board.mark_lost_before(sent_before)
        if self.phase is LOSS:
            self.recover = snd_nxt
            self.forced = True
        else:
            self.begin(LOSS, snd_una, snd_nxt)
        self.duplicates = 0
        self.departed = 0

    def _witnesses(self, board: Scoreboard, snd_una: int) -> int:
        """Bytes whose arrival duplicates may tell of: in recovery what was out when it began, or forged ones would
        draw ever more new data (RFC 5681 §3.2 step 4)."""
        out = board.outstanding()
        return min(out, self.recover - snd_una) if self.phase is RECOVERY else out

    def begin(self, phase: Phase, snd_una: int, snd_nxt: int) -> None:
        """A recovery starts, and lasts until all that is outstanding now is acknowledged."""
        self.phase = phase
        self.recover = self.undo_until = snd_nxt
        self.undo_from = snd_una
        self.forced = True
        self.again.discard_below(snd_una)
        self.repeated = sum(end - start for start, end in self.again)
        self.reported = 0
        self.twice = False
        self.repeated_at = self.repeated_end = None

    def on_repeated(self, start: int, end: int, snd_nxt: int, now: int) -> None:
        """``[start, end)`` was sent again."""
        self.forced = False
        if (self.phase is OPEN and self.undo_until is None) or self.again is NOWHERE:
            # A tail probe, of which there is one at a time; or the first repetition of all.
            self.again = RangeSet()
            self.repeated = 0
        self.twice = self.twice or self.again.gaps(start, end) != [(start, end)]
        self.again.add(start, end)
        self.repeated += end - start
        if self.phase is OPEN:
            return
        # D-SACK comes behind the acknowledgement of all that was sent before the repetition.
        self.undo_until = None if self.undo_until is None else max(self.undo_until, snd_nxt)
        if self.repeated_end is None:
            self.repeated_at = now
            self.repeated_end = end

    def on_duplicate_report(self, start: int, end: int, unanswered: bool) -> None:
        """D-SACK: ``[start, end)`` has come twice (RFC 3708 §3).

        ``unanswered``: it begins at SND.UNA, and nothing was SACKed, so that every acknowledgement was lost."""
        if self.undo_until is None or start < self.undo_from or end > self.recover:
            return
        around = self.again.find(start)
        if around is None or end > around[1]:
            self.duplicating = True
        elif unanswered or self.twice:
            self.undo_until = None
        else:
            self.reported += end - start

    def is_spurious(self, snd_una: int, echo_at: int | None) -> bool:
        """Was the reduction a mistake? Because D-SACK reports every repetition (RFC 3708), or by the timestamp that
        the answer to the first repetition echoes, and no later one (RFC 3522). ``echo_at``: the time that the echo
        stands for; None where it proves nothing. Asked on every acknowledgement."""
        if self.undo_until is None:
            return False
        if snd_una > self.undo_until:
            self.undo_until = None
            return False
        if self.reported >= self.repeated > 0 and not self.duplicating:
            return True
        if self.repeated_at is None or self.repeated_end is None or snd_una < self.repeated_end or self.phase is OPEN:
            return False
        early = echo_at is not None and echo_at < self.repeated_at
        self.repeated_at = None
        return early

    def confirm(self) -> None:
        """The network says that it was right to reduce, whatever was late (RFC 4015 §3.2)."""
        self.undo_until = None
        self.trial = None

    def undo(self) -> None:
        """It was: go on as if nothing had happened."""
        self.phase = OPEN
        self.undo_until = None
        self.trial = None
        self.forced = False
        self.duplicates = 0
        self.departed = 0

    def snapshot(self, origin: Origin) -> Hashable:
        again = tuple((start - origin.iss, end - origin.iss) for start, end in self.again)
        return super().snapshot(origin), again, None if self.trial is None else self.trial.snapshot(origin)

    def restore(self, value: Any, origin: Origin) -> None:
        base, again, trial = value
        super().restore(base, origin)
        self.trial = None
        if trial is not None:
            self.trial = Trial()
            self.trial.restore(trial, origin)
        self.again = RangeSet()
        for start, end in again:
            self.again.add(start + origin.iss, end + origin.iss)
