"""PSH and bursts as in Linux: at the end of each burst and of each write, and nothing waits for a fuller segment."""

import pytest

from estab.tcp.config import LINUX, MILLISECOND, MODERN
from estab.tcp.pushes import Pushes
from tests.conversation import ACK, PSH, SECOND

CONFIG = LINUX.but(delayed_ack=SECOND)


def segments(t):
    return [(s.flags & PSH, s.seq, s.length) for s in t.drain()]


def wire(t):
    """(pushed, length) of each packet on the wire."""
    found = []
    for s in t.drain():
        size = s.segment_size or s.length
        pieces = [min(size, s.length - start) for start in range(0, s.length, size)]
        found += [(bool(s.flags & PSH) and place == len(pieces) - 1, piece) for place, piece in enumerate(pieces)]
    return found


@pytest.mark.parametrize(("config", "pushed"), [(CONFIG, True), (MODERN, False)], ids=["linux", "modern"])
def test_a_write_that_is_sent_again_is_pushed_again(talk, config, pushed):
    t = talk(config).established(mss=1000)
    t.send(bytes(1000))
    t.expect(ACK, seq=1, len=1000)
    t.send(bytes(1000))
    t.expect(ACK, seq=1001, len=1000)
    t.after(2 * SECOND)
    again = next(s for s in t.drain() if s.seq == 1)
    assert bool(again.flags & PSH) is pushed


def test_what_is_not_sent_yet_becomes_one_piece_with_what_follows(talk):
    t = talk(CONFIG).established(mss=1000)
    t.send(bytes(100))
    t.expect(ACK, seq=1, len=100)
    t.send(bytes(500))
    t.send(bytes(500))
    t.send(bytes(500))
    assert [mark - t.c.iss for mark in t.c.pushes.marks] == [101, 1601]
    assert wire(t) == [(False, 1000)]


def test_a_burst_is_pushed_although_more_waits(talk):
    t = talk(CONFIG).established(mss=1000)
    t.send(bytes(30_000))
    sent = wire(t)
    assert sum(length for _, length in sent) == 10_000
    assert sent[-1] == (True, 1000)
    assert sent[0] == (False, 1000)


def test_more_to_come_is_not_pushed(talk):
    t = talk(CONFIG).established(mss=1000)
    t.c.send(bytes(1000), t.now, more=True)
    t.c.send(bytes(1000), t.now)
    assert [pushed for pushed, _, _ in segments(t)][-1]
    t.c.send(bytes(1000), t.now, more=True)
    assert [pushed for pushed, _, _ in segments(t)] == [0]


def test_a_small_rest_of_the_window_waits_right_behind_a_burst(talk):
    """And goes with the next acknowledgement; a millisecond later it need not wait."""
    lengths = []
    for pause in (0, 2 * MILLISECOND):
        t = talk(CONFIG).established(mss=1000)
        t.c.rtt.on_sample(100 * MILLISECOND, t.now)
        t.send(bytes(60_000))
        t.drain()
        t.after(90 * MILLISECOND)
        t.inject(ACK, seq=1, ack=1001)
        t.drain()
        t.after(pause)
        t.c.congestion.cwnd += 1000
        t.c.host.on_busy(t.c)
        lengths.append(sum(s.length for s in t.drain()))
    assert lengths == [0, 1000]


def test_a_mark_and_an_end_cut_what_lies_across_them():
    marks = Pushes(1)
    marks.marks, marks.ends = [5, 9], [3]
    assert marks.marked(5) and not marks.marked(6)
    assert marks.until_mark(1, 100) == 4
    assert marks.until_mark(9, 100) == 100
    assert marks.until_end(1, 100) == 2
    marks.on_sent(7, False)
    marks.on_sent(7, True)
    assert (marks.ends, marks.marks) == ([3, 7], [5, 7, 9])
