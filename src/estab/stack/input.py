"""What an arriving packet is, and whose: IP, then ICMP, UDP or TCP, then the connection, listener or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from estab.stack.coalesce import join
from estab.stack.netstat import split_key
from estab.tcp.arrives import Listening, answer_again, arrives, reset_for
from estab.tcp.icmp import icmp_arrives
from estab.tcp.observer import Reason
from estab.tcp.states import CLOSED, TIME_WAIT
from estab.tcp.time_wait import Outcome, TimeWait, retire, time_wait_arrives
from estab.wire import icmp, ip, tcp, udp
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, Packet, ParseError
from estab.wire.segmentation import complete_checksum
from estab.wire.tcp import ACK, RST, SYN, Segment

if TYPE_CHECKING:
    from estab.stack.stack import Stack
    from estab.tcp.connection import Connection

_ERROR_KINDS = (icmp.IcmpKind.TOO_BIG, icmp.IcmpKind.UNREACHABLE, icmp.IcmpKind.TIME_EXCEEDED)


def receive(stack: Stack, packets: Sequence[Packet], now: int, looped: bool = False) -> None:
    """Take packets in; in-sequence segments of one batch reach their connection as one."""
    held: Segment | None = None
    held_key = b""
    for packet in packets:
        try:
            ip.parse(packet)
            whole = packet if packet.fragment is None else _reassemble(stack, packet, now)
            if whole is None or (whole.protocol != PROTO_TCP and _not_tcp(stack, whole, now, looped)):
                continue
            segment = tcp.parse(whole)
        except ParseError as error:
            stack.drop(now, packet, error.reason)
            continue
        stack.counters["InSegs"] += segment.segments
        key = whole.src + whole.dst + whole.ports()
        if key not in stack.connections and not _is_ours(stack, whole, now, looped):
            continue
        if held is not None:
            if key == held_key and join(held, segment):
                continue
            deliver(stack, held_key, held, now)
        held, held_key = segment, key
    if held is not None:
        deliver(stack, held_key, held, now)


def _reassemble(stack: Stack, packet: Packet, now: int) -> Packet | None:
    stack.count("IpReasmReqds")
    stack.reassembling = True
    evicted = stack.fragments.evicted
    try:
        return stack.fragments.add(packet, now)
    finally:
        if stack.fragments.evicted > evicted:
            stack.count("IpReasmEvicted", stack.fragments.evicted - evicted)


def _is_ours(stack: Stack, packet: Packet, now: int, looped: bool) -> bool:
    """For us, and from somebody who can be answered (RFC 9293 MUST-57, MUST-63). A connection has proved both."""
    addresses = stack.addresses
    if not addresses.accepts(packet.dst):
        stack.drop(now, packet, "IpInAddrErrors")
        return False
    # A host that speaks for a whole range meets its own addresses there too; from itself nothing comes (LAND).
    if not looped and (packet.src == packet.dst or not addresses.is_valid_peer(packet.src)):
        stack.drop(now, packet, "IpInSourceErrors")
        return False
    return True


def _not_tcp(stack: Stack, packet: Packet, now: int, looped: bool) -> bool:
    """Deal with everything else; True: that is done."""
    if not _is_ours(stack, packet, now, looped):
        return True
    if packet.protocol == PROTO_UDP:
        _udp(stack, packet, now)
    elif packet.protocol in (PROTO_ICMP, PROTO_ICMPV6):
        _icmp(stack, packet, now)
    else:
        stack.drop(now, packet, "IpInUnknownProtos")
    return True


def _udp(stack: Stack, packet: Packet, now: int) -> None:
    datagram = udp.parse(packet)
    port = stack.find_udp(packet.dst, datagram.destination_port)
    if port is None:
        stack.drop(now, packet, "UdpNoPorts")
        if icmp.error_allowed(packet) and stack.replies.may_send_error(now):
            code = icmp.V4_PORT_UNREACHABLE if len(packet.dst) == 4 else icmp.V6_PORT_UNREACHABLE
            # What is quoted is what was sent, not what an offloading link left to be done.
            quoted = complete_checksum(packet)
            error = icmp.build_error(icmp.IcmpKind.UNREACHABLE, code, 0, quoted, packet.dst, packet.src)
            stack.reply(error, now)
        return
    payload = datagram.payload
    size = packet.segment_size or max(len(payload), 1)
    for start in range(0, max(len(payload), 1), size):
        if len(port.queue) >= port.limit:
            stack.drop(now, packet, "UdpRcvbufErrors")
            continue
        port.queue.append((bytes(payload[start : start + size]), (packet.src, datagram.source_port)))
        stack.count("UdpInDatagrams")
    stack.note(port)


def _icmp(stack: Stack, packet: Packet, now: int) -> None:
    message = icmp.parse(packet)
    stack.count("IcmpInMsgs")
    if message.kind is icmp.IcmpKind.ECHO_REQUEST:
        stack.reply(icmp.build_echo_reply(message, packet.dst, packet.src), now)
        return
    quote = message.quote
    if message.kind not in _ERROR_KINDS or quote is None:
        stack.drop(now, packet, "IcmpIgnored")
        return
    ports = quote.destination_port.to_bytes(2, "big") + quote.source_port.to_bytes(2, "big")
    c = stack.connections.get(quote.dst + quote.src + ports) if quote.protocol == PROTO_TCP else None
    if c is None:
        stack.drop(now, packet, "IcmpNoConnection")
        return
    before = c.path.mtu
    icmp_arrives(c, message, now)
    if c.path.mtu < before:
        stack.remember_path_mtu(c.remote_address, c.path.mtu, now)


# ---------------------------------------------------------------------- TCP


def deliver(stack: Stack, key: bytes, segment: Segment, now: int) -> None:
    """Full four-tuple first, then TIME-WAIT, then a listener, then nobody (RFC 9293 §3.10.7)."""
    c = stack.connections.get(key)
    if c is not None and c.state is TIME_WAIT:
        retire_connection(stack, c, now)
        c = None
    elif c is not None and c.state is CLOSED:
        # Dead, and only waits to send its reset: nobody is there any more.
        stack.forget(c)
        c = None
    if stack.observer is not None:
        stack.observer.received(now, c, segment)
    if c is not None and c.opening and not segment.flags & RST and _must_wait_for_accept(stack, key):
        if not c.config.full_queue_resets:
            stack.drop(now, segment, "TCPAcceptQueueFull")
            return
        if segment.flags & (ACK | SYN) == ACK:
            stack.drop_embryo(c, now)
            c = None
    if c is not None and c.config.every_syn_answered and segment.flags & (SYN | RST) == SYN and key in stack.embryos:
        if _hear_syn(stack, c, segment, now):
            return
        c = None
    if c is not None:
        arrives(c, segment, now)
        return
    entry = stack.time_wait.get(key)
    if entry is not None and not _time_wait(stack, key, entry, segment, now):
        return
    _no_connection(stack, key, segment, now)


def _must_wait_for_accept(stack: Stack, key: bytes) -> bool:
    """The accept queue is full: the last ACK of the handshake is ignored, and comes again; or it meets nobody."""
    listener = stack.embryos.get(key)
    return listener is not None and listener.full


def _hear_syn(stack: Stack, c: Connection, segment: Segment, now: int) -> bool:
    """A passive connection gets a SYN. False: it is no more, and its listener is to answer."""
    if not c.opening:
        arrives(c, segment, now)
    elif segment.flags & ACK:
        stack.drop_embryo(c, now)
        return False
    else:
        answer_again(c, segment, now)
    return True


def _no_connection(stack: Stack, key: bytes, segment: Segment, now: int) -> None:
    local, remote = split_key(key)
    listener = stack.find_listener(local)
    if listener is None:
        answer = stack.rules.closed(segment) if stack.config.closed_ports_answer else None
        stack.drop(now, segment, "TCPNoConnection")
        if answer is not None:
            stack.reply_segment(answer, local, remote, Reason.RESET, now)
        return
    verdict = stack.rules.listen(segment)
    if verdict is Listening.OPEN:
        stack.accept_syn(listener, key, local, remote, segment, now)
    elif verdict is Listening.RESET:
        stack.reply_segment(reset_for(segment), local, remote, Reason.RESET, now)
    else:
        stack.drop(now, segment, "TCPListenDrop")


def _time_wait(stack: Stack, key: bytes, entry: TimeWait, segment: Segment, now: int) -> bool:
    """A segment for a four-tuple in TIME-WAIT. True: for the listener, who ends TIME-WAIT if it takes the SYN."""
    outcome = time_wait_arrives(entry, segment, stack.config, stack.rules.time_wait)
    if outcome is Outcome.REOPEN and stack.find_listener(split_key(key)[0]) is not None:
        return True
    if outcome is Outcome.CLOSE:
        stack.time_wait.remove(key)
        return False
    if outcome is Outcome.IGNORE:
        stack.drop(now, segment, "TCPTimeWaitIgnored")
        return False
    if outcome is Outcome.RESTART:
        stack.time_wait.extend(key, entry, now + stack.config.time_wait)
    elif not _within_budget(entry):
        stack.count("TCPACKSkippedTimeWait")
        return False
    stack.time_wait.update(key, entry)
    acknowledge_time_wait(stack, key, entry, now)
    return False


def _within_budget(entry: TimeWait) -> bool:
    """An entry answers strays only so often: two desynchronised ends must not talk for ever (RFC 1337 H2)."""
    entry.challenges -= 1
    return entry.challenges >= 0


def acknowledge_time_wait(stack: Stack, key: bytes, entry: TimeWait, now: int) -> None:
    local, remote = split_key(key)
    stack.reply_segment(entry.acknowledgement(stack.host.clock(now)), local, remote, Reason.ACK, now)


def retire_connection(stack: Stack, c: Connection, now: int) -> None:
    """TIME-WAIT: the memory goes, a packed entry stays."""
    packed = retire(c, now)
    stack.forget(c)
    if not stack.time_wait.add(c.key, packed):
        stack.count("TCPTimeWaitOverflow")
    if c.acks_owed:
        c.acks_owed = 0
        acknowledge_time_wait(stack, c.key, TimeWait(packed), now)
