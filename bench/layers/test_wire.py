"""Bytes to values and back."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from estab.wire import ip, tcp
from estab.wire.checksum import checksum
from estab.wire.options import Options
from estab.wire.packet import Packet
from estab.wire.tcp import ACK, PSH, Segment

US, THEM = socket.inet_aton("10.0.0.1"), socket.inet_aton("10.0.0.2")
SIZES = [0, 1448, 64_000]


def segment(size: int) -> Segment:
    """With the options that nearly every segment has."""
    payload = ((bytes(range(256)) * 250)[:size],) if size else ()
    made = Segment(1_000_000, 2_000_000, ACK | PSH, 500, payload, Options(timestamps=(1, 2)))
    made.source_port, made.destination_port = 40_000, 80
    made.segment_size = 1448
    return made


@pytest.mark.parametrize("size", SIZES)
def test_emit(benchmark: Any, size: int) -> None:
    benchmark(tcp.build, segment(size), US, THEM, partial=size > 1448)


@pytest.mark.parametrize("size", SIZES)
def test_parse(benchmark: Any, size: int) -> None:
    made = tcp.build(segment(size), US, THEM, partial=size > 1448)
    data, state = made.tobytes(), made.checksum

    def parse() -> Segment:
        packet = Packet(memoryview(data), (), state)
        ip.parse(packet)
        return tcp.parse(packet)

    assert benchmark(parse).length == size


@pytest.mark.parametrize("size", [20, 1460, 64_000])
def test_checksum(benchmark: Any, size: int) -> None:
    data = (bytes(range(256)) * 250)[:size]
    assert 0 <= benchmark(checksum, (data,)) <= 0xFFFF
