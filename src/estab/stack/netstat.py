"""One line per socket, as ``netstat`` and ``ss`` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from estab.tcp.connection import PORTS, Connection
from estab.tcp.timers import NEVER, Timer
from estab.wire.address import format_address

if TYPE_CHECKING:
    from estab.stack.stack import Stack


class NetstatRow(NamedTuple):
    """Queues in bytes (for a listener: connections waiting, and the backlog)."""

    protocol: str
    local: str
    remote: str
    state: str
    receive_queue: int
    send_queue: int
    timer: str
    """The timer that runs out next, ``""`` when none runs."""


def netstat(stack: Stack) -> list[NetstatRow]:
    """Listeners, connections, TIME-WAIT entries and UDP ports. Walks everything: for people, not for the data path."""
    rows = [
        NetstatRow(
            "tcp",
            _endpoint(each.place.address if each.place else None, each.port),
            "*",
            "LISTEN",
            each.ready,
            each.backlog,
            "",
        )
        for listeners in stack.listeners.values()
        for each in listeners
    ]
    rows += [
        NetstatRow(
            "tcp",
            _endpoint(c.local_address, c.local_port),
            _endpoint(c.remote_address, c.remote_port),
            c.state.value,
            c.receive_queue.size,
            len(c.send_queue),
            _timer(c),
        )
        for c in stack.connections.values()
    ]
    for key in stack.time_wait.entries:
        local, remote = split_key(key)
        rows.append(NetstatRow("tcp", _endpoint(*local), _endpoint(*remote), "TIME-WAIT", 0, 0, "2MSL"))
    rows += [
        NetstatRow("udp", _endpoint(each.address, each.port), "*", "", sum(len(data) for data, _ in each.queue), 0, "")
        for ports in stack.udp_ports.values()
        for each in ports
    ]
    return rows


def split_key(key: bytes) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
    """(local, remote) of a connection's key."""
    size = (len(key) - 4) // 2
    remote_port, local_port = PORTS.unpack_from(key, 2 * size)
    return (key[size : 2 * size], local_port), (key[:size], remote_port)


def _endpoint(address: bytes | None, port: int) -> str:
    if address is None:
        return f"*:{port}"
    text = format_address(address)
    return f"[{text}]:{port}" if len(address) == 16 else f"{text}:{port}"


def _timer(c: Connection) -> str:
    at = c.timers.earliest()
    running = (timer.value for timer in Timer if getattr(c.timers, timer.value) == at)
    return "" if at == NEVER else next(running).replace("_", "-")
