"""What the quarantine of a four-tuple is for."""

from __future__ import annotations

import errno
from typing import Final

from estab.faults import rules
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, constant, in_turn
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection
from estab.tcp.states import State

_LOCAL_PORT: Final = 5000
_OLD: Final = b"OLD."
_NEW: Final = b"new!"
_LATE: Final = 600 * MILLISECOND
_PLAIN: Final = MODERN.but(timestamps=False)


def _download(stage: Stage, data: bytes) -> tuple[Connection, Connection]:
    """The server sends ``data``; the client takes it. Both ends, still open."""
    client, server = stage.connected(local_port=_LOCAL_PORT)
    server.send(data, stage.now)
    stage.run(lambda: client.readable > 0)
    return client, server


def _end(stage: Stage, first: Connection, second: Connection) -> None:
    first.close(stage.now)
    stage.run(lambda: second.eof)
    second.close(stage.now)
    stage.wait(50 * MILLISECOND)


def straggler(stage: Stage) -> Finding:
    stage.build(config=_PLAIN, into=[rules.duplicate(rules.data, _LATE, nth=1)])
    client, server = _download(stage, _OLD)
    client.receive(100, stage.now)
    _end(stage, client, server)
    stage.wait(_LATE - 50 * MILLISECOND - stage.elapsed)
    try:
        again = stage.open(local_port=_LOCAL_PORT)
    except OSError as error:
        return _quarantined(stage, error)
    peer = stage.accept(next(iter(stage.server.stack.listeners[80])))
    stage.wait(100 * MILLISECOND)
    if peer is not None:
        peer.send(_NEW, stage.now)
    stage.wait(SECOND)
    received = again.receive(100, stage.now)
    stage.fact("sent in the new connection", _NEW.decode())
    stage.fact("received in it", received.decode())
    return stage.judge(
        False,
        "the old four-tuple is quarantined",
        broken=received.startswith(_OLD),
        but=f"Wrong bytes were delivered: the new connection received {received.decode()!r}, an old duplicate, and "
        f"{_NEW.decode()!r} was sent in it.",
    )


def _quarantined(stage: Stage, error: OSError) -> Finding:
    stage.wait(SECOND)
    copies = [each for each in stage.segments if each.fate == "duplicate"]
    stage.fact("open from the same port at once", f"{type(error).__name__}: {errno.errorcode[error.errno or 0]}")
    stage.fact("the old data met", copies[0].dst_state if copies else "nothing")
    return stage.judge(
        error.errno == errno.EADDRINUSE and [each.dst_state for each in copies] == ["TIME-WAIT"],
        "The old data arrives in TIME-WAIT, is answered by an ACK and delivered to nobody; the four-tuple cannot be "
        "used again before.",
    )


def _reopened(stage: Stage, timestamps: bool, first: int, second: int) -> bool:
    """The server closed first, so it has the TIME-WAIT; does it accept a new connection from the same port?"""
    isn = in_turn(first, second)
    stage.build(config=MODERN.but(timestamps=timestamps), client_isn=isn, server_isn=constant(300))
    client, server = _download(stage, _OLD)
    client.receive(100, stage.now)
    _end(stage, server, client)
    stage.wait(SECOND)
    again = stage.open(local_port=_LOCAL_PORT)
    stage.run(lambda: again.state is State.ESTABLISHED, 10 * SECOND)
    return again.state is State.ESTABLISHED


def legal_reuse(stage: Stage) -> Finding:
    greater = _reopened(stage, False, 1000, 5000)
    stage.relative = False
    smaller = _reopened(stage.trial(), False, 5000, 1000)
    newer = _reopened(stage.trial(), True, 5000, 1000)
    stage.fact("greater sequence number", "accepted" if greater else "ignored")
    stage.fact("smaller, without timestamps", "accepted" if smaller else "ignored until TIME-WAIT is over")
    stage.fact("smaller, with a greater timestamp", "accepted" if newer else "ignored")
    return stage.judge(
        greater and newer and not smaller,
        "A SYN that is provably new, by its sequence number or its timestamp, ends TIME-WAIT early; one that is not "
        "has to wait.",
    )


LESSON: Final = Lesson(
    "old-data",
    "data of an old incarnation dies in TIME-WAIT instead of entering the new connection; when reuse is legal",
    "A duplicate may be under way long after its connection has ended. If the same two addresses and ports made a new "
    "connection at once, it could fit there. The second purpose of TIME-WAIT is that they cannot: the four-tuple is "
    "in quarantine until everything old is dead.\n\n"
    "Two defences stand here, TIME-WAIT and initial sequence numbers that move on, and only without both are wrong "
    "bytes delivered. Timestamps are a third (PAWS drops what is older than what was seen last), switched off in the "
    "first scene so that the other two can be seen.",
    "Old data dies in TIME-WAIT; the four-tuple may be used again at once only by a SYN that is provably newer.",
    (
        Scene("Old data, and an attempt to connect again at once", straggler, ("no-time-wait-fixed-isn",)),
        Scene("A new SYN with a greater sequence number", legal_reuse),
    ),
)
