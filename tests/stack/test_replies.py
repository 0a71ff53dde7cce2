"""What a stack owes without a connection: a bounded queue, and a bucket for ICMP errors."""

from estab.stack.replies import Replies
from estab.tcp.config import SECOND
from estab.wire.packet import Packet


def test_the_queue_is_bounded() -> None:
    replies = Replies(3, 100)
    assert [replies.add(Packet(b"")) for _ in range(5)] == [True, True, True, False, False]
    assert len(replies.packets) == 3


def test_a_burst_and_then_the_rate() -> None:
    """RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)."""
    replies = Replies(3, 10)
    assert sum(replies.may_send_error(5 * SECOND) for _ in range(100)) == 10
    assert not replies.may_send_error(5 * SECOND + SECOND // 10 - 1)
    assert replies.may_send_error(5 * SECOND + SECOND // 10)
    assert sum(replies.may_send_error(10 * SECOND) for _ in range(100)) == 10


def test_asking_often_does_not_lose_the_time_that_passed() -> None:
    replies = Replies(3, 1)
    assert replies.may_send_error(0)
    assert sum(replies.may_send_error(now) for now in range(0, SECOND + 1, SECOND // 1000)) == 1


def test_many_seconds_of_silence_are_worth_one_burst() -> None:
    replies = Replies(3, 7)
    assert sum(replies.may_send_error(10**6 * SECOND) for _ in range(100)) == 7
