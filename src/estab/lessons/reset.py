"""Every way to receive a RST, and two in which it does nothing."""

from __future__ import annotations

from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, error_name, in_turn, segment
from estab.tcp.config import MILLISECOND, MINUTE, MODERN, SECOND
from estab.tcp.states import State
from estab.wire.tcp import ACK, RST

_LOCAL_PORT: Final = 5000
_PROBING: Final = MODERN.but(
    keepalive=True, keepalive_idle=60 * SECOND, keepalive_interval=10 * SECOND, keepalive_probes=3
)


def refused(stage: Stage) -> Finding:
    stage.build()
    client = stage.open(port=81)
    stage.run(lambda: client.state is State.CLOSED)
    stage.fact("the open ends with", error_name(client))
    return stage.judge(error_name(client) == "ConnectionRefusedError", "Nobody listens: the SYN is answered with RST.")


def rebooted(stage: Stage) -> Finding:
    stage.build()
    client, _ = stage.connected()
    stage.server.reboot()
    stage.wait(MINUTE)
    unaware = client.state.value
    client.send(b"are you there?", stage.now)
    stage.run(lambda: client.state is State.CLOSED)
    stage.fact("a minute after the reboot the client is", unaware)
    stage.fact("once it sends, its connection ends with", error_name(client))
    good = unaware == "ESTABLISHED" and error_name(client) == "ConnectionResetError"
    return stage.judge(
        good, "A half-open connection looks healthy until somebody sends; the rebooted peer answers RST."
    )


def found_by_syn(stage: Stage) -> Finding:
    """RFC 9293 §3.5.1, Figure 9."""
    stage.build(client_isn=in_turn(100, 500), server_isn=in_turn(300, 700))
    stage.relative = False
    _, server = stage.connected(local_port=_LOCAL_PORT)
    stage.client.reboot()
    stage.wait(SECOND)
    again = stage.open(local_port=_LOCAL_PORT)
    stage.run(lambda: again.state is State.ESTABLISHED, MINUTE)
    stage.fact("the server's old connection ends with", error_name(server))
    stage.fact("the new one is", again.state.value)
    challenged = stage.server.stack.counters.get("TCPChallengeACK", 0)
    good = error_name(server) == "ConnectionResetError" and again.state is State.ESTABLISHED and challenged == 1
    return stage.judge(
        good,
        "The SYN of a rebooted client meets its old connection and is challenged by an ACK; the client answers RST, "
        "which clears the way.",
    )


def found_by_keepalive(stage: Stage) -> Finding:
    cut = False
    stage.build(server_config=_PROBING, into=[rules.drop(lambda _: cut)], out=[rules.drop(lambda _: cut)])
    _, silent = stage.connected()
    stage.wait(SECOND)
    cut = True
    stage.run(lambda: silent.state is State.CLOSED)
    took = stage.elapsed // SECOND
    probes = stage.server.stack.counters.get("TCPKeepAlive", 0)
    stage.fact("probes", f"{probes}, after 60 s of silence and every 10 s")
    stage.fact("the connection ends with", f"{error_name(silent)} after {took} s")
    good = error_name(silent) == "TimeoutError" and probes == 3
    return stage.judge(good, "Where nobody sends and nobody answers, only keep-alive finds out, if it was asked for.")


def inexact(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    stage.wait(100 * MILLISECOND)
    forged = segment(client.local_port, 80, RST, server.rcv_nxt + 1000)
    stage.inject(forged, stage.server)
    stage.wait(SECOND)
    client.send(b"still here", stage.now)
    stage.wait(SECOND)
    challenged = stage.server.stack.counters.get("TCPChallengeACK", 0)
    stage.fact("the server's connection", f"{server.state.value}, {error_name(server)}")
    stage.fact("challenge ACKs", challenged)
    return stage.judge(
        server.state is State.ESTABLISHED and challenged == 1 and server.readable == 10,
        "A RST in the window that is not exactly the next byte is challenged by an ACK: a peer that meant it answers "
        "with the right number, a forger cannot.",
        broken=error_name(server) == "ConnectionResetError",
        but="A blind RST, somewhere in the window, killed the connection: to hit a window takes an attacker 2^32 / "
        "window tries instead of 2^32.",
    )


def time_wait_stays(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    client.close(stage.now)
    stage.run(lambda: server.eof)
    server.close(stage.now)
    stage.wait(SECOND)
    exact = segment(80, client.local_port, RST | ACK, client.rcv_nxt, client.snd_nxt)
    stage.inject(exact, stage.client)
    stage.wait(SECOND)
    left = len(stage.client.stack.time_wait)
    stage.fact("entries in TIME-WAIT after an exact RST", left)
    return stage.judge(
        left == 1,
        "Even an exact RST does not end TIME-WAIT (RFC 1337): an old duplicate can provoke one.",
        broken=left == 0,
        but="One RST, which any old duplicate can provoke, ended the quarantine of the four-tuple.",
    )


LESSON: Final = Lesson(
    "reset",
    "refused, reset by a rebooted peer, half-open discovery, inexact RSTs, and RST against TIME-WAIT",
    "RST means: I know of no such connection, or want none any more. It is sent for a SYN to a closed port, by a peer "
    "that has forgotten, by an application that aborts. It is never acknowledged and never answered by another "
    "RST.\n\n"
    "A connection with nothing to say is the same as one whose peer is gone: TCP sends nothing, so it learns nothing. "
    "Data finds out, a new SYN finds out, and keep-alive, off by default and two hours slow. Since a RST costs its "
    "receiver everything, it has to be exact to be believed (RFC 5961).",
    "A RST is believed when it is exact, challenged when it is near, ignored elsewhere; it never ends TIME-WAIT.",
    (
        Scene("Refused", refused),
        Scene("The server reboots; data finds out", rebooted),
        Scene("The client reboots; its new SYN finds out", found_by_syn),
        Scene("The cable is cut; keep-alive finds out", found_by_keepalive),
        Scene("A forged RST that is not exact", inexact, ("in-window-reset",)),
        Scene("A RST against TIME-WAIT", time_wait_stays, ("time-wait-obeys-rst",)),
    ),
)
