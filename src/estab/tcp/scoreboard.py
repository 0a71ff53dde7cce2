"""What became of every sequence number between SND.UNA and SND.NXT: RFC 6675 §3, RFC 2018 §5, RFC 8985 §5.2."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable
from typing import Any, ClassVar

from estab.tcp.queues import NOTHING
from estab.tcp.snapshot import Origin, Slots, Snapshot


class SentRange:
    """``[start, end)`` shares one fate. ``sent_at`` is the time of the latest transmission in ns."""

    __slots__ = ("end", "lost", "newer", "older", "sacked", "sent_at", "stamp", "start", "transmissions")

    def __init__(self, start: int, end: int, sent_at: int) -> None:
        self.start: int = start
        self.end: int = end
        self.sent_at: int = sent_at
        self.transmissions: int = 1
        self.sacked: bool = False
        self.lost: bool = False
        """Believed lost and not sent again since."""
        self.stamp: Any = None
        """What the delivery rate was when it was sent: see ``delivery.py``."""
        self.older: SentRange | None = None
        self.newer: SentRange | None = None
        """Neighbours in the order of transmission, while its fate is open."""

    def copy(self, start: int, end: int) -> SentRange:
        twin = SentRange(start, end, self.sent_at)
        twin.transmissions = self.transmissions
        twin.sacked = self.sacked
        twin.lost = self.lost
        twin.stamp = self.stamp
        return twin


def transmission(entry: SentRange) -> tuple[int, int]:
    """The key of the order of transmission: RACK_sent_after of RFC 8985 §6.2."""
    return entry.sent_at, entry.end


class Acknowledged:
    """What a cumulative acknowledgement took off the board."""

    __slots__ = ("delivered", "retransmitted", "sent_at")

    def __init__(self, delivered: int, sent_at: int | None, retransmitted: bool) -> None:
        self.delivered: int = delivered
        """Sequence space that had not been SACKed before."""
        self.sent_at: int | None = sent_at
        """When the newest of the ranges that were sent only once went out: Karn's rule allows to time it."""
        self.retransmitted: bool = retransmitted
        """Some of it had been sent more than once."""


