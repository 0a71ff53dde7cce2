"""Where jobs run: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableSequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import active_children, get_context
from typing import Annotated, Any, Final

import typer

from estab.cli.errors import MISUSED, CommandError, explained
from estab.cli.measured import share

PROCESSES: Final = "processes"
DASK: Final = "dask://"
_INSTALL: Final = "a Dask cluster needs its client: pip install 'estab[dask]'"

Where = Annotated[
    str, typer.Option("--executor", metavar="WHERE", help="Where many are run: processes, or dask://HOST:PORT.")
]
Jobs = Annotated[int, typer.Option(min=0, metavar="N", help="Processes; 0: one per core.")]


@contextmanager
def executor(where: str, jobs: int, figures: MutableSequence[int] | None = None) -> Iterator[Executor]:
    """``"processes"``: as many as ``jobs`` (0: one per core); ``"dask://HOST:PORT"``: the workers of that scheduler.

    With ``figures`` each job has a process of its own, which can ``share`` them; a cluster cannot."""
    if where == PROCESSES:
        own: dict[str, Any] = {}
        if figures is not None:
            context = get_context("forkserver")
            context.set_forkserver_preload(["estab.cli.app"])
            own = {"mp_context": context, "max_tasks_per_child": 1, "initializer": share, "initargs": (figures,)}
        pool = ProcessPoolExecutor(jobs or os.cpu_count(), **own)
        try:
            yield pool
        except BaseException:
            # Whoever interrupts does not want to wait for what is under way.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
        pool.shutdown()
    elif where.startswith(DASK) and where != DASK:
        try:
            client_of = import_module("distributed").Client
        except ImportError as error:
            raise CommandError(_INSTALL) from error
        with explained(f"no cluster at {where}"), client_of(f"tcp://{where.removeprefix(DASK)}", timeout=10) as client:
            yield client.get_executor(retries=3)
    else:
        raise CommandError(f"--executor {where}: processes or dask://HOST:PORT is expected", MISUSED)
