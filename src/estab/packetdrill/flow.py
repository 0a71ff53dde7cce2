"""The connection that a script is about: how its numbers stand for those on the wire. All modulo 2³²."""

from __future__ import annotations

from estab.packetdrill.syntax import Number, Stamp, TcpPacket
from estab.wire.sequence import MASK32
from estab.wire.tcp import ACK, SYN

Address = tuple[bytes, int]


class MappingError(Exception):
    """A number of the script stands for nothing."""


class Flow:
    """Scripts count from the initial sequence numbers; only packets with SYN are written with the numbers themselves.

    ``remote`` is what the peer says, so its numbers are the script's own; ours are known once our SYN was seen."""

    __slots__ = ("first_stamp", "live_isn", "local", "remote", "remote_isn", "script_isn", "stamps")

    def __init__(self, local: Address, remote: Address) -> None:
        self.local: Address = local
        self.remote: Address = remote
        self.remote_isn: int = 0
        self.script_isn: int = 0
        self.live_isn: int = 0
        self.stamps: dict[int, int] = {}
        """Timestamps of the script, and what stood for them on the wire."""
        self.first_stamp: tuple[int, int] | None = None

    # ------------------------------------------------------------------ what is injected

    def inbound_seq(self, packet: TcpPacket) -> int:
        assert packet.seq is not None
        if packet.seq.absolute or packet.flags & SYN:
            return packet.seq.value
        return (packet.seq.value + self.remote_isn) & MASK32

    def inbound_ack(self, packet: TcpPacket) -> int:
        if packet.ack is None:
            return 0
        if packet.ack.absolute or not packet.flags & ACK:
            return packet.ack.value
        return self.ours(packet.ack.value, packet.flags)

    def ours(self, number: int, flags: int) -> int:
        """A position in what we send."""
        return (number - (self.script_isn if flags & SYN else 0) + self.live_isn) & MASK32

    def inbound_stamps(self, stamp: Stamp, flags: int, scaled: bool) -> tuple[int, int]:
        """TSval as written, TSecr as what we really sent for it. Raises ``MappingError``."""
        value = 0 if stamp.value is None else stamp.value.value
        echo = stamp.echo
        if echo is None:
            return value, 0
        if echo.absolute or not flags & ACK:
            return value, echo.value
        return value, self._echo(echo.value, scaled)

    def _echo(self, script: int, scaled: bool) -> int:
        live = self.stamps.get(script)
        if live is not None:
            return live
        if scaled and self.first_stamp is not None:
            return (script - self.first_stamp[0] + self.first_stamp[1]) & MASK32
        if not script:
            return 0
        raise MappingError(f"no packet was sent with TS val {script}, so it cannot be echoed")

    # ------------------------------------------------------------------ what is expected

    def see_syn(self, packet: TcpPacket, live_seq: int) -> None:
        """Our SYN: from here on our numbers are known."""
        self.script_isn = 0 if packet.seq is None else packet.seq.value
        self.live_isn = live_seq

    def script_seq(self, live: int, flags: int, absolute: bool = False) -> int:
        """What the script would call a position in what we send."""
        if absolute:
            return live
        return (live - self.live_isn + (self.script_isn if flags & SYN else 0)) & MASK32

    def script_ack(self, live: int, flags: int, absolute: bool = False) -> int:
        """What the script would call a position in what the peer sends."""
        return live if absolute or flags & SYN else (live - self.remote_isn) & MASK32

    def outbound_block(self, edge: Number) -> int:
        """A SACK edge of ours: a position in what the peer sends."""
        return edge.value if edge.absolute else (edge.value + self.remote_isn) & MASK32

    def inbound_block(self, edge: Number) -> int:
        """A SACK edge of the peer's: a position in what we send."""
        return edge.value if edge.absolute else (edge.value + self.live_isn) & MASK32

    def note_stamp(self, script: int, live: int) -> None:
        """A packet was expected with ``script`` and came with ``live``."""
        self.stamps[script] = live
        if self.first_stamp is None:
            self.first_stamp = script, live
