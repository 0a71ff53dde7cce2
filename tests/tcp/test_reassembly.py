"""Out-of-order data against a model, and the order of SACK blocks (RFC 2018 §4, RFC 2883 §4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.tcp.reassembly import Reassembly
from estab.tcp.snapshot import Origin

PIECES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 15), st.integers(1, 3)), max_size=20)


def chunks_of(data: bytes, count: int) -> tuple[memoryview, ...]:
    size = -(-len(data) // count)
    return tuple(memoryview(data[i : i + size]) for i in range(0, len(data), size))


@pytest.mark.req("RFC2018-08")
@given(PIECES)
def test_first_arrival_wins(pieces) -> None:
    """Every arrival has bytes of its own, so that it shows whose byte stayed."""
    side, model = Reassembly(1000), {}
    for number, (start, length, count) in enumerate(pieces):
        assert side.insert(start, chunks_of(bytes([number]) * length, count))
        for position in range(start, start + length):
            model.setdefault(position, number)
        held = {s + i: byte for s, piece in zip(side.starts, side.pieces, strict=True) for i, byte in enumerate(piece)}
        assert held == model
        check_blocks(side, model)
    while model:
        start = side.first()
        assert start == min(model)
        for byte in b"".join(side.take(start)):
            assert byte == model.pop(start)
            start += 1
        assert start not in model
    assert len(side) == 0
    assert list(side.ranges) == []


def check_blocks(side: Reassembly, model: dict[int, int]) -> None:
    """RFC 2018 §3: each block is contiguous, isolated, and really held."""
    blocks = list(side.blocks(4))
    if side.duplicate is not None:
        assert blocks.pop(0) == side.duplicate
    assert len(set(blocks)) == len(blocks) <= 4
    for start, end in blocks:
        assert all(position in model for position in range(start, end))
        assert start - 1 not in model
        assert end not in model


@given(PIECES)
def test_snapshot_keeps_everything(pieces) -> None:
    side = Reassembly(1000)
    for number, (start, length, count) in enumerate(pieces):
        side.insert(start, chunks_of(bytes([number]) * length, count))
    value = side.snapshot(Origin(0, 0, 0))
    fresh = Reassembly(1000)
    fresh.restore(value, Origin(0, 0, 500))
    assert fresh.snapshot(Origin(0, 0, 500)) == value
    shifted = tuple((start - 500, end - 500) for start, end in fresh.blocks(4))
    assert shifted == side.blocks(4)


@pytest.mark.req("RFC2018-07")
def test_most_recent_block_first() -> None:
    side = Reassembly(100)
    for start in (100, 300, 500, 700, 900):
        side.insert(start, (bytes(10),))
    assert side.blocks(4) == ((900, 910), (700, 710), (500, 510), (300, 310))
    side.insert(110, (bytes(10),))
    assert side.blocks(3) == ((100, 120), (900, 910), (700, 710))


def test_blocks_merge_when_the_hole_between_them_is_filled() -> None:
    side = Reassembly(100)
    side.insert(100, (bytes(10),))
    side.insert(120, (bytes(10),))
    side.insert(110, (bytes(10),))
    assert side.blocks(4) == ((100, 130),)


def test_taking_stops_at_the_next_hole() -> None:
    side = Reassembly(100)
    side.insert(10, (b"bb", b"cc"))
    side.insert(20, (b"ee",))
    assert b"".join(side.take(10)) == b"bbcc"
    assert side.first() == 20
    assert side.take(14) == []
    assert side.blocks(4) == ((20, 22),)


def test_duplicate_inside_held_data_is_followed_by_its_range() -> None:
    """RFC 2883 §4, rule 5: the second block is the one that contains the duplicate."""
    side = Reassembly(100)
    side.insert(100, (bytes(30),))
    side.reported()
    side.insert(110, (bytes(10),))
    assert side.blocks(4) == ((110, 120), (100, 130))
    side.reported()
    assert side.blocks(4) == ((100, 130),)


def test_partial_duplicate() -> None:
    side = Reassembly(100)
    side.insert(100, (bytes(10),))
    side.insert(105, (bytes(10),))
    assert side.blocks(4) == ((105, 110), (100, 115))
    side.reported()
    side.insert(95, (bytes(10),))
    assert side.blocks(4) == ((100, 105), (95, 115))


def test_duplicate_below_the_stream() -> None:
    side = Reassembly(100)
    side.note_duplicate(10, 20)
    assert side.blocks(4) == ((10, 20),)
    side.reported()
    assert side.blocks(4) == ()


def test_the_number_of_pieces_is_limited() -> None:
    side = Reassembly(3)
    assert all(side.insert(start, (b"x",)) for start in (10, 20, 30))
    assert not side.insert(40, (b"x",))
    assert not side.insert(9, (b"xxxx",))
    side.reported()
    assert len(side) == 3
    assert side.blocks(4) == ((30, 31), (20, 21), (10, 11))


def test_what_continues_a_piece_is_joined_with_it() -> None:
    """Behind one hole there may be a window of packets: the limit is on what divides them."""
    side = Reassembly(2)
    side.insert(10, (b"a",))
    side.insert(9000, (b"b",))
    for start in range(11, 5000):
        assert side.insert(start, (b"x",))
    assert len(side) == 2
    assert not side.insert(5001, (b"y",))
    assert b"".join(side.take(10)) == b"a" + 4989 * b"x"


def test_joined_pieces_stay_so_small_that_joining_costs_little() -> None:
    side = Reassembly(100)
    for start in range(0, 1 << 20, 1000):
        side.insert(start, (bytes(1000),))
    assert max(map(len, side.pieces)) <= 1 << 16
    assert len(side) <= 17
    assert side.size == sum(map(len, side.pieces))
    side.insert(1 << 21, (bytes(1 << 17), bytes(1000)))
    assert len(side.pieces[-1]) == 1000


def test_what_is_in_order_is_taken_whatever_the_limit_says() -> None:
    side = Reassembly(2)
    side.insert(10, (b"b",))
    side.insert(20, (b"d",))
    assert side.insert(9, (b"a",), in_order=True)
    assert b"".join(side.take(9)) == b"ab"
