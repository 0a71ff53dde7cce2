"""How long a path is believed to be, by its round trips."""

from __future__ import annotations

from estab.tcp.config import MILLISECOND, SECOND
from estab.tcp.short_path import ShortPath

MS = MILLISECOND
LOW = MS
PATIENCE = 10 * SECOND


def short(at: int = 0) -> ShortPath:
    path = ShortPath()
    path.on_sample(LOW - 1, LOW, at)
    return path


def stays(path: ShortPath, rtt: int, begin: int, end: int) -> None:
    """A round trip of that length each 100 ms, the last one just before the end."""
    for at in (*range(begin, end - 1, 100 * MS), end - 1):
        path.on_sample(rtt, LOW, at)


def test_of_a_path_that_was_never_short_all_counts():
    path = ShortPath()
    for at in range(0, 60 * SECOND, 100 * MS):
        path.on_sample(LOW, LOW, at)
    path.on_sample(100 * MS, LOW, 61 * SECOND)
    assert path.of(100 * MS) == 100 * MS


def test_of_a_short_one_what_is_longer_does_not_count():
    path = short()
    assert path.of(LOW // 2) == LOW // 2
    assert path.of(100 * MS) == LOW
    stays(path, 100 * MS, 0, PATIENCE)
    assert path.of(100 * MS) == LOW


def test_the_least_that_has_stayed_for_long_is_believed():
    path = short()
    path.on_sample(100 * MS, LOW, 0)
    path.on_sample(50 * MS, LOW, SECOND)
    stays(path, 100 * MS, SECOND, PATIENCE)
    assert path.of(100 * MS) == LOW
    path.on_sample(100 * MS, LOW, PATIENCE)
    assert path.of(100 * MS) == 50 * MS


def test_one_short_round_trip_among_them_begins_it_anew():
    path = short()
    stays(path, 100 * MS, 0, PATIENCE)
    path.on_sample(0, LOW, PATIENCE - 1)
    stays(path, 100 * MS, PATIENCE, 2 * PATIENCE)
    assert path.of(100 * MS) == LOW


def test_a_pause_shows_nothing():
    """What comes after it echoes what was sent before it."""
    path = short()
    path.on_sample(60 * SECOND, LOW, 60 * SECOND)
    assert path.of(60 * SECOND) == LOW


def test_a_queue_that_grows_by_being_believed_takes_longer_each_time():
    path = short()
    at, lengths = 0, []
    for rtt, patience in ((20 * MS, PATIENCE), (40 * MS, 2 * PATIENCE), (80 * MS, 4 * PATIENCE)):
        stays(path, rtt, at, at + patience)
        lengths.append(path.of(SECOND))
        at += patience
        path.on_sample(rtt, LOW, at)
        assert path.of(SECOND) == rtt
    assert lengths == [LOW, 20 * MS, 40 * MS]


def test_the_length_that_is_believed_is_not_waited_for_again():
    path = short()
    stays(path, 20 * MS, 0, PATIENCE)
    path.on_sample(20 * MS, LOW, PATIENCE)
    for at in range(PATIENCE, 8 * PATIENCE, SECOND):
        path.on_sample(30 * MS, LOW, at)
        path.on_sample(20 * MS, LOW, at + MS)
    assert path.of(SECOND) == 20 * MS
    path.on_sample(50 * MS, LOW, 8 * PATIENCE)
    path.on_sample(50 * MS, LOW, 10 * PATIENCE)
    assert path.of(SECOND) == 50 * MS


def test_a_path_that_is_short_again_is_believed_at_once():
    path = short()
    stays(path, 20 * MS, 0, PATIENCE)
    path.on_sample(20 * MS, LOW, PATIENCE)
    path.on_sample(0, LOW, PATIENCE + MS)
    assert path.of(20 * MS) == LOW
    stays(path, 20 * MS, 2 * PATIENCE, 3 * PATIENCE)
    path.on_sample(20 * MS, LOW, 3 * PATIENCE)
    assert path.of(SECOND) == 20 * MS
