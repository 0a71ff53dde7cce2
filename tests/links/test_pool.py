"""A read buffer is free exactly when nobody has a view of it."""

from __future__ import annotations

from estab.links.pool import SCAN, BufferPool


def test_a_lent_buffer_comes_back_when_its_last_view_is_gone() -> None:
    pool = BufferPool(64, limit=4)
    buffer = pool.take()
    view = memoryview(buffer)[10:20]
    part = view[2:4]
    pool.lend(buffer)
    assert pool.take() is not buffer
    view.release()
    assert pool.take() is not buffer
    del part
    assert pool.take() is buffer
    assert len(buffer) == 64


def test_buffers_that_are_held_do_not_hide_the_free_ones_for_long() -> None:
    pool = BufferPool(8, limit=64)
    held = [bytearray(8) for _ in range(SCAN + 1)]
    views = [memoryview(buffer) for buffer in held]
    free = bytearray(8)
    for buffer in (*held, free):
        pool.lend(buffer)
    assert pool.take() is not free
    assert pool.take() is free
    assert len(views) == SCAN + 1


def test_past_the_limit_the_oldest_is_forgotten() -> None:
    pool = BufferPool(8, limit=2)
    lent = [bytearray(8) for _ in range(3)]
    for buffer in lent:
        pool.lend(buffer)
    assert [pool.take() is buffer for buffer in (lent[1], lent[2])] == [True, True]
    assert pool.take() is not lent[0]
