from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire.sequence import unwrap


@pytest.mark.parametrize(
    ("value", "near", "expected"),
    [
        (0, 0, 0),
        (5, 0, 5),
        (0xFFFFFFFF, 0, -1),
        (0, 0xFFFFFFFF, 1 << 32),
        (0x7FFFFFFF, 0, 0x7FFFFFFF),
        (0x80000000, 0, -0x80000000),
        (3, 10 << 32, (10 << 32) + 3),
        (0xFFFFFFF0, 10 << 32, (10 << 32) - 16),
        (7, -(1 << 32), 7 - (1 << 32)),
    ],
)
def test_the_nearest_congruent_number(value: int, near: int, expected: int) -> None:
    assert unwrap(value, near) == expected


@given(st.integers(-(1 << 70), 1 << 70), st.integers(-(1 << 31), (1 << 31) - 1))
def test_what_is_near_survives_the_wire(near: int, distance: int) -> None:
    assert unwrap((near + distance) & 0xFFFFFFFF, near) == near + distance
