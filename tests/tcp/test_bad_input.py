"""Bytes that nobody should send, in every state: nothing raises, nothing grows, a counter says why each was dropped.

Whole packets are cut short, have single bits flipped, or are changed at random; each as it is, where the checksums
catch it, and with lengths and checksums made right again, where the steps have to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from estab.stack import snapshot
from estab.tcp.config import MILLISECOND, MODERN
from estab.tcp.rules import RULES, Rules
from estab.wire import icmp, ip, tcp, udp
from estab.wire.checksum import checksum, pseudo_header
from estab.wire.options import Options
from estab.wire.packet import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, Packet
from estab.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, Segment
from tests.conversation import Conversation
from tests.tcp import states
from tests.tcp.states import Place, reach

RANDOM = 100_000 // (2 * len(states.PLACES)) + 1
"""Mutations for each state and family: 100,000 together."""

CONFIG = MODERN.but(
    receive_buffer=20_000,
    send_buffer=20_000,
    reassembly_pieces=32,
    scoreboard_ranges=64,
    backlog_half_open=8,
    path_mtu_entries=4,
)
EVERY_STATE = pytest.mark.parametrize("place", states.PLACES, ids=str)
BOTH_FAMILIES = pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])


class Subject:
    """A stack in one state, to be thrown at; it is brought back there whenever it has left it."""

    def __init__(self, place: Place, v6: bool) -> None:
        self.place = place
        self.v6 = v6
        self.finished = False
        self.revivals = 0
        self.rules = self._watched()
        self.revive()

    def revive(self) -> None:
        self.t = t = Conversation(config=CONFIG, v6=self.v6, rules=self.rules)
        self.n = reach(t, self.place, ts=(1, 0), sack_permitted=True, window_scale=3)
        if self.place.state in ("ESTABLISHED", "CLOSE-WAIT"):
            t.send(b"in flight" * 500)
            t.drain()
        self.stack = t.stack
        self.now = t.now
        self.state = t.state

    def throw(self, data: bytes) -> None:
        """Hand it in and check that it was accounted for: taken to the end, or dropped for a reason with a name."""
        stack = self.stack
        before = sum(stack.counters.values()) - stack.counters["InSegs"]
        self.finished = False
        stack.receive([Packet(data)], self.now)
        counted = sum(stack.counters.values()) - stack.counters["InSegs"] - before
        sent = len(stack.transmit(self.now))
        changed = self.t.state != self.state
        assert sent <= 64
        assert counted or sent or changed or not self.finished, data.hex()
        if changed:
            self.revivals += 1
            if self.revivals % 10 == 0:
                self.check()
            self.revive()

    def check(self) -> None:
        """Everything that has a limit is within it, and the whole is still a value that can be restored."""
        stack = self.stack
        assert len(stack.connections) <= 1 + CONFIG.backlog_half_open
        assert len(stack.time_wait) <= 1
        assert not stack.busy
        assert not stack.replies.packets
        assert len(stack.deadlines.entries) <= 100
        assert len(stack.path_mtus) <= CONFIG.path_mtu_entries
        assert len(stack.counters) < 100
        for c in stack.connections.values():
            assert 0 <= c.receive_queue.size <= c.receive_limit
            assert c.snd_una <= c.snd_nxt
            assert c.rcv_nxt <= c.rcv_edge + 1
            assert len(c.board.ranges) <= c.board.limit
            assert c.reassembly is None or len(c.reassembly) <= CONFIG.reassembly_pieces
            assert max(c.acks_owed, c.challenges_owed, len(c.resets_owed)) <= 4
        value = snapshot.take(stack, self.now)
        fresh = self.t._fresh()
        snapshot.restore(fresh, value, self.now, snapshot.origins(stack))
        assert snapshot.take(fresh, self.now) == value

    def _watched(self) -> Rules:
        """The rules, telling when a step had finished with a segment before the end was reached."""

        def watch(step):
            def watched(c, segment, now):
                done = step(c, segment, now)
                self.finished = self.finished or done
                return done

            return watched

        return RULES.but(
            syn_sent=tuple(map(watch, RULES.syn_sent[:-1])) + RULES.syn_sent[-1:],
            synchronized=tuple(map(watch, RULES.synchronized)),
        )


def valid_packets(s: Subject) -> list[bytes]:
    """What a peer might send at this point, one of each kind."""
    t, n = s.t, s.n
    stamps = (t.peer_stamp + t.now // MILLISECOND, t._last_stamp())
    plain = Options(timestamps=stamps)
    everything = Options(mss=1460, window_scale=3, sack_permitted=True, timestamps=stamps, user_timeout=60)
    sack = Options(timestamps=stamps, sack=((t.iss + 500, t.iss + 900), (t.iss + 1500, t.iss + 1800)))
    ours, theirs = t.ports
    segments = [
        Segment(t.irs, 0, SYN, 65_535, (), everything),
        Segment(t.irs, t.iss + 1, SYN | ACK, 65_535, (), everything),
        Segment(t.irs + n.rcv, t.iss + n.una, ACK, 1000, (), plain),
        Segment(t.irs + n.rcv, t.iss + n.nxt, ACK | PSH, 1000, (b"text in order",), plain),
        Segment(t.irs + n.rcv + 50, t.iss + n.nxt, ACK | URG, 1000, (b"out of order",), sack, 5),
        Segment(t.irs + n.rcv, t.iss + n.nxt, FIN | ACK, 1000, (b"last",), plain),
        Segment(t.irs + n.rcv, t.iss + n.nxt, RST | ACK, 0, ()),
        Segment(t.irs + n.rcv, 0, RST, 0, ()),
    ]
    packets = []
    for segment in segments:
        segment.source_port, segment.destination_port = theirs, ours
        packets.append(tcp.build(segment, t.peer, t.ours).tobytes())
    quoted = Segment(t.iss + n.una, 0, ACK, 0, (), source_port=ours, destination_port=theirs)
    original = tcp.build(quoted, t.ours, t.peer)
    for kind, code, mtu in ((icmp.IcmpKind.TOO_BIG, 0, 1300), (icmp.IcmpKind.UNREACHABLE, 1, 0)):
        packets.append(icmp.build_error(kind, code, mtu, original, t.peer, t.ours).tobytes()[: 120 if s.v6 else 100])
    ping = icmp.Icmp(icmp.IcmpKind.ECHO_REQUEST, 0, 1, 2, payload=b"ping")
    packets.append(icmp.build_echo(ping, t.peer, t.ours).tobytes())
    packets.append(udp.build(t.peer, t.ours, 53, 5353, b"datagram").tobytes())
    return packets


def repaired(data: bytes, v6: bool) -> bytes:
    """The same with lengths and checksums that fit, as far as there is room for them."""
    if len(data) < (40 if v6 else 20):
        return data
    fixed = bytearray(data)
    if v6:
        fixed[4:6] = ((len(data) - 40) & 0xFFFF).to_bytes(2, "big")
        start, protocol, src, dst = 40, fixed[6], bytes(fixed[8:24]), bytes(fixed[24:40])
    else:
        start = (fixed[0] & 15) * 4
        if not 20 <= start <= len(data):
            return data
        fixed[2:4] = (len(data) & 0xFFFF).to_bytes(2, "big")
        fixed[10:12] = b"\0\0"
        fixed[10:12] = checksum((bytes(fixed[:start]),), 0).to_bytes(2, "big")
        protocol, src, dst = fixed[9], bytes(fixed[12:16]), bytes(fixed[16:20])
    place = {PROTO_TCP: 16, PROTO_ICMP: 2, PROTO_ICMPV6: 2, 17: 6}.get(protocol)
    if place is None or len(data) < start + place + 2:
        return bytes(fixed)
    place += start
    fixed[place : place + 2] = b"\0\0"
    total = 0 if protocol == PROTO_ICMP else pseudo_header(src, dst, protocol, len(data) - start)
    fixed[place : place + 2] = checksum((bytes(fixed[start:]),), total).to_bytes(2, "big")
    return bytes(fixed)


def flips(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        for bit in range(8):
            yield data[:position] + bytes((data[position] ^ 1 << bit,)) + data[position + 1 :]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, left out, or put in; numbers pushed a little or to their limits."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        position = rng.randrange(len(changed)) if changed else 0
        choice = rng.randrange(6)
        if choice == 0:
            changed[position : position + 1] = bytes((rng.randrange(256),))
        elif choice == 1:
            changed[position : position + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", rng.randbytes(4)))
        elif choice == 2:
            del changed[position : position + rng.randint(1, 8)]
        elif choice == 3:
            changed[position:position] = rng.randbytes(rng.randint(1, 8))
        elif choice == 4 and changed:
            changed[position] = (changed[position] + rng.choice((-1, 1))) & 0xFF
        elif len(changed) > 60:
            # The options, where most of the meaning is.
            at = rng.randrange(40, 60)
            changed[at : at + 1] = bytes((rng.choice((0, 1, 2, 3, 4, 5, 8, 10, 18, 28, 34, 255)),))
    return bytes(changed)


@BOTH_FAMILIES
@EVERY_STATE
def test_what_is_valid_is_taken(place, v6):
    """The packets that the others are made from are what they claim to be."""
    s = Subject(place, v6)
    for data in valid_packets(s):
        packet = Packet(data)
        ip.parse(packet)
        assert repaired(data, v6) == data
        if packet.protocol == PROTO_TCP:
            tcp.parse(packet)
        s.throw(data)
    s.check()


@BOTH_FAMILIES
@EVERY_STATE
def test_every_truncation(place, v6):
    s = Subject(place, v6)
    for data in valid_packets(s):
        for length in range(len(data)):
            s.throw(data[:length])
            s.throw(repaired(data[:length], v6))
    s.check()


@pytest.mark.parametrize(
    ("place", "v6"),
    [(place, False) for place in states.PLACES] + [(states.LISTEN, True), (states.ESTABLISHED, True)],
    ids=str,
)
def test_every_flipped_bit(place, v6):
    s = Subject(place, v6)
    for data in valid_packets(s):
        for flipped in flips(data):
            s.throw(flipped)
            again = repaired(flipped, v6)
            if again != flipped:
                s.throw(again)
    s.check()


@BOTH_FAMILIES
@EVERY_STATE
def test_random_mutations(place, v6):
    s = Subject(place, v6)
    packets = valid_packets(s)
    rng = random.Random(f"{place} {v6}")
    for number in range(RANDOM):
        data = mutate(rng.choice(packets), rng)
        s.throw(repaired(data, v6) if rng.random() < 0.8 else data)
        if number % 1000 == 0:
            s.check()
    s.check()


@BOTH_FAMILIES
def test_noise(v6):
    s = Subject(states.ESTABLISHED, v6)
    rng = random.Random(7)
    for _ in range(2000):
        s.throw(rng.randbytes(rng.randrange(120)))
        s.throw(bytes((0x60 if v6 else 0x45,)) + rng.randbytes(rng.randrange(120)))
    assert s.t.state == "ESTABLISHED"
    s.check()
