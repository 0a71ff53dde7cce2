"""The time series of a connection, from a simulated transfer with losses."""

from __future__ import annotations

import json
from typing import Any

from estab.drivers.trace import Trace
from estab.faults.mask import LossMask
from estab.sim import Network
from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.connection import Connection

SIZE = 200_000


def traced(limit: int = 1_000_000) -> list[dict[str, Any]]:
    """What a sender that loses one packet in 64 writes."""
    lines: list[str] = []
    network = Network(1, recording=False)
    a = network.host("a", "10.0.0.1/24", observer=Trace(lines.append, limit))
    b = network.host("b", "10.0.0.2/24")
    network.connect(a, b, rate=10_000_000, delay=10 * MILLISECOND, out=[LossMask(1 << 30)])
    listener = b.stack.listen(80)

    def read(watched: object) -> None:
        c = b.stack.accept(listener) if watched is listener else watched
        while isinstance(c, Connection) and c.error is None and c.receive_some(network.clock.now):
            pass

    b.on_event = read
    flow = a.stack.open(("10.0.0.2", 80), 0)
    flow.send(bytes(SIZE), 0)
    network.run_until(SECOND)
    flow.abort(network.clock.now)
    network.run_until(2 * SECOND)
    assert all(line.endswith("\n") for line in lines)
    return [json.loads(line) for line in lines]


def test_a_transfer_from_the_opening_to_the_end() -> None:
    rows = traced()
    assert rows[0]["event"] == "open"
    assert rows[0]["remote"] == "10.0.0.2 port 80"
    assert rows[0]["ssthresh"] is None
    assert rows[-1]["event"] == "closed"
    assert [row["t"] for row in rows] == sorted(row["t"] for row in rows)
    assert rows[-1]["delivered"] == SIZE


def test_losses_show_as_events_and_as_what_is_sent_again() -> None:
    rows = traced()
    again = [row for row in rows if row["event"] == "sent" and row["again"]]
    assert again
    assert rows[-1]["retransmitted"] == sum(row["end"] - row["seq"] for row in again)
    loss = next(index for index, row in enumerate(rows) if row["event"] == "loss")
    assert rows[loss]["phase"] == "recovery"
    assert rows[loss]["ssthresh"] < rows[loss - 1]["cwnd"]
    assert "recovered" in {row["event"] for row in rows[loss:]}


def test_the_trace_is_limited() -> None:
    assert traced(limit=10) == traced()[:10]


def test_a_second_connection_has_another_number() -> None:
    lines: list[str] = []
    network = Network(1, recording=False)
    a = network.host("a", "10.0.0.1/24", observer=Trace(lines.append))
    network.connect(a, network.host("b", "10.0.0.2/24"), delay=MILLISECOND)
    for port in (80, 81):
        a.stack.open(("10.0.0.2", port), 0)
    network.run(limit=SECOND)
    rows = [json.loads(line) for line in lines]
    assert {row["flow"]: row["remote"] for row in rows if row["event"] == "open"} == {
        1: "10.0.0.2 port 80",
        2: "10.0.0.2 port 81",
    }
    assert [row["flow"] for row in rows if row["event"] == "closed"] == [1, 2]
