from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire.checksum import checksum, ones_sum, ones_sum_pure, pseudo_header, sum_parts
from estab.wire.packet import Buffer

SUMS: list[Callable[[Buffer], int]] = [*dict.fromkeys((ones_sum_pure, ones_sum))]
"""That of Python, and that in C where it was built."""
each_sum = pytest.mark.parametrize("one_sum", SUMS, ids=["python", "c"][: len(SUMS)])


def by_the_book(data: bytes) -> int:
    """RFC 1071 §1, word by word."""
    total = 0
    for index in range(0, len(data), 2):
        total += int.from_bytes(data[index : index + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


@each_sum
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"\0\0\0", 0),
        (b"\xff\xff", 0xFFFF),
        (b"\xff\xff\xff\xff", 0xFFFF),
        (b"\xff\xfe\x00\x01", 0xFFFF),
        (b"\x80\x00\x80\x00", 1),
        (b"\x01", 0x0100),
        (b"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 0xDDF2),
    ],
)
def test_worked_sums(one_sum: Callable[[Buffer], int], data: bytes, expected: int) -> None:
    """The last is the example of RFC 1071 §3."""
    assert one_sum(data) == expected


@each_sum
@given(data=st.binary(max_size=200))
def test_a_sum_is_what_the_loop_gives(one_sum: Callable[[Buffer], int], data: bytes) -> None:
    assert one_sum(data) == one_sum(bytearray(data)) == one_sum(memoryview(data)) == by_the_book(data)


@each_sum
@given(data=st.binary(max_size=40), start=st.integers(0, 45), end=st.integers(0, 45))
def test_a_part_is_summed_as_its_slice_would_be(one_sum: Callable[..., int], data: bytes, start: int, end: int) -> None:
    assert one_sum(data, start, end) == one_sum(memoryview(data), start, end) == by_the_book(data[start:end])
    assert one_sum(data, start) == by_the_book(data[start:])


@each_sum
@pytest.mark.parametrize("size", [65_533, 65_534, 65_535])
def test_the_largest_buffers_sum_without_overflow(one_sum: Callable[[Buffer], int], size: int) -> None:
    assert one_sum(b"\xff" * size) == by_the_book(b"\xff" * size)
    assert one_sum(memoryview(b"\xff" * (size + 1))[1:]) == by_the_book(b"\xff" * size)


@given(st.lists(st.binary(max_size=9), max_size=8))
def test_parts_of_any_length_sum_like_the_whole(parts: list[bytes]) -> None:
    assert sum_parts(parts) == ones_sum(b"".join(parts))
    assert checksum([memoryview(part) for part in parts]) == 0xFFFF ^ by_the_book(b"".join(parts))


def test_a_first_summand_counts() -> None:
    assert sum_parts((b"\x00\x01",), 0xFFFF) == 1
    assert sum_parts((), 0x1FFFF) == 1


@pytest.mark.parametrize("size", [4, 16])
def test_the_pseudo_header_is_the_sum_of_its_layout(size: int) -> None:
    src, dst = bytes(range(size)), bytes(range(100, 100 + size))
    if size == 4:
        layout = src + dst + b"\0\x06" + (1234).to_bytes(2, "big")
    else:
        layout = src + dst + (1234).to_bytes(4, "big") + b"\0\0\0\x06"
    assert pseudo_header(src, dst, 6, 1234) == by_the_book(layout)
