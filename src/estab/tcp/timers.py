"""The timer table of a connection: one deadline per purpose, no objects to cancel."""

from __future__ import annotations

from collections.abc import Hashable
from enum import IntEnum
from typing import Any, ClassVar, Final

from estab.tcp.snapshot import Origin, Slots, Snapshot

NEVER: Final = 1 << 61
"""Later than any time; within what the compiled form keeps in a machine word."""


class Timer(IntEnum):
    """RFC 9293 §3.10.8 and the timers of its §3.8."""

    REORDER = 0
    """RACK judges again: RFC 8985 §6.2 step 5."""
    TAIL_PROBE = 1
    """RFC 8985 §7.2. This and the one above come before the RTO, which they may make superfluous."""
    RTO = 2
    PERSIST = 3
    """Zero-window probe, or the override of silly-window avoidance."""
    DELAYED_ACK = 4
    KEEPALIVE = 5
    USER = 6
    FIN_WAIT_2 = 7
    MTU_PROBE = 8
    PACE = 9
    """The next segment may leave."""


_COUNT: Final = len(Timer)


class Timers(Snapshot):
    """Deadlines in ns; ``NEVER`` where a timer is off."""

    __slots__ = ("deadlines",)
    DERIVED: ClassVar[Slots] = ("deadlines",)

    def __init__(self) -> None:
        self.deadlines: list[int] = [NEVER] * _COUNT

    def snapshot(self, origin: Origin) -> Hashable:
        return tuple(None if at == NEVER else at - origin.now for at in self.deadlines)

    def restore(self, value: Any, origin: Origin) -> None:
        self.deadlines = [NEVER if delta is None else delta + origin.now for delta in value]

    def set(self, timer: int, at: int) -> None:
        self.deadlines[timer] = at

    def stop(self, timer: int) -> None:
        self.deadlines[timer] = NEVER

    def stop_all(self) -> None:
        self.deadlines = [NEVER] * _COUNT

    def is_set(self, timer: int) -> bool:
        return self.deadlines[timer] != NEVER

    def earliest(self) -> int:
        """The least deadline, or ``NEVER``."""
        least = NEVER
        for at in self.deadlines:
            if at < least:
                least = at
        return least

    def expired(self, now: int) -> list[Timer]:
        """The timers whose time has come, switched off, in the order of ``Timer``."""
        due = [timer for timer in Timer if self.deadlines[timer] <= now]
        for timer in due:
            self.deadlines[timer] = NEVER
        return due
