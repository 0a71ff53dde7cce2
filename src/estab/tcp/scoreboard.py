"""What became of every sequence number between SND.UNA and SND.NXT: RFC 6675 §3, RFC 2018 §5."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable
from typing import Any, ClassVar, NamedTuple

from estab.tcp.snapshot import Origin, Slots, Snapshot


class SentRange:
    """``[start, end)`` shares one fate. ``sent_at`` is the time of the latest transmission in ns."""

    __slots__ = ("end", "lost", "sacked", "sent_at", "start", "transmissions")

    def __init__(self, start: int, end: int, sent_at: int) -> None:
        self.start: int = start
        self.end: int = end
        self.sent_at: int = sent_at
        self.transmissions: int = 1
        self.sacked: bool = False
        self.lost: bool = False
        """Believed lost and not sent again since."""

    def copy(self, start: int, end: int) -> SentRange:
        twin = SentRange(start, end, self.sent_at)
        twin.transmissions = self.transmissions
        twin.sacked = self.sacked
        twin.lost = self.lost
        return twin


class Acknowledged(NamedTuple):
    """What a cumulative acknowledgement took off the board."""

    delivered: int
    """Sequence space that had not been SACKed before."""
    sent_at: int | None
    """When the newest of the ranges that were sent only once went out: Karn's rule allows to time it."""
    retransmitted: bool
    """Some of it had been sent more than once."""


