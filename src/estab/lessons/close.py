"""Two conditions on each side, and the segments that meet them."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, constant, error_name
from estab.stack.stack import Watched
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection
from estab.tcp.states import State
from estab.wire.tcp import FIN

_SIZE: Final = 5_000


def _closing_segments(stage: Stage) -> int:
    """How many segments from the first FIN on."""
    segments = stage.segments
    first = next(index for index, each in enumerate(segments) if each.flags & FIN)
    return len(segments) - first


def four_segments(stage: Stage) -> Finding:
    stage.build(client_isn=constant(100), server_isn=constant(300))
    client, server = stage.connected()
    client.close(stage.now)
    stage.wait(100 * MILLISECOND)
    passive = server.state.value
    server.close(stage.now)
    stage.run(lambda: server.state is State.CLOSED)
    stage.fact("client's FIN", "tells the server: all that I sent comes before this; you have it all")
    stage.fact("server's ACK", "tells the client: all that you sent has arrived")
    stage.fact("server's FIN", "tells the client: you have all that I sent")
    stage.fact("client's ACK", "tells the server: all that you sent has arrived; it needs no more, and is CLOSED")
    stage.fact("client", f"{' > '.join(stage.states(stage.client))}, {error_name(client)}")
    stage.fact("server", f"{' > '.join(stage.states(stage.server))}, {error_name(server)}")
    good = (
        _closing_segments(stage) == 4
        and passive == "CLOSE-WAIT"
        and client.error is server.error is None
        and stage.states(stage.client)[-1] == "TIME-WAIT"
    )
    return stage.judge(good, "FIN, ACK, FIN, ACK: with the last each side knows that all arrived in both directions.")


def three_segments(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()

    def close_at_eof(watched: Watched) -> None:
        if isinstance(watched, Connection) and watched.eof:
            watched.close(stage.now)

    stage.server.on_event = close_at_eof
    client.close(stage.now)
    stage.run(lambda: server.state is State.CLOSED)
    good = _closing_segments(stage) == 3 and server.error is client.error is None
    return stage.judge(good, "A server that closes at once lets its FIN travel on the ACK: three segments, same facts.")


def fin_overtakes(stage: Stage) -> Finding:
    faults = [rules.delay(rules.data, 50 * MILLISECOND, nth=3)]
    stage.build(out=faults, config=MODERN.but(sack=False))
    client, server = stage.connected()
    sent = Random(1).randbytes(_SIZE)
    client.send(sent, stage.now)
    client.close(stage.now)
    received = b""
    while not server.eof and stage.run(lambda: server.readable > 0 or server.eof, 10 * SECOND):
        received += server.receive(_SIZE, stage.now)
    stage.wait(SECOND)
    stage.fact("bytes sent", f"{_SIZE:,}")
    stage.fact("bytes received when the application saw the end", f"{len(received):,}")
    return stage.judge(
        server.eof and received == sent,
        "The FIN overtook data and waited for it: the application saw the end after the last byte, not before.",
        broken=server.eof and len(received) < _SIZE and sent.startswith(received),
        but=f"The FIN was obeyed out of order: the application saw the end of the stream after {len(received):,} of "
        f"{_SIZE:,} bytes, and no error.",
    )


LESSON: Final = Lesson(
    "close",
    "FIN, ACK, FIN, ACK: which condition each segment satisfies for whom; FIN on ACK makes three",
    "A connection is two streams, and each is closed on its own. For a normal end each side must know two things: all "
    "that the peer sent has arrived, which the peer's FIN says because it has a sequence number like a byte; and all "
    "that I sent was acknowledged, which the ACK of my FIN says.\n\n"
    "There is no four-way handshake in the sense of a fixed dance: there are two FINs and two acknowledgements, in any "
    "order that the applications cause, and an ACK and a FIN of one side may share a segment.",
    "Each side ends when it has the other's FIN and the acknowledgement of its own, in four segments or three; a FIN "
    "that comes early waits for its turn.",
    (
        Scene("Four segments", four_segments),
        Scene("Three segments", three_segments),
        Scene("The FIN overtakes the data before it", fin_overtakes, ("fin-out-of-order",)),
    ),
)
