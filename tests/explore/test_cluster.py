"""A campaign on a real cluster: scheduler and workers are processes of their own, and losing one loses no answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from estab.explore import Budget, Case, Result, campaign, run

distributed = pytest.importorskip("distributed", reason="pip install 'estab[dask]'")

# The cluster's own code is not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

ROOT = Path(__file__).parent.parent.parent
CASES = [Case("open+close", Budget(loss=loss, dup=dup)) for loss, dup in [(0, 0), (1, 0), (0, 1)] * 4]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:], "--no-dashboard"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdout=quiet, stderr=quiet, cwd=ROOT)


@pytest.fixture
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", str(port))
    workers = [start("worker", address, "--nthreads", "1", "--no-nanny") for _ in range(2)]
    try:
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def test_a_worker_that_dies_in_the_middle_loses_no_answer(cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    address, workers = cluster
    answers: dict[int, Result] = {}
    with distributed.Client(address, timeout="60s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        for number, result in campaign(run, CASES, client.get_executor(retries=3)):
            answers[number] = result
            if len(answers) == 2:
                workers[0].kill()
                workers[0].wait()
    assert sorted(answers) == list(range(len(CASES)))
    assert [answers[number].case for number in sorted(answers)] == CASES
    assert all(result.ok for result in answers.values())
    assert answers[0].row() == answers[3].row() == run(CASES[0]).row()
