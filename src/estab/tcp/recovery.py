"""Loss detection by duplicate acknowledgements and by timeout: RFC 5681 §3.2, RFC 6582, RFC 3042.

The window is never inflated. A duplicate acknowledgement says that a segment has left the network, so it takes a
segment out of the pipe; with SACK the board knows which.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Final

from estab.tcp.config import Config
from estab.tcp.scoreboard import Scoreboard
from estab.tcp.snapshot import Slots, Snapshot


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
    """Decides which ranges of a scoreboard are lost. ``recover`` is RFC 6582's variable of that name."""

    __slots__ = ("config", "departed", "duplicates", "forced", "phase", "recover")
    PLAIN: ClassVar[Slots] = ("phase", "duplicates", "departed", "forced")
    SENT: ClassVar[Slots] = ("recover",)
    DERIVED: ClassVar[Slots] = ("config",)

    def __init__(self, config: Config, iss: int) -> None:
        self.config: Config = config
        self.phase: Phase = OPEN
        self.duplicates: int = 0
        self.departed: int = 0
        """Bytes that duplicate acknowledgements say have arrived, where no SACK says which."""
        self.recover: int = iss
        self.forced: bool = False
        """The first retransmission of a recovery goes out whatever the window says."""

    def pipe(self, board: Scoreboard) -> int:
        """Bytes in the network."""
        return board.outstanding() - self.departed

    def on_duplicate(self, board: Scoreboard, snd_una: int, snd_nxt: int, mss: int, sack: bool) -> bool:
        """A duplicate acknowledgement; ``sack``: the peer uses SACK. True when recovery begins."""
        self.duplicates += 1
        if not sack:
            self.departed = min(self.departed + mss, max(self._witnesses(board, snd_una) - mss, 0))
        if self.phase is not OPEN:
            self._mark_by_sack(board, snd_una, mss)
            return False
        threshold = self.config.duplicate_threshold
        enough = self.duplicates >= threshold or board.sacked > (threshold - 1) * mss
        if not enough or (not sack and snd_una <= self.recover):
            return False
        self.phase = RECOVERY
        self.recover = snd_nxt
        self.forced = True
        board.mark_lost(snd_una, min(snd_una + mss, snd_nxt))
        self._mark_by_sack(board, snd_una, mss)
        return True

    def on_progress(self, board: Scoreboard, snd_una: int, snd_nxt: int, mss: int, delivered: int) -> bool:
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
            return True
        if self.phase is RECOVERY:
            # A partial acknowledgement: what follows it is the next hole (RFC 6582 §3.2 step 3).
            board.mark_lost(snd_una, min(snd_una + mss, snd_nxt), only_once_sent=bool(board.sacked))
            self._mark_by_sack(board, snd_una, mss)
            self.forced = True
        return False

    def on_timeout(self, board: Scoreboard, snd_una: int, snd_nxt: int) -> None:
        """Everything outstanding is believed lost (RFC 5681 §3.1, RFC 6582 §3.2 step 4)."""
        board.forget_sacks()
        board.mark_lost(snd_una, snd_nxt)
        self.phase = LOSS
        self.recover = snd_nxt
        self.duplicates = 0
        self.departed = 0
        self.forced = True

    def _witnesses(self, board: Scoreboard, snd_una: int) -> int:
        """Bytes whose arrival duplicates may tell of: in recovery what was out when it began, or forged ones would
        draw ever more new data (RFC 5681 §3.2 step 4)."""
        out = board.outstanding()
        return min(out, self.recover - snd_una) if self.phase is RECOVERY else out

    def _mark_by_sack(self, board: Scoreboard, snd_una: int, mss: int) -> None:
        """IsLost of RFC 6675 §4, by bytes: more than (threshold - 1) segments are SACKed above it."""
        highest = board.highest_sacked()
        if highest is not None:
            edge = highest - self.config.duplicate_threshold * mss
            if edge > snd_una:
                board.mark_lost(snd_una, edge, only_once_sent=True)
