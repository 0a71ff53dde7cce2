"""The conformance check finds links that break the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from estab.links.conformance import NonconformingError, check_link
from estab.links.memory import MemoryLink, memory_pair
from estab.wire.link import NO_OFFLOAD
from estab.wire.packet import Packet


class Broken:
    """A memory link that passes everything on; each subclass breaks one promise."""

    def __init__(self, link: MemoryLink) -> None:
        self.link = link

    @property
    def on_ready(self) -> Callable[[], None] | None:
        return self.link.on_ready

    @on_ready.setter
    def on_ready(self, callback: Callable[[], None]) -> None:
        self.link.on_ready = callback

    def __getattr__(self, name: str) -> object:
        return getattr(self.link, name)


class Lossy(Broken):
    def receive(self, now: int, room: int) -> list[Packet]:
        return self.link.receive(now, room)[1:]


class Backwards(Broken):
    def receive(self, now: int, room: int) -> list[Packet]:
        return self.link.receive(now, room)[::-1]


class Generous(Broken):
    def receive(self, now: int, room: int) -> list[Packet]:
        return self.link.receive(now, room + 1)


class Writing(Broken):
    def send(self, packets: Sequence[Packet], now: int) -> int:
        for packet in packets:
            packet.head = b"\0" + bytes(packet.head[1:])
        return self.link.send(packets, now)


class Silent(Broken):
    on_ready = None


class Stuck(Broken):
    def send(self, packets: Sequence[Packet], now: int) -> int:
        return 0


class Impatient(Broken):
    def next_deadline(self) -> int:
        return 0


class OneBuffer(Broken):
    """Hands in views of a buffer that the next packet overwrites."""

    def __init__(self, link: MemoryLink) -> None:
        super().__init__(link)
        self.buffer = bytearray(65536)

    def receive(self, now: int, room: int) -> list[Packet]:
        packets = []
        for packet in self.link.receive(now, room):
            data = packet.tobytes()
            self.buffer[: len(data)] = data
            packets.append(Packet(memoryview(self.buffer)[: len(data)]))
        return packets


class Overpromising(Broken):
    """Passes super-packets on though it says that it hands in none."""

    @property
    def offload(self) -> object:
        return self.link.offload._replace(segment_in=False)


class Immortal(Broken):
    def receive(self, now: int, room: int) -> list[Packet]:
        try:
            return self.link.receive(now, room)
        except OSError:
            return []


@pytest.mark.parametrize(
    ("broken", "sends", "complaint"),
    [
        (Lossy, False, "lost, changed or reordered"),
        (Backwards, False, "lost, changed or reordered"),
        (Generous, False, "no room|room for"),
        (Writing, True, "sending changed"),
        (Silent, False, "neither descriptor"),
        (Stuck, True, "took 0 of"),
        (Impatient, False, "names a deadline"),
        (OneBuffer, False, "no valid packet|changed"),
        (Overpromising, False, "super-packet came in"),
        (Immortal, False, "does not raise OSError"),
    ],
)
def test_a_broken_promise_is_found(broken: type[Broken], sends: bool, complaint: str) -> None:
    def pair() -> tuple[object, object]:
        left, right = memory_pair()
        return (broken(left), right) if sends else (left, broken(right))

    with pytest.raises(NonconformingError, match=complaint):
        check_link(pair)


def test_an_unsplit_super_packet_is_found() -> None:
    """The second end declares nothing, but the pipe behind it does not cut."""

    def pair() -> tuple[MemoryLink, MemoryLink]:
        left, right = memory_pair()
        right.offload = NO_OFFLOAD
        return left, right

    with pytest.raises(NonconformingError, match="checksum was left undone"):
        check_link(pair)
