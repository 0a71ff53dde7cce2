"""One flow of estab's and one of the kernel's, both CUBIC, through one bottleneck: ``python -m bench.rivals``.

As in ``tests/fairness/flows.py`` the round-trip times of the two differ by up to 5 % from the mean, and the time of
each packet varies by 10 % of it before the queue, in the order of its flow: on a path of constant times the places of
the two flows' clumps would decide instead of the controls.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import socket
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Final

from bench.loss import kernel, ours
from bench.loss.part import PORT
from bench.loss.stage import PATIENCE, QUEUE, Stage, hear, relay
from estab.drivers.relay import Report
from estab.faults.path import Line, Path, bandwidth_delay
from estab.faults.verdict import Deliver, Fault, Verdict
from estab.links.namespace import enter, inside, new_namespace
from estab.links.tun import TunLink
from estab.wire.packet import Packet

RATE: Final = 10_000_000
RTT: Final = 40_000_000
"""Bits per second and ns; the queue holds one bandwidth-delay product."""
KERNEL: Final = "10.77.0.1"
FAR: Final = "10.77.0.2"
GATEWAY: Final = "10.78.0.1"
OURS: Final = "10.78.0.2"
SPREAD: Final = RTT * 5 // 100
VARIATION: Final = RTT * 10 // 100
"""ns, up and down: from flow to flow, and from packet to packet."""
BEFORE: Final = 5.0
"""Seconds until it counts."""
CONTROL: Final = "cubic"


class Detours:
    """On the way to the queue: longer for one flow than for the other, and different for each packet."""

    def __init__(self) -> None:
        self._longer: dict[bytes, int] = {}
        self._latest: dict[bytes, int] = {}

    def __call__(self, packet: Packet, now: int, rng: Random) -> Verdict:
        source = bytes(packet.head[12:16])
        if source not in self._longer:
            self._longer[source] = rng.randrange(2 * SPREAD)
        at = now + self._longer[source] + rng.randrange(2 * VARIATION)
        self._latest[source] = at = max(at, self._latest.get(source, 0))
        return Deliver(at=at)


class Varied(Path):
    """A path with detours before it."""

    def directions(self, start: int) -> tuple[list[Fault], list[Fault]]:
        there, back = super().directions(start)
        return [Detours(), *there], back


def race(seconds: float, seed: int) -> tuple[float, float, str, Report]:
    """Mbit/s of estab's flow and of the kernel's over ``seconds``, the control that the kernel used, and the path.

    Both start before the path in one namespace; the kernel there forwards what estab sends. Raises ``OSError`` where
    that cannot be had, ``RuntimeError`` when a run does not come to an end."""
    near, far = new_namespace(), new_namespace()
    path = Varied(Line(RATE, bandwidth_delay(RATE, RTT), (RTT - SPREAD - VARIATION) // 2))
    with inside(near):
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as file:
            file.write("1")
        cable = TunLink.create("estab0", [f"{GATEWAY}/24"], offload=False)
        there = TunLink.create("path0", [f"{KERNEL}/8"], offload=False, queue=QUEUE)
    with inside(far):
        back = TunLink.create("path0", [f"{FAR}/8"], offload=False, queue=QUEUE)
    try:
        with Stage() as stage:
            carrier, reporting = stage.start(relay, (there, back), path, seed)
            _, receiving = stage.start(_receive, far, seconds)
            hear(receiving, PATIENCE)
            _, sending = stage.start(_send_kernel, near)
            used = hear(sending, PATIENCE)
            _, sending = stage.start(_send_ours, cable)
            hear(sending, PATIENCE)
            got = hear(receiving, BEFORE + seconds + PATIENCE)
            os.kill(carrier.pid or 0, signal.SIGTERM)
            return got[OURS], got[KERNEL], used, hear(reporting, PATIENCE)
    finally:
        for link in (cable, there, back):
            link.close()
        for namespace in (near, far):
            os.close(namespace)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    arguments = parser.parse_args()
    shares = []
    try:
        for seed in range(arguments.rounds):
            mine, theirs, used, report = race(arguments.seconds, seed)
            shares.append(mine / (mine + theirs))
            if not arguments.json:
                late = f"path late by {report.late_p99 / 1e6:.1f} ms (99 %)"
                print(f"estab {mine:.3f}  kernel ({used}) {theirs:.3f} Mbit/s  share {shares[-1]:.1%}  [{late}]")  # noqa: T201
    except (OSError, RuntimeError) as error:
        print(f"cannot measure: {error}", file=sys.stderr)  # noqa: T201
        return 1
    share = round(statistics.median(shares), 3)
    print(json.dumps({"share": share, "n": len(shares)}) if arguments.json else f"median share of estab {share:.1%}")  # noqa: T201
    return 0


def _receive(say: Callable[[Any], None], namespace: int, seconds: float) -> None:
    """Mbit/s by the address that they come from, over ``seconds``, a while after both have connected."""
    enter(namespace)
    received = dict.fromkeys((OURS, KERNEL), 0)
    with socket.create_server((FAR, PORT)) as server, selectors.DefaultSelector() as selector:
        say(None)
        for _ in received:
            accepted, (address, _) = server.accept()
            selector.register(accepted, selectors.EVENT_READ, address)
        buffer = bytearray(1 << 18)
        for phase in (BEFORE, seconds):
            received = dict.fromkeys(received, 0)
            end = time.monotonic() + phase
            while (left := end - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    assert isinstance(key.fileobj, socket.socket)
                    received[key.data] += key.fileobj.recv_into(buffer)
    say({address: 8 * count / seconds / 1e6 for address, count in received.items()})


def _send_kernel(say: Callable[[Any], None], namespace: int) -> None:
    enter(namespace)
    with suppress(ConnectionError):
        kernel.send(FAR, CONTROL, say)


def _send_ours(say: Callable[[Any], None], cable: TunLink) -> None:
    with suppress(ConnectionError):
        ours.send(cable, OURS, FAR, CONTROL, say)


if __name__ == "__main__":
    sys.exit(main())
