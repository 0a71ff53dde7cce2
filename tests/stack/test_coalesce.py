"""Joining what one batch brought in sequence."""

import pytest

from estab.stack.coalesce import join
from estab.wire.options import Options
from estab.wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG, Segment


def segment(seq: int = 100, length: int = 1000, flags: int = ACK, **fields: object) -> Segment:
    made = Segment(seq, 7, flags, 500, (bytes(length),) if length else ())
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_joined() -> None:
    first = segment()
    assert join(first, segment(1100))
    assert join(first, segment(2100, 400))
    assert (first.seq, first.length, first.segments, first.segment_size) == (100, 2400, 3, 1000)
    assert sum(map(len, first.payload)) == 2400


def test_a_short_segment_is_the_last() -> None:
    first = segment()
    assert join(first, segment(1100, 400))
    assert not join(first, segment(1500))


def test_a_larger_segment_begins_anew() -> None:
    assert not join(segment(length=500), segment(600, 1000))


def test_across_the_wrap() -> None:
    first = segment(2**32 - 500)
    assert join(first, segment(500))
    assert first.length == 2000


@pytest.mark.parametrize(
    "second",
    [
        segment(1101),
        segment(1099),
        segment(100),
        segment(1100, 0),
        segment(1100, ack=8),
        segment(1100, window=501),
        segment(1100, ecn=2),
        segment(1100, options=Options(timestamps=(1, 2))),
        *(segment(1100, flags=ACK | flag) for flag in (FIN, SYN, RST, URG, CWR)),
        segment(1100, flags=0),
    ],
    ids=repr,
)
def test_what_differs_is_not_joined(second) -> None:
    assert not join(segment(), second)


@pytest.mark.parametrize("flags", [ACK | FIN, ACK | SYN, ACK | RST, ACK | URG, 0])
def test_nothing_is_appended_to_a_segment_that_says_more_than_data(flags) -> None:
    assert not join(segment(flags=flags), segment(1100))


def test_a_push_ends_nothing() -> None:
    """Every 64 KiB of a Linux sender carry one, and what arrives is delivered at once anyway."""
    first = segment(flags=ACK | PSH)
    assert join(first, segment(1100))
    assert first.flags == ACK | PSH


def test_duplicate_acknowledgements_are_not_joined() -> None:
    """Duplicates are counted by the sender: none may vanish."""
    assert not join(segment(length=0), segment(length=0))


def test_an_acknowledgement_of_more_supersedes_the_one_before() -> None:
    first, second = segment(length=0), segment(length=0)
    second.ack = first.ack + 5000
    second.window = 7
    assert join(first, second)
    assert (first.ack, first.window, first.segments) == (second.ack, 7, 2)


@pytest.mark.parametrize("change", [{"seq": 101}, {"flags": ACK | FIN}, {"ack": -1}, {"sack": True}])
def test_an_acknowledgement_with_other_news_is_its_own(change) -> None:
    first, second = segment(length=0), segment(change.get("seq", 100), length=0, flags=change.get("flags", ACK))
    second.ack = first.ack + change.get("ack", 5000)
    if "sack" in change:
        second.options = second.options._replace(sack=((1, 2),))
    assert not join(first, second)


@pytest.mark.parametrize("length", [0, 1000])
def test_what_ecn_says_must_be_the_same(length) -> None:
    """Every acknowledgement of a window may say ECE."""
    for flags in (ACK | ECE, ACK | ECE | AE):
        first, second = segment(length=length, flags=flags), segment(100 + length, length=length, flags=flags)
        second.ack += 0 if length else 5000
        assert join(first, second)
        assert first.flags == flags
        second.flags ^= ECE
        assert not join(segment(length=length, flags=flags), second)


def test_no_larger_than_a_connection_should_take_at_once() -> None:
    first = segment(length=60_000)
    while first.length + 60_000 <= 1 << 20:
        assert join(first, segment(100 + first.length, length=60_000))
    assert not join(first, segment(100 + first.length, length=60_000))


def test_congestion_marks_are_counted() -> None:
    first = segment(ecn=3, ce=1)
    assert join(first, segment(1100, ecn=3, ce=1))
    assert first.ce == 2
