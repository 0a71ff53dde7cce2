"""The timer table."""

from estab.tcp.snapshot import Origin
from estab.tcp.timers import NEVER, Timer, Timers


def test_earliest() -> None:
    timers = Timers()
    assert timers.earliest() == NEVER
    timers.set(Timer.USER, 300)
    timers.set(Timer.RTO, 100)
    assert timers.earliest() == 100
    timers.stop(Timer.RTO)
    assert timers.earliest() == 300
    assert not timers.is_set(Timer.RTO)
    assert timers.is_set(Timer.USER)


def test_expired_in_order_and_once() -> None:
    timers = Timers()
    timers.set(Timer.DELAYED_ACK, 5)
    timers.set(Timer.RTO, 10)
    timers.set(Timer.KEEPALIVE, 11)
    assert timers.expired(4) == []
    assert timers.expired(10) == [Timer.RTO, Timer.DELAYED_ACK]
    assert timers.expired(10) == []
    assert timers.earliest() == 11


def test_stop_all() -> None:
    timers = Timers()
    for timer in Timer:
        timers.set(timer, 1)
    timers.stop_all()
    assert timers.earliest() == NEVER


def test_snapshot_is_relative_to_the_present() -> None:
    timers, other = Timers(), Timers()
    timers.set(Timer.RTO, 150)
    other.set(Timer.RTO, 1150)
    value = timers.snapshot(Origin(100, 0, 0))
    assert value == other.snapshot(Origin(1100, 0, 0))
    fresh = Timers()
    fresh.restore(value, Origin(2000, 0, 0))
    assert fresh.earliest() == 2050
