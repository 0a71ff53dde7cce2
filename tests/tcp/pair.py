"""Two stacks on a wire that the test holds: it decides which segment arrives, and when."""

from __future__ import annotations

import random

from estab.stack.stack import Stack
from estab.tcp.config import MODERN, SECOND, Config
from estab.tcp.connection import Connection, make_key
from estab.tcp.rules import RULES, Rules
from estab.wire import ip, tcp
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.tcp import Segment, format_flags


class End:
    """One host of a pair. ``outbox`` holds what it has sent and the wire has not carried yet."""

    def __init__(self, pair: Pair, text: str, isn: int, config: Config, rules: Rules) -> None:
        self.pair = pair
        self.text = text
        self.address = parse_address(text)
        self.isn = isn
        """Its next connection begins here; each further one 100 higher, as the figures have it."""
        self.config = config
        self.rules = rules
        self.outbox: list[bytes] = []
        self.stack = self._stack()
        self.c: Connection | None = None

    def reboot(self) -> None:
        """Everything is forgotten; what was sent is still on the wire."""
        self.stack = self._stack()
        self.c = None

    def open(self, port: int = 80, local: int = 4000) -> Connection:
        other = self.pair.b if self is self.pair.a else self.pair.a
        self.c = self.stack.open((other.text, port), self.pair.now, local=(self.text, local))
        return self.c

    def collect(self) -> list[bytes]:
        while packets := self.stack.transmit(self.pair.now):
            self.outbox += [packet.tobytes() for packet in packets]
        return self.outbox

    def sent(self) -> list[tuple[str, int, int]]:
        """Flags, seq and ack (numbers of the wire) of what waits in the outbox."""
        return [(format_flags(s.flags), s.seq, s.ack) for s in map(read, self.collect())]

    def take(self) -> bytes:
        """The oldest of it, now the test's."""
        return self.outbox.pop(0) if self.collect() else b""

    def arrive(self, *packets: bytes) -> None:
        self.stack.receive([Packet(data) for data in packets if data], self.pair.now)
        self.collect()

    def states(self) -> list[str]:
        """Of all its connections, TIME-WAIT included."""
        waiting = ["TIME-WAIT"] * len(self.stack.time_wait)
        return [c.state.value for c in self.stack.connections.values()] + waiting

    def key(self, local: int, remote: int) -> bytes:
        other = self.pair.b if self is self.pair.a else self.pair.a
        return make_key((self.address, local), (other.address, remote))

    def _stack(self) -> Stack:
        def isn(key: bytes, now: int) -> int:
            chosen = self.isn
            self.isn += 100
            return chosen & 0xFFFFFFFF

        prefix = 64 if ":" in self.text else 24
        return Stack(
            self.config,
            addresses=[f"{self.text}/{prefix}"],
            rng=random.Random(self.text),
            rules=self.rules,
            isn=isn,
        )


class Pair:
    """``a`` and ``b``, with the initial sequence numbers of RFC 9293's figures: 100 and 300."""

    def __init__(
        self,
        config: Config = MODERN,
        *,
        v6: bool = False,
        isns: tuple[int, int] = (100, 300),
        rules: Rules = RULES,
    ) -> None:
        self.now = 10 * SECOND
        self.a = End(self, "fd00::1" if v6 else "10.0.0.1", isns[0], config, rules)
        self.b = End(self, "fd00::2" if v6 else "10.0.0.2", isns[1], config, rules)

    def carry(self, limit: int = 1000) -> int:
        """Deliver everything, one segment from each side in turn, until nobody has more to say; how many that were."""
        count = 0
        while self.a.collect() or self.b.collect():
            for here, there in ((self.a, self.b), (self.b, self.a)):
                if here.collect():
                    there.arrive(here.take())
                    count += 1
            assert count <= limit, "they talk for ever"
        return count

    def after(self, nanoseconds: int) -> None:
        """Let time pass on both sides; what is sent meanwhile arrives at once."""
        end = self.now + nanoseconds
        while True:
            self.carry()
            deadlines = [d for d in (self.a.stack.next_deadline(), self.b.stack.next_deadline()) if d is not None]
            if not deadlines or min(deadlines) > end:
                break
            self.now = max(self.now, min(deadlines))
            self.a.stack.advance(self.now)
            self.b.stack.advance(self.now)
        self.now = end

    def established(self) -> Pair:
        """``a`` has opened, ``b`` accepted."""
        listener = self.b.stack.listen(80)
        self.a.open()
        self.carry()
        self.b.c = self.b.stack.accept(listener)
        assert self.states() == (["ESTABLISHED"], ["ESTABLISHED"])
        return self

    def states(self) -> tuple[list[str], list[str]]:
        return self.a.states(), self.b.states()


def read(data: bytes) -> Segment:
    """The segment in a packet of the wire."""
    packet = Packet(data)
    ip.parse(packet)
    return tcp.parse(packet)


def forge(sender: End, receiver: End, segment: Segment, ports: tuple[int, int]) -> bytes:
    """A packet that looks as if ``sender`` had sent it from the first port to the second."""
    segment.source_port, segment.destination_port = ports
    return tcp.build(segment, sender.address, receiver.address).tobytes()
