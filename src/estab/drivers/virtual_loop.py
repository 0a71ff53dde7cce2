"""An asyncio event loop in virtual time: when nobody is ready, the clock jumps to what happens next."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol, TypeVar, TypeVarTuple

from estab.drivers.deadlock import DeadlockError, describe

Result = TypeVar("Result")
Args = TypeVarTuple("Args")

_SECOND: Final = 1_000_000_000


class Clock(Protocol):
    """Virtual time in ns."""

    now: int


class Events(Protocol):
    """What happens in virtual time besides the loop's own timers: ``estab.sim.Network`` is one."""

    @property
    def clock(self) -> Clock: ...

    def next_event(self) -> int | None:
        """When something happens next (ns), not before now; None: never, unless somebody calls."""

    def run_until(self, t: int) -> None:
        """Let happen what happens up to ``t``, and set the clock to it."""


class Quiet:
    """Nothing happens but the passing of time."""

    class _Clock:
        now: int = 0

    def __init__(self) -> None:
        self.clock: Clock = Quiet._Clock()

    def next_event(self) -> int | None:
        return None

    def run_until(self, t: int) -> None:
        self.clock.now = max(self.clock.now, t)


class VirtualLoop(asyncio.BaseEventLoop):
    """Tasks, futures, timers and timeouts as ever, without waiting: ``time()`` is that of ``events``.

    Executors run inline. There are no sockets, signals or subprocesses of the machine. Where asyncio would wait for
    ever, ``DeadlockError`` is raised.
    """

    def __init__(self, events: Events | None = None) -> None:
        super().__init__()
        self._events: Events = Quiet() if events is None else events
        self._clock_resolution = 1e-9
        self._selector = self

    def time(self) -> float:
        """Seconds, from ``now_ns``."""
        return self._events.clock.now / _SECOND

    def now_ns(self) -> int:
        """Virtual time in ns."""
        return self._events.clock.now

    def run_in_executor(
        self, executor: Any, func: Callable[[*Args], Result], *args: *Args
    ) -> asyncio.Future[Result]:
        """Calls ``func`` here and now: another thread would live in another time."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    # ------------------------------------------------------------------ what the base class asks of its selector

    def select(self, timeout: float | None) -> list[Any]:
        """Called when all that was ready has run; ``timeout``: seconds to the next timer, 0 with more to run."""
        now = self.now_ns()
        due = self._events.next_event()
        # A timer is rounded up to at least 1 ns, or the loop would ask again for ever.
        timer = None if timeout is None else now + (math.ceil(timeout * _SECOND - 0.5) or bool(timeout))
        times = [at for at in (due, timer) if at is not None]
        if not times:
            self._deadlock()
        self._events.run_until(max(min(times), now))
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are never any."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who could be woken."""

    def _deadlock(self) -> NoReturn:
        raise DeadlockError(
            f"deadlock at {self.now_ns() / _SECOND:.9f} s of virtual time: "
            f"nothing is scheduled and no packet is under way\n{describe(asyncio.all_tasks(self))}"
        )
