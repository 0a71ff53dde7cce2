"""Feeding a congestion control that works on delivery rates: what left, what arrived, what fell by the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.delivery import DeliveryRate, RateSample, Stamp

if TYPE_CHECKING:
    from estab.tcp.connection import Connection


def begin(c: Connection) -> None:
    """The options are agreed: from here on transmissions carry stamps, if the control wants samples."""
    c.rate = DeliveryRate(c.sack_ok) if c.congestion.sampled else None


def stamp(c: Connection, size: int, now: int) -> Stamp | None:
    """For a transmission of ``size`` bytes, about to be put on the board."""
    if c.rate is None:
        return None
    in_flight = c.recovery.pipe(c.board)
    made = c.rate.on_sent(now, size, in_flight)
    c.congestion.on_sent(now, size, in_flight, made.app_limited)
    return made


def note_app_limit(c: Connection) -> None:
    """Nothing is unsent, nothing lost waits, and the window has room: the application is the bottleneck."""
    if c.rate is None or c.board.lost or c.unsent:
        return
    pipe = c.recovery.pipe(c.board)
    if pipe < c.congestion.cwnd:
        c.rate.mark_app_limited(pipe)


def tell_deliveries(c: Connection, now: int) -> None:
    """What the acknowledgement in hand showed to have arrived; before anything is judged by it."""
    if c.rate is None:
        return
    for entry in c.board.arrived:
        if entry.stamp is not None:
            c.rate.on_delivered(entry.stamp, entry.end - entry.start, now)


def sample(c: Connection, now: int) -> RateSample | None:
    """What that says about the rate, once losses have been judged."""
    return None if c.rate is None else c.rate.sample(now, c.rtt.min_rtt)


def tell_losses(c: Connection, now: int) -> None:
    """Every transmission newly believed lost, whoever judged so."""
    if c.rate is None:
        return
    for entry in c.board.fallen:
        c.congestion.on_lost(now, c.rate.on_lost(entry.stamp, entry.start, entry.end))
    c.board.forget_fallen()
