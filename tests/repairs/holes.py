"""How much work one acknowledgement, or one segment, is when a great number of segments is missing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, NamedTuple

from estab.tcp.config import MODERN
from estab.wire.link import FULL_OFFLOAD
from estab.wire.packet import Packet
from tests.conversation import ACK, MILLISECOND, Conversation

SIZE: Final = 100
"""Bytes of a hole, and of what is between two holes."""
PAUSE: Final = 1000
"""ns from one packet to the next."""
MEASURED: Final = 50
"""The last packets are those that are measured."""
UNLIMITED: Final = 1 << 20


class Work(NamedTuple):
    """For one packet, with all that it lets go."""

    lines: int
    """Lines of estab that were run, at most."""
    microseconds: float
    """CPU time, on average."""


class Lines:
    """Counts the lines of estab that run meanwhile: what a clock would say, but the same every time."""

    def __init__(self) -> None:
        self.count: int = 0

    def __enter__(self) -> Lines:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if frame.f_globals.get("__name__", "").startswith("estab.") else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.count += event == "line"
        return self._line


def acknowledgements(holes: int, control: str = MODERN.congestion) -> Work:
    """Every second piece of what was sent is missing, and each acknowledgement tells of one more; repairs go out."""
    config = MODERN.but(send_buffer=2 * holes * SIZE, congestion=control, scoreboard_ranges=UNLIMITED)
    t = _talk(config)
    t.c.congestion.cwnd = 2 * holes * SIZE
    assert t.send(bytes(2 * holes * SIZE)) == 2 * holes * SIZE
    t.drain()
    t.now += 100 * MILLISECOND
    blocks = [(SIZE * (2 * hole + 1) + 1, SIZE * (2 * hole + 2) + 1) for hole in range(holes)]
    work = _measure(
        t, [t.segment_bytes(ACK, seq=1, ack=1, sack=tuple(blocks[max(i - 2, 0) : i + 1][::-1])) for i in range(holes)]
    )
    assert t.c.board.sacked == holes * SIZE
    assert len(t.c.board.ranges) >= 2 * holes
    return work


def arrivals(holes: int) -> Work:
    """Every second piece of what the peer sends is missing; each that comes is acknowledged."""
    t = _talk(MODERN.but(receive_buffer=4 * holes * SIZE + 65_536, reassembly_pieces=UNLIMITED))
    work = _measure(
        t, [t.segment_bytes(ACK, seq=SIZE * (2 * i + 1) + 1, ack=1, data=bytes(SIZE)) for i in range(holes)]
    )
    assert len(t.c.reassembly) == holes
    return work


def _talk(config: Any) -> Conversation:
    t = Conversation(config=config, offload=FULL_OFFLOAD)
    return t.established(mss=1000, sack_permitted=True, window_scale=14)


def _measure(t: Conversation, packets: Sequence[bytes]) -> Work:
    """The last of the packets, as they come one by one; half of them are traced, half of them timed."""
    lines, taken = 0, 0
    for left, data in zip(range(len(packets), 0, -1), packets, strict=True):
        t.now += PAUSE
        if left > MEASURED or left % 2:
            begun = time.process_time_ns()
            _turn(t, data)
            taken += time.process_time_ns() - begun if left <= MEASURED else 0
        else:
            with Lines() as counted:
                _turn(t, data)
            lines = max(lines, counted.count)
    return Work(lines, taken / min(len(packets) // 2, MEASURED // 2) / 1000)


def _turn(t: Conversation, data: bytes) -> None:
    t.stack.receive([Packet(data)], t.now)
    while t.stack.transmit(t.now, 64):
        pass
