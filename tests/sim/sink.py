"""One connection over a simulated path, and an application that reads whatever comes."""

from __future__ import annotations

from estab.faults.verdict import Fault
from estab.sim import Network, SimHost
from estab.stack.listener import Listener
from estab.stack.stack import Watched
from estab.tcp.config import MILLISECOND, SECOND, Config
from estab.tcp.connection import Connection
from estab.tcp.rules import RULES, Rules

DELAY = 50 * MILLISECOND
RTT = 2 * DELAY


class Sink:
    """Accepts and reads whatever comes."""

    def __init__(self, host: SimHost, network: Network) -> None:
        self.received: int = 0
        self._stack = host.stack
        self._clock = network.clock
        host.on_event = self._look
        self._stack.listen(80)

    def _look(self, watched: Watched) -> None:
        if isinstance(watched, Listener):
            while (accepted := self._stack.accept(watched)) is not None:
                self._look(accepted)
        elif isinstance(watched, Connection):
            while data := watched.receive(1 << 20, self._clock.now):
                self.received += len(data)


def opened(
    config: Config, *faults: Fault, rules: Rules = RULES, **line: int
) -> tuple[Network, SimHost, Connection, Sink]:
    """A connection over a path of 100 ms, whose way there has ``faults``."""
    network = Network(1, recording=False)
    a = network.host("a", "10.0.0.1/24", config=config, rules=rules)
    b = network.host("b", "10.0.0.2/24", config=config)
    network.connect(a, b, delay=DELAY, out=faults, **line)
    sink = Sink(b, network)
    c = a.stack.open((b.stack.addresses.hosts[0].address, 80), network.clock.now)
    assert network.run(lambda: c.state.value == "ESTABLISHED", SECOND)
    return network, a, c, sink
