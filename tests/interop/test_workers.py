"""``estab serve --workers``: one device, several processes, the kernel's curl as the client."""

from __future__ import annotations

import json
import os
import random
import signal

import pytest

from tests import netns
from tests.interop.test_cli import LIMIT, OURS, call, connected, curl, estab, last_json, line_with, private_place

pytestmark = pytest.mark.lossless("the commands have links of their own, and --loss")


@netns.isolated_with_tun
def test_workers_share_the_connections_of_one_address() -> None:
    with private_place() as place:
        data = random.Random(1).randbytes(300_000)
        (place / "data.bin").write_bytes(data)
        with estab("serve", str(place), "--workers", "2", "--json") as server:
            line_with(server, "serving")
            for _ in range(24):
                curl(f"http://{OURS}:8000/data.bin", "-o", str(place / "got.bin"))
                assert (place / "got.bin").read_bytes() == data
            held = [connected(OURS, 8000) for _ in range(16)]
            processes = json.loads(call("ss", "--json").stdout)["processes"]
            owned = [sum(row["state"] == "ESTABLISHED" for row in each["sockets"]) for each in processes]
            assert len(processes) == 2
            assert sum(owned) == 16
            for each in held:
                each.close()
            server.send_signal(signal.SIGTERM)
            output, _ = server.communicate(timeout=LIMIT)
            assert server.returncode == 0
        totals = last_json(output)
        assert totals["requests"] == sum(totals["per_worker"]) == 24
        # Each connection is one worker's by a hash, and its SYN comes to a queue by another.
        assert min(totals["per_worker"]) > 0
        assert totals["handed_over"] > 0


@netns.isolated_with_tun
def test_a_worker_that_dies_ends_the_service_with_a_line_that_says_so() -> None:
    with private_place() as place, estab("serve", str(place), "--workers", "2") as server:
        line_with(server, "serving")
        worker = json.loads(call("ss", "--json").stdout)["processes"][0]["pid"]
        os.kill(worker, signal.SIGKILL)
        _, complaint = server.communicate(timeout=LIMIT)
        assert server.returncode == 1
        assert f"process {worker}, SIGKILL" in complaint
        assert "Traceback" not in complaint


@netns.isolated_with_tun
def test_each_worker_writes_a_capture_of_its_own() -> None:
    with private_place() as place:
        (place / "a").write_text("hello\n")
        with estab("serve", str(place), "--workers", "2", "--pcap", str(place / "way.pcapng")) as server:
            line_with(server, "serving")
            for _ in range(8):
                assert curl(f"http://{OURS}:8000/a") == "hello\n"
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=LIMIT)
            assert server.returncode == 0
        sizes = [(place / f"way.{index}.pcapng").stat().st_size for index in range(2)]
        assert min(sizes) > 1000
        assert not (place / "way.pcapng").exists()
