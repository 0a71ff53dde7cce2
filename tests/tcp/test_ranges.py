"""RangeSet against a set of integers."""

from hypothesis import given
from hypothesis import strategies as st

from estab.tcp.ranges import RangeSet

SPANS = st.tuples(st.integers(0, 60), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def members(ranges: RangeSet) -> set[int]:
    return {position for start, end in ranges for position in range(start, end)}


@given(st.lists(SPANS, max_size=20), st.integers(0, 80), SPANS)
def test_against_a_set(spans, cut, asked) -> None:
    ranges, model = RangeSet(), set()
    for start, end in spans:
        ranges.add(start, end)
        model |= set(range(start, end))
        check_form(ranges)
        assert members(ranges) == model
    gaps = ranges.gaps(*asked)
    assert {p for start, end in gaps for p in range(start, end)} == set(range(*asked)) - model
    assert gaps == sorted(gaps)
    assert all(start < end for start, end in gaps)
    for position in range(80):
        found = ranges.find(position)
        assert (found is not None) == (position in model)
        assert found is None or found[0] <= position < found[1]
    ranges.discard_below(cut)
    check_form(ranges)
    assert members(ranges) == {position for position in model if position >= cut}


def check_form(ranges: RangeSet) -> None:
    """In order, disjoint, not touching, none empty."""
    flat = [bound for span in ranges for bound in span]
    assert flat == sorted(set(flat))
    assert len(ranges) == len(flat) // 2


def test_touching_ranges_become_one() -> None:
    ranges = RangeSet()
    ranges.add(10, 20)
    ranges.add(30, 40)
    ranges.add(20, 30)
    assert list(ranges) == [(10, 40)]
