"""False alarms: what was late was not lost (RFC 3522, RFC 3708, RFC 5682), and the way back (RFC 4015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.config import MILLISECOND
from estab.tcp.frto import Trial
from estab.tcp.options import echo_age
from estab.tcp.prr import RESTING
from estab.tcp.recovery import LOSS
from estab.wire.sequence import unwrap

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment


class Delivery:
    """What one acknowledgement told. Bytes and ns."""

    __slots__ = ("dsack", "news", "pipe", "progress", "rtt")

    def __init__(self, news: int, pipe: int, rtt: int | None, progress: bool, dsack: bool) -> None:
        self.news: int = news
        """Newly known to have arrived, cumulatively, by SACK, or one segment for a duplicate without SACK."""
        self.pipe: int = pipe
        """In the network before it."""
        self.rtt: int | None = rtt
        self.progress: bool = progress
        """SND.UNA advanced."""
        self.dsack: bool = dsack
        """It reported something that came twice."""


def take_back(c: Connection, segment: Segment, delivery: Delivery, duplicate: bool, now: int) -> bool:
    """True when this acknowledgement shows that the last reduction was a mistake, which is then made good.

    ``duplicate``: it neither advances nor brings anything but the news that something arrived (RFC 5681 §2)."""
    recovery = c.recovery
    late = recovery.phase is LOSS
    if recovery.undo_until is not None:
        echo_at = echoed_time(c, segment, now) if _echo_proves(c, delivery) else None
        if recovery.is_spurious(c.snd_una, echo_at):
            _undo(c, delivery, late, now)
            return True
    if recovery.trial is not None and _try_timeout(c, recovery.trial, delivery, duplicate):
        # The repetition had not been answered: what its round trip was taken for must not judge the rest.
        c.rack.forget_newest()
        _undo(c, delivery, late, now)
        recovery.recover = c.snd_una - 1
        return True
    return False


def begin_trial(c: Connection, fresh: bool) -> None:
    """After a timeout; ``fresh``: it is the first of a recovery, or the same segment has timed out again.

    SHOULD NOT in the middle of another recovery (RFC 5682 §3.1 step 1)."""
    bold = c.config.bold_recovery
    tries = (fresh or bold) and (bold or c.host.rules.tries_timeouts(c))
    c.recovery.trial = Trial() if tries and c.config.frto else None


def take_duplicate_report(c: Connection, segment: Segment) -> bool:
    """Is the first SACK block a D-SACK (RFC 2883 §4)? Believed only about what was sent (RFC 8985 §6.2)."""
    low, high = segment.options.sack[0]
    start, end = unwrap(low, c.snd_una), unwrap(high, c.snd_una)
    if not c.iss < start < end <= c.snd_nxt:
        return False
    if end > segment.ack:
        if len(segment.options.sack) < 2:
            return False
        around = segment.options.sack[1]
        if not (unwrap(around[0], c.snd_una) <= start and end <= unwrap(around[1], c.snd_una)):
            return False
    c.count("TCPDSACKRecv")
    c.rack.on_dsack(segment.ack, c.snd_nxt)
    c.tail.on_duplicate(end)
    c.recovery.on_duplicate_report(start, end, start == c.snd_una and not c.board.sacked)
    return True


def _undo(c: Connection, delivery: Delivery, late: bool, now: int) -> None:
    """Back to what was before; ``late``: it was a timeout, after which a whole flight might leave at once."""
    c.count("TCPSpuriousRTOs" if late else "TCPFullUndo")
    c.recovery.undo()
    c.prr = RESTING
    c.board.unlose()
    c.rack.reordering = True
    control = c.congestion
    control.on_undo()
    if late:
        c.rtt.on_spurious_timeout(c.recovery.recover)
        if not (control.sampled or c.config.bold_recovery):
            restart = min(delivery.news, c.config.initial_window * c.mss)
            control.cwnd = min(control.cwnd, c.flight + restart)
    if c.host.observer is not None:
        c.host.observer.congestion(now, c, "undo")


def _try_timeout(c: Connection, trial: Trial, delivery: Delivery, duplicate: bool) -> bool:
    """F-RTO on this acknowledgement (RFC 5682 §3.1). True: the timeout was spurious."""
    if not (delivery.progress or duplicate):
        return False
    recovery = c.recovery
    if c.config.bold_recovery and c.sack_ok and _late_arrival(c):
        # What was sent again and is acknowledged with it was not answered: it tells nothing about the rest.
        c.board.arrived = [entry for entry in c.board.arrived if entry.transmissions == 1]
        return True
    segments = 2
    if trial.point is None:
        if not delivery.progress and c.sack_ok:
            return False
        repaired = recovery.repeated_end is not None and c.snd_una >= recovery.repeated_end
        fresh = min(c.unsent, c.usable_window) >= c.mss
        if delivery.progress and trial.begin(c.snd_una, c.snd_nxt, repaired and fresh, c.mss):
            return False
    else:
        if trial.is_spurious(c.snd_una, c.board.fack, c.board.arrived):
            return True
        segments = 3
    recovery.trial = None
    if not (c.congestion.sampled or c.config.bold_recovery) and (delivery.progress or segments == 3):
        c.congestion.cwnd = min(segments * c.mss, max(c.congestion.ssthresh, 2 * c.mss))
    return False


def _late_arrival(c: Connection) -> bool:
    """What arrived was outstanding at the timeout and was sent only once: it cannot have been lost."""
    return any(entry.transmissions == 1 and entry.end <= c.recovery.recover for entry in c.board.arrived)


def _echo_proves(c: Connection, delivery: Delivery) -> bool:
    """Only an ACK that advances echoes what it answers; others echo what came in order before it (RFC 7323 §4.3).

    With D-SACK both transmissions have arrived; and where everything is acknowledged at once, by a peer that may not
    know D-SACK, all acknowledgements before may have been lost (RFC 3522 §3.2 step 5)."""
    if not delivery.progress or delivery.dsack:
        return False
    return bool(c.board.ranges) or c.rack.dsack_round is not None


def echoed_time(c: Connection, segment: Segment, now: int) -> int | None:
    """When the segment that the peer's timestamp echoes left, rounded up to the end of its tick (ns)."""
    age = echo_age(c, segment, now)
    return None if age is None else now - age + MILLISECOND
