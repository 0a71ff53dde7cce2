"""Ladder diagrams: what they look like, and that they never tell a state out of order."""

from __future__ import annotations

import pytest

from estab.explain import ladder
from estab.faults import rules
from estab.faults.verdict import Fault
from estab.sim import Network, SimHost
from estab.tcp.config import MILLISECOND, MODERN, SECOND, Config
from estab.tcp.connection import Connection
from estab.wire import tcp
from estab.wire.address import parse_address
from estab.wire.packet import Packet
from estab.wire.tcp import RST, Segment


class Talk:
    """A client and a server that have a connection."""

    def __init__(self, out: tuple[Fault, ...] = (), loss: float = 0.0, config: Config = MODERN) -> None:
        self.network = Network(5)
        self.client: SimHost = self.network.host("client", "10.0.0.1/24", config=config)
        self.server: SimHost = self.network.host("server", "10.0.0.2/24")
        self.network.connect(self.client, self.server, delay=10 * MILLISECOND, out=out, loss=loss)
        listener = self.server.stack.listen(80)
        self.near: Connection = self.client.stack.open(("10.0.0.2", 80), 0)
        self.network.run(lambda: listener.ready > 0, 10 * SECOND)
        far = self.server.stack.accept(listener)
        assert far is not None
        self.far: Connection = far

    @property
    def now(self) -> int:
        return self.network.clock.now

    def run(self, duration: int) -> None:
        self.network.run_until(self.now + duration)

    def draw(self, **how: object) -> str:
        return ladder(self.network.record.passages, "client", "server", **how)  # type: ignore[arg-type]


def test_a_conversation_from_syn_to_time_wait() -> None:
    talk = Talk()
    talk.near.send(b"GET /\r\n", talk.now)
    talk.run(SECOND)
    talk.far.receive(100, talk.now)
    talk.near.close(talk.now)
    talk.network.run(lambda: talk.far.eof, SECOND)
    talk.far.close(talk.now)
    talk.run(SECOND)
    assert talk.draw(width=90) == "\n".join(
        (
            "         ms  client                                                           server",
            "      0.000  SYN-SENT     │── SYN seq=0 ───────────────────────────────────▶│ SYN-RECEIVED",
            "     10.000  ESTABLISHED  │◀───────────────────────── SYN+ACK seq=0 ack=1 ──│",
            "     20.000               │── ACK seq=1 ack=1 ─────────────────────────────▶│ ESTABLISHED",
            "     30.000               │── PSH+ACK seq=1 ack=1 len=7 ───────────────────▶│",
            "     80.000               │◀───────────────────────────── ACK seq=1 ack=8 ──│",
            "  1,030.000  FIN-WAIT-1   │── FIN+ACK seq=8 ack=1 ─────────────────────────▶│ CLOSE-WAIT",
            "  1,040.000  FIN-WAIT-2   │◀───────────────────────────── ACK seq=1 ack=9 ──│",
            "  1,040.000  TIME-WAIT    │◀───────────────────────── FIN+ACK seq=1 ack=9 ──│ LAST-ACK",
            "  1,050.000               │── ACK seq=9 ack=2 ─────────────────────────────▶│ CLOSED",
        )
    )


def test_what_is_lost_ends_at_a_cross_and_what_is_delayed_lands_later() -> None:
    out = (
        rules.drop(rules.syn, nth=1),
        rules.duplicate(rules.data, 5 * MILLISECOND, nth=2),
        rules.delay(rules.data, 30 * MILLISECOND, nth=1),
    )
    # Without SACK one segment out of order is no reason to send another again.
    talk = Talk(out, config=MODERN.but(sack=False))
    talk.near.send(b"one", talk.now)
    talk.run(5 * MILLISECOND)
    talk.near.set_nodelay(True, talk.now)
    talk.near.send(b"two", talk.now)
    talk.run(SECOND)
    assert talk.draw(width=90, fold=0).splitlines()[1:] == [
        "      0.000  SYN-SENT     │── SYN seq=0 ──────────✗ lost                    │ LISTEN",
        "  1,000.000               │── SYN seq=0 ───────────────────────────────────▶│ SYN-RECEIVED",
        "  1,010.000  ESTABLISHED  │◀───────────────────────── SYN+ACK seq=0 ack=1 ──│",
        "  1,020.000               │── ACK seq=1 ack=1 ─────────────────────────────▶│ ESTABLISHED",
        "  1,030.000               │── PSH+ACK seq=1 ack=1 len=3 ┄┄┄ on its way      │",
        "  1,035.000               │── PSH+ACK seq=4 ack=1 len=3 ───────────────────▶│",
        "  1,045.000               │◀───────────────────────────── ACK seq=1 ack=1 ──│",
        "  1,050.000               │ copy ┄┄┄┄┄┄┄┄┄┄┄┄┄┄ PSH+ACK seq=4 ack=1 len=3 ─▶│",
        "  1,050.000               │◀───────────────────────────── ACK seq=1 ack=1 ──│",
        "  1,070.000               │ sent 1,030.000 ┄┄┄┄ PSH+ACK seq=1 ack=1 len=3 ─▶│",
        "  1,070.000               │◀───────────────────────────── ACK seq=1 ack=7 ──│",
    ]


