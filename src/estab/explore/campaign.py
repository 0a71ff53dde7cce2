"""Many jobs that share nothing, on whatever executor there is: this machine's processes, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Future(Protocol):
    """What is used of ``concurrent.futures.Future``."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None: ...
    def result(self) -> Any: ...


class Executor(Protocol):
    """What is used of ``concurrent.futures.Executor``; Dask's ``Client.get_executor()`` gives one as well."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future: ...


def campaign(work: Callable[[Job], Answer], jobs: Sequence[Job], executor: Executor) -> Iterator[tuple[int, Answer]]:
    """Each job's number and its answer, as they become ready. What a job raises is raised here.

    ``work`` and the jobs must be picklable where the executor has other processes."""
    ready: SimpleQueue[tuple[int, Future]] = SimpleQueue()
    for number, job in enumerate(jobs):
        executor.submit(work, job).add_done_callback(_put(ready, number))
    for _ in jobs:
        number, future = ready.get()
        yield number, future.result()


def _put(ready: SimpleQueue[tuple[int, Future]], number: int) -> Callable[[Future], None]:
    return lambda future: ready.put((number, future))


__all__ = ["Executor", "Future", "campaign"]
