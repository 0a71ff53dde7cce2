"""Whole lives of connections on paths that lose packets both ways: whatever is lost, they end as without loss."""

from __future__ import annotations

import pytest

from estab.sim import Network
from estab.tcp.config import MILLISECOND, MODERN, SECOND
from estab.tcp.connection import Connection
from estab.wire.address import parse_address

HOUR = 3600 * SECOND
CONFIG = MODERN.but(msl=SECOND)
CLIENT, SERVER = parse_address("10.0.0.1"), parse_address("10.0.0.2")
THERE, BACK = bytes(range(256)) * 400, bytes(range(255, -1, -1)) * 200

lossy = pytest.mark.parametrize("loss", [0.0, 0.02, 0.1], ids=["0", "2%", "10%"])
seeds = pytest.mark.parametrize("seed", range(1, 7))


class Life:
    """A client ``a`` and a server ``b`` with a connection between them, and what each has read."""

    def __init__(self, loss: float, seed: int) -> None:
        self.net = Network(seed, recording=False)
        self.hosts = [self.net.host(name, f"10.0.0.{n}/24", config=CONFIG) for n, name in ((1, "a"), (2, "b"))]
        self.net.connect(*self.hosts, delay=20 * MILLISECOND, loss=loss)
        self.ends: list[Connection] = []
        self.read = {0: b"", 1: b""}

    @property
    def now(self) -> int:
        return self.net.clock.now

    def opened(self) -> tuple[Connection, Connection]:
        listener = self.hosts[1].stack.listen(80)
        near = self.hosts[0].stack.open((SERVER, 80), self.now)
        assert self.net.run(lambda: listener.ready > 0, HOUR)
        far = self.hosts[1].stack.accept(listener)
        assert far is not None
        self.ends = [near, far]
        return near, far

    def pump(self) -> None:
        for i, c in enumerate(self.ends):
            if c.error is None and c.readable:
                self.read[i] += c.receive(1 << 20, self.now)

    def until_eof(self, *indexes: int) -> None:
        """Those ends have read all that the other sent, and its end."""

        def done() -> bool:
            self.pump()
            return all(self.ends[i].eof for i in indexes)

        assert self.net.run(done, HOUR)

    def over(self) -> None:
        """Nobody holds anything any more, and nothing went wrong."""
        stacks = [host.stack for host in self.hosts]
        assert self.net.run(lambda: not any(s.connections or s.time_wait for s in stacks), HOUR)
        assert [c.error for c in self.ends] == [None] * len(self.ends)


@seeds
@lossy
def test_the_client_closes_first(loss: float, seed: int) -> None:
    life = Life(loss, seed)
    near, far = life.opened()
    near.send(THERE, life.now)
    near.close(life.now)
    life.until_eof(1)
    far.close(life.now)
    life.over()
    assert life.read[1] == THERE


@seeds
@lossy
def test_one_half_closes_and_the_other_goes_on(loss: float, seed: int) -> None:
    life = Life(loss, seed)
    near, far = life.opened()
    near.send(THERE, life.now)
    near.shutdown(life.now)
    life.until_eof(1)
    far.send(BACK, life.now)
    far.close(life.now)
    life.until_eof(0)
    near.close(life.now)
    life.over()
    assert (life.read[1], life.read[0]) == (THERE, BACK)


@seeds
@lossy
def test_both_close_at_once(loss: float, seed: int) -> None:
    life = Life(loss, seed)
    near, far = life.opened()
    near.shutdown(life.now)
    far.shutdown(life.now)
    life.until_eof(0, 1)
    near.close(life.now)
    far.close(life.now)
    life.over()


@seeds
@lossy
def test_both_open_at_once(loss: float, seed: int) -> None:
    life = Life(loss, seed)
    one, two = (host.stack for host in life.hosts)
    life.ends = [
        one.open((SERVER, 5000), life.now, local=(CLIENT, 4000)),
        two.open((CLIENT, 4000), life.now, local=(SERVER, 5000)),
    ]
    assert life.net.run(lambda: all(c.state.value == "ESTABLISHED" for c in life.ends), HOUR)
    for c, data in zip(life.ends, (THERE, BACK), strict=True):
        c.send(data, life.now)
        c.shutdown(life.now)
    life.until_eof(0, 1)
    for c in life.ends:
        c.close(life.now)
    life.over()
    assert (life.read[1], life.read[0]) == (THERE, BACK)


@seeds
@lossy
def test_nobody_listens(loss: float, seed: int) -> None:
    """A lost RST is drawn again by the next SYN."""
    life = Life(loss, seed)
    c = life.hosts[0].stack.open((SERVER, 81), life.now)
    assert life.net.run(lambda: c.state.value == "CLOSED", HOUR)
    assert isinstance(c.error, ConnectionRefusedError)


@seeds
@lossy
def test_one_aborts_and_the_other_learns_of_it(loss: float, seed: int) -> None:
    """A lost RST is drawn again by what the other sends."""
    life = Life(loss, seed)
    near, far = life.opened()
    near.abort(life.now)
    life.net.run(limit=SECOND)
    if far.error is None:
        far.send(BACK, life.now)
    assert life.net.run(lambda: far.state.value == "CLOSED", HOUR)
    assert isinstance(far.error, ConnectionResetError)


@pytest.mark.parametrize("loss", [0.02, 0.1])
def test_there_is_something_to_repair(loss: float) -> None:
    """All these lives would be worth nothing on a path that loses nothing."""
    life = Life(loss, 1)
    near, far = life.opened()
    near.send(THERE, life.now)
    near.close(life.now)
    life.until_eof(1)
    far.close(life.now)
    life.over()
    assert life.hosts[0].stack.counters["RetransSegs"] > 0
