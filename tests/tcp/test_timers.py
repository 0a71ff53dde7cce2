"""The timer table."""

from estab.tcp.snapshot import Origin
from estab.tcp.timers import NEVER, Timer, Timers


def test_earliest() -> None:
    timers = Timers()
    assert timers.earliest() == NEVER
    timers.user = 300
    timers.rto = 100
    assert timers.earliest() == 100
    timers.rto = NEVER
    assert timers.earliest() == 300
    for timer in Timer:
        timers.stop_all()
        setattr(timers, timer.value, 200)
        assert timers.earliest() == 200


def test_expired_in_order_and_once() -> None:
    timers = Timers()
    timers.delayed_ack = 5
    timers.rto = 10
    timers.keepalive = 11
    assert timers.expired(4) == []
    assert timers.expired(10) == [Timer.RTO, Timer.DELAYED_ACK]
    assert timers.expired(10) == []
    assert timers.earliest() == 11


def test_stop_all() -> None:
    timers = Timers()
    for timer in Timer:
        setattr(timers, timer.value, 1)
    timers.stop_all()
    assert timers.earliest() == NEVER


def test_snapshot_is_relative_to_the_present() -> None:
    timers, other = Timers(), Timers()
    timers.rto = 150
    other.rto = 1150
    value = timers.snapshot(Origin(100, 0, 0))
    assert value == other.snapshot(Origin(1100, 0, 0))
    fresh = Timers()
    fresh.restore(value, Origin(2000, 0, 0))
    assert fresh.earliest() == 2050
