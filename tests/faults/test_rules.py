"""Hand-written rules and the predicates that come with them."""

from __future__ import annotations

from random import Random

import pytest

from estab.faults import rules
from estab.faults.rules import Predicate, Rule, drop, sequence_range
from estab.faults.verdict import PASS, Deliver, Drop, Duplicate, Verdict
from estab.wire.packet import Packet
from estab.wire.tcp import ACK, FIN, PSH, RST, SYN
from tests.faults.samples import V6, datagram, segment

SEGMENTS = {
    "SYN": segment(SYN),
    "SYN+ACK": segment(SYN | ACK),
    "ACK": segment(ACK),
    "data": segment(ACK | PSH, b"hello"),
    "FIN": segment(FIN | ACK),
    "data+FIN": segment(FIN | ACK, b"bye"),
    "RST": segment(RST),
    "RST+ACK": segment(RST | ACK),
    "v6 SYN": segment(SYN, ends=V6),
}


def ask(rule: Rule, packet: Packet) -> Verdict:
    return rule(packet, 0, Random(1))


@pytest.mark.parametrize(
    ("predicate", "names"),
    [
        (rules.syn, {"SYN", "v6 SYN"}),
        (rules.syn_ack, {"SYN+ACK"}),
        (rules.fin, {"FIN", "data+FIN"}),
        (rules.rst, {"RST", "RST+ACK"}),
        (rules.ack_only, {"ACK"}),
        (rules.data, {"data", "data+FIN"}),
        (lambda segment: segment.destination_port == 80, set(SEGMENTS)),
    ],
)
def test_predicates(predicate: Predicate, names: set[str]) -> None:
    assert {name for name, packet in SEGMENTS.items() if ask(drop(predicate), packet) == Drop()} == names


def test_the_third_syn_only() -> None:
    rule = drop(rules.syn, nth=3)
    mixed = [SEGMENTS[name] for name in ("SYN", "ACK", "SYN", "SYN+ACK", "SYN", "SYN", "SYN")]
    assert [number for number, packet in enumerate(mixed) if ask(rule, packet) == Drop()] == [4]


def test_the_first_two_and_all() -> None:
    first, every = drop(rules.syn, first=2), drop(rules.syn)
    assert [ask(first, SEGMENTS["SYN"]) for _ in range(4)] == [Drop(), Drop(), PASS, PASS]
    assert [ask(every, SEGMENTS["SYN"]) for _ in range(3)] == [Drop()] * 3


def test_other_verdicts() -> None:
    assert ask(rules.delay(rules.fin, 500), SEGMENTS["FIN"]) == Deliver(500)
    assert ask(rules.duplicate(rules.fin, 9), SEGMENTS["FIN"]) == Duplicate((9,))
    assert ask(Rule(rules.fin, Deliver(at=77)), SEGMENTS["FIN"]) == Deliver(at=77)


@pytest.mark.parametrize(
    ("seq", "size", "hit"),
    [(90, 10, False), (91, 10, True), (100, 1, True), (199, 1, True), (200, 1, False), (150, 0, False)],
)
@pytest.mark.parametrize("base", [0, 0xFFFFFF80])
def test_sequence_range(base: int, seq: int, size: int, hit: bool) -> None:
    matching = sequence_range(base + 100 & 0xFFFFFFFF, base + 200 & 0xFFFFFFFF)
    packet = segment(ACK, bytes(size), seq=base + seq)
    assert (ask(drop(matching), packet) == Drop()) is hit


def test_what_is_no_tcp_passes() -> None:
    rule = drop(lambda segment: True)
    short = Packet(SEGMENTS["SYN"].tobytes()[:30])
    assert [ask(rule, packet) for packet in (datagram(b"x"), short, Packet(b""), Packet(b"\x45"))] == [PASS] * 4


def test_a_rule_does_not_touch_the_packet() -> None:
    packet = Packet(SEGMENTS["data"].tobytes() + b"padding")
    ask(drop(rules.data), packet)
    assert packet.size() == SEGMENTS["data"].size() + len(b"padding")


def test_a_restored_rule_goes_on_counting() -> None:
    first, second = drop(rules.syn, nth=3), drop(rules.syn, nth=3)
    ask(first, SEGMENTS["SYN"])
    ask(first, SEGMENTS["SYN"])
    second.restore(first.snapshot(0), 99)
    assert ask(second, SEGMENTS["SYN"]) == Drop()


@pytest.mark.parametrize("counts", [{"nth": 0}, {"first": 0}, {"nth": -1}, {"nth": 1, "first": 1}])
def test_misuse_is_told_at_the_call(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"count from 1|not for both"):
        drop(rules.syn, **counts)
