"""TIME-WAIT as a compact entry: RFC 9293 §3.6.1 and §3.10.7.4, RFC 6191, RFC 1337.

A connection that reaches TIME-WAIT lets its memory go; what is left answers for it until 2 MSL have passed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from struct import Struct
from typing import TYPE_CHECKING, ClassVar, Final

from estab.tcp.snapshot import Slots
from estab.wire.options import NO_OPTIONS, timestamps_only
from estab.wire.sequence import MASK32, unwrap
from estab.wire.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from estab.tcp.config import Config
    from estab.tcp.connection import Connection

_ENTRY: Final = Struct("!QIIHqIHbb")
_EXPIRES: Final = Struct("!Q")


class Outcome(Enum):
    """What a segment does to an entry."""

    IGNORE = "ignore"
    ACKNOWLEDGE = "acknowledge"
    RESTART = "acknowledge and restart 2MSL"
    REOPEN = "a new incarnation"
    CLOSE = "close"


class TimeWait:
    """The entry, unpacked while somebody looks at it. Sequence numbers are 32 bits here."""

    FIELDS: ClassVar[Slots] = (
        "challenges",
        "expires",
        "rcv_nxt",
        "rcv_wscale",
        "snd_nxt",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "window",
    )
    __slots__ = FIELDS

    size: ClassVar[int] = _ENTRY.size
    """Bytes of a packed entry."""

    def __init__(self, packed: bytes) -> None:
        self.challenges: int
        self.expires: int
        self.snd_nxt: int
        self.rcv_nxt: int
        (
            self.expires,
            self.snd_nxt,
            self.rcv_nxt,
            self.window,
            self.ts_recent,
            self.ts_offset,
            self.challenges,
            self.ts_ok,
            self.rcv_wscale,
        ) = _ENTRY.unpack(packed)

    def pack(self) -> bytes:
        return _ENTRY.pack(
            self.expires,
            self.snd_nxt,
            self.rcv_nxt,
            self.window,
            self.ts_recent,
            self.ts_offset,
            self.challenges,
            self.ts_ok,
            self.rcv_wscale,
        )

    def acknowledgement(self, clock: int) -> Segment:
        """``<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>``; ``clock``: the timestamp clock's ticks."""
        options = NO_OPTIONS
        if self.ts_ok:
            options = timestamps_only((clock + self.ts_offset) & MASK32, self.ts_recent & MASK32)
        return Segment(self.snd_nxt, self.rcv_nxt, ACK, self.window, (), options)


def expiry(packed: bytes) -> int:
    """When an entry expires (ns), without unpacking the rest."""
    at: int = _EXPIRES.unpack_from(packed)[0]
    return at


def retire(c: Connection, now: int) -> bytes:
    """The packed entry of a connection that has reached TIME-WAIT."""
    expires = now + c.config.time_wait
    window = min(max(c.rcv_edge - c.rcv_nxt, 0) >> c.rcv_wscale, 65_535)
    return _ENTRY.pack(
        expires,
        c.snd_nxt & MASK32,
        c.rcv_nxt & MASK32,
        window,
        c.ts_recent,
        c.ts_offset,
        c.config.challenge_acks,
        c.ts_ok,
        c.rcv_wscale,
    )


TimeWaitStep = Callable[[TimeWait, Segment, "Config"], Outcome | None]


def time_wait_arrives(entry: TimeWait, segment: Segment, config: Config, steps: tuple[TimeWaitStep, ...]) -> Outcome:
    """The first step that has an opinion decides."""
    for step in steps:
        outcome = step(entry, segment, config)
        if outcome is not None:
            return outcome
    return Outcome.IGNORE


def reopen(entry: TimeWait, segment: Segment, config: Config) -> Outcome | None:
    """A SYN that is provably new opens the next incarnation at once: RFC 6191 §2, RFC 9293 MAY-2."""
    if segment.flags & (SYN | ACK | RST | FIN) != SYN:
        return None
    newer = unwrap(segment.seq, entry.rcv_nxt) >= entry.rcv_nxt
    if segment.options.timestamps is None or not config.timestamps:
        return Outcome.REOPEN if newer else Outcome.IGNORE
    if not entry.ts_ok:
        return Outcome.REOPEN
    stamp = unwrap(segment.options.timestamps[0], entry.ts_recent)
    new = stamp > entry.ts_recent or (stamp == entry.ts_recent and newer)
    return Outcome.REOPEN if new else Outcome.IGNORE


def ignore_reset(entry: TimeWait, segment: Segment, config: Config) -> Outcome | None:
    """RFC 1337: a RST, provoked by an old duplicate, must not end TIME-WAIT early."""
    if not segment.flags & RST:
        return None
    if config.rfc1337 or segment.seq != entry.rcv_nxt:
        return Outcome.IGNORE
    return Outcome.CLOSE


def answer_fin(entry: TimeWait, segment: Segment, config: Config) -> Outcome | None:
    """The peer's FIN again: our last ACK was lost. Acknowledge, and be there for another 2 MSL."""
    end = (segment.seq + segment.span) & MASK32
    if segment.flags & FIN and not segment.flags & SYN and end == entry.rcv_nxt:
        return Outcome.RESTART
    return None


def answer_unacceptable(entry: TimeWait, segment: Segment, config: Config) -> Outcome | None:
    """What is outside the window, a SYN, an ACK of what we never sent: all are told where we stand.

    RFC 9293 §3.10.7.4, first, fourth and fifth."""
    offset = unwrap(segment.seq, entry.rcv_nxt) - entry.rcv_nxt
    acceptable = 0 <= offset < max(entry.window << entry.rcv_wscale, 1)
    unsent = segment.flags & ACK and unwrap(segment.ack, entry.snd_nxt) > entry.snd_nxt
    text = segment.length and config.time_wait_acks_text
    if acceptable and not (unsent or text) and not segment.flags & SYN:
        return None
    return Outcome.ACKNOWLEDGE


TIME_WAIT_STEPS: Final[tuple[TimeWaitStep, ...]] = (reopen, ignore_reset, answer_fin, answer_unacceptable)
