"""When data is acknowledged, as Linux decides it: at once while the peer's window is small, later as the talk goes.

The bounds are those of RFC 9293 §3.8.6.3 and RFC 5681 §4.2: never later than 500 ms, and every second full segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from estab.tcp.config import MILLISECOND
from estab.tcp.snapshot import Slots, Snapshot
from estab.tcp.timers import NEVER
from estab.wire.tcp import FIN, PSH

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_SHORTEST: Final = 40 * MILLISECOND
_LONGEST: Final = 200 * MILLISECOND
_LONGEST_ALONE: Final = 500 * MILLISECOND
_MOST_QUICK: Final = 16


class AckDelay(Snapshot):
    """Times in ns."""

    __slots__ = ("answers", "ato", "heard_at", "pushed", "quick")
    PLAIN: ClassVar[Slots] = ("answers", "ato", "pushed", "quick")
    TIMES: ClassVar[Slots] = ("heard_at",)

    def __init__(self) -> None:
        self.quick: int = 0
        """So many acknowledgements go out at once, unless the application answers."""
        self.answers: bool = False
        """The application answers what it gets: its data will carry the acknowledgement."""
        self.ato: int = 0
        """How long an acknowledgement waits; 0 before the first data."""
        self.heard_at: int | None = None
        self.pushed: int = 0
        """Segments since the last acknowledgement after which the peer may be waiting, 2 at most."""

    def on_data(self, full: bool, enough: int, rto: int, now: int) -> None:
        """``full``: the peer may have more; ``enough``: segments that fill half the window."""
        if not full:
            self.pushed = min(self.pushed + 1, 2)
        if not self.ato or self.heard_at is None:
            self.hurry(enough)
            self.ato = _SHORTEST
        else:
            pause = now - self.heard_at
            if pause <= _SHORTEST // 2:
                self.ato = self.ato // 2 + _SHORTEST // 2
            elif pause < self.ato:
                self.ato = min(self.ato // 2 + pause, rto)
            elif pause > rto:
                self.hurry(enough)
        self.heard_at = now

    def hurry(self, enough: int) -> None:
        """The peer is at its beginning, or begins anew: its window opens with our acknowledgements."""
        self.quick = max(self.quick, min(enough or 2, _MOST_QUICK))

    def on_disorder(self, enough: int) -> None:
        """Something came twice or beyond a hole."""
        self.hurry(enough)
        self.answers = False
        self.ato = _SHORTEST

    @property
    def at_once(self) -> bool:
        return self.quick > 0 and not self.answers

    def delay(self, srtt: int) -> int:
        """How long an acknowledgement may wait."""
        if self.ato <= _SHORTEST:
            return self.ato
        longest = _LONGEST if self.answers or self.pushed else _LONGEST_ALONE
        if srtt:
            longest = min(longest, max(srtt, _SHORTEST))
        return min(self.ato, longest, _LONGEST)

    def on_sent(self) -> None:
        """An acknowledgement went out, alone or with data."""
        self.pushed = 0
        if self.quick:
            self.quick -= 1
            if not self.quick:
                self.ato = _SHORTEST

    def on_answer(self, now: int) -> None:
        """New data went out."""
        if self.heard_at is not None and now - self.heard_at < self.ato:
            self.answers = True

    def on_expired(self, rto: int) -> None:
        """The delay has passed, and nothing carried the acknowledgement."""
        if self.answers:
            self.answers = False
            self.ato = _SHORTEST
        else:
            self.ato = min(2 * self.ato, rto)


def data_arrived(c: Connection, segment: Segment, fills: bool, now: int) -> None:
    """In order: acknowledge at once, or when? What fills a hole is acknowledged anyhow, and a FIN decides itself."""
    delay = c.ack_delay
    if delay is None:
        delay = c.ack_delay = AckDelay()
    size = segment.segment_size or segment.length
    delay.on_data(size >= c.rcv_mss and not segment.flags & PSH, _enough(c), c.rtt.rto, now)
    if not fills and not segment.flags & FIN:
        decide(c, delay, now)


def decide(c: Connection, delay: AckDelay, now: int) -> None:
    """Now, or when the delay has passed."""
    if delay.at_once or c.rcv_nxt - c.last_ack_sent > c.rcv_mss:
        c.acks_owed = max(c.acks_owed, 1)
    else:
        wait(c, delay, now)


def wait(c: Connection, delay: AckDelay, now: int) -> None:
    """The acknowledgement may wait; one that is about to go anyhow need not."""
    timers = c.timers
    time = delay.delay(c.rtt.srtt)
    running = timers.delayed_ack
    if running == NEVER:
        timers.delayed_ack = now + time
    elif running <= now + time // 4:
        c.acks_owed = max(c.acks_owed, 1)
    else:
        timers.delayed_ack = min(running, now + time)


def disorder_arrived(c: Connection) -> None:
    """What came asks for an acknowledgement of its own; those after it should not wait either."""
    if c.ack_delay is not None:
        c.ack_delay.on_disorder(_enough(c))


def fin_arrived(c: Connection, now: int) -> None:
    """The application will close, too: its FIN will carry the acknowledgement."""
    delay = c.ack_delay
    if delay is None:
        c.acks_owed = max(c.acks_owed, 1)
        return
    delay.answers = True
    decide(c, delay, now)


def was_read(c: Connection, delay: AckDelay) -> None:
    """The application has read: whoever waits for that is told, when there is nothing more to read."""
    if c.rcv_nxt <= c.last_ack_sent:
        return
    told = delay.pushed > 1 or (delay.pushed == 1 and not delay.answers)
    if c.rcv_nxt - c.last_ack_sent > c.rcv_mss or (told and not c.receive_queue.size):
        c.acks_owed = max(c.acks_owed, 1)


def _enough(c: Connection) -> int:
    return max(c.rcv_edge - c.rcv_nxt, 0) // (2 * c.rcv_mss)
