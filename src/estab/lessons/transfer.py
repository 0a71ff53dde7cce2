"""The bytes arrive once and in order, no faster than they are read."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, milliseconds
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.wire.tcp import Segment

_SIZE: Final = 20_000
_SMALL: Final = MODERN.but(receive_buffer=8_192)


def bad_network(stage: Stage) -> Finding:
    faults = [
        rules.duplicate(rules.data, 5 * MILLISECOND, nth=9),
        rules.drop(rules.data, nth=3),
        rules.delay(rules.data, 15 * MILLISECOND, nth=6),
    ]
    stage.build(out=faults)
    client, server = stage.connected()
    sent = Random(1).randbytes(_SIZE)
    client.send(sent, stage.now)
    stage.run(lambda: server.readable == _SIZE, 60 * SECOND)
    stage.wait(SECOND)
    complete = server.readable
    received = server.receive(2 * _SIZE, stage.now)
    fates = [each.fate for each in stage.segments if each.length]
    stage.fact("data segments", f"{len(fates)}, of which lost 1, delayed 1, duplicated 1")
    stage.fact("bytes sent and received", f"{_SIZE:,} and {complete:,}")
    stage.fact("retransmissions", stage.client.stack.counters.get("RetransSegs", 0))
    return stage.judge(
        received == sent and {"lost", "delayed", "duplicate"} <= set(fates),
        "One segment was lost, one overtaken, one came twice; the application received each byte once and in order.",
        broken=complete < _SIZE and sent.startswith(received),
        but="One lost segment, and the transfer hangs: what came after it waits for the hole, which nobody fills.",
    )


def closed_window(stage: Stage) -> Finding:
    closed = False

    def reopening(each: Segment) -> bool:
        """The first ACK that opens a window which was closed."""
        nonlocal closed
        was_closed, closed = closed, each.window == 0
        return was_closed and each.window > 0

    stage.build(server_config=_SMALL, into=[rules.drop(reopening, first=1)])
    client, server = stage.connected()
    sent = Random(1).randbytes(_SIZE)
    client.send(sent, stage.now)
    stage.wait(2 * SECOND)
    waited, probes = server.readable, stage.client.stack.counters.get("TCPWinProbe", 0)
    received = b""
    while len(received) < _SIZE and stage.run(lambda: server.readable > 0, 60 * SECOND):
        received += server.receive(_SIZE, stage.now)
    stage.fact("unread bytes at which the sender stopped", f"{waited:,} of a buffer of {_SMALL.receive_buffer:,}")
    stage.fact("zero-window probes in 2 s of waiting", probes)
    stage.fact("the transfer took", milliseconds(stage.elapsed))
    lost = [each for each in stage.segments if each.cause == "lost"]
    good = received == sent and waited == _SMALL.receive_buffer and probes > 0 and len(lost) == 1
    return stage.judge(
        good,
        "The window stops the sender. The segment that reopened it was lost, and no ACK is ever sent again of its own: "
        "a probe asked, and the transfer went on.",
    )


LESSON: Final = Lesson(
    "transfer",
    "reordering, duplication and loss are repaired; the window stops a fast sender, probes restart it",
    "Every byte has a number. The receiver acknowledges the next number that it wants, keeps what came early, and "
    "throws away what came twice; the sender keeps what is not acknowledged and sends it again. A repeated "
    "acknowledgement says that something is missing, and here so precisely (SACK) that only the missing piece is sent "
    "again.\n\n"
    "Acknowledged means: it is in the receiver's TCP. It does not mean that the application has read it, nor that it "
    "will. What was not read takes room, and the window tells how much is left.",
    "The bytes arrive once and in order whatever the network does, and no faster than the receiver reads.",
    (
        Scene("A loss, a delay and a duplicate", bad_network, ("no-data-retransmission",)),
        Scene("A receiver that does not read, and a lost window update", closed_window),
    ),
)
