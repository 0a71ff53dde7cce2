"""False alarms: what was late was not lost (RFC 3522, RFC 4015, RFC 3708)."""

from estab.tcp.config import MODERN
from estab.tcp.observer import Reason
from tests.conversation import ACK, MILLISECOND, SYN

MS = MILLISECOND
MSS = 1000


def flight(talk, **config):
    """Ten segments with timestamps on a path of 100 ms; the stamp that they carry."""
    t = talk(MODERN.but(super_segments=False, **config))
    t.listen()
    t.inject(SYN, seq=0, mss=MSS + 12, sack_permitted=True, ts=(7, 0))
    t.expect(SYN | ACK)
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=1, ts=True)
    t.accept()
    t.send(bytes(10 * MSS))
    segments = t.drain()
    assert len(segments) == 10
    return t, segments[0].options.timestamps[0]


def late(t, ack, stamp):
    """The acknowledgement of the first transmission."""
    t.inject(ACK, seq=1, ack=ack, ts=(t.peer_stamp + t.now // MS, stamp))


def test_a_timeout_that_was_too_early_is_taken_back(talk):
    """RFC 4015 §3.2: the window as before, and new data instead of repetitions."""
    t, stamp = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    assert t.c.congestion.cwnd == MSS
    late(t, 1001, stamp)
    assert t.c.congestion.cwnd >= 10 * MSS
    assert t.c.congestion.ssthresh > 1 << 30
    t.drain()
    t.send(bytes(5 * MSS))
    assert all(segment.seq >= 10_001 for segment in t.drain())
    assert t.stack.counters["TCPSpuriousRTOs"] == 1


def test_the_timeout_learns_from_it(talk):
    """RFC 4015 §3.2 (RTO): the late answer is a sample."""
    t, stamp = flight(talk, tail_probe=False)
    t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT)
    t.after(50 * MS)
    before = t.c.rtt.srtt
    late(t, 1001, stamp)
    assert t.c.rtt.srtt > before
    assert t.c.rtt.rto > 300 * MS


def test_a_real_timeout_stays(talk):
    """The echo is that of the repetition."""
    t, _ = flight(talk, tail_probe=False)
    again = t.after(300 * MS).expect(ACK, seq=1, reason=Reason.TIMEOUT).options.timestamps[0]
    t.after(100 * MS)
    late(t, 1001, again)
    assert t.c.congestion.ssthresh == 5 * MSS
    assert "TCPSpuriousRTOs" not in t.stack.counters


def test_a_fast_retransmission_that_was_superfluous_is_taken_back(talk):
    """RFC 3708 §3: D-SACK reports all that was sent again."""
    t, _ = flight(talk)
    t.after(100 * MS)
    for end in (2001, 3001, 4001, 5001):
        t.inject(ACK, seq=1, ack=1, sack=((1001, end),), ts=True)
    t.drain()
    assert t.c.congestion.ssthresh < 10 * MSS
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=10_001, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh > 1 << 30
    assert t.stack.counters["TCPFullUndo"] == 1


def test_later_it_is_too_late(talk):
    """What is acknowledged beyond the recovery tells nothing about it."""
    t, _ = flight(talk)
    t.after(100 * MS)
    for end in (2001, 3001, 4001, 5001):
        t.inject(ACK, seq=1, ack=1, sack=((1001, end),), ts=True)
    t.drain()
    reduced = t.c.congestion.ssthresh
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss, ts=True)
    t.send(bytes(MSS))
    t.drain()
    t.after(100 * MS)
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss, ts=True)
    t.inject(ACK, seq=1, ack=t.c.snd_nxt - t.iss, sack=((1, 1001),), ts=True)
    assert t.c.congestion.ssthresh == reduced < 10 * MSS
