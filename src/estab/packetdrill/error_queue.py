"""The error queue of a socket (MSG_ERRQUEUE): completions of MSG_ZEROCOPY, and timestamps of SO_TIMESTAMPING."""

from __future__ import annotations

import errno
from typing import Final, NamedTuple

from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.values import Argument, Fields
from estab.tcp.config import SECOND
from estab.tcp.connection import Connection

_TX: Final = {
    SYMBOLS["SCM_TSTAMP_SCHED"]: SYMBOLS["SOF_TIMESTAMPING_TX_SCHED"],
    SYMBOLS["SCM_TSTAMP_SND"]: SYMBOLS["SOF_TIMESTAMPING_TX_SOFTWARE"],
    SYMBOLS["SCM_TSTAMP_ACK"]: SYMBOLS["SOF_TIMESTAMPING_TX_ACK"],
}
"""What happens to the last byte of a write, in its order, and the flag that asks to be told."""
_ACK: Final = SYMBOLS["SCM_TSTAMP_ACK"]
_COPIED: Final = SYMBOLS["SO_EE_CODE_ZEROCOPY_COPIED"]


class Watch(NamedTuple):
    """Somebody wants to know when what ends at ``end`` is sent (``kind`` SCHED, SND) or acknowledged."""

    end: int
    kind: int
    """One of ``SCM_TSTAMP_*``; -1: a buffer lent by MSG_ZEROCOPY is to be given back."""
    data: int
    """The number of the write, or the position of its last byte."""


class ErrorQueue:
    """What a socket has to tell beside its data, in the order in which it happened."""

    def __init__(self) -> None:
        self.zerocopy: bool = False
        """SO_ZEROCOPY."""
        self.flags: int = 0
        """SO_TIMESTAMPING."""
        self.base: int = 0
        """Where the count of bytes begins, for SOF_TIMESTAMPING_OPT_ID."""
        self.sends: int = 0
        self.watched: list[Watch] = []
        self.waiting: list[list[Argument]] = []
        """Control messages of each notification."""

    def set_flags(self, flags: int, connection: Connection | None) -> None:
        if flags & SYMBOLS["SOF_TIMESTAMPING_OPT_ID"] and not self.flags & SYMBOLS["SOF_TIMESTAMPING_OPT_ID"]:
            self.base = 0 if connection is None else connection.snd_una
        self.flags = flags

    def written(self, connection: Connection, lent: bool) -> None:
        """A write is queued up to the end of the send queue; ``lent``: with MSG_ZEROCOPY."""
        end = connection.send_queue.end
        place = (end - 1 - (self.base or connection.iss + 1)) & 0xFFFFFFFF
        for kind, flag in _TX.items():
            if self.flags & flag:
                self.watched.append(Watch(end, kind, place if self.flags & SYMBOLS["SOF_TIMESTAMPING_OPT_ID"] else 0))
        if lent and self.zerocopy:
            self.watched.append(Watch(end, -1, self.sends))
            self.sends += 1

    def look(self, connection: Connection, time: int, v6: bool) -> bool:
        """True when something has happened by ``time`` (ns since the script began)."""
        left = []
        for each in self.watched:
            reached = connection.snd_una if each.kind in (-1, _ACK) else connection.snd_nxt
            if reached < each.end:
                left.append(each)
            elif each.kind < 0:
                self._give_back(each.data, v6)
            else:
                self.waiting.append([_stamp(time), _error(errno.ENOMSG, "TIMESTAMPING", each.kind, each.data, v6=v6)])
        changed = len(left) < len(self.watched)
        self.watched = left
        return changed

    def _give_back(self, number: int, v6: bool) -> None:
        """Numbers that follow each other are told together, as long as nobody has asked."""
        last = self.waiting[-1][0] if self.waiting else None
        error = last.get("cmsg_data") if isinstance(last, Fields) else None
        if isinstance(error, Fields) and error.get("ee_data") == number - 1 and error.get("ee_code") == _COPIED:
            error["ee_data"] = number
        else:
            self.waiting.append([_error(0, "ZEROCOPY", number, number, _COPIED, v6=v6)])

    def take(self) -> list[Argument]:
        """Raises ``BlockingIOError``: it never waits."""
        if not self.waiting:
            raise BlockingIOError(errno.EAGAIN, "resource temporarily unavailable")
        return self.waiting.pop(0)


def _error(number: int, origin: str, info: int, data: int, code: int = 0, *, v6: bool) -> Fields:
    """``sock_extended_err``."""
    return Fields(
        cmsg_level=SYMBOLS["SOL_IPV6" if v6 else "SOL_IP"],
        cmsg_type=SYMBOLS["IPV6_RECVERR" if v6 else "IP_RECVERR"],
        cmsg_data=Fields(
            ee_errno=number,
            ee_origin=SYMBOLS[f"SO_EE_ORIGIN_{origin}"],
            ee_type=0,
            ee_code=code,
            ee_info=info,
            ee_data=data,
        ),
    )


def _stamp(time: int) -> Fields:
    return Fields(
        cmsg_level=SYMBOLS["SOL_SOCKET"],
        cmsg_type=SYMBOLS["SCM_TIMESTAMPING"],
        cmsg_data=Fields(scm_sec=time // SECOND, scm_nsec=time % SECOND),
    )


def same_messages(expected: Argument, seen: list[Argument], tolerance: int) -> bool:
    """What the script says of each is so; times may differ by ``tolerance`` (ns)."""
    if expected is ...:
        return True
    if not isinstance(expected, list) or len(expected) != len(seen):
        return False
    return all(_same(wanted, found, tolerance) for wanted, found in zip(expected, seen, strict=True))


def _same(wanted: Argument, found: Argument, tolerance: int) -> bool:
    if wanted is ...:
        return True
    if not (isinstance(wanted, Fields) and isinstance(found, Fields)):
        return wanted == found
    if "scm_sec" in wanted and "scm_sec" in found:
        return abs(_time(wanted) - _time(found)) <= tolerance
    return all(_same(value, found.get(name, ...), tolerance) for name, value in wanted.items())


def _time(stamp: Fields) -> int:
    seconds, part = stamp.get("scm_sec"), stamp.get("scm_nsec")
    return (seconds if isinstance(seconds, int) else 0) * SECOND + (part if isinstance(part, int) else 0)
