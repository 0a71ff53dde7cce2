"""One direction ends, the other goes on."""

from __future__ import annotations

from typing import Final

from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, error_name
from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.states import State

_REQUEST: Final = b"sort these, please\n"
_ANSWER: Final = b"the answer to a request that had to be complete\n"


def shut_write(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    client.send(_REQUEST, stage.now)
    client.shutdown(stage.now)
    stage.run(lambda: server.readable > 0 and server.rcv_fin is not None)
    server.receive(100, stage.now)
    stage.wait(100 * MILLISECOND)
    states = client.state.value, server.state.value
    received = b""
    for _ in range(3):
        try:
            server.send(_ANSWER, stage.now)
        except BrokenPipeError:
            break
        stage.wait(50 * MILLISECOND)
        received += client.receive(1000, stage.now)
    server.close(stage.now)
    stage.wait(SECOND)
    stage.fact("after the client's FIN", f"client {states[0]}, server {states[1]}")
    stage.fact("bytes answered after the FIN", f"{len(received)} of {3 * len(_ANSWER)}")
    return stage.judge(
        received == 3 * _ANSWER and states == ("FIN-WAIT-2", "CLOSE-WAIT") and client.error is server.error is None,
        "The client said that it has no more to send, and received the whole answer afterwards, in FIN-WAIT-2.",
        broken=len(received) < 3 * len(_ANSWER),
        but=f"The client's FIN closed the server's direction as well: {3 * len(_ANSWER) - len(received)} bytes of the "
        "answer were lost.",
    )


def shut_read(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    client.shutdown_read(stage.now)
    server.send(_ANSWER, stage.now)
    stage.wait(SECOND)
    acknowledged = server.snd_una == server.snd_nxt
    stage.fact("bytes that the client's application can read", client.readable)
    stage.fact("acknowledged to the server", acknowledged)
    good = client.eof and not client.readable and acknowledged and server.state is State.ESTABLISHED
    return stage.judge(
        good, "SHUT_RD sends nothing: what comes is acknowledged and thrown away, and the peer never knows."
    )


def shut_both(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    client.shutdown_read(stage.now)
    client.shutdown(stage.now)
    stage.run(lambda: server.eof)
    state = server.state.value
    server.close(stage.now)
    stage.wait(SECOND)
    good = state == "CLOSE-WAIT" and client.error is server.error is None and "TIME-WAIT" in stage.states(stage.client)
    return stage.judge(
        good, "SHUT_RDWR is SHUT_RD and SHUT_WR: on the wire, a FIN; the descriptor is still to be closed."
    )


def close_unread(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    server.send(_ANSWER, stage.now)
    stage.run(lambda: client.readable > 0)
    client.close(stage.now)
    stage.wait(SECOND)
    stage.fact("the server's connection ends with", error_name(server))
    good = error_name(server) == "ConnectionResetError"
    return stage.judge(good, "close() with unread data sends RST: a FIN would say that all is well, and it is not.")


LESSON: Final = Lesson(
    "half-close",
    "shutdown(SHUT_WR) ends one direction; the passive side goes on sending in CLOSE-WAIT",
    "A FIN means: I have nothing more to send. It does not mean: I am gone, nor: stop sending. The side that received "
    "it is in CLOSE-WAIT for as long as its application likes, and may send; the other receives in FIN-WAIT-2.\n\n"
    "close() is more than a FIN, although it looks the same on the wire: the application has let go of both "
    "directions, and data that then arrives is answered with RST.",
    "Each direction ends on its own: SHUT_WR sends a FIN, SHUT_RD sends nothing, and close() with unread data sends "
    "RST.",
    (
        Scene("SHUT_WR: the answer comes after the FIN", shut_write, ("fin-closes-both",)),
        Scene("SHUT_RD", shut_read),
        Scene("SHUT_RDWR", shut_both),
        Scene("close() with unread data", close_unread),
    ),
)
