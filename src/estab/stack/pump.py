"""One turn of the wheel between a link and a stack. Whoever has a clock turns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from estab.stack.stack import Stack, Watched
from estab.wire.link import Link
from estab.wire.packet import Packet

_BATCH: Final = 64
"""Packets handed over at once."""
_ROUNDS: Final = 16
"""Batches in one turn: others who share the thread want their turn as well."""


class Pump:
    """Moves packets between ``link`` and ``stack`` and shows ``on_event`` what changed."""

    __slots__ = ("_counts", "_waiting", "blocked", "link", "mtu", "on_event", "stack")

    def __init__(self, stack: Stack, link: Link, on_event: Callable[[Watched], None]) -> None:
        self.stack: Stack = stack
        self.link: Link = link
        self.on_event: Callable[[Watched], None] = on_event
        self.blocked: bool = False
        """The link did not take everything: turn again when it is writable."""
        self._waiting: list[Packet] = []
        self._counts: bool = hasattr(link, "send_errors")
        self.mtu: int = link.mtu
        stack.set_link(self.mtu, link.offload)

    def turn(self, now: int) -> int | None:
        """Link → stack → events → stack → link, again while packets come in full batches.

        Returns the least deadline of both (ns); not after ``now``: there is more to do at once. Raises ``OSError``
        when the link is gone."""
        stack, link = self.stack, self.link
        for _ in range(_ROUNDS):
            packets = link.receive(now, _BATCH)
            if packets:
                stack.receive(packets, now)
                if link.mtu != self.mtu:
                    self.mtu = link.mtu
                    stack.set_link(self.mtu, link.offload)
            received = len(packets)
            # The link can use their buffers again as soon as nobody holds them.
            del packets
            deadline = stack.next_deadline()
            if deadline is not None and deadline <= now:
                stack.advance(now)
            self._show_events()
            self._transmit(now)
            if received < _BATCH:
                break
        return self._next(now)

    def flush(self, now: int) -> int | None:
        """Send what the stack has, without reading: cheaper after a call of the user. Returns what ``turn`` returns."""
        self._transmit(now)
        return self._next(now)

    def _show_events(self) -> None:
        stack = self.stack
        while stack.events:
            for watched in stack.take_events():
                self.on_event(watched)

    def _transmit(self, now: int) -> None:
        while True:
            waiting = bool(self._waiting)
            packets = self._waiting or self.stack.transmit(now, _BATCH)
            if not packets:
                self.blocked = False
                return
            taken = self.link.send(packets, now)
            if self._counts:
                refused: int = getattr(self.link, "send_errors", 0)
                if refused:
                    self.stack.counters["LinkOutErrors"] = refused
            if taken < len(packets):
                self._waiting = packets[taken:]
                self.blocked = True
                return
            self._waiting = []
            if not waiting and taken < _BATCH:
                self.blocked = False
                return

    def _next(self, now: int) -> int | None:
        if self.stack.events:
            return now
        deadline = self.stack.next_deadline()
        other = self.link.next_deadline()
        if deadline is None or (other is not None and other < deadline):
            deadline = other
        if self.blocked and deadline is not None and deadline <= now:
            return now + 1
        return deadline
