"""Processes that do one job: in a program of their own, as they are forked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.where import PATHS

BEGIN = """
import os, signal, sys, time
from estab.drivers.workers import WorkerDiedError, run_workers

# What a shell starts in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def say(text):
    print(text, flush=True)

def on_ready():
    say("ready")

def wait_for_the_end(ready=lambda: None):
    def stop(number, frame):
        raise KeyboardInterrupt
    try:
        signal.signal(signal.SIGTERM, stop)
        ready()
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        pass
"""


@contextmanager
def program(text: str) -> Iterator[subprocess.Popen[str]]:
    """It does not outlive a test that fails."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, "-W", "error", "-c", BEGIN + text]
    out = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def output(text: str) -> str:
    with program(text) as process:
        return process.communicate(timeout=60)[0]


def test_each_worker_gives_its_result() -> None:
    assert output("""
def work(index, ready):
    ready()
    return index * 10
say(run_workers(3, work, on_ready, lambda: say("started")))
""") == "started\nready\n[0, 10, 20]\n"


def test_an_error_of_one_stops_all_and_is_raised() -> None:
    assert output("""
def work(index, ready):
    if index == 1:
        raise OSError(5, "broken")
    wait_for_the_end()
try:
    run_workers(2, work, on_ready, lambda: None)
except OSError as error:
    say(error.strerror)
""") == "broken\n"


def test_a_worker_that_is_killed_is_named_and_the_others_stop() -> None:
    assert "worker 1 (process " in (told := output("""
def work(index, ready):
    if index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    wait_for_the_end()
try:
    run_workers(3, work, on_ready, lambda: None)
except WorkerDiedError as error:
    say(error)
"""))
    assert "SIGKILL" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_and_their_results_count(number: signal.Signals) -> None:
    with program("""
def work(index, ready):
    wait_for_the_end(ready)
    return index
say(run_workers(2, work, on_ready, lambda: None))
""") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=60)[0] == "[0, 1]\n"


def test_workers_do_not_outlive_their_parent() -> None:
    with program("""
def work(index, ready):
    ready()
    say(os.getpid())
    time.sleep(600)
run_workers(1, work, on_ready, lambda: None)
""") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        numbers = [line for line in lines if line.strip().isdecimal()]
        assert len(numbers) == 1, lines
        worker = int(numbers[0])
        process.kill()
        # Its end of the pipe closes when it is gone, and only then.
        assert process.stdout.read() == ""
        process.wait(60)
    with pytest.raises(ProcessLookupError):
        for _ in range(600):
            os.kill(worker, 0)
            time.sleep(0.1)
