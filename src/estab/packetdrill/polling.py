"""poll(2) and epoll(7): level, edge and one-shot."""

from __future__ import annotations

import errno
from typing import Final

from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.files import CallMismatchError, File, Waiting, integer
from estab.packetdrill.values import Argument, Fields, UnsupportedError
from estab.packetdrill.world import World
from estab.tcp.config import MILLISECOND
from estab.tcp.timers import NEVER

_ERR: Final = SYMBOLS["POLLERR"]
_HUP: Final = SYMBOLS["POLLHUP"]
_NVAL: Final = SYMBOLS["POLLNVAL"]
_ET: Final = SYMBOLS["EPOLLET"]
_ONESHOT: Final = SYMBOLS["EPOLLONESHOT"]
_NORMAL: Final = {1: SYMBOLS["POLLRDNORM"], 4: SYMBOLS["POLLWRNORM"] | SYMBOLS["POLLWRBAND"]}
_NAMES: Final = {1: "IN", 2: "PRI", 4: "OUT", 8: "ERR", 0x10: "HUP", 0x20: "NVAL", 0x2000: "RDHUP"}


def _mask(file: File) -> int:
    """What ``file`` offers, in all the bits that say it."""
    mask = file.poll()
    for bit, same in _NORMAL.items():
        if mask & bit:
            mask |= same
    return mask


def _show(mask: int) -> str:
    return "|".join(name for bit, name in _NAMES.items() if mask & bit) or "0"


def _until(world: World, timeout: int) -> int:
    return NEVER if timeout < 0 else world.now + timeout * MILLISECOND


# ---------------------------------------------------------------------- poll


def poll(files: dict[int, File], world: World, entries: Argument, timeout: int) -> Waiting:
    """The call itself; then what it found is compared. Raises ``CallMismatchError``."""
    if not isinstance(entries, list):
        raise UnsupportedError("poll without a list")
    rows = [each for each in entries if isinstance(each, Fields)]
    until = _until(world, timeout)
    while True:
        seen = [_revents(files, row) for row in rows]
        if any(seen) or world.now >= until:
            break
        yield until
    for row, mask in zip(rows, seen, strict=True):
        expected = row.get("revents", 0)
        if expected is not ... and expected != mask:
            wanted = _show(integer(expected, "events"))
            raise CallMismatchError(f"revents of {row['fd']!r}: expected {wanted}, seen {_show(mask)}")
    return sum(1 for mask in seen if mask)


def _revents(files: dict[int, File], row: Fields) -> int:
    number = integer(row.get("fd", -1), "a descriptor")
    if number < 0:
        return 0
    if number not in files:
        return _NVAL
    return _mask(files[number]) & (integer(row.get("events", 0), "events") | _ERR | _HUP)


# ---------------------------------------------------------------------- epoll


class Interest:
    """One descriptor in an epoll set."""

    def __init__(self, file: File, events: int, data: Argument) -> None:
        self.file: File = file
        self.events: int = events
        self.data: Argument = data
        self.fresh: bool = True
        """Something has happened since it was last reported; only edge-triggered interests ask."""
        self.armed: bool = True
        file.watchers.append(self.wake)

    def wake(self) -> None:
        self.fresh = True

    def drop(self) -> None:
        self.file.watchers.remove(self.wake)

    def take(self) -> int:
        """What to report now."""
        if not self.armed or (self.events & _ET and not self.fresh):
            return 0
        return _mask(self.file) & (self.events & 0xFFFF | _ERR | _HUP)

    def reported(self) -> None:
        self.fresh = False
        if self.events & _ONESHOT:
            self.armed = False


class Epoll(File):
    """A set of interests, in the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self.interests: dict[int, Interest] = {}

    def poll(self) -> int:
        return int(any(each.take() for each in self.interests.values()))

    def close(self, now: int) -> None:
        for interest in self.interests.values():
            interest.drop()
        self.interests.clear()


def epoll_control(epoll: Epoll, operation: int, number: int, file: File, event: Argument) -> None:
    """Raises ``OSError``: ``EEXIST``, ``ENOENT``, ``EINVAL``."""
    known = epoll.interests.get(number)
    if operation == SYMBOLS["EPOLL_CTL_ADD"]:
        if known is not None and known.file is file:
            raise OSError(errno.EEXIST, "file exists")
    elif known is None or known.file is not file:
        raise OSError(errno.ENOENT, "no such file or directory")
    elif operation == SYMBOLS["EPOLL_CTL_DEL"]:
        epoll.interests.pop(number).drop()
        return
    elif operation != SYMBOLS["EPOLL_CTL_MOD"]:
        raise OSError(errno.EINVAL, "invalid argument")
    if known is not None:
        known.drop()
    events, data = _event(event)
    epoll.interests[number] = Interest(file, events, number if data is ... else data)


def _event(event: Argument) -> tuple[int, Argument]:
    if not isinstance(event, Fields):
        raise UnsupportedError("an event that is no structure")
    data = next((event[name] for name in ("fd", "u32", "u64", "ptr") if name in event), ...)
    return integer(event.get("events", 0), "events"), data


def epoll_wait(epoll: Epoll, world: World, events: Argument, most: int, timeout: int) -> Waiting:
    """The call itself; then what it found is compared. Raises ``CallMismatchError``."""
    until = _until(world, timeout)
    while True:
        ready = [(each, mask) for each in epoll.interests.values() if (mask := each.take())][:most]
        if ready or world.now >= until:
            break
        yield until
    expected = [each for each in (events if isinstance(events, list) else [events]) if isinstance(each, Fields)]
    for interest, _ in ready:
        interest.reported()
    for row, (interest, mask) in zip(expected, ready, strict=False):
        wanted, data = _event(row)
        if wanted != mask:
            raise CallMismatchError(f"events: expected {_show(wanted)}, seen {_show(mask)}")
        if data not in (..., interest.data):
            raise CallMismatchError(f"data: expected {data!r}, seen {interest.data!r}")
    return len(ready)
