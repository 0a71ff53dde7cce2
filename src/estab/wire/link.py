"""The contract between a packet pipe and whoever pumps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from estab.wire.form import interpreted
from estab.wire.packet import Packet


class Offload(NamedTuple):
    """What a link does so that the stack need not, each way."""

    segment_out: bool = False
    """Accepts TCP super-packets of up to ``longest`` bytes and cuts them itself, both families."""
    checksum_out: bool = False
    """Completes ``Checksum.PARTIAL`` packets."""
    segment_in: bool = False
    """May hand in super-packets."""
    checksum_in: bool = False
    """May hand in packets whose checksum is ``VERIFIED`` or ``PARTIAL`` instead of complete."""
    datagrams_out: bool = False
    """Accepts UDP super-packets (datagrams of one size from one port to one, the last may be shorter) and cuts them."""
    datagrams_in: bool = False
    """May hand in UDP super-packets."""
    longest: int = 65_535
    """Bytes of a TCP super-packet with its headers. What is beyond 65,535 has no place in the length field of the IP
    header, which is then 0, as in Linux ("BIG TCP"): only memory carries it."""


NO_OFFLOAD = Offload()
FULL_OFFLOAD = Offload(True, True, True, True, True, True)
MEMORY_OFFLOAD = FULL_OFFLOAD._replace(longest=1 << 18)
"""Of a pipe in memory. Longer packets would no program read from a capture."""


@interpreted
class Link(Protocol):
    """A packet pipe. A link that wraps a link has the same shape.

    One that may lose what it took, as it was refused below, counts it in ``send_errors``; the pump shows that number
    among the stack's counters as ``LinkOutErrors``."""

    @property
    def mtu(self) -> int:
        """Largest IP packet in bytes; may change, whoever pumps the link tells the stack."""

    @property
    def offload(self) -> Offload: ...

    on_ready: Callable[[], None] | None
    """For links without a descriptor: called when ``receive`` may have something new."""

    def receive(self, now: int, room: int) -> list[Packet]:
        """At most ``room`` packets that have arrived; empty when there are none. Never blocks.

        Fewer than ``room`` though more are there: then the descriptor still polls readable, or ``next_deadline`` is
        not after ``now``. Raises ``OSError`` when the pipe is gone."""

    def send(self, packets: Sequence[Packet], now: int) -> int:
        """How many of the packets, from the first on, were taken. Fewer than all: call again when writable."""

    def next_deadline(self) -> int | None:
        """When a packet held inside becomes receivable or sendable (ns), or None. Ask again after every call."""

    def fileno(self) -> int:
        """A descriptor that polls readable and writable, or -1 (then ``on_ready`` is used)."""

    def close(self) -> None:
        """Release what the link holds. May be called twice."""
