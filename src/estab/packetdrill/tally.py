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


def _note_order(c: Connection, segment: Segment, tally: Tally) -> None:
    """How far the path reorders: how much was delivered before the lowest that is delivered only now, and was sent
    once."""
    ack = unwrap(segment.ack, c.snd_una)
    blocks = [(unwrap(low, c.snd_una), unwrap(high, c.snd_una)) for low, high in segment.options.sack]
    if blocks and (blocks[0][1] <= ack or any(low <= blocks[0][0] < blocks[0][1] <= high for low, high in blocks[1:])):
        tally["dsack_dups"] += 1
    highest = max((entry.end for entry in c.board.ranges if entry.sacked), default=0)
    fresh = [
        entry.start if entry.start < ack else max(entry.start, min(low for low, high in blocks if low < entry.end))
        for entry in c.board.ranges
        if not entry.sacked
        and entry.transmissions == 1
        and (entry.start < ack or any(low < entry.end and entry.start < high for low, high in blocks))
    ]
    lowest = min(fresh, default=highest)
    if lowest < highest:
        tally["reord_seen"] += 1
        tally["reordering"] = max(tally["reordering"], -(-(highest - lowest) // max(c.mss, 1)))


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
        tally["probes"] += reason is Reason.WINDOW_PROBE
        if not segment.length and not segment.flags & (SYN | FIN):
            return
        repeated = unwrap(segment.seq, connection.snd_nxt) + segment.span < connection.snd_nxt
        repeated = repeated or reason in (Reason.RETRANSMISSION, Reason.TIMEOUT)
        repeated = repeated or (reason is Reason.TAIL_PROBE and connection.tail.repeated)
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
            if unwrap(segment.seq, connection.rcv_nxt) > connection.rcv_nxt:
                tally["rcv_ooopack"] += segment.segments
            tally["data_segs_in"] += segment.segments
            tally["last_data_recv"] = now
        if segment.flags & ACK:
            tally["last_ack_recv"] = now
            tally["probes"] = 0
            _note_order(connection, segment, tally)

    def congestion(self, now: int, connection: Connection, event: str) -> None:
        self.of(connection, now)["event_" + event] += 1
