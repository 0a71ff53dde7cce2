"""What TIME-WAIT holds, who pays for it, and how not to."""

from __future__ import annotations

import errno
from typing import Final

from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import PORT, Finding, Stage, error_name
from estab.sockets import Option, SocketTable, StreamSocket
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection
from estab.tcp.states import State

_PORTS: Final = 2
_FEW_PORTS: Final = MODERN.but(port_first=50_000, port_last=50_000 + _PORTS - 1)
_UNREAD: Final = b"what the other side had not read yet"


def _end(stage: Stage, first: Connection, second: Connection) -> None:
    first.close(stage.now)
    stage.run(lambda: second.eof)
    second.close(stage.now)
    stage.wait(100 * MILLISECOND)


def what_it_holds(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    _end(stage, client, server)
    stack = stage.client.stack
    entry = next(iter(stack.time_wait.entries.values()))
    held = len(stack.connections), len(stack.time_wait)
    stage.fact("connections of the client's stack", held[0])
    stage.fact("entries in TIME-WAIT", f"{held[1]}, of {len(entry)} bytes")
    stage.stop_drawing()
    stage.run(lambda: not len(stack.time_wait))
    stage.fact("after 2 MSL", f"{len(stack.time_wait)} entries")
    good = held == (0, 1) and client.released and not len(stack.time_wait)
    return stage.judge(
        good,
        "The application's descriptor is closed and the connection's memory gone; what is left is an entry for the "
        "four-tuple.",
    )


def _open_and_close(stage: Stage, times: int, *, client_first: bool) -> OSError | None:
    """So many connections one after the other; the error of the open that failed."""
    for _ in range(times):
        try:
            client, server = stage.connected()
        except OSError as error:
            return error
        _end(stage, *((client, server) if client_first else (server, client)))
    return None


def exhaustion(stage: Stage) -> Finding:
    stage.build(config=_FEW_PORTS)
    error = _open_and_close(stage, _PORTS + 1, client_first=True)
    waiting = len(stage.client.stack.time_wait)
    stage.stop_drawing()
    stage.wait(MODERN.time_wait)
    again = _open_and_close(stage, 1, client_first=True)
    name = errno.errorcode[error.errno or 0] if error is not None else "no error"
    stage.fact(f"{_PORTS} ports, connection number {_PORTS + 1}", f"{name}: {error}")
    stage.fact("entries at the client", waiting)
    stage.fact("after 2 MSL", "works again" if again is None else again)
    rate = (MODERN.port_last - MODERN.port_first + 1) * SECOND // MODERN.time_wait
    stage.fact("with all ephemeral ports", f"{rate:,} connections a second, to one address and port of the other side")
    good = name == "EADDRNOTAVAIL" and waiting == _PORTS and again is None
    return stage.judge(
        good, "Who closes first pays: each port is held for 2 MSL, and with all of them held nothing opens."
    )


def server_first(stage: Stage) -> Finding:
    stage.build(config=_FEW_PORTS)
    error = _open_and_close(stage, 2 * _PORTS, client_first=False)
    client, server = len(stage.client.stack.time_wait), len(stage.server.stack.time_wait)
    stage.fact(f"{2 * _PORTS} connections over {_PORTS} ports", "all opened" if error is None else error)
    stage.fact("entries", f"client {client}, server {server}")
    return stage.judge(
        error is None and client == 0 and server == _PORTS,
        "When the server closes first, it has the entries and the client's ports are free: a SYN with a greater "
        "timestamp opens the same four-tuple again.",
    )


def linger_zero(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    client.send(_UNREAD, stage.now)
    client.abort(stage.now)
    stage.wait(SECOND)
    entries = len(stage.client.stack.time_wait), len(stage.server.stack.time_wait)
    stage.fact("entries in TIME-WAIT", f"client {entries[0]}, server {entries[1]}")
    stage.fact("the server ends with", error_name(server))
    stage.fact("bytes that the server can still read", server.readable)
    good = entries == (0, 0) and error_name(server) == "ConnectionResetError" and server.readable == 0
    return stage.judge(
        good,
        "SO_LINGER 0 sends RST and leaves no TIME-WAIT; the price: data is thrown away, and the peer gets an error.",
    )


def reuse_address(stage: Stage) -> Finding:
    stage.build()
    client, server = stage.connected()
    _end(stage, server, client)
    stack = stage.server.stack
    stack.stop_listening(stack.listeners[PORT][0], stage.now)
    socket = StreamSocket(SocketTable(stack), 4)
    try:
        socket.bind("0.0.0.0", PORT)
        refused = "accepted"
    except OSError as error:
        refused = errno.errorcode[error.errno or 0]
    socket.setsockopt(Option.REUSEADDR, True, stage.now)
    socket.bind("0.0.0.0", PORT)
    socket.listen()
    again = stage.open()
    stage.run(lambda: again.state is State.ESTABLISHED, SECOND)
    stage.wait(100 * MILLISECOND)
    stage.fact("bind() while a connection is in TIME-WAIT", refused)
    stage.fact("with SO_REUSEADDR", f"accepted; the next client is {again.state.value}")
    return stage.judge(
        refused == "EADDRINUSE" and again.state is State.ESTABLISHED,
        "TIME-WAIT holds four-tuples, not ports, yet bind() refuses the port out of caution. SO_REUSEADDR says that "
        "the caller knows, and does not weaken TIME-WAIT itself.",
    )


LESSON: Final = Lesson(
    "time-wait-cost",
    "what TIME-WAIT holds, port exhaustion and its error, who should close first, SO_LINGER 0, SO_REUSEADDR",
    "TIME-WAIT belongs to the side that closes first. It holds the four-tuple and a few bytes, not the application's "
    "descriptor, which is gone since close(), and not the connection's buffers.\n\n"
    "It hurts only who opens many connections to one place: a client that also closes first runs out of ports. The "
    "cures, best first: keep connections and use them again; let the other side close first; more addresses. To avoid "
    "TIME-WAIT by SO_LINGER 0 is to break off every connection.",
    "TIME-WAIT costs a four-tuple for 2 MSL on the side that closes first, which only a busy client notices, as "
    "EADDRNOTAVAIL.",
    (
        Scene("What is left after close", what_it_holds),
        Scene("A client that closes first, with two ports", exhaustion),
        Scene("The server closes first", server_first),
        Scene("SO_LINGER 0", linger_zero),
        Scene("A server restarts while its old connections are in TIME-WAIT", reuse_address),
    ),
)
