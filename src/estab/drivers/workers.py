"""Several processes that do one job together, each on a queue of its own: started, watched and stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 10.0
"""Seconds in which a worker that was told to stop must have stopped."""


class WorkerDiedError(Exception):
    """A worker ended without a word, and the others were stopped."""


class Worker(Generic[T]):
    """One process, forked: it has what its parent has open."""

    def __init__(self, index: int, work: Callable[[int, Callable[[], None]], T]) -> None:
        context = multiprocessing.get_context("fork")
        self.index: int = index
        self.ready: bool = False
        self.result: T | None = None
        self.error: Exception | None = None
        self.told: bool = False
        """It has given its result or its error."""
        self.pipe, far = context.Pipe()
        self.process: BaseProcess = context.Process(target=_main, args=(index, work, far), daemon=True)
        self.process.start()
        far.close()

    def listen(self) -> bool:
        """Take what it says. False when it says no more."""
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):
            self.pipe.close()
            return False
        if kind == "ready":
            self.ready = True
            return True
        self.told = True
        if kind == "result":
            self.result = value
        else:
            self.error = value
        return True


def run_workers(
    count: int,
    work: Callable[[int, Callable[[], None]], T],
    on_ready: Callable[[], None],
    on_started: Callable[[], None],
) -> list[T]:
    """Run ``work(number, ready)`` in ``count`` processes at once and give what each returned.

    ``on_started`` is called here when all exist: what only they need can be closed. ``work`` calls ``ready()`` when it
    can be used; ``on_ready`` is called here when all have. SIGINT and SIGTERM end it: every worker gets a SIGTERM and
    may finish. A worker's exception stops the others and is raised here; so is ``WorkerDiedError`` for one that was
    killed. Workers do not outlive this process."""
    workers = [Worker(index, work) for index in range(count)]
    failed: Worker[T] | None = None
    try:
        on_started()
        with _interrupted_by_sigterm():
            failed = _watch(workers, on_ready)
    except KeyboardInterrupt:
        pass
    finally:
        _stop(workers)
    if failed is not None:
        raise failed.error or WorkerDiedError(f"worker {failed.index} ({_end(failed.process)}) is gone")
    return [worker.result for worker in workers if worker.result is not None]


def _watch(workers: list[Worker[T]], on_ready: Callable[[], None]) -> Worker[T] | None:
    """Until all have given their result, or one has failed: that one."""
    open_pipes = {worker.pipe: worker for worker in workers}
    announced = False
    while open_pipes:
        for pipe in wait(list(open_pipes)):
            worker = open_pipes[pipe]  # type: ignore[index]
            if not worker.listen():
                del open_pipes[worker.pipe]
                if not worker.told:
                    return worker
            if worker.error is not None:
                return worker
        if not announced and all(worker.ready for worker in workers):
            announced = True
            on_ready()
    return None


def _stop(workers: list[Worker[T]]) -> None:
    """Tell the living to stop, and take what they still say."""
    for worker in workers:
        if worker.process.is_alive():
            worker.process.terminate()
    for worker in workers:
        while not worker.told and not worker.pipe.closed and worker.pipe.poll(_PATIENCE) and worker.listen():
            pass
        worker.process.join(_PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _end(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return f"process {process.pid}, {signal.Signals(-code).name}" if code < 0 else f"process {process.pid}"


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# ---------------------------------------------------------------------- in the worker


def _main(index: int, work: Callable[[int, Callable[[], None]], Any], pipe: Connection[Any, Any]) -> None:
    """Ctrl-C reaches every process of a terminal; the parent decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    try:
        pipe.send(("result", work(index, lambda: pipe.send(("ready", None)))))
    except Exception as error:
        with suppress(OSError):
            pipe.send(("error", error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