def test_segments_that_cross_show_their_states_in_order() -> None:
    talk = Talk()
    talk.near.close(talk.now)
    talk.far.close(talk.now)
    talk.run(SECOND)
    lines = talk.draw(width=90).splitlines()[4:]
    left = [line[13:25].strip() for line in lines if line[13:25].strip()]
    right = [line[76:].strip("│ ") for line in lines if line[76:].strip("│ ")]
    assert left == right == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def test_what_is_lost_does_not_bring_back_a_state_that_is_over() -> None:
    network = Network(5)
    client, server = network.host("client", "10.0.0.1/24"), network.host("server", "10.0.0.2/24")
    network.connect(client, server, delay=10 * MILLISECOND, out=(rules.drop(rules.data, nth=2),))
    server.stack.listen(80)
    near = client.stack.open(("10.0.0.2", 80), 0)
    near.send(bytes(2000), 0)
    network.run_until(SECOND)
    lines = ladder(network.record.passages, "client", "server", width=90).splitlines()[1:]
    assert "len=1448" in lines[2]
    assert "lost" in lines[3]
    assert lines[2].split()[0] == lines[3].split()[0]
    states = [line.split("│")[-1].strip() for line in lines]
    assert list(filter(None, states)) == ["SYN-RECEIVED", "ESTABLISHED"]


def test_a_long_transfer_is_folded_and_nothing_is_left_out_of_the_sum() -> None:
    talk = Talk((rules.duplicate(rules.data, nth=100),), loss=0.02)
    talk.near.send(bytes(600_000), talk.now)
    received = bytearray()

    def read() -> bool:
        received.extend(talk.far.receive(1 << 20, talk.network.clock.now))
        return len(received) == 600_000

    assert talk.network.run(read, 60 * SECOND)
    folded = talk.draw(fold=6)
    lines = folded.splitlines()
    assert len(lines) < 20
    segments = [each for each in talk.network.record.segments if each.length and each.fate != "duplicate"]
    assert f"… {len(segments) - shown(lines):,} segments, " in folded
    assert " lost, 1 duplicated" in folded
    assert len(talk.draw(fold=0).splitlines()) == len(talk.network.record.passages) + 1


def shown(lines: list[str]) -> int:
    return sum("len=" in line for line in lines)


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [80, 91, 100, 140])
def test_lines_end_where_they_should(width: int, ascii_only: bool) -> None:
    talk = Talk((rules.delay(rules.data, 25 * MILLISECOND, nth=2), rules.drop(rules.data, nth=4)), loss=0.1)
    talk.near.send(bytes(20_000), talk.now)
    talk.run(10 * SECOND)
    talk.near.close(talk.now)
    talk.run(10 * SECOND)
    rail = "|" if ascii_only else "│"
    lines = talk.draw(width=width, ascii_only=ascii_only, fold=0).splitlines()[1:]
    assert {(line.index(rail), line.rindex(rail)) for line in lines} == {(26, width - 14)}
    assert max(map(len, lines)) <= width
    assert ascii_only == all(line.isascii() for line in lines)


def test_absolute_numbers_are_those_of_the_wire() -> None:
    talk = Talk()
    assert f"SYN seq={talk.near.iss} " in talk.draw(relative=False)


def test_time_is_shown_from_the_start_that_is_given() -> None:
    talk = Talk()
    assert talk.draw(start=-5 * SECOND).splitlines()[1].startswith("  5,000.000")


def test_a_stranger_begins_in_the_middle() -> None:
    talk = Talk()
    forged = Segment(talk.far.rcv_nxt, 0, RST, 0, source_port=talk.near.local_port, destination_port=80)
    talk.network.inject(tcp.build(forged, parse_address("10.0.0.1"), parse_address("10.0.0.2")), talk.server)
    talk.run(SECOND)
    last = talk.draw(width=90).splitlines()[-1]
    assert last == "     30.000               │ from attacker ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ RST seq=1 ─▶│ CLOSED"


def test_what_is_no_tcp_is_named() -> None:
    talk = Talk()
    talk.network.inject(Packet(b"\x00garbage"), talk.server)
    talk.client.stack.udp(9).send_to(b"hello", ("10.0.0.2", 9), talk.now)
    talk.run(SECOND)
    drawn = talk.draw()
    assert "no IP packet" in drawn
    assert "── UDP ──" in drawn
    assert "── ICMP unreachable ──│" in drawn


def test_nothing_is_a_header() -> None:
    assert ladder([], "a", "b").split() == ["ms", "a", "b"]
