"""A campaign on a real cluster: scheduler and workers are processes of their own, and losing one loses no answer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from estab.cli import explore as command
from estab.cli import main
from estab.explore import Budget, Case, Result, campaign, run
from estab.explore.soundness import Trial
from tests.where import PATHS, ROOT

distributed = pytest.importorskip("distributed", reason="pip install 'estab[dask]'")

# The cluster's own code is not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")

CASES = [Case("open+close", Budget(loss=loss, dup=dup)) for loss, dup in [(0, 0), (1, 0), (0, 1)] * 4]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([*PATHS, os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:], "--no-dashboard"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdout=quiet, stderr=quiet, cwd=ROOT)


class Cluster(NamedTuple):
    address: str
    workers: dict[str, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", str(port))
    options = ("--nthreads", "1", "--no-nanny")
    workers = {name: start("worker", f"tcp://{address}", *options, "--name", name) for name in ("one", "two")}
    try:
        yield Cluster(address, workers)
    finally:
        for process in (*workers.values(), scheduler):
            process.kill()
            process.wait()


def busy(client: Any, name: str) -> bool:
    """Whether the worker of this name has jobs that are not done."""
    known = client.scheduler_info()["workers"]
    return any(jobs and known[address]["name"] == name for address, jobs in client.processing().items())


def test_all_explorations_run_on_a_cluster_by_one_command(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "plan", lambda deep: [Case("open+close", Budget()), Case("data", Budget())])
    monkeypatch.setattr(command, "kills", lambda: [Case("open+close", Budget(loss=1), "no-time-wait", ("P6",))])
    monkeypatch.setattr(command, "trials", lambda: [Trial(Case("open+close", Budget()), 2)])
    with distributed.Client(f"tcp://{cluster.address}", timeout="60s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    assert main(["explore", "--executor", f"dask://{cluster.address}", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["survivors"], answer["unsound"]) == ([], [])
    assert [row["scenario"] for row in answer["scenarios"]] == ["open+close", "data"]
    assert [row["killed_by"] for row in answer["mutants"]] == ["P6"]


def test_a_worker_that_dies_in_the_middle_loses_no_answer(cluster: Cluster) -> None:
    """The last of these: one worker is left."""
    answers: dict[int, Result] = {}
    with distributed.Client(f"tcp://{cluster.address}", timeout="60s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        for number, result in campaign(run, CASES, client.get_executor(retries=3)):
            answers[number] = result
            if len(answers) == 2:
                assert busy(client, "one"), "it is to die with work in hand"
                cluster.workers["one"].kill()
                cluster.workers["one"].wait()
    assert sorted(answers) == list(range(len(CASES)))
    assert [answers[number].case for number in sorted(answers)] == CASES
    assert all(result.ok for result in answers.values())
    assert answers[0].row() == answers[3].row() == run(CASES[0]).row()
