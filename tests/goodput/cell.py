"""One cell of the goodput table: one flow over one path, in virtual time; its bytes are counted, not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final, NamedTuple

from estab.faults.path import Line, Path, bandwidth_delay
from estab.sim import Network, SimHost
from estab.stack.listener import Listener
from estab.stack.stack import Watched
from estab.tcp.config import MIB, MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection
from estab.tcp.observer import Observer, Reason
from estab.wire.tcp import Segment

RTTS: Final = (2, 20, 100, 600)
"""ms."""
LOSSES: Final = ("0", "0.1%", "1%", "5%", "burst")
RATES: Final = (1, 10, 100)
"""Mbit/s."""
CONTROLS: Final = ("newreno", "cubic", "bbr")

BURST: Final = (0.004, 0.4)
"""Bursts of 2.5 packets on average, one packet in a hundred in all, on the way there only. A burst ends by packets, not
by time: where single packets follow each other at the pace of a timer, it would last for minutes."""
SMALLEST_QUEUE: Final = 15_000
"""Bytes: ten packets, where the bandwidth-delay product is less."""
BUFFER: Final = 64 * MIB
"""Four times what the largest cell has on its way and in its queue: it takes one such round to see a loss and one to
repair it, and the repair may be lost as well. With less, the buffer is what is measured."""
SHORTEST: Final = 20 * SECOND
ROUND_TRIPS: Final = 100
MEGABIT: Final = 1_000_000
_CHUNK: Final = bytes(1 << 18)
_PORT: Final = 80


class Cell(NamedTuple):
    """Where it stands in the table."""

    rtt_ms: int
    loss: str
    rate_mbit: int
    control: str

    @property
    def duration(self) -> int:
        """ns, the handshake included."""
        return max(SHORTEST, ROUND_TRIPS * self.rtt_ms * MILLISECOND)

    @property
    def path(self) -> Path:
        """Both directions alike but for bursts; the queue holds one bandwidth-delay product."""
        rate, rtt = self.rate_mbit * MEGABIT, self.rtt_ms * MILLISECOND
        burst = BURST if self.loss == "burst" else None
        chance = 0.0 if burst else float(self.loss.rstrip("%")) / 100
        queue = max(bandwidth_delay(rate, rtt), SMALLEST_QUEUE)
        back = Line(rate, queue, rtt // 2, loss=chance)
        return Path(replace(back, burst=burst), back)


class Result(NamedTuple):
    """What became of a cell."""

    goodput: float
    """Mbit/s of payload, from the SYN to the end."""
    steady: float
    """The same over the second half."""
    sent: int
    """Segments of data, as packets on the wire."""
    again: int
    """Retransmissions among them."""
    timeouts: int


class Count(Observer):
    """What the sender sends, in packets of the wire."""

    def __init__(self) -> None:
        self.sent_packets: int = 0
        self.again: int = 0
        self.timeouts: int = 0
        self._highest: int = 0

    def sent(self, now: int, connection: Connection | None, segment: Segment, reason: Reason) -> None:
        if segment.length:
            end = segment.seq + segment.length
            self.sent_packets += segment.segments
            self.again += segment.segments if end <= self._highest else 0
            self._highest = max(self._highest, end)

    def congestion(self, now: int, connection: Connection, event: str) -> None:
        self.timeouts += event == "timeout"


class Sink:
    """Accepts and reads whatever comes."""

    def __init__(self, host: SimHost, network: Network) -> None:
        self.received: int = 0
        self._stack = host.stack
        self._clock = network.clock
        host.on_event = self._look
        self._stack.listen(_PORT)

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (accepted := self._stack.accept(watched)) is not None:
                self._look(accepted)
        elif isinstance(watched, Connection):
            while data := watched.receive_some(self._clock.now):
                self.received += len(data)


def measure(cell: Cell, seed: int = 1) -> Result:
    """Let one flow run through the cell's path for the cell's duration, always with something to send."""
    network = Network(seed, recording=False)
    config = MODERN.but(congestion=cell.control, send_buffer=BUFFER, receive_buffer=BUFFER)
    count = Count()
    source = network.host("source", "10.0.0.1/24", config=config, observer=count)
    target = network.host("target", "10.0.0.2/24", config=config)
    network.connect(source, target, path=cell.path)
    sink = Sink(target, network)
    flow = source.stack.open(("10.0.0.2", _PORT), 0)

    def write(watched: Watched) -> None:
        while flow.send(_CHUNK, network.clock.now) == len(_CHUNK):
            pass

    source.on_event = write
    write(flow)
    network.run_until(cell.duration // 2)
    half = sink.received
    network.run_until(cell.duration)
    return Result(
        _mbit(sink.received, cell.duration),
        _mbit(sink.received - half, cell.duration - cell.duration // 2),
        count.sent_packets,
        count.again,
        count.timeouts,
    )


def _mbit(size: int, duration: int) -> float:
    return round(8 * size * SECOND / duration / MEGABIT, 3)


def cells(controls: tuple[str, ...] = CONTROLS) -> Iterator[Cell]:
    """All of the table, row by row."""
    return (Cell(*each) for each in product(RTTS, LOSSES, RATES, controls))
