"""One sender, one bottleneck with a queue, a receiver that reports everything: a control at work, without TCP.

Segments are lost at the full queue or where the test says; the sender learns of it when the next segment arrives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from estab.tcp.config import MODERN, SECOND
from estab.tcp.congestion import CONTROLS, Ack, CongestionControl
from estab.tcp.delivery import DeliveryRate, Stamp

MSS = 1460
MS = 1_000_000


class Sent(NamedTuple):
    number: int
    stamp: Stamp
    at: int


class Path:
    """``rate`` in bytes/s, ``rtt`` in ns without queue, ``queue`` in bytes."""

    def __init__(
        self, control: str | CongestionControl, *, rate: int = 1_250_000, rtt: int = 40 * MS, queue: int = 1 << 30
    ) -> None:
        self.control = CONTROLS[control](MODERN, MSS) if isinstance(control, str) else control
        self.samples = DeliveryRate()
        self.rate, self.rtt, self.queue = rate, rtt, queue
        self.lose: Callable[[int], bool] = lambda number: False
        self.now = 0
        self.next_departure = 0
        self.free_at = 0
        """When the bottleneck has sent what it holds."""
        self.arrivals: deque[tuple[int, Sent]] = deque()
        self.missing: deque[Sent] = deque()
        self.in_flight = self.sent = self.delivered = self.lost = 0
        self.backlog: int | None = None
        """Bytes that the application still has; None: always more."""
        self.recover: int | None = None
        self.srtt = self.min_rtt = 0
        self.longest_queue = 0
        self.seen: list[object] = []

    def run(self, duration: int) -> int:
        """Let time pass; the bytes delivered in it."""
        before, end = self.delivered, self.now + duration
        while True:
            departure = self._departure()
            arrival = self.arrivals[0][0] if self.arrivals else end
            step = min(departure, arrival)
            if step >= end:
                self.now = end
                return self.delivered - before
            self.now = max(self.now, step)
            if arrival <= departure:
                self._arrive()
            else:
                self._send()

    def _departure(self) -> int:
        if self.backlog == 0 or self.in_flight + MSS > self.control.cwnd:
            return 1 << 62
        return max(self.now, self.next_departure)

    def _send(self) -> None:
        stamp = self.samples.on_sent(self.now, MSS, self.in_flight)
        self.control.on_sent(self.now, MSS, self.in_flight, stamp.app_limited)
        self.in_flight += MSS
        sent = Sent(self.sent, stamp, self.now)
        self.sent += 1
        if self.backlog is not None:
            self.backlog -= MSS
            if self.backlog == 0 and self.in_flight < self.control.cwnd:
                self.samples.mark_app_limited(self.in_flight)
        pace = self.control.pacing_rate(self.srtt) if self.control.paced else None
        if pace:
            self.next_departure = self.now + MSS * SECOND // pace
        waiting = max(self.free_at - self.now, 0) * self.rate // SECOND
        if waiting + MSS > self.queue or self.lose(sent.number):
            self.missing.append(sent)
            return
        self.longest_queue = max(self.longest_queue, waiting)
        self.free_at = max(self.free_at, self.now) + MSS * SECOND // self.rate
        self.arrivals.append((self.free_at + self.rtt, sent))

    def _arrive(self) -> None:
        _, sent = self.arrivals.popleft()
        before = self.in_flight
        lost = self._detect(sent.number)
        rtt = self.now - sent.at
        self.srtt = rtt if not self.srtt else self.srtt + (rtt - self.srtt) // 8
        self.min_rtt = min(self.min_rtt or rtt, rtt)
        self.samples.on_delivered(sent.stamp, MSS, self.now)
        self.delivered += MSS
        self.in_flight -= MSS
        if self.recover is not None and sent.number >= self.recover:
            self.recover = None
            self.control.on_recovered(self.now)
        sample = self.samples.sample(self.now, self.min_rtt)
        recovering = self.recover is not None
        limited = before + 2 * MSS >= self.control.cwnd
        ack = Ack(self.now, MSS, before, rtt, limited, recovering, lost, self.srtt, self.min_rtt, sample)
        self.control.on_ack(ack)
        state = getattr(self.control, "state", None)
        if state is not None and (not self.seen or self.seen[-1] is not state):
            self.seen.append(state)

    def _detect(self, number: int) -> int:
        """Everything sent before what has arrived now, and not here, is lost. It is not sent again."""
        lost = 0
        while self.missing and self.missing[0].number < number:
            gone = self.missing.popleft()
            lost += MSS
            loss = self.samples.on_lost(gone.stamp, gone.number * MSS, (gone.number + 1) * MSS)
            self.control.on_lost(self.now, loss)
            if self.recover is None:
                self.recover = self.sent
                self.control.on_loss(self.now, self.in_flight)
        self.in_flight -= lost
        self.lost += lost
        return lost
