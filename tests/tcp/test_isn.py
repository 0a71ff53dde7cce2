"""Initial sequence numbers and timestamp offsets: RFC 6528, RFC 7323 §7.1."""

import itertools

import pytest

from estab.tcp.isn import initial_sequence_number, keyed_hash, timestamp_offset

SECRET = b"0123456789abcdef"
KEY = bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 200, 0])


def key(number: int) -> bytes:
    return KEY[:-2] + number.to_bytes(2, "big")


@pytest.mark.req("RFC9293-MUST-8", "RFC9293-SHLD-1", "RFC6528-01", "RFC6528-06")
def test_one_tick_in_four_microseconds() -> None:
    start = initial_sequence_number(SECRET, KEY, 0)
    assert initial_sequence_number(SECRET, KEY, 3_999) == start
    assert (initial_sequence_number(SECRET, KEY, 4_000) - start) & 0xFFFFFFFF == 1
    assert (initial_sequence_number(SECRET, KEY, 1_000_000_000) - start) & 0xFFFFFFFF == 250_000


def test_wraps_after_four_and_a_half_hours() -> None:
    numbers = [initial_sequence_number(SECRET, KEY, hour * 3_600_000_000_000) for hour in range(6)]
    assert all(0 <= number < 1 << 32 for number in numbers)
    assert any(later < earlier for earlier, later in itertools.pairwise(numbers))


@pytest.mark.req("RFC9293-MUST-9", "RFC6528-02", "RFC6528-03", "RFC1337-08")
def test_another_secret_gives_unrelated_numbers() -> None:
    other = b"0123456789abcdeg"
    differences = {
        (initial_sequence_number(SECRET, key(i), 0) - initial_sequence_number(other, key(i), 0)) & 0xFFFFFFFF
        for i in range(1000)
    }
    assert len(differences) > 990


@pytest.mark.req("RFC9293-MUST-9", "RFC9293-SHLD-1", "RFC6528-01", "RFC6528-07")
def test_every_four_tuple_has_a_space_of_its_own() -> None:
    """Neither the numbers nor the differences of neighbours give anything away: each byte takes all values."""
    numbers = [initial_sequence_number(SECRET, key(i), 0) for i in range(4096)]
    steps = [(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(numbers)]
    for values in (numbers, steps):
        for shift in (0, 8, 16, 24):
            counts = [0] * 256
            for value in values:
                counts[value >> shift & 0xFF] += 1
            chi = sum((count - len(values) / 256) ** 2 / (len(values) / 256) for count in counts)
            assert chi < 350  # 255 degrees of freedom: p < 0.0001


@pytest.mark.req("RFC6528-08", "RFC6191-10")
def test_purposes_do_not_share_a_hash() -> None:
    assert timestamp_offset(SECRET, KEY) != initial_sequence_number(SECRET, KEY, 0)
    assert keyed_hash(SECRET, b"isn", KEY) != keyed_hash(SECRET, b"port", KEY)
    assert timestamp_offset(SECRET, key(1)) != timestamp_offset(SECRET, key(2))
