"""What the two sides agree on in their SYNs, and what every later segment carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.congestion import CONTROLS
from estab.tcp.ecn.setup import agree
from estab.tcp.sampling import begin
from estab.tcp.states import SYN_SENT
from estab.wire.options import NO_OPTIONS, Options, options_of_syn, timestamps_only
from estab.wire.sequence import unwrap

if TYPE_CHECKING:
    from estab.tcp.config import Config
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_MAX_SCALE: Final = 14
"""RFC 7323 §2.3: a larger shift is read as this."""
_WINDOW_BITS: Final = 16
_MAX_BLOCKS: Final = 4
"""RFC 2018 §3; with timestamps one less fits."""
_SACK_HEADER: Final = 4
"""Bytes before the first block, two no-ops for alignment included."""
_BLOCK: Final = 8


def offered_scale(config: Config) -> int:
    """The shift that lets 16 bits express the receive buffer at its largest (RFC 7323 §2.2)."""
    largest = config.receive_buffer_max if config.receive_buffer is None else config.receive_buffer
    if config.window_clamp is not None:
        largest = min(largest, config.window_clamp)
    return min(max(largest.bit_length() - _WINDOW_BITS, 0), _MAX_SCALE)


def adopt(c: Connection, segment: Segment, now: int) -> None:
    """Take what the peer's SYN offers and our configuration allows; the rest stays off for good."""
    options = segment.options
    config = c.config
    if options.mss:
        c.peer_mss = max(options.mss, config.minimum_mss)
    if options.window_scale is not None and config.window_scale:
        c.snd_wscale = min(options.window_scale, _MAX_SCALE)
        c.rcv_wscale = offered_scale(config)
        c.scaling = True
    c.sack_ok = options.sack_permitted and config.sack
    if options.timestamps is not None and config.timestamps:
        c.ts_ok = True
        c.ts_recent = options.timestamps[0]
        c.ts_recent_at = now
    if c.fast_open is not None and not c.passive:
        c.fast_open.answer = options.fast_open
    adopt_user_timeout(c, segment)
    c.resize()
    c.congestion = CONTROLS[config.congestion](config, c.mss)
    begin(c)
    agree(c, segment, now)


def adopt_user_timeout(c: Connection, segment: Segment) -> None:
    """RFC 5482 §3.2: the peer may say how long it is ready to wait; 0 is reserved."""
    if segment.options.user_timeout:
        c.peer_user_timeout = segment.options.user_timeout * SECOND


def syn_options(c: Connection, now: int) -> Options:
    """The options of our SYN, or of a SYN-ACK: there only what the peer offered as well."""
    config = c.config
    answering = c.state is not SYN_SENT and (c.passive or not c.config.same_syn_answers)
    timestamps = None
    if c.ts_ok or (config.timestamps and not answering):
        timestamps = (c.timestamp(now) & 0xFFFFFFFF, c.ts_recent & 0xFFFFFFFF)
    scale = None
    if (config.window_scale and not answering) or (answering and c.scaling):
        scale = offered_scale(config)
    # RFC 7413 §4.2.2: only the first SYN or SYN-ACK, as the option may be what was lost.
    cookie = c.fast_open.cookie if c.fast_open is not None and c.snd_nxt == c.iss else None
    mss = _offered_mss(c) if config.mss_option else None
    return options_of_syn(mss, scale, c.sack_ok if answering else config.sack, timestamps, _user_timeout(c), cookie)


def _offered_mss(c: Connection) -> int:
    """What we take; an answer may also have to stay within what was offered to us."""
    mss = c.advertised_mss()
    if not (c.passive and c.config.mss_follows_peer):
        return mss
    return min(mss, c.peer_mss)


def segment_options(c: Connection, now: int, length: int) -> Options:
    """Timestamps on every segment once agreed (RFC 7323 §3.2), SACK blocks while there are any.

    The blocks take what ``length`` bytes of payload leave of a full packet (RFC 9293 MUST-16)."""
    blocks: tuple[tuple[int, int], ...] = ()
    if c.sack_ok and c.reassembly is not None:
        room = (c.mss - length - _SACK_HEADER) // _BLOCK
        blocks = c.reassembly.blocks(max(min(_MAX_BLOCKS - c.ts_ok, room), 0))
        blocks = tuple((start & 0xFFFFFFFF, end & 0xFFFFFFFF) for start, end in blocks)
    if not c.ts_ok:
        return Options(sack=blocks) if blocks else NO_OPTIONS
    value, echo = c.timestamp(now) & 0xFFFFFFFF, c.ts_recent & 0xFFFFFFFF
    return Options(timestamps=(value, echo), sack=blocks) if blocks else timestamps_only(value, echo)


def echo_age(c: Connection, segment: Segment, now: int) -> int | None:
    """How long ago that left which the timestamp echoes (RFC 7323 §3.2), in ns of whole ticks; None: no telling."""
    stamps = segment.options.timestamps
    if not c.ts_ok or stamps is None or not stamps[1]:
        return None
    present = c.timestamp(now)
    ticks = present - unwrap(stamps[1], present)
    return ticks * MILLISECOND if ticks > 0 else None


def sack_blocks(c: Connection, segment: Segment) -> list[tuple[int, int]]:
    """The peer's SACK blocks that lie within what we sent and it has not acknowledged; the rest is not believed."""
    valid = []
    for low, high in segment.options.sack:
        start = unwrap(low, c.snd_una)
        end = unwrap(high, c.snd_una)
        if segment.ack <= start < end <= c.snd_nxt:
            valid.append((start, end))
    return valid


def _user_timeout(c: Connection) -> int | None:
    if not c.announce_user_timeout or c.user_timeout is None:
        return None
    return max(c.user_timeout // SECOND, 1)
