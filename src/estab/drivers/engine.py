"""What keeps a stack going on an asyncio loop: the pump is turned when packets, time or the user give a reason."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from estab.stack.pump import Pump
from estab.stack.stack import Stack, Watched
from estab.wire.link import Link

RETRY: Final = 1_000_000
"""How long (ns) a link that took nothing is left alone, unless it says that it is ready."""


class Engine(Protocol):
    """Who turns the pump of one stack. Everything happens on one loop."""

    @property
    def stack(self) -> Stack: ...

    def start(self, on_event: Callable[[Watched], None], on_lost: Callable[[OSError], None]) -> None:
        """Begin. ``on_event``: look at this; calls of the user are welcome meanwhile. ``on_lost``: the link is gone."""

    def now(self) -> int:
        """The time for calls of the stack, in ns."""

    def poke(self) -> None:
        """A call of the user may have given the stack something to do."""

    def flush(self) -> None:
        """Like ``poke``, and somebody waits for it."""

    def close(self) -> None:
        """Send what can be sent at once and let go of the link."""


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], int]:
    """The one clock of a stack, in ns: that of the loop if it counts in ns, or else the machine's monotonic one."""
    clock: Callable[[], int] = getattr(loop, "now_ns", time.monotonic_ns)
    return clock


class LinkEngine:
    """Pumps a link: by its descriptor where it has one, else when it calls ``on_ready``; one timer for everything."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stack: Stack, link: Link) -> None:
        self.stack: Stack = stack
        self._on_lost: Callable[[OSError], None] = _ignore
        self._loop = loop
        self._link = link
        self._pump = Pump(stack, link, _ignore)
        self._clock = clock_of(loop)
        self._now: int | None = None
        """The time of the turn that is going on: it does not pass while the stack is at work."""
        self._scheduled: bool = False
        self._reading_due: bool = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: int = 0
        self._watches_writing: bool = False
        self._closed: bool = False
        self._fd: int = link.fileno()

    def start(self, on_event: Callable[[Watched], None], on_lost: Callable[[OSError], None]) -> None:
        self._pump.on_event = on_event
        self._on_lost = on_lost
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._turn)
        else:
            self._link.on_ready = self._schedule_turn
        self._schedule_turn()

    def now(self) -> int:
        return self._clock() if self._now is None else self._now

    def poke(self) -> None:
        """Once in an iteration of the loop; a turn that is going on sends anyway."""
        if not self._scheduled and self._now is None:
            self._schedule()

    def flush(self) -> None:
        """At once; a turn that is going on sends anyway."""
        if self._now is None:
            self._work(self._pump.flush)

    def close(self) -> None:
        if not self._closed:
            self._let_go()
            # Nobody is left to be told of an error.
            with suppress(OSError):
                self._pump.flush(self._clock())
        self._link.close()

    # ------------------------------------------------------------------ turning

    def _schedule(self) -> None:
        if not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _schedule_turn(self) -> None:
        self._reading_due = True
        self._schedule()

    def _run(self) -> None:
        self._scheduled = False
        if self._reading_due:
            self._turn()
        else:
            self._work(self._pump.flush)

    def _turn(self) -> None:
        self._reading_due = False
        self._work(self._pump.turn)

    def _work(self, work: Callable[[int], int | None]) -> None:
        if self._closed:
            return
        self._now = now = self._clock()
        try:
            deadline = work(now)
        except OSError as error:
            self._now = None
            self._let_go()
            self._on_lost(error)
            return
        finally:
            self._now = None
        if self._pump.blocked or self._watches_writing:
            deadline = self._wait_for_room(deadline, now)
        if deadline is not None and not self._closed:
            self._arm(deadline, now)

    def _arm(self, deadline: int, now: int) -> None:
        """A timer that rings too early costs one turn; so it is moved only when it would ring too late."""
        if deadline <= now:
            self._schedule_turn()
        elif self._timer is None or deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_later((deadline - now) / 1e9, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._turn()

    def _wait_for_room(self, deadline: int | None, now: int) -> int | None:
        """Ask for the descriptor to become writable while the link is full; what waits for it is not due."""
        blocked = self._pump.blocked
        if self._fd >= 0 and blocked != self._watches_writing:
            self._watches_writing = blocked
            if blocked:
                self._loop.add_writer(self._fd, self._turn)
            else:
                self._loop.remove_writer(self._fd)
        return max(deadline, now + RETRY) if blocked and deadline is not None else deadline

    def _let_go(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._link.on_ready = None
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            if self._watches_writing:
                self._loop.remove_writer(self._fd)


def _ignore(_: object) -> None:
    """Nobody listens yet."""
