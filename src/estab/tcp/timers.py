"""The timers of a connection: one deadline per purpose, no objects to cancel."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from typing import Any, ClassVar, Final

from estab.tcp.snapshot import Origin, Slots, Snapshot

NEVER: Final = 1 << 61
"""Later than any time; within what the compiled form keeps in a machine word."""


class Timer(Enum):
    """RFC 9293 §3.10.8 and the timers of its §3.8. The value is the name of the attribute of ``Timers``."""

    REORDER = "reorder"
    """RACK judges again: RFC 8985 §6.2 step 5."""
    TAIL_PROBE = "tail_probe"
    """RFC 8985 §7.2. This and the one above come before the RTO, which they may make superfluous."""
    RTO = "rto"
    PERSIST = "persist"
    """Zero-window probe, or the override of silly-window avoidance."""
    DELAYED_ACK = "delayed_ack"
    KEEPALIVE = "keepalive"
    USER = "user"
    FIN_WAIT_2 = "fin_wait_2"
    MTU_PROBE = "mtu_probe"
    PACE = "pace"
    """The next segment may leave."""

    __hash__ = object.__hash__


_NAMES: Final = tuple(timer.value for timer in Timer)


class Timers(Snapshot):
    """Deadlines in ns; ``NEVER`` where a timer is off. Attributes: a list would hold an object for each of them."""

    DERIVED: ClassVar[Slots] = (
        *("reorder", "tail_probe", "rto", "persist", "delayed_ack"),
        *("keepalive", "user", "fin_wait_2", "mtu_probe", "pace"),
    )
    __slots__ = DERIVED

    def __init__(self) -> None:
        self.reorder: int = NEVER
        self.tail_probe: int = NEVER
        self.rto: int = NEVER
        self.persist: int = NEVER
        self.delayed_ack: int = NEVER
        self.keepalive: int = NEVER
        self.user: int = NEVER
        self.fin_wait_2: int = NEVER
        self.mtu_probe: int = NEVER
        self.pace: int = NEVER

    def snapshot(self, origin: Origin) -> Hashable:
        deadlines = [getattr(self, name) for name in _NAMES]
        return tuple(None if at == NEVER else at - origin.now for at in deadlines)

    def restore(self, value: Any, origin: Origin) -> None:
        for name, delta in zip(_NAMES, value, strict=True):
            setattr(self, name, NEVER if delta is None else delta + origin.now)

    def stop_all(self) -> None:
        self.reorder = self.tail_probe = self.rto = self.persist = self.delayed_ack = NEVER
        self.keepalive = self.user = self.fin_wait_2 = self.mtu_probe = self.pace = NEVER

    def earliest(self) -> int:
        """The least deadline, or ``NEVER``."""
        least = self.reorder
        if self.tail_probe < least:
            least = self.tail_probe
        if self.rto < least:
            least = self.rto
        if self.persist < least:
            least = self.persist
        if self.delayed_ack < least:
            least = self.delayed_ack
        if self.keepalive < least:
            least = self.keepalive
        if self.user < least:
            least = self.user
        if self.fin_wait_2 < least:
            least = self.fin_wait_2
        if self.mtu_probe < least:
            least = self.mtu_probe
        if self.pace < least:
            least = self.pace
        return least

    def expired(self, now: int) -> list[Timer]:
        """The timers whose time has come, switched off, in the order of ``Timer``."""
        due = [timer for timer in Timer if getattr(self, timer.value) <= now]
        for timer in due:
            setattr(self, timer.value, NEVER)
        return due
