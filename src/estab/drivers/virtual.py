"""Programs on a simulated network, in virtual time: asyncio code as it is, hosts, cables and faults around it.

    async def main(net):
        a, b = net.host("client", "10.0.0.1/24"), net.host("server", "10.0.0.2/24")
        net.connect(a, b, delay_ms=20, loss=0.05)
        await b.start_server(handler, port=80)
        reader, writer = await a.open_connection("10.0.0.2", 80)

    estab.drivers.virtual.run(main, seed=7)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from estab.drivers.host import Host
from estab.drivers.virtual_loop import VirtualLoop
from estab.sim.host import SimHost
from estab.sim.network import Network
from estab.sim.record import Record
from estab.stack.stack import Stack, Watched

Result = TypeVar("Result")

_MILLISECOND: Final = 1_000_000


class NetworkEngine:
    """The network turns the host's pump whenever there is something to do, so a poke is not needed."""

    def __init__(self, network: Network, sim: SimHost) -> None:
        self.stack: Stack = sim.stack
        self._clock = network.clock
        self._sim = sim

    def start(self, on_event: Callable[[Watched], None], on_lost: Callable[[OSError], None]) -> None:
        self._sim.on_event = on_event

    def now(self) -> int:
        return self._clock.now

    def poke(self) -> None:
        """The network asks the stack for its next deadline anyway."""

    def flush(self) -> None:
        """Likewise."""

    def close(self) -> None:
        self._sim.on_event = None


class SimulatedHost(Host):
    """A host of a ``VirtualNetwork``. ``sim``: what the simulator knows it as."""

    def __init__(self, network: Network, sim: SimHost, hosts: Mapping[str, str]) -> None:
        super().__init__(NetworkEngine(network, sim), asyncio.get_running_loop(), hosts=hosts)
        self.name: str = sim.name
        self.sim: SimHost = sim

    def detach(self) -> None:
        """The end of the program: what happens on the network from now on is not told."""
        self.engine.close()


class VirtualNetwork:
    """Hosts and cables for a program that ``run`` runs. ``network`` is the simulator's own view of it."""

    def __init__(self, network: Network) -> None:
        self.network: Network = network
        self.names: dict[str, str] = {}
        """What hosts call each other: every host's name stands for its first address."""
        self._hosts: list[SimulatedHost] = []

    @property
    def record(self) -> Record:
        """Every segment on the wire, for ladder diagrams."""
        return self.network.record

    def host(self, name: str, *addresses: str, **stack: Any) -> SimulatedHost:
        """A new host, ``net.host("client", "10.0.0.1/24")``; ``stack``: see ``Network.host``."""
        host = self.attach(self.network.host(name, *addresses, **stack))
        if addresses:
            self.names[name] = addresses[0].partition("/")[0]
        return host

    def attach(self, sim: SimHost) -> SimulatedHost:
        """The asyncio side of a host that the network has already."""
        host = SimulatedHost(self.network, sim, self.names)
        self._hosts.append(host)
        return host

    def connect(
        self, a: SimulatedHost, b: SimulatedHost, *, delay_ms: float = 0, jitter_ms: float = 0, **line: Any
    ) -> None:
        """Lay a cable between two hosts; ``line``: loss, duplicate, reorder … of ``Network.connect``."""
        self.network.connect(
            a.sim, b.sim, delay=round(delay_ms * _MILLISECOND), jitter=round(jitter_ms * _MILLISECOND), **line
        )

    async def close(self) -> None:
        """The program ends: what it has left open is reset."""
        for host in self._hosts:
            host.close()
            host.abort_streams()
        await asyncio.sleep(0)
        for host in self._hosts:
            host.detach()


def run(
    main: Callable[[VirtualNetwork], Coroutine[Any, Any, Result]],
    *,
    seed: int = 0,
    network: Network | None = None,
) -> Result:
    """Run ``main(net)`` in virtual time, as ``asyncio.run`` does in real time. Same seed: same packets.

    network: one that exists already; default: a new one of that ``seed``. Raises what ``main`` raises, and
    ``DeadlockError`` when everything waits for something that cannot happen."""
    net = VirtualNetwork(Network(seed) if network is None else network)

    async def program() -> Result:
        try:
            return await main(net)
        finally:
            await net.close()

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(net.network)) as runner:
        return runner.run(program())
