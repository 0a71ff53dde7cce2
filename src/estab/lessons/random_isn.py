"""Initial sequence numbers that nobody can predict."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import CLIENT, SERVER, Finding, Stage, segment
from estab.stack.listener import Decision
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.wire import tcp
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.tcp import RST

_FORGED: Final = 4000
_LARGEST_WINDOW: Final = 65_535 << 14
_ORDER: Final = b"pay 100 to Mallory\n"


def unpredictable(stage: Stage) -> Finding:
    stage.build()
    stage.relative = False
    stage.listen(decide=lambda syn: Decision.DROP)
    numbers = [stage.open(local_port=2000 + number).iss for number in range(8)]
    stage.wait(100 * MILLISECOND)
    stage.stop_drawing()
    numbers += [stage.open(local_port=2000 + number).iss for number in range(8, 32)]
    quarters = {number >> 30 for number in numbers}
    first = numbers[0]
    stage.wait(900 * MILLISECOND)
    for connection in list(stage.client.stack.connections.values()):
        connection.abort(stage.now)
    stage.wait(SECOND)
    later = stage.open(local_port=2000).iss
    ticks = (later - first) % (1 << 32)
    stage.fact("32 connections", f"{len(set(numbers))} different ISNs, in {len(quarters)} quarters of 2^32")
    stage.fact("the same four-tuple 2 s later", f"{ticks:,} further on (one every 4 µs)")
    good = len(set(numbers)) == 32 and len(quarters) == 4 and ticks == 2 * SECOND // 4000
    return stage.judge(
        good, "ISNs differ per connection without a pattern, while those of one four-tuple still only go forward."
    )


def hit_rate(stage: Stage) -> Finding:
    """Forged resets with random sequence numbers: those that fall in the window are challenged, the rest dropped."""
    stage.build(server_config=MODERN.but(receive_buffer=1 << 30))
    client, server = stage.connected()
    server.send(b"!", stage.now)
    stage.wait(SECOND)
    stage.stop_drawing()
    window = server.rcv_edge - server.rcv_nxt
    rng = Random(1)
    counters = stage.server.stack.counters
    for _ in range(_FORGED):
        forged = segment(client.local_port, 80, RST, rng.getrandbits(32))
        stage.server.stack.receive([tcp.build(forged, parse_address(CLIENT), parse_address(SERVER))], stage.now)
    hits = _FORGED - counters.get("TCPOutOfWindow", 0)
    rate, expected = hits / _FORGED, window / (1 << 32)
    stage.fact("window", f"{window:,} bytes = {expected:.2%} of 2^32")
    stage.fact(f"{_FORGED:,} forged segments", f"{hits:,} in the window: {rate:.2%}")
    stage.fact("with a window of 64 KiB", f"1 in {(1 << 32) // 65_536:,}")
    good = abs(rate - expected) < 0.03 and window == _LARGEST_WINDOW and server.error is None
    return stage.judge(
        good, "The chance of a blind hit is window / 2^32, as measured with a window large enough to hit."
    )


def replay(stage: Stage) -> Finding:
    stage.build()
    stage.relative = False
    recorded: list[Packet] = []

    def eavesdrop(packet: Packet, now: int, direction: str) -> None:
        if direction == "out":
            recorded.append(Packet(packet.tobytes()))

    stage.client.link.taps.append(eavesdrop)
    listener = stage.listen()
    client, server = stage.connected()
    client.send(_ORDER, stage.now)
    client.close(stage.now)
    stage.run(lambda: server.readable > 0 and server.rcv_fin is not None)
    executed = [server.receive(100, stage.now)]
    server.close(stage.now)
    stage.wait(100 * SECOND)
    stage.client.link.taps.clear()
    for packet in recorded:
        stage.network.inject(packet, stage.server, src="eavesdropper")
        stage.wait(MILLISECOND)
    again = stage.server.stack.accept(listener)
    if again is not None and again.error is None and again.readable:
        executed.append(again.receive(100, stage.now))
    stage.wait(SECOND)
    stage.fact("orders executed", len(executed))
    return stage.judge(
        executed == [_ORDER],
        "A recorded connection is replayed; its ACKs do not fit the new ISN of the server, and nothing is delivered.",
        broken=executed == [_ORDER, _ORDER],
        but="An old connection was replayed from a recording and accepted: the order was executed twice.",
    )


LESSON: Final = Lesson(
    "random-isn",
    "initial sequence numbers differ per connection and cannot be predicted, so what is old or forged misses",
    "A segment is believed if its numbers fit. Were they always the same, whatever was sent in one connection would "
    "fit the next one between the same ports: an old duplicate, a recording, a forgery. So each connection begins at "
    "a place of its own: a clock that ticks every 4 µs plus a keyed hash of the four-tuple (RFC 6528). The clock "
    "keeps successive connections of one four-tuple apart, the hash keeps others from guessing.\n\n"
    "This is protection by chance, not certainty: a blind hit needs about 2^32 / window tries. It is also no "
    "protection against somebody who can see the packets.",
    "ISNs cannot be predicted; the chance of hitting a window blindly is window / 2^32, and a recorded connection "
    "cannot be replayed.",
    (
        Scene("Many connections at once", unpredictable),
        Scene("Blind forgeries against the largest window that there is", hit_rate),
        Scene("A recorded connection is replayed", replay, ("fixed-isn",)),
    ),
)
