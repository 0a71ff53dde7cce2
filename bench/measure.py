"""One measurement in this process: ``python -m bench.measure plain bulk_in`` prints a line of JSON."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import idle, plain, through_asyncio
from bench.peer import KERNEL, ROUNDS, SIZE, VOLUME
from estab.links.tun import TunLink

CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")
RUNS: dict[str, dict[str, Callable[[TunLink], None]]] = {
    "plain": {
        "bulk_in": plain.bulk_in,
        "bulk_out": plain.bulk_out,
        "round_trips": plain.round_trips,
        "open_close": plain.open_close,
    },
    "asyncio": {
        "bulk_in": through_asyncio.bulk_in,
        "bulk_out": through_asyncio.bulk_out,
        "round_trips": through_asyncio.round_trips,
        "open_close": through_asyncio.open_close,
    },
}
PER = {
    "bulk_in": VOLUME / SIZE,
    "bulk_out": VOLUME / SIZE,
    "round_trips": ROUNDS["echo"],
    "open_close": ROUNDS["serve"],
}
PEERS = {"bulk_in": "source", "bulk_out": "sink", "round_trips": "echo", "open_close": "serve"}


def main(driver: str, what: str) -> dict[str, Any]:
    """The figure; ``cpu_us`` is the time of this process, in the kernel on its behalf included."""
    if what == "memory_idle":
        return {"value": idle.bytes_per_connection(), "cpu_us": None}
    congestion = choose_loss_based()
    link = TunLink.create("", [f"{KERNEL}/24"])
    peer = subprocess.Popen([sys.executable, "-m", "bench.peer", PEERS[what]], stdout=subprocess.PIPE)
    try:
        assert peer.stdout is not None
        peer.stdout.readline()
        gc.collect()
        begun, cpu = time.perf_counter(), time.process_time()
        RUNS[driver][what](link)
        elapsed, used = time.perf_counter() - begun, time.process_time() - cpu
    finally:
        peer.kill()
        peer.communicate()
    return {"value": PER[what] / elapsed, "cpu_us": used * 1e6 / PER[what], "congestion_control": congestion}


def choose_loss_based() -> str:
    """CUBIC, or Reno where the machine lets a namespace have no other: BBR would pace on a link that has no rate."""
    for name in ("cubic", "reno"):
        try:
            CONTROL.write_text(name)
        except OSError:
            continue
        break
    return CONTROL.read_text().strip()


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
