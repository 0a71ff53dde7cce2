"""``estab serve --workers N``: a process and a stack for each queue of one device."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from estab.cli.errors import CommandError, explained
from estab.cli.options import LinkOptions, kernel_side
from estab.drivers.workers import WorkerDiedError, run_workers
from estab.links.queues import QueueLink, Queues
from estab.links.steering import by_four_tuple

T = TypeVar("T")

MOST_WORKERS: Final = 64
_SECRET: Final = 32
"""Bytes."""

Work = Callable[[LinkOptions, QueueLink, Random, Callable[[], None]], T]
"""What one process does: with its options, its queue, the beginning of everybody's secrets; it calls the last one
when it can be reached."""


def serve_with(count: int, options: LinkOptions, work: Work[T], on_ready: Callable[[], None]) -> list[T]:
    """Run ``work`` in ``count`` processes, which share their secrets; what each returned. Raises ``CommandError``."""
    with explained(f"no link on {options.tun}"):
        queues = Queues.open(count, options.tun, [kernel_side(each) for each in options.addresses])
    steering, stacks = secrets.token_bytes(_SECRET), secrets.token_bytes(_SECRET)

    def begin(index: int, ready: Callable[[], None]) -> T:
        link = queues.take(index, by_four_tuple(steering, count))
        return work(_apart(options, index), link, Random(stacks), ready)

    try:
        return run_workers(count, begin, on_ready, on_started=queues.close)
    except WorkerDiedError as error:
        raise CommandError(f"{error}; the others were stopped") from error


def _apart(options: LinkOptions, index: int) -> LinkOptions:
    """Each process writes files of its own: ``trace.0.pcapng``, ``trace.1.pcapng``."""

    def own(path: Path | None) -> Path | None:
        return None if path is None else path.with_name(f"{path.stem}.{index}{path.suffix}")

    return replace(options, pcap=own(options.pcap), trace=own(options.trace), seed=options.seed + index)
