"""How fast the network delivers: delivery-rate samples (draft-ietf-ccwg-bbr, "Delivery Rate Samples").

The rate over a flight is what was delivered, divided by the time that sending or acknowledging it took, whichever was
longer: compressed acknowledgements cannot make it look faster than it was sent.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from estab.tcp.config import SECOND
from estab.tcp.snapshot import Origin, Slots, Snapshot


class Stamp(NamedTuple):
    """What was known when a range was last sent. Bytes and ns; kept with the range until its fate is known."""

    sent_at: int
    delivered: int
    delivered_at: int
    """When ``delivered`` was reached."""
    first_sent_at: int
    """When the flight began in which it was sent."""
    lost: int
    in_flight: int
    """Just after sending, this range included."""
    app_limited: bool

    def snapshot(self, origin: Origin) -> Stamp:
        """The same, relative in time."""
        return self._shifted(-origin.now)

    def restore(self, origin: Origin) -> Stamp:
        """The inverse of ``snapshot``."""
        return self._shifted(origin.now)

    def _shifted(self, by: int) -> Stamp:
        return self._replace(
            sent_at=self.sent_at + by,
            delivered_at=self.delivered_at + by,
            first_sent_at=self.first_sent_at + by,
        )


class RateSample(NamedTuple):
    """What one acknowledgement says about the flight of the newest range that it covers."""

    rate: int
    """Bytes per second; 0 where the interval is too short to be true."""
    delivered: int
    """Bytes delivered since that range was sent."""
    interval: int
    """In how many ns."""
    app_limited: bool
    """The flight was short of data, so the network may do better."""
    prior_delivered: int
    """``total`` when that range was sent."""
    total: int
    """Bytes delivered in the life of the connection."""
    in_flight: int
    """Just after that range was sent."""
    lost: int
    """Bytes believed lost since then."""


class Loss(NamedTuple):
    """A transmission of ``[start, end)`` that is believed lost."""

    start: int
    end: int
    in_flight: int
    """Just after it was sent."""
    lost: int
    """Bytes believed lost since then, these included."""
    app_limited: bool
    sack: bool
    """The peer says what arrived; otherwise one loss hides others."""


class DeliveryRate(Snapshot):
    """One per connection: stamps what is sent, and makes a sample of each acknowledgement.

    ``on_delivered`` for everything that an acknowledgement covers, then ``sample``: all within one verb of the stack.
    """

    __slots__ = ("app_limited_until", "delivered", "delivered_at", "first_sent_at", "lost", "newest", "sack")
    PLAIN: ClassVar[Slots] = ("delivered", "lost", "app_limited_until")
    TIMES: ClassVar[Slots] = ("delivered_at", "first_sent_at")
    # ``newest`` lives between ``on_delivered`` and ``sample`` only: never when a snapshot is taken.
    DERIVED: ClassVar[Slots] = ("newest", "sack")

    def __init__(self, sack: bool = True) -> None:
        self.sack: bool = sack
        self.delivered: int = 0
        self.delivered_at: int = 0
        self.first_sent_at: int = 0
        self.lost: int = 0
        self.app_limited_until: int = 0
        """Samples are short of data until this much was delivered; 0: they are not."""
        self.newest: Stamp | None = None

    def on_sent(self, now: int, size: int, in_flight: int) -> Stamp:
        """``size`` bytes leave at ``now``, for the first time or again, on top of ``in_flight``."""
        if in_flight <= 0:
            self.first_sent_at = self.delivered_at = now
        return Stamp(
            now,
            self.delivered,
            self.delivered_at,
            self.first_sent_at,
            self.lost,
            in_flight + size,
            self.app_limited_until > 0,
        )

    def on_delivered(self, stamp: Stamp, size: int, now: int) -> None:
        """``size`` bytes of a range have arrived that were not counted before, cumulatively or by SACK."""
        self.delivered += size
        self.delivered_at = now
        newest = self.newest
        if newest is None or stamp.sent_at >= newest.sent_at:
            self.newest = stamp

    def on_lost(self, stamp: Stamp, start: int, end: int) -> Loss:
        """``[start, end)`` is believed lost, as it was sent with ``stamp``."""
        self.lost += end - start
        return Loss(start, end, stamp.in_flight, self.lost - stamp.lost, stamp.app_limited, self.sack)

    def sample(self, now: int, min_rtt: int) -> RateSample | None:
        """What this acknowledgement says; None when it delivered nothing. ``min_rtt`` of the connection, 0: unknown."""
        newest = self.newest
        if newest is None:
            return None
        self.newest = None
        if self.app_limited_until and self.delivered > self.app_limited_until:
            self.app_limited_until = 0
        self.first_sent_at = newest.sent_at
        interval = max(newest.sent_at - newest.first_sent_at, now - newest.delivered_at)
        delivered = self.delivered - newest.delivered
        # Shorter than the path: an acknowledgement of an earlier transmission of the same range.
        rate = delivered * SECOND // interval if interval and interval >= min_rtt else 0
        return RateSample(
            rate,
            delivered,
            interval,
            newest.app_limited,
            newest.delivered,
            self.delivered,
            newest.in_flight,
            self.lost - newest.lost,
        )

    def mark_app_limited(self, in_flight: int) -> None:
        """The application is the bottleneck: nothing unsent, room in the window, every loss sent again.

        To be asked at each write before it is queued, at each ACK before it counts, and when a timer that sends
        expires. The peer's window is part of the network: being held back by it is not this.
        """
        self.app_limited_until = max(self.delivered + in_flight, 1)
