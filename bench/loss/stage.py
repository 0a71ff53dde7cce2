"""One run: a path, a sender before it and a receiver behind it, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol

from bench.loss import kernel, ours
from bench.loss.cells import CONTROLS
from bench.loss.part import ADDRESSES
from estab.drivers.relay import Relay, Report
from estab.faults.path import Path
from estab.links.namespace import enter, inside, new_namespace
from estab.links.seqpacket import SeqpacketLink, seqpacket_pair
from estab.links.tun import TunLink
from estab.wire.link import Link

PATIENCE: Final = 20
"""Seconds beyond the measured ones until a run counts as failed."""
QUEUE: Final = 10_000
"""Packets before the relay, so that only the path's own queue is ever full."""
_fork: Final = multiprocessing.get_context("fork")


class Run(NamedTuple):
    """What came of it."""

    mbit: float
    control: str
    """As the sender calls it, asked from its socket."""
    report: Report


class End:
    """One end of the path: a kernel in a namespace of its own behind a TUN device, or a stack behind a cable."""

    def __init__(self, address: str, estab: bool) -> None:
        self.namespace: int | None = None
        self.cable: SeqpacketLink | None = None
        self.link: Link
        if estab:
            self.link, self.cable = seqpacket_pair()
            return
        self.namespace = new_namespace()
        with inside(self.namespace):
            # A kernel that remembers how the last connection went would not be the same twice.
            with open("/proc/sys/net/ipv4/tcp_no_metrics_save", "w", encoding="ascii") as file:
                file.write("1")
            self.link = TunLink.create("path0", [f"{address}/24"], offload=False, queue=QUEUE)

    def close(self) -> None:
        self.link.close()
        if self.cable is not None:
            self.cable.close()
        if self.namespace is not None:
            os.close(self.namespace)


class Stage:
    """The processes of a run, which end with it."""

    def __init__(self) -> None:
        self._processes: list[BaseProcess] = []

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.join()

    def start(self, target: Any, *arguments: Any) -> tuple[BaseProcess, Connection]:
        """A process, and where it says something: ``target(say, *arguments)``."""
        listening, saying = _fork.Pipe(duplex=False)
        process = _fork.Process(target=target, args=(saying.send, *arguments))
        process.start()
        saying.close()
        self._processes.append(process)
        return process, listening


class Setting(Protocol):
    """What a run needs to know."""

    @property
    def path(self) -> Path: ...

    @property
    def control(self) -> str: ...


def run(cell: Setting, estab_sends: bool, estab_receives: bool, seed: int, seconds: float) -> Run:
    """Let one flow run over the cell's path. Raises ``RuntimeError`` when it does not come to an end."""
    ends = End(ADDRESSES[0], estab_sends), End(ADDRESSES[1], estab_receives)
    try:
        with Stage() as stage:
            carrier, reporting = stage.start(relay, [end.link for end in ends], cell.path, seed)
            _, receiving = stage.start(_receive, ends[1], seconds)
            hear(receiving, PATIENCE)
            _, sending = stage.start(_send, ends[0], cell.control)
            control = hear(sending, PATIENCE)
            rate = hear(receiving, seconds + PATIENCE)
            os.kill(carrier.pid or 0, signal.SIGTERM)
            return Run(8 * rate / 1_000_000, control, hear(reporting, PATIENCE))
    finally:
        for end in ends:
            end.close()


def hear(pipe: Connection, patience: float) -> Any:
    """What a process says next. Raises ``RuntimeError`` when it says nothing for so many seconds, or has died."""
    if not pipe.poll(patience):
        raise RuntimeError(f"a run does not get on for {patience} s")
    try:
        return pipe.recv()
    except EOFError:
        raise RuntimeError("a process of the run has died") from None


def relay(say: Any, links: Sequence[Link], path: Path, seed: int) -> None:
    """Carry packets between two links until SIGTERM comes; then say the report."""
    # The path must never be what is slow.
    with suppress(OSError):
        os.nice(-15)
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    carrier = Relay(links[0], links[1], path, seed=seed)
    carrier.run(lambda: ended)
    say(carrier.report())


def _receive(say: Any, end: End, seconds: float) -> None:
    if end.cable is not None:
        say(ours.receive(end.cable, ADDRESSES[1], seconds, lambda: say(None)))
        return
    assert end.namespace is not None
    enter(end.namespace)
    say(kernel.receive(ADDRESSES[1], seconds, lambda: say(None)))


def _send(say: Any, end: End, control: str) -> None:
    # The receiver has seen enough and is gone.
    with suppress(ConnectionError):
        if end.cable is not None:
            ours.send(end.cable, ADDRESSES[0], ADDRESSES[1], control, say)
            return
        assert end.namespace is not None
        enter(end.namespace)
        kernel.send(ADDRESSES[1], CONTROLS[control], say)