class Scoreboard(Snapshot):
    """Ranges in sequence order that cover [SND.UNA, SND.NXT) exactly; SYN and FIN are ordinary positions.

    What is neither SACKed nor lost is also linked in the order of transmission, oldest first, so that time-based loss
    detection looks only at what it has to decide. A SACKed run is one range, however many it grew from.
    """

    DERIVED: ClassVar[Slots] = (
        "arrived",
        "edge",
        "fack",
        "fallen",
        "limit",
        "lost",
        "lost_hint",
        "newest",
        "oldest",
        "ranges",
        "sacked",
        "starts",
    )
    __slots__ = DERIVED

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        """Most ranges held; SACK blocks that would divide further are ignored."""
        self.ranges: list[SentRange] = NOTHING
        self.starts: list[int] = NOTHING
        self.sacked: int = 0
        self.lost: int = 0
        self.lost_hint: int = 0
        """Nothing before this position is lost: what is lost is sent again from the lowest on."""
        self.fack: int | None = None
        """The end of the highest SACKed range."""
        self.oldest: SentRange | None = None
        self.newest: SentRange | None = None
        self.edge: SentRange | None = None
        """The oldest of those that nothing sent later is known to have overtaken: ``Rack.detect`` moves it on."""
        self.arrived: list[SentRange] = NOTHING
        """The ranges that the segment in hand showed to have arrived, for whoever judges by them."""
        self.fallen: list[SentRange] = NOTHING
        """Copies of the stamped ranges that were marked lost since somebody asked."""

    def snapshot(self, origin: Origin) -> Hashable:
        return tuple(
            (
                *(r.start - origin.iss, r.end - origin.iss, r.sent_at - origin.now),
                *(r.transmissions, r.sacked, r.lost),
                None if r.stamp is None else r.stamp.snapshot(origin),
            )
            for r in self.ranges
        )

    def restore(self, value: Any, origin: Origin) -> None:
        self.__init__(self.limit)  # type: ignore[misc]
        if value:
            self.ranges, self.starts = [], []
        for start, end, sent_at, transmissions, sacked, lost, stamp in value:
            entry = SentRange(start + origin.iss, end + origin.iss, sent_at + origin.now)
            entry.transmissions, entry.sacked, entry.lost = transmissions, sacked, lost
            entry.stamp = None if stamp is None else stamp.restore(origin)
            self.ranges.append(entry)
            self.starts.append(entry.start)
            self.sacked += (end - start) if sacked else 0
            self.lost += (end - start) if lost else 0
            if sacked:
                self.fack = entry.end
        self.lost_hint = self.ranges[0].start if self.ranges else 0
        self._relink()

    # ------------------------------------------------------------------ what was sent

    def sent(self, start: int, end: int, now: int, stamp: Any = None) -> None:
        """Record a transmission: new at the end of the board, or again of what is on it."""
        if not self.ranges or start >= self.ranges[-1].end:
            self._append_sent(start, end, now, stamp)
            return
        for entry in self._cut(start, end):
            if entry.lost:
                entry.lost = False
                self.lost -= entry.end - entry.start
                self.lost_hint = entry.end
            else:
                self._unlink(entry)
            entry.transmissions += 1
            entry.sent_at = now
            entry.stamp = stamp
            if not entry.sacked:
                self._link_again(entry)

    # ------------------------------------------------------------------ what arrived

    def acknowledge(self, position: int) -> Acknowledged:
        """Take everything before ``position`` off the board."""
        ranges = self.ranges
        delivered = 0
        sent_at: int | None = None
        retransmitted = False
        count = 0
        for entry in ranges:
            if entry.start >= position:
                break
            if entry.end > position:
                self._split(count, position)
            size = entry.end - entry.start
            if entry.sacked:
                self.sacked -= size
            else:
                delivered += size
                self._note_arrival(entry)
                if entry.lost:
                    self.lost -= size
                else:
                    self._unlink(entry)
                if entry.transmissions == 1:
                    sent_at = entry.sent_at
            if entry.transmissions > 1:
                retransmitted = True
            count += 1
        if count == len(ranges):
            self.ranges = self.starts = NOTHING
        else:
            del ranges[:count], self.starts[:count]
        if not self.sacked:
            self.fack = None
        return Acknowledged(delivered, sent_at, retransmitted)

    def sack(self, blocks: Iterable[tuple[int, int]]) -> int:
        """Mark blocks as received; how many bytes are news. Blocks outside the board are the caller's to drop."""
        news = 0
        for start, end in blocks:
            if self._is_sacked(start, end):
                continue
            if len(self.ranges) + self._divides(start) + self._divides(end) > self.limit:
                continue
            news += self._sack_block(start, end)
        return news

    def forget_sacks(self) -> None:
        """After a timeout the peer may have thrown away what it SACKed: RFC 2018 §8."""
        for entry in self.ranges:
            entry.sacked = False
        self.sacked = 0
        self.fack = None
        self._relink()

    # ------------------------------------------------------------------ what is lost

    def mark_lost(self, start: int, end: int) -> int:
        """Believe that ``[start, end)`` is lost where it is not SACKed; how many bytes that is news for."""
        news = 0
        for entry in self._cut(start, end):
            if not (entry.sacked or entry.lost):
                self.lose(entry)
                news += entry.end - entry.start
        return news

    def mark_lost_before(self, time: int) -> None:
        """Believe that the first range is lost, and everything whose last transmission is not younger than ``time``."""
        first = self.ranges[0]
        if not (first.sacked or first.lost):
            self.lose(first)
        while self.oldest is not None and self.oldest.sent_at <= time:
            self.lose(self.oldest)

    def lose(self, entry: SentRange) -> None:
        """One range whose fate was open is lost."""
        self._unlink(entry)
        if entry.stamp is not None:
            self._note_fall(entry.copy(entry.start, entry.end))
        entry.lost = True
        self.lost += entry.end - entry.start
        self.lost_hint = min(self.lost_hint, entry.start)

    def unlose(self) -> None:
        """It was a false alarm: what has not been sent again is still under way."""
        for entry in self.ranges:
            entry.lost = False
        self.lost = 0
        self._relink()

    def first_lost(self) -> tuple[int, int] | None:
        """The lowest run of lost ranges, as one hole."""
        if not self.lost:
            return None
        index = max(bisect_right(self.starts, self.lost_hint) - 1, 0)
        while not self.ranges[index].lost:
            index += 1
        start = self.lost_hint = self.ranges[index].start
        end = self.ranges[index].end
        while index + 1 < len(self.ranges) and self.ranges[index + 1].lost:
            index += 1
            end = self.ranges[index].end
        return start, end

    def again(self) -> bool:
        """Was any of it lost, whether it has been sent again or not?"""
        return any(entry.lost or entry.transmissions > 1 for entry in self.ranges)

    def outstanding(self) -> int:
        """The sequence space believed to be in the network: RFC 6675's pipe, RFC 9937's inflight."""
        if not self.ranges:
            return 0
        return self.ranges[-1].end - self.ranges[0].start - self.sacked - self.lost

    # ------------------------------------------------------------------ inside

    def _note_arrival(self, entry: SentRange) -> None:
        if self.arrived is NOTHING:
            self.arrived = [entry]
        else:
            self.arrived.append(entry)

    def _note_fall(self, entry: SentRange) -> None:
        if self.fallen is NOTHING:
            self.fallen = [entry]
        else:
            self.fallen.append(entry)

    def forget_arrivals(self) -> None:
        """They have been judged."""
        self.arrived = NOTHING

    def forget_fallen(self) -> None:
        """They have been told."""
        self.fallen = NOTHING

    def _append_sent(self, start: int, end: int, now: int, stamp: Any) -> None:
        last = self.ranges[-1] if self.ranges else None
        if (
            last is not None
            and last.end == start
            and last.transmissions == 1
            and not (last.sacked or last.lost)
            and (last.sent_at == now or len(self.ranges) >= self.limit)
        ):
            last.end = end
            if last.sent_at != now:
                last.sent_at = now
                self._unlink(last)
                self._link_newest(last)
            last.stamp = stamp
            return
        entry = SentRange(start, end, now)
        entry.stamp = stamp
        if last is None:
            self.lost_hint = start
            self.ranges, self.starts = [entry], [start]
        else:
            self.ranges.append(entry)
            self.starts.append(start)
        self._link_newest(entry)

    def _is_sacked(self, start: int, end: int) -> bool:
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and self.ranges[index].sacked and self.ranges[index].end >= end

    def _divides(self, position: int) -> bool:
        """A boundary there would make two ranges of one."""
        index = bisect_right(self.starts, position) - 1
        return index >= 0 and self.starts[index] < position < self.ranges[index].end

    def _sack_block(self, start: int, end: int) -> int:
        news = 0
        entries = self._cut(start, end)
        for entry in entries:
            if entry.sacked:
                continue
            size = entry.end - entry.start
            if entry.lost:
                self.lost -= size
            else:
                self._unlink(entry)
            news += size
            self._note_arrival(entry)
        self.sacked += news
        if entries and (self.fack is None or self.fack < entries[-1].end):
            self.fack = entries[-1].end
        if entries:
            self._join_sacked(entries[0].start, len(entries))
        return news

    def _join_sacked(self, start: int, count: int) -> None:
        """The ``count`` ranges from ``start`` on, and SACKed neighbours, become one; the old objects stay."""
        first = bisect_right(self.starts, start) - 1
        last = first + count
        if first > 0 and self.ranges[first - 1].sacked:
            first -= 1
        if last < len(self.ranges) and self.ranges[last].sacked:
            last += 1
        parts = self.ranges[first:last]
        run = parts[-1].copy(parts[0].start, parts[-1].end)
        run.sacked = True
        run.lost = False
        # Should the peer throw it away after all, the run must not seem older than it is, nor sent only once.
        run.sent_at = max(part.sent_at for part in parts)
        run.transmissions = max(part.transmissions for part in parts)
        self.ranges[first:last] = [run]
        self.starts[first:last] = [run.start]

    def _split(self, index: int, position: int) -> None:
        entry = self.ranges[index]
        twin = entry.copy(position, entry.end)
        self.ranges.insert(index + 1, twin)
        self.starts.insert(index + 1, position)
        entry.end = position
        if not (entry.sacked or entry.lost):
            self._link_after(entry, twin)

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

    def _link_newest(self, entry: SentRange) -> None:
        entry.older = self.newest
        entry.newer = None
        if self.newest is None:
            self.oldest = entry
        else:
            self.newest.newer = entry
        self.newest = entry
        if self.edge is None:
            self.edge = entry

    def _link_again(self, entry: SentRange) -> None:
        """Into its place among what was sent at the same time: of two, the one that ends first comes first."""
        before = self.newest
        while before is not None and before.sent_at == entry.sent_at and before.end > entry.end:
            before = before.older
        self._link_after(before, entry)
        if self.edge is None or transmission(entry) < transmission(self.edge):
            self.edge = entry

    def _relink(self) -> None:
        """The whole list anew: what is under way after all has its place in the middle."""
        self.oldest = self.newest = self.edge = None
        undecided = [entry for entry in self.ranges if not (entry.sacked or entry.lost)]
        for entry in sorted(undecided, key=transmission):
            self._link_newest(entry)

    def _link_after(self, before: SentRange | None, entry: SentRange) -> None:
        after = self.oldest if before is None else before.newer
        entry.older = before
        entry.newer = after
        if before is None:
            self.oldest = entry
        else:
            before.newer = entry
        if after is None:
            self.newest = entry
        else:
            after.older = entry

    def _unlink(self, entry: SentRange) -> None:
        if entry is self.edge:
            self.edge = entry.newer
        if entry.older is not None:
            entry.older.newer = entry.newer
        elif self.oldest is entry:
            self.oldest = entry.newer
        if entry.newer is not None:
            entry.newer.older = entry.older
        elif self.newest is entry:
            self.newest = entry.older
        entry.older = entry.newer = None
