"""How the two buffers of a connection follow its path, as long as nobody has fixed them. They never shrink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from estab.tcp.options import echo_age
from estab.tcp.tuning import ReceiveTuning

if TYPE_CHECKING:
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_FIRST_FLIGHT: Final = 10
"""Segments: what a sender begins with (RFC 6928 §2) fits every buffer."""


def note_arrival(c: Connection, segment: Segment, now: int) -> None:
    """Data has come in order: how long is a round trip? Whoever sends little is not asked, and costs no memory."""
    tuning = c.tuning
    if tuning is None:
        first_flight = _FIRST_FLIGHT * c.rcv_mss
        if c.rcv_nxt - c.irs <= first_flight:
            return
        c.tuning = tuning = ReceiveTuning(first_flight, c.config.receive_low_rtt)
        if c.rtt.min_rtt:
            # The handshake has met no queue of our making.
            tuning.path.on_sample(c.rtt.min_rtt, tuning.low_rtt, now)
    if not c.ts_ok:
        tuning.on_arrival(c.rcv_nxt, c.rcv_edge, now)
        return
    stamps = segment.options.timestamps
    if stamps is not None and stamps[1] != tuning.echo and segment.length >= c.rcv_mss:
        tuning.on_echo(stamps[1], echo_age(c, segment, now) or 0, now)


def note_read(c: Connection, tuning: ReceiveTuning, size: int, now: int) -> None:
    """The application has read ``size`` bytes: does it read faster than the buffer lets the peer send?"""
    if not tuning.on_read(size, now):
        return
    held = c.reassembly.ranges.ends if c.reassembly is not None else ()
    beyond = held[-1] - c.rcv_nxt if held else 0
    wanted = tuning.conclude(c.receive_queue.size, beyond, now)
    wanted = min(wanted, c.config.receive_buffer_max)
    if wanted > c.receive_limit:
        c.receive_limit = wanted
        if c.rcv_fin is None:
            # A sender that the old window holds back should not have to wait for the next acknowledgement.
            c.acks_owed = max(c.acks_owed, 1)


def round_buffers(c: Connection) -> None:
    """To whole segments of the size that was agreed on, options apart, as FreeBSD does."""
    size = min(c.peer_mss, c.advertised_mss())
    c.receive_limit = -(-c.receive_limit // size) * size
    resize_send_buffer(c, -(-c.send_limit // size) * size)


def widen_send_buffer(c: Connection) -> None:
    """The application waits for room: there should be a window in flight and another one ready."""
    wanted = min(2 * c.congestion.cwnd, c.config.send_buffer_max)
    if wanted > c.send_limit:
        resize_send_buffer(c, wanted)


def resize_send_buffer(c: Connection, size: int) -> None:
    """Another size, and with it the mark below which the application is told to go on."""
    c.send_limit = size
    c.low_water = size // 2
