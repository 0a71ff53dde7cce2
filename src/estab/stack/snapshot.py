"""A stack as a value, and back: relative in time, normalised in sequence numbers.

``take`` and ``origins`` together are the whole state: ``origins`` holds the numbers that ``take`` leaves out because
no decision depends on where a sequence space begins. Restore onto a fresh stack built with the same arguments. The
order of the busy, the deadlines and the statistics are not state.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from estab.stack.listener import Listener
from estab.stack.netstat import split_key
from estab.tcp.connection import Connection
from estab.tcp.snapshot import Origin
from estab.tcp.time_wait import TimeWait
from estab.wire import ip
from estab.wire.packet import Packet

if TYPE_CHECKING:
    from estab.stack.stack import Stack
    from estab.stack.udp import UdpPort

Origins = Mapping[bytes, tuple[int, int]]
"""For each four-tuple where its two sequence spaces begin: (ours, the peer's)."""


def take(stack: Stack, now: int) -> Hashable:
    """The value; equal values behave equally from here on."""
    return (
        tuple(_connection(c, now) for _, c in sorted(stack.connections.items())),
        tuple(_listener(each, now) for port in sorted(stack.listeners) for each in stack.listeners[port]),
        _time_wait(stack.time_wait.entries, origins(stack), now),
        _time_wait(stack.reopened, origins(stack), now),
        tuple(stack.orphans),
        stack.ports.snapshot(),
        stack.cookies.snapshot(now),
        (stack.replies.tokens, stack.replies.tokens_at - now),
        tuple(map(_packet, stack.replies.packets)),
        tuple(map(_packet, stack.outbox)),
        tuple(map(_packet, stack.looped)),
        stack.fragments.snapshot(now),
        stack.identification,
        tuple((remote, mtu, at - now) for remote, (mtu, at) in stack.path_mtus.items()),
        tuple(_watched(each) for each in stack.events if _is_held(stack, each)),
        tuple((p.address, p.port, tuple(p.queue)) for ports in stack.udp_ports.values() for p in ports),
    )


def origins(stack: Stack) -> Origins:
    """What ``take`` left out."""
    known = {key: (c.iss, c.irs) for key, c in stack.connections.items()}
    for key, packed in stack.time_wait.entries.items():
        entry = TimeWait(packed)
        known[key] = (entry.snd_nxt, entry.rcv_nxt)
    return known


def restore(stack: Stack, value: Any, now: int, begin: Origins) -> None:
    """Make ``stack``, fresh and built like the one that was taken, behave like it."""
    (
        connections,
        listeners,
        time_wait,
        reopened,
        orphans,
        ports,
        cookies,
        tokens,
        replies,
        outbox,
        looped,
        fragments,
        identification,
        mtus,
        events,
        udp,
    ) = value
    stack.now = now
    stack.ports.restore(ports)
    stack.cookies.restore(cookies, now)
    stack.replies.tokens, stack.replies.tokens_at = tokens[0], tokens[1] + now
    for queue, packets in ((stack.replies.packets, replies), (stack.outbox, outbox), (stack.looped, looped)):
        queue.clear()
        queue.extend(map(_packet_from, packets))
    stack.fragments.restore(fragments, now)
    stack.reassembling = True
    stack.identification = identification
    stack.path_mtus = {remote: (mtu, at + now) for remote, mtu, at in mtus}
    for key, state, config in connections:
        _restore_connection(stack, key, state, config, now, begin[key])
    for fields in listeners:
        _restore_listener(stack, fields, now)
    for key, packed in _time_wait_from(time_wait, now, begin):
        stack.time_wait.add(key, packed)
    stack.reopened = dict(_time_wait_from(reopened, now, begin))
    stack.orphans = dict.fromkeys(orphans)
    for address, port, datagrams in udp:
        _restore_udp(stack, address, port, datagrams)
    for name in events:
        _renote(stack, name)


def _connection(c: Connection, now: int) -> Hashable:
    return c.key, c.snapshot(Origin(now, c.iss, c.irs)), c.config


def _restore_connection(  # noqa: PLR0917
    stack: Stack, key: bytes, state: Any, config: Any, now: int, begin: tuple[int, int]
) -> None:
    local, remote = split_key(key)
    c = Connection(stack.host, key, local, remote, stack.mtu, stack.mtu, begin[0], config)
    c.restore(state, Origin(now, *begin))
    stack.connections[key] = c
    c.busy = True
    stack.busy.append(c)


def _listener(each: Listener, now: int) -> Hashable:
    queue = tuple(c.key for c in each.queue)
    fast = tuple(sorted(each.fast_opening)), tuple(until - now for until in each.fast_resets)
    return each.port, each.place, each.family, each.backlog, tuple(each.half_open), queue, *fast


def _restore_listener(stack: Stack, fields: Any, now: int) -> None:
    """The hook and the configuration are not state: a listener that is there already keeps its own."""
    port, place, family, backlog, half_open, queue, fast_opening, fast_resets = fields
    for listener in stack.listeners.get(port, ()):
        if (listener.place, listener.family) == (place, family):
            break
    else:
        listener = Listener(port, place, family, backlog, None, stack.config)
        stack.add_listener(listener)
    listener.half_open = {key: stack.connections[key] for key in half_open}
    listener.queue.clear()
    listener.queue.extend(stack.connections[key] for key in queue)
    stack.embryos.update(dict.fromkeys((*half_open, *queue), listener))
    listener.fast_opening = set(fast_opening)
    stack.fast_opening.update(dict.fromkeys(fast_opening, listener))
    listener.fast_resets.clear()
    listener.fast_resets.extend(until + now for until in fast_resets)


def _time_wait(packed: Mapping[bytes, bytes], begin: Origins, now: int) -> Hashable:
    entries = []
    for key, each in packed.items():
        entry = TimeWait(each)
        entry.expires -= now
        entry.snd_nxt = entry.snd_nxt - begin[key][0] & 0xFFFFFFFF
        entry.rcv_nxt = entry.rcv_nxt - begin[key][1] & 0xFFFFFFFF
        entries.append((entry.expires, key, tuple(getattr(entry, name) for name in TimeWait.FIELDS)))
    return tuple(sorted(entries))


def _time_wait_from(value: Any, now: int, begin: Origins) -> Iterator[tuple[bytes, bytes]]:
    for _, key, fields in value:
        entry = TimeWait(bytes(TimeWait.size))
        for name, field in zip(TimeWait.FIELDS, fields, strict=True):
            setattr(entry, name, field)
        entry.expires += now
        entry.snd_nxt = entry.snd_nxt + begin[key][0] & 0xFFFFFFFF
        entry.rcv_nxt = entry.rcv_nxt + begin[key][1] & 0xFFFFFFFF
        yield key, entry.pack()


def _packet(packet: Packet) -> Hashable:
    return packet.tobytes(), packet.checksum, packet.segment_size, packet.segments


def _packet_from(value: Any) -> Packet:
    data, checksum, segment_size, segments = value
    packet = Packet(data, (), checksum, segment_size, segments)
    ip.parse(packet)
    return packet


def _is_held(stack: Stack, each: Connection | Listener | UdpPort) -> bool:
    """An event about what the stack no longer holds is between the application and its own object."""
    if isinstance(each, Connection):
        return stack.connections.get(each.key) is each
    return not each.closed


def _watched(each: object) -> Hashable:
    if isinstance(each, Connection):
        return "connection", each.key
    if isinstance(each, Listener):
        return "listener", each.port, each.place, each.family
    return "udp", getattr(each, "address", None), getattr(each, "port", 0)


def _renote(stack: Stack, name: Any) -> None:
    if name[0] == "connection":
        stack.note(stack.connections[name[1]])
    elif name[0] == "listener":
        for listener in stack.listeners[name[1]]:
            if (listener.place, listener.family) == name[2:]:
                stack.note(listener)
    else:
        port = stack.find_udp(name[1] or b"", name[2])
        if port is not None:
            stack.note(port)


def _restore_udp(stack: Stack, address: bytes | None, port: int, datagrams: Any) -> None:
    bound = next((each for each in stack.udp_ports.get(port, ()) if each.address == address), None)
    if bound is None:
        bound = stack.bind_udp(address, port)
    bound.queue.clear()
    bound.queue.extend(datagrams)
