"""The path between two simulated hosts, and a network that keeps no record."""

from __future__ import annotations

from estab.faults.path import Line, Path
from estab.sim import Network
from estab.tcp.config import MILLISECOND, SECOND


def arrivals(network: Network, path: Path, size: int = 1000) -> tuple[list[int], list[int]]:
    """When three datagrams at once arrive from a to b, and from b to a."""
    a, b = network.host("a", "10.0.0.1/24"), network.host("b", "10.0.0.2/24")
    network.connect(a, b, path=path)
    ports = [host.stack.udp(5000) for host in (a, b)]
    found: tuple[list[int], list[int]] = ([], [])

    def note() -> bool:
        for port, times in ((ports[1], found[0]), (ports[0], found[1])):
            while port.receive_from() is not None:
                times.append(network.clock.now)
        return False

    for _ in range(3):
        ports[0].send_to(bytes(size - 28), ("10.0.0.2", 5000), network.clock.now)
        ports[1].send_to(bytes(size - 28), ("10.0.0.1", 5000), network.clock.now)
    network.run(note, SECOND)
    return found


ONE_WAY = Path(Line(rate=8_000_000, delay=10 * MILLISECOND), Line(delay=4 * MILLISECOND))


def test_a_path_leads_from_the_first_host_to_the_second() -> None:
    there, back = arrivals(Network(1), ONE_WAY)
    assert there == [11 * MILLISECOND, 12 * MILLISECOND, 13 * MILLISECOND]
    assert back == [4 * MILLISECOND] * 3


def test_without_a_record_the_same_happens_and_nothing_is_kept() -> None:
    path = Path(Line(rate=8_000_000, delay=10 * MILLISECOND, jitter=5 * MILLISECOND, loss=0.3))
    kept, lost = Network(3), Network(3, recording=False)
    assert arrivals(kept, path) == arrivals(lost, path)
    assert kept.record.passages
    assert not lost.record.passages
