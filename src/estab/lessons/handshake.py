"""Three segments, and what each side knows after each."""

from __future__ import annotations

from typing import Final

from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, constant, segment
from estab.tcp.config import SECOND
from estab.wire.options import Options
from estab.wire.tcp import SYN

_GHOST_PORT: Final = 40_000


def agreement(stage: Stage) -> Finding:
    stage.build(client_isn=constant(100), server_isn=constant(300))
    stage.relative = False
    client, server = stage.connected()
    stage.wait(SECOND)
    stage.fact("after SYN", "the server knows the client's ISN 100, window, MSS, scale, SACK and timestamps")
    stage.fact("after SYN+ACK", "the client knows the server's 300 and all its offers, and that its own SYN arrived")
    stage.fact("after ACK", "the server knows that its SYN arrived too: both are ESTABLISHED")
    stage.fact("initial sequence numbers", f"client {client.iss}, server {server.iss}")
    stage.fact("segment size", f"{client.mss} bytes of payload, of the MSS {client.peer_mss} less 12 for timestamps")
    stage.fact("window scale", f"client 2^{client.rcv_wscale}, server 2^{server.rcv_wscale}")
    stage.fact("SACK, timestamps", f"{client.sack_ok and server.sack_ok}, {client.ts_ok and server.ts_ok}")
    flags = [row.flags for row in stage.segments]
    good = (
        len(flags) == 3
        and (client.irs, server.irs) == (server.iss, client.iss)
        and (client.snd_wscale, server.snd_wscale) == (server.rcv_wscale, client.rcv_wscale)
        and client.mss == server.mss
        and client.sack_ok is server.sack_ok is True
        and client.ts_ok is server.ts_ok is True
    )
    return stage.judge(good, "After three segments each side knows the other's numbers, and that its own arrived.")


def replayed_syn(stage: Stage) -> Finding:
    stage.build()
    listener = stage.listen()
    old = segment(_GHOST_PORT, 80, SYN, 1_000_000, options=Options(mss=1460))
    stage.inject(old, stage.server, src="the past")
    opened = stage.accept(listener, 10 * SECOND)
    stage.wait(10 * SECOND)
    stage.fact("connections at the client", len(stage.client.stack.connections))
    stage.fact("connections given to the server's application", int(opened is not None))
    return stage.judge(
        opened is None and "ESTABLISHED" not in stage.states(stage.server),
        "An old SYN gets a SYN+ACK; the client knows nothing of it and answers RST, and no application ever hears of "
        "it.",
        broken=opened is not None and not stage.client.stack.connections,
        but="A replayed SYN opened a connection that nobody asked for: the server's application was given it, while "
        "the client has none.",
    )


LESSON: Final = Lesson(
    "handshake",
    "SYN, SYN+ACK, ACK: what each side knows after each, and why three and not four",
    "Each side has to tell its initial sequence number, window and options, and has to hear that they arrived: two "
    "questions and two answers. The server's answer and its own question travel in one segment, hence three and not "
    "four.\n\n"
    "Two would not do. A SYN may be a duplicate from another time, and its receiver cannot see that; only its alleged "
    "sender can, and the third segment is where it says so. (The third segment needs not be empty: data may come with "
    "it. And a side that has sent its SYN+ACK is not yet connected, whatever a port scanner says.)",
    "Three segments tell each side the other's numbers and options, and that its own have arrived.",
    (
        Scene("Three segments", agreement),
        Scene("A SYN from another time is replayed", replayed_syn, ("two-way-handshake",)),
    ),
)
