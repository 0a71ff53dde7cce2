"""The pipe in memory."""

from __future__ import annotations

import pytest

from estab.links.conformance import check_link
from estab.links.memory import memory_pair
from estab.wire.link import FULL_OFFLOAD, NO_OFFLOAD, Offload
from estab.wire.packet import Packet


@pytest.mark.parametrize("offload", [FULL_OFFLOAD, NO_OFFLOAD])
def test_conforms(offload: Offload) -> None:
    check_link(lambda: memory_pair(offload=offload))


def test_the_very_same_packet_arrives() -> None:
    left, right = memory_pair()
    packet = Packet(b"head", (memoryview(b"body"),), segment_size=1460, segments=3)
    assert left.send([packet], 0) == 1
    assert right.receive(0, 10)[0] is packet


def test_a_full_queue_takes_fewer_and_tells_when_there_is_room() -> None:
    left, right = memory_pair(limit=3)
    calls: list[str] = []
    left.on_ready = lambda: calls.append("left")
    right.on_ready = lambda: calls.append("right")
    packets = [Packet(bytes([number])) for number in range(5)]
    assert left.send(packets, 0) == 3
    assert left.send(packets[3:], 0) == 0
    assert calls == ["right"]
    assert right.receive(0, 2) == packets[:2]
    assert calls == ["right", "left"]
    assert left.send(packets[3:], 0) == 2
    assert right.receive(0, 9) == packets[2:]
    assert calls == ["right", "left", "right"], "nobody was refused since, so nobody is called"


def test_what_was_sent_before_the_end_still_arrives() -> None:
    left, right = memory_pair()
    woken: list[str] = []
    right.on_ready = lambda: woken.append("right")
    left.send([Packet(b"last words")], 0)
    left.close()
    assert woken == ["right", "right"]
    assert [packet.head for packet in right.receive(0, 9)] == [b"last words"]
    with pytest.raises(BrokenPipeError):
        right.receive(0, 9)
    assert right.send([Packet(b"into the void")], 0) == 1
    with pytest.raises(OSError, match="closed"):
        left.send([Packet(b"misuse")], 0)
