"""Every stack that takes part: how it is started, and in which cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from bench.peers import build, stage
from bench.peers.stage import Session
from bench.peers.terms import STACK

BULK: Final = ("bulk_in", "bulk_out")
MANY: Final = ("bulk_in_100", "bulk_out_100")
PLAIN: Final = ("plain_in", "plain_out")
SMALL: Final = ("rtt", "open_close")
FORMS: Final = ("pure", "compiled")
"""Of estab, each from its own wheel: the pure one has no native code at all, not even the checksum."""
SMOLTCP_BUFFERS: Final = {"64 KiB": 1 << 16, "1 MiB": 1 << 20}


class Entry(NamedTuple):
    """A stack in one form."""

    stack: str
    variant: str
    start: Callable[[], AbstractContextManager[Session]]
    cases: tuple[str, ...]
    also: Mapping[str, str] = MappingProxyType({})
    """Without offload to switch off, one measurement stands in the rows of both."""
    fresh: bool = False
    """It is started again for each case."""


_NO_OFFLOAD: Final = {"plain_in": "bulk_in", "plain_out": "bulk_out"}


def entries(say: Callable[[str], None]) -> Iterator[Entry]:
    """All that this machine can run; ``say`` hears of the others."""
    for variant in FORMS:
        if (python := build.get(variant, say)) is not None:
            yield from _estab(variant, str(python))
    yield Entry("kernel", "loopback", stage.on_loopback, (*BULK, *MANY, *SMALL))
    yield Entry("relay", "offload", partial(stage.on_relay, build.python().path, True), (*BULK, *MANY, *SMALL))
    yield Entry("relay", "no offload", partial(stage.on_relay, build.python().path, False), PLAIN)
    # Each is a process that attaches to a TUN device and never offloads.
    native = partial(Entry, cases=(*PLAIN, *SMALL, *MANY), also=_NO_OFFLOAD)
    if (program := build.get("smoltcp", say)) is not None:
        for variant, size in SMOLTCP_BUFFERS.items():
            yield native("smoltcp", variant, partial(stage.on_tun, [str(program), "DEVICE", STACK, str(size)]))
    for name in ("lwip", "gvisor"):
        if (program := build.get(name, say)) is not None:
            yield native(name, "", partial(stage.on_tun, [str(program), "DEVICE", STACK]))
    if build.get("slirp4netns", say) is not None:
        yield native("slirp4netns", "", stage.on_slirp)
    if build.get("pasta", say) is not None:
        # After some connections that were reset it answers nobody.
        yield native("pasta", "", stage.on_pasta, fresh=True)
    if (program := build.get("pmd-pytcp", say)) is not None:
        command = [str(program), "-m", "bench.peers.pytcp", "DEVICE", STACK]
        # It resets some of a hundred connections.
        yield native("pmd-pytcp", "", partial(stage.on_tun, command))._replace(cases=(*PLAIN, *SMALL))


def _estab(variant: str, python: str) -> Iterator[Entry]:
    def program(name: str, how: str) -> Callable[[], AbstractContextManager[Session]]:
        return partial(stage.on_tun, [python, "-m", f"bench.peers.{name}", "DEVICE", how])

    yield Entry("estab", variant, program("estab_plain", "offload"), (*BULK, *MANY, *SMALL))
    yield Entry("estab", variant, program("estab_plain", "plain"), PLAIN)
    through_asyncio = program("estab_asyncio", "offload")
    yield Entry("estab", f"{variant}, asyncio", through_asyncio, (*BULK, "rtt_asyncio", "open_close"))
