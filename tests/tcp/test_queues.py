"""SendQueue and ReceiveQueue against plain bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.tcp.queues import ReceiveQueue, SendQueue, own, pinned
from estab.tcp.snapshot import Origin

SIZES = st.one_of(st.integers(1, 20), st.integers(1500, 3000))
ORIGIN = Origin(0, 0, 0)


def pattern(start: int, length: int) -> bytes:
    """Bytes that tell their own position."""
    return bytes((start + i) * 31 + ((start + i) >> 8) & 0xFF for i in range(length))


@given(st.lists(st.tuples(st.sampled_from(["write", "ack", "view"]), SIZES, st.integers(0, 1 << 20)), max_size=30))
def test_send_queue_against_bytes(steps) -> None:
    queue = SendQueue(1000)
    written, start = b"", 0
    for action, size, choice in steps:
        if action == "write":
            data = pattern(len(written), size)
            queue.write(data)
            written += data
        elif action == "ack":
            position = start + choice % (len(written) - start + 1)
            assert queue.acknowledge(1000 + position) == position - start
            start = position
        elif len(written) > start:
            low = start + choice % (len(written) - start)
            length = min(size, len(written) - low)
            assert b"".join(queue.view(1000 + low, length)) == written[low : low + length]
        assert len(queue) == len(written) - start
        assert (queue.start, queue.end) == (1000 + start, 1000 + len(written))
    fresh = SendQueue(1000)
    fresh.restore(queue.snapshot(ORIGIN), ORIGIN)
    assert fresh.snapshot(ORIGIN) == queue.snapshot(ORIGIN)
    assert b"".join(fresh.chunks) == written[start:]


def test_what_is_acknowledged_is_let_go() -> None:
    queue = SendQueue(0)
    for _ in range(100):
        queue.write(bytes(4096))
    queue.acknowledge(99 * 4096)
    assert len(queue.chunks) == 1
    queue.acknowledge(100 * 4096)
    assert queue.chunks == queue.starts == []


def test_acknowledging_backwards_or_beyond_does_no_harm() -> None:
    queue = SendQueue(0)
    queue.write(b"abcdef")
    assert queue.acknowledge(4) == 4
    assert queue.acknowledge(2) == 0
    assert queue.acknowledge(100) == 2
    assert len(queue) == 0


def test_a_large_chunk_is_kept_by_reference() -> None:
    queue = SendQueue(0)
    data = bytes(100_000)
    queue.write(data)
    assert queue.chunks[0] is data
    (view,) = queue.view(1, 50_000)
    assert view.obj is data


def test_a_byte_at_a_time_does_not_cost_an_object_a_byte() -> None:
    sending, receiving = SendQueue(0), ReceiveQueue()
    for i in range(4096):
        sending.write(pattern(i, 1))
        receiving.append(memoryview(pattern(i, 1)))
    assert len(sending.chunks) <= 4
    assert len(receiving.chunks) <= 4


@given(
    st.lists(
        st.tuples(st.sampled_from(["append", "read", "peek", "byte", "chunk"]), SIZES),
        max_size=40,
    )
)
def test_receive_queue_against_bytes(steps) -> None:
    queue = ReceiveQueue()
    written, start = b"", 0
    for action, size in steps:
        waiting = written[start:]
        if action == "append":
            data = pattern(len(written), size)
            queue.append(memoryview(data))
            written += data
        elif action == "read":
            assert queue.read(size) == waiting[:size]
            start += min(size, len(waiting))
        elif action == "peek":
            assert queue.peek(size) == waiting[:size]
        elif action == "chunk":
            chunk = queue.read_chunk()
            assert waiting.startswith(chunk)
            assert bool(chunk) == bool(waiting)
            start += len(chunk)
        elif size < len(waiting):
            assert queue.byte_at(size) == waiting[size]
        else:
            with pytest.raises(IndexError):
                queue.byte_at(size)
        assert queue.size == len(written) - start
        assert queue.pinned == sum(map(pinned, queue.chunks))
    again = ReceiveQueue()
    again.restore(queue.snapshot(ORIGIN), ORIGIN)
    assert (again.size, again.pinned) == (queue.size, queue.pinned)
    assert again.snapshot(ORIGIN) == queue.snapshot(ORIGIN)
    assert again.read(1 << 20) == written[start:]


def test_what_is_half_read_pins_all_of_its_buffer() -> None:
    queue = ReceiveQueue()
    queue.append(memoryview(bytes(10_000))[:6000])
    assert (queue.size, queue.pinned) == (6000, 10_000)
    queue.read(5999)
    assert (queue.size, queue.pinned) == (1, 10_000)
    queue.read(1)
    assert (queue.size, queue.pinned) == (0, 0)


def test_a_small_view_does_not_pin_a_large_buffer() -> None:
    buffer = bytearray(65_536)
    assert type(own(memoryview(buffer)[:100])) is bytes
    large = memoryview(buffer)[:40_000]
    assert own(large) is large


def test_small_chunks_are_read_together_and_large_ones_as_they_are() -> None:
    queue = ReceiveQueue()
    for _ in range(3):
        queue.append(b"s" * 1448)
    queue.append(memoryview(b"l" * 60_000))
    assert [len(queue.read_chunk()) for _ in range(2)] == [3 * 1448 + 60_000, 0]
    large = b"l" * 60_000
    queue.append(large)
    queue.append(b"s" * 1448)
    assert queue.read_chunk() is large
    assert queue.read_chunk() == b"s" * 1448


def test_what_is_read_together_has_a_limit() -> None:
    queue = ReceiveQueue()
    for _ in range(100):
        queue.append(b"s" * 2000)
    assert len(queue.read_chunk()) == 1 << 16
    assert queue.size == 200_000 - (1 << 16)
