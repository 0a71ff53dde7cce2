"""One host of a simulated network: a stack, its link, and the pump between them."""

from __future__ import annotations

from collections.abc import Callable

from estab.faults.waiting import NEVER
from estab.sim.port import Port
from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.wire.link import Offload


class SimHost:
    """Made by ``Network.host``. Use ``stack`` as it is; the network turns ``pump`` whenever there is something to do.

    ``on_event`` is called with what the application should look at: see ``Stack.take_events``.
    """

    __slots__ = ("_make", "due", "link", "name", "on_event", "pump", "stack")

    def __init__(self, name: str, make: Callable[[], Stack], offload: Offload) -> None:
        self.name: str = name
        self._make = make
        self.on_event: Callable[[Watched], None] | None = None
        self.due: int = NEVER
        """What ``next_event`` said in this step of the network, ``NEVER`` for None."""
        self.link: Port = Port(offload)
        self.stack: Stack = make()
        self.pump: Pump = Pump(self.stack, self.link, self._event)

    def reboot(self) -> None:
        """Lose power and come back: the same addresses and rules, but no connection, no listener, no memory."""
        self.stack = self._make()
        self.pump = Pump(self.stack, self.link, self._event)

    def next_event(self, now: int) -> int | None:
        """When this host has something to do, not before ``now``; None: only others can change that."""
        if self.link.ready:
            return now
        at, link_at = self.stack.next_deadline(), self.link.next_deadline()
        if at is not None and at <= now:
            if not self.pump.blocked:
                return now
            # What the stack has now waits for the link.
            at = None
        if at is None or (link_at is not None and link_at < at):
            at = link_at
        return now if at is not None and at < now else at

    def turn(self, now: int) -> None:
        """Do what there is to do at ``now``."""
        stack = self.stack
        if not (self.link.ready or self.pump.blocked or stack.events):
            at = stack.next_deadline()
            if (at is None or at > now) and not self.link.carry(now):
                # Packets have gone on their way, which the stack that sent them need not know.
                return
        self.pump.turn(now)

    def _event(self, watched: Watched) -> None:
        if self.on_event is not None:
            self.on_event(watched)
