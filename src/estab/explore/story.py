"""A way through the graph as it happens on two stacks that run from beginning to end, without any snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from estab.explore.flying import Flying, build
from estab.explore.graph import Step, World
from estab.explore.host import NAMES, PACKED, PORTS, Endpoint, Event, Live
from estab.wire.sequence import MASK32
from estab.wire.tcp import ACK

_TICK: Final = 1000
"""Steps of one instant are drawn so far apart (ns), or their order would not show."""


@dataclass
class Passage:
    """One copy of a segment on its way, as ``explain.ladder`` draws it."""

    sent_at: int
    arrived_at: int | None
    src: str
    dst: str
    source: tuple[bytes, int]
    destination: tuple[bytes, int]
    flags: int
    seq: int
    ack: int
    length: int
    window: int
    fate: str
    cause: str
    src_state: str
    dst_state: str
    info: str
    flying: Flying
    data: bytes
    """The packet."""


@dataclass
class Story:
    """``labels``: what happened, step by step; ``passages``: the segments, in the order of sending."""

    labels: tuple[str, ...]
    passages: list[Passage] = field(default_factory=list)
    ends: tuple[Endpoint, Endpoint] | None = None
    """The values of both hosts at the end."""


def tell(world: World, steps: Sequence[Step], labels: tuple[str, ...] = ()) -> Story:
    """Run the steps on stacks of flesh and blood."""
    story = Story(labels)
    hosts = world.sites[0].begin(), world.sites[1].begin()
    for number, step in enumerate(steps):
        _tell(story, hosts, world.event(step.key), step, number * _TICK)
    story.ends = hosts[0].value(), hosts[1].value()
    return story


def _tell(story: Story, hosts: tuple[Live, Live], event: Event, step: Step, shift: int) -> None:
    here, there = hosts[step.at], hosts[1 - step.at]
    if event[0] == "fire":
        there.apply(("wait", event[1]))
    account = here.apply(event)
    at = here.now + shift
    if account.flying is not None:
        _land(story, account.flying, at, here)
    sent = [(flying, packet) for (flying, _), packet in zip(account.sent, here.packets, strict=True)]
    for (flying, packet), copies in zip(sent, step.copies, strict=True):
        passage = _passage(flying, at, here, there, packet.tobytes())
        story.passages.append(passage)
        if copies == 0:
            passage.fate, passage.cause = "lost", "lost"
        if copies == 2:
            twin = Passage(**{**vars(passage), "fate": "duplicate"})
            story.passages.append(twin)


def _land(story: Story, flying: Flying, at: int, here: Live) -> None:
    waiting = [each for each in story.passages if each.flying == flying and each.cause == "on its way"]
    if not waiting:
        packet = build(flying, here.site.bases, PACKED, PORTS)
        waiting = [_passage(flying, at, None, here, packet.tobytes())]
        story.passages += waiting
    passage = waiting[0]
    passage.arrived_at = at
    passage.cause = ""
    passage.dst_state = here.state_name()


def _passage(flying: Flying, at: int, here: Live | None, there: Live, data: bytes) -> Passage:
    to = flying.to
    bases = there.site.bases
    src = "adversary" if here is None else NAMES[1 - to]
    return Passage(
        sent_at=at,
        arrived_at=None,
        src=src,
        dst=NAMES[to],
        source=(PACKED[1 - to], PORTS[1 - to]),
        destination=(PACKED[to], PORTS[to]),
        flags=flying.flags,
        seq=max(flying.seq, 0) + bases[1 - to] & MASK32,
        ack=(flying.ack or 0) + bases[to] & MASK32 if flying.flags & ACK else 0,
        length=len(flying.payload),
        window=flying.window,
        fate="delivered",
        cause="on its way",
        src_state="" if here is None else here.state_name(),
        dst_state=there.state_name(),
        info="",
        flying=flying,
        data=data,
    )
