"""The link that wraps a link and lets faults happen on it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from random import Random
from typing import Any, Final, TypeAlias

from estab.faults.packets import complete, copy
from estab.faults.timed import FULL, Timed
from estab.faults.verdict import PASS, Deliver, Drop, Duplicate, Fault, Replace, Reply
from estab.faults.waiting import NEVER, Waiting
from estab.wire.form import mypyc_attr
from estab.wire.link import NO_OFFLOAD, Link, Offload
from estab.wire.packet import Packet

OUT: Final = 0
IN: Final = 1
DIRECTIONS: Final = ("out", "in")
RETRY: Final = 1_000_000
"""How long to wait (ns) before the wrapped link is offered again what it did not take."""

Observer: TypeAlias = Callable[[int, str, Packet, str], None]
"""``observer(now, direction, packet, fate)``, called once for each copy of each packet, when it is handed on or ends.

direction: ``"out"`` or ``"in"``. fate of what is handed on: ``"delivered"``, ``"delayed"``, ``"duplicate"``,
``"corrupted"``, ``"truncated"`` (of several the last) or ``"reply"``; of what is not: ``"lost"``, ``"queue full"``,
``"too big"``, ``"ttl expired"`` or ``"overflow"``."""


@mypyc_attr(allow_interpreted_subclasses=True)
class FaultyLink:
    """Every packet passes the faults of its direction, in their order, on its way through the wrapped link.

    It declares no offload: super-packets are cut and checksums completed before the first fault, so that a loss is
    one packet and a flipped bit is caught. ``whole``: the wrapped link's offload counts, and super-packets pass as
    they are, for faults that neither look into packets nor change them. Packets that are delayed are held here, and
    ``next_deadline`` names the time of the next: whoever pumps the link then calls ``receive``, which also sends what
    is due to be sent. Each fault sees a copy at the time when it reaches it, even if ``receive`` is called late.

    At most ``limit`` packets are held, and as many wait in each direction; what is beyond is lost (``"overflow"``).
    The snapshot does not contain ``rng``, which belongs to whoever passed it in.
    """

    __slots__ = (
        "_clear",
        "_faults",
        "_held",
        "_inner",
        "_limit",
        "_now",
        "_number",
        "_observer",
        "_ready",
        "_retry_at",
        "_rng",
        "_whole",
    )

    def __init__(
        self,
        inner: Link,
        out: Sequence[Fault] = (),
        into: Sequence[Fault] = (),
        *,
        rng: Random,
        observer: Observer | None = None,
        limit: int = 10_000,
        whole: bool = False,
    ) -> None:
        """out, into: the faults of what is sent and of what is received."""
        self._inner = inner
        self._faults: list[tuple[Fault, ...]] = [tuple(out), tuple(into)]
        self._rng = rng
        self._observer = observer
        self._limit = limit
        self._held: Waiting = Waiting()
        self._ready: list[list[Packet]] = [[], []]
        self._number = 0
        self._now = 0
        self._retry_at: int | None = None
        self._whole = whole
        self._clear = not into and observer is None and (whole or inner.offload == NO_OFFLOAD)
        """What is received meets nothing here."""

    @property
    def mtu(self) -> int:
        return self._inner.mtu

    @property
    def send_errors(self) -> int:
        """Those of the link beneath, 0 where it does not count."""
        return getattr(self._inner, "send_errors", 0)

    @property
    def offload(self) -> Offload:
        return self._inner.offload if self._whole else NO_OFFLOAD

    @property
    def on_ready(self) -> Callable[[], None] | None:
        return self._inner.on_ready

    @on_ready.setter
    def on_ready(self, callback: Callable[[], None] | None) -> None:
        self._inner.on_ready = callback

    def receive(self, now: int, room: int) -> list[Packet]:
        """What has come through by now; also sends what is due.

        Raises ``OSError`` when the wrapped link is gone and nothing that came before is left."""
        self._advance(now)
        ready = self._ready[IN]
        if self._clear and not ready:
            packets = self._inner.receive(now, room)
            self._flush(now)
            return packets
        if len(ready) < room:
            try:
                self._enter(self._inner.receive(now, room - len(ready)), now, IN)
            except OSError:
                if not ready and not any(held[2] == IN for held in self._held.in_order()):
                    raise
        self._flush(now)
        self._ready[IN] = ready[room:]
        return ready[:room] if len(ready) > room else ready

    def carry(self, now: int) -> bool:
        """Let what is due go on its way, without receiving; True: it has brought something to receive."""
        self._advance(now)
        self._flush(now)
        return bool(self._ready[IN])

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """Takes all or, while the wrapped link is full, none."""
        self._advance(now)
        self._flush(now)
        if self._ready[OUT]:
            return 0
        self._enter(packets, now, OUT)
        self._flush(now)
        return len(packets)

    def next_deadline(self) -> int | None:
        """When ``receive`` is to be called, the wrapped link's deadline included."""
        if self._ready[IN]:
            return self._now
        earliest = self._inner.next_deadline()
        due = self._held.due
        if due != NEVER and (earliest is None or due < earliest):
            earliest = due
        if self._retry_at is not None and (earliest is None or self._retry_at < earliest):
            earliest = self._retry_at
        return earliest

    def fileno(self) -> int:
        return self._inner.fileno()

    def close(self) -> None:
        """Close the wrapped link; what is held is lost."""
        self._held.clear()
        for ready in self._ready:
            ready.clear()
        self._retry_at = None
        self._inner.close()

    def snapshot(self, now: int) -> Hashable:
        """Everything held, relative in time, and the state of the faults; the wrapped link is not part of it."""
        entries = self._held.in_order()
        held = tuple((due - now, *rest, packet.tobytes(), fate) for due, _, *rest, packet, fate in entries)
        ready = tuple(tuple(packet.tobytes() for packet in queue) for queue in self._ready)
        faults = tuple(fault.snapshot(now) for fault in self._stateful())
        return held, ready, faults, None if self._retry_at is None else self._retry_at - now

    def restore(self, value: Any, now: int) -> None:
        """The inverse of ``snapshot``, on a link with the same faults."""
        held, ready, faults, retry = value
        self._held.clear()
        for number, (due, direction, stage, data, fate) in enumerate(held):
            self._held.add((now + due, number, direction, stage, Packet(data), fate))
        self._number = len(held)
        self._now = now
        for queue, saved in zip(self._ready, ready, strict=True):
            queue.clear()
            queue.extend(map(Packet, saved))
        for fault, state in zip(self._stateful(), faults, strict=True):
            fault.restore(state, now)
        self._retry_at = None if retry is None else now + retry

    def _stateful(self) -> list[Any]:
        return [fault for faults in self._faults for fault in faults if hasattr(fault, "snapshot")]

    def _enter(self, packets: Sequence[Packet], now: int, direction: int) -> None:
        """Start packets on their way."""
        held = self._held
        for packet in packets:
            for piece in (packet,) if self._whole else complete(packet):
                self._walk(piece, now, direction, 0, "delivered")
                if held.due <= now:
                    self._advance(now)

    def _advance(self, now: int) -> None:
        """Let the held packets go on whose time has come, in the order of their times."""
        self._now = now
        held = self._held
        while held.due <= now:
            due, _, direction, stage, packet, fate = held.take()
            self._walk(packet, due, direction, stage, fate)

    def _walk(self, packet: Packet, now: int, direction: int, stage: int, fate: str) -> None:
        """Take one copy from the fault number ``stage`` to where it is held, ends or is handed on."""
        faults = self._faults[direction]
        while stage < len(faults):
            fault = faults[stage]
            stage += 1
            if isinstance(fault, Timed):
                at = fault.when(packet, now, self._rng)
                if at is None:
                    self._tell(now, direction, packet, FULL.reason)
                    return
                if at > now:
                    self._hold(at, direction, stage, packet, fate)
                    return
                continue
            verdict = fault(packet, now, self._rng)
            if verdict is PASS:
                continue
            match verdict:
                case Deliver():
                    at = now + verdict.delay if verdict.at is None else verdict.at
                    fate = verdict.fate or fate
                    if at > now:
                        self._hold(at, direction, stage, packet, fate)
                        return
                case Duplicate():
                    for delay in verdict.delays:
                        self._hold(now + delay, direction, stage, copy(packet), "duplicate")
                case Replace():
                    packet, fate = verdict.packet, verdict.fate or fate
                case Drop():
                    self._tell(now, direction, packet, verdict.reason)
                    return
                case Reply():
                    self._tell(now, direction, packet, verdict.reason)
                    self._hand_on(now, OUT + IN - direction, verdict.packet, "reply")
                    return
        self._hand_on(now, direction, packet, fate)

    def _hold(self, due: int, direction: int, stage: int, packet: Packet, fate: str) -> None:
        if len(self._held) >= self._limit:
            self._tell(self._now, direction, packet, "overflow")
            return
        self._number += 1
        self._held.add((due, self._number, direction, stage, packet, fate))

    def _hand_on(self, now: int, direction: int, packet: Packet, fate: str) -> None:
        ready = self._ready[direction]
        if len(ready) >= self._limit:
            fate = "overflow"
        else:
            ready.append(packet)
        self._tell(now, direction, packet, fate)

    def _tell(self, now: int, direction: int, packet: Packet, fate: str) -> None:
        if self._observer is not None:
            self._observer(now, DIRECTIONS[direction], packet, fate)

    def _flush(self, now: int) -> None:
        """Send what is ready; what the wrapped link does not take waits here until it has room."""
        ready = self._ready[OUT]
        self._retry_at = None
        if not ready:
            return
        taken = self._inner.send(ready, now)
        if taken < len(ready):
            self._retry_at = now + RETRY
        self._ready[OUT] = ready[taken:]
