"""What Linux counts for each connection and the connection itself does not keep."""

from __future__ import annotations

from collections import Counter

from estab.tcp.connection import Connection
from estab.tcp.observer import Observer, Reason
from estab.tcp.states import SYN_SENT, Fact, State
from estab.wire.sequence import unwrap
from estab.wire.tcp import ACK, FIN, SYN, Segment


class Tally(Counter[str]):
    """Counts by the names of ``struct tcp_info``; ``last_*`` are times in ns."""

    def __init__(self, now: int) -> None:
        super().__init__(last_data_sent=now, last_data_recv=now, last_ack_recv=now)


class Bookkeeper(Observer):
    """Keeps a tally for each connection of a stack."""

    def __init__(self) -> None:
        self.tallies: dict[bytes, Tally] = {}

    def of(self, connection: Connection, now: int) -> Tally:
        return self.tallies.setdefault(connection.key, Tally(now))

    def state(self, now: int, connection: Connection, old: State, new: State, fact: Fact) -> None:
        if new is SYN_SENT or fact is Fact.SYN:
            self.tallies[connection.key] = Tally(now)
        elif new is State.ESTABLISHED:
            tally = self.of(connection, now)
            tally["last_data_sent"] = tally["last_data_recv"] = tally["last_ack_recv"] = now

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        if connection is None:
            return
        tally = self.of(connection, now)
        tally["segs_out"] += segment.segments
        if not segment.length and not segment.flags & (SYN | FIN):
            return
        repeated = unwrap(segment.seq, connection.snd_nxt) + segment.span < connection.snd_nxt
        repeated = repeated or reason in (Reason.RETRANSMISSION, Reason.TIMEOUT)
        if segment.length:
            tally["data_segs_out"] += segment.segments
            tally["bytes_sent"] += segment.length
            tally["last_data_sent"] = now
        if repeated:
            tally["total_retrans"] += segment.segments
            tally["bytes_retrans"] += segment.length

    def received(self, now: int, connection: Connection | None, segment: Segment) -> None:
        if connection is None:
            return
        tally = self.of(connection, now)
        tally["segs_in"] += segment.segments
        if segment.length:
            tally["data_segs_in"] += segment.segments
            tally["last_data_recv"] = now
        if segment.flags & ACK:
            tally["last_ack_recv"] = now

    def congestion(self, now: int, connection: Connection, event: str) -> None:
        self.of(connection, now)["event_" + event] += 1