class Scoreboard(Snapshot):
    """Ranges in sequence order that cover [SND.UNA, SND.NXT) exactly; SYN and FIN are ordinary positions."""

    __slots__ = ("limit", "lost", "lost_hint", "ranges", "sacked", "starts")
    DERIVED: ClassVar[Slots] = ("limit", "lost", "lost_hint", "ranges", "sacked", "starts")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        """Most ranges held; SACK blocks that would divide further are ignored."""
        self.ranges: list[SentRange] = []
        self.starts: list[int] = []
        self.sacked: int = 0
        self.lost: int = 0
        self.lost_hint: int = 0
        """Nothing before this position is lost: what is lost is sent again from the lowest on."""

    def snapshot(self, origin: Origin) -> Hashable:
        return tuple(
            (r.start - origin.iss, r.end - origin.iss, r.sent_at - origin.now, r.transmissions, r.sacked, r.lost)
            for r in self.ranges
        )

    def restore(self, value: Any, origin: Origin) -> None:
        self.__init__(self.limit)  # type: ignore[misc]
        for start, end, sent_at, transmissions, sacked, lost in value:
            entry = SentRange(start + origin.iss, end + origin.iss, sent_at + origin.now)
            entry.transmissions, entry.sacked, entry.lost = transmissions, sacked, lost
            self._append(entry)
            self.sacked += (end - start) if sacked else 0
            self.lost += (end - start) if lost else 0

    def sent(self, start: int, end: int, now: int) -> None:
        """Record a transmission: new at the end of the board, or again of what is on it."""
        if not self.ranges or start >= self.ranges[-1].end:
            self._append_sent(start, end, now)
            return
        for entry in self._cut(start, end):
            if entry.lost:
                entry.lost = False
                self.lost -= entry.end - entry.start
                self.lost_hint = entry.end
            entry.transmissions += 1
            entry.sent_at = now

    def acknowledge(self, position: int) -> Acknowledged:
        """Take everything before ``position`` off the board."""
        ranges = self.ranges
        if len(ranges) == 1 and ranges[0].end <= position and ranges[0].transmissions == 1:
            return self._acknowledge_all(ranges.pop())
        delivered = 0
        sent_at: int | None = None
        retransmitted = False
        count = 0
        for entry in self.ranges:
            if entry.start >= position:
                break
            if entry.end > position:
                self._split(count, position)
            size = entry.end - entry.start
            if entry.sacked:
                self.sacked -= size
            else:
                delivered += size
            if entry.lost:
                self.lost -= size
            if entry.transmissions > 1:
                retransmitted = True
            elif not entry.sacked:
                sent_at = entry.sent_at
            count += 1
        del self.ranges[:count], self.starts[:count]
        return Acknowledged(delivered, sent_at, retransmitted)

    def _acknowledge_all(self, entry: SentRange) -> Acknowledged:
        """The usual case: one flight, sent once, all of it acknowledged."""
        self.starts.clear()
        self.sacked = self.lost = 0
        size = 0 if entry.sacked else entry.end - entry.start
        return Acknowledged(size, None if entry.sacked else entry.sent_at, False)

    def sack(self, blocks: Iterable[tuple[int, int]]) -> int:
        """Mark blocks as received; how many bytes are news. Blocks outside the board are the caller's to drop."""
        news = 0
        for start, end in blocks:
            if len(self.ranges) + 2 > self.limit:
                break
            for entry in self._cut(start, end):
                if not entry.sacked:
                    size = entry.end - entry.start
                    entry.sacked = True
                    self.sacked += size
                    news += size
                    if entry.lost:
                        entry.lost = False
                        self.lost -= size
        return news

    def highest_sacked(self) -> int | None:
        """The end of the highest SACKed range."""
        if self.sacked:
            for entry in reversed(self.ranges):
                if entry.sacked:
                    return entry.end
        return None

    def mark_lost(self, start: int, end: int, only_once_sent: bool = False) -> int:
        """Believe that ``[start, end)`` is lost where it is not SACKed; how many bytes that is news for."""
        news = 0
        for entry in self._cut(start, end):
            if not (entry.sacked or entry.lost or (only_once_sent and entry.transmissions > 1)):
                entry.lost = True
                news += entry.end - entry.start
        if news:
            self.lost += news
            self.lost_hint = min(self.lost_hint, start)
        return news

    def forget_sacks(self) -> None:
        """After a timeout the peer may have thrown away what it SACKed: RFC 2018 §8."""
        for entry in self.ranges:
            entry.sacked = False
        self.sacked = 0

    def first_lost(self) -> tuple[int, int] | None:
        """The lowest run of lost ranges, as one hole."""
        if not self.lost:
            return None
        index = max(bisect_right(self.starts, self.lost_hint) - 1, 0)
        while not self.ranges[index].lost:
            index += 1
        start = self.ranges[index].start
        end = self.ranges[index].end
        while index + 1 < len(self.ranges) and self.ranges[index + 1].lost:
            index += 1
            end = self.ranges[index].end
        return start, end

    def outstanding(self) -> int:
        """The sequence space believed to be in the network: RFC 6675's pipe."""
        if not self.ranges:
            return 0
        return self.ranges[-1].end - self.ranges[0].start - self.sacked - self.lost

    def transmissions(self, position: int) -> int:
        """How often the range that holds ``position`` was sent; 0 when it is not on the board."""
        index = bisect_right(self.starts, position) - 1
        if index < 0 or position >= self.ranges[index].end:
            return 0
        return self.ranges[index].transmissions

    def _append_sent(self, start: int, end: int, now: int) -> None:
        last = self.ranges[-1] if self.ranges else None
        if (
            last is not None
            and last.end == start
            and last.transmissions == 1
            and not (last.sacked or last.lost)
            and (last.sent_at == now or len(self.ranges) >= self.limit)
        ):
            last.end = end
            last.sent_at = now
        else:
            self._append(SentRange(start, end, now))

    def _append(self, entry: SentRange) -> None:
        self.ranges.append(entry)
        self.starts.append(entry.start)
        if len(self.ranges) == 1:
            self.lost_hint = entry.start

    def _split(self, index: int, position: int) -> None:
        entry = self.ranges[index]
        self.ranges.insert(index + 1, entry.copy(position, entry.end))
        self.starts.insert(index + 1, position)
        entry.end = position

    def _cut(self, start: int, end: int) -> list[SentRange]:
        """The ranges within ``[start, end)``, divided so that none sticks out."""
        if not self.ranges:
            return []
        first = max(bisect_right(self.starts, start) - 1, 0)
        if self.ranges[first].start < start < self.ranges[first].end:
            self._split(first, start)
            first += 1
        elif self.ranges[first].end <= start:
            first += 1
        last = first
        while last < len(self.ranges) and self.ranges[last].start < end:
            if self.ranges[last].end > end:
                self._split(last, end)
            last += 1
        return self.ranges[first:last]
