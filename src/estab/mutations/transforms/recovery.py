"""Taken out of acknowledgements, SACK and the detection of losses."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

RECOVERY: Final = (
    Transform(
        "window-is-signed",
        "A window of 0x8000 or more is negative.",
        "RFC 9293 §3.1",
        "tcp.acks",
        "    changed = window != c.snd_wnd\n",
        "    window -= (segment.window & 0x8000) << 1\n"
        "    changed = window != c.snd_wnd\n",
    ),
    Transform(
        "window-never-shrinks",
        "A peer that shrinks its window is not believed.",
        "RFC 9293 §3.8.6",
        "tcp.acks",
        "    c.snd_wnd = window\n",
        "    c.snd_wnd = max(window, c.snd_wnd)\n",
    ),
    Transform(
        "closed-window-is-a-dead-peer",
        "A peer that keeps its window closed is given up, though it answers.",
        "RFC 9293 §3.8.6.1",
        "tcp.acks",
        "if c.stalled_at is not None and (window == 0 or not c.board.ranges):",
        "if False:",
    ),
    Transform(
        "window-not-scaled-in",
        "The windows that the peer announces are not scaled.",
        "RFC 7323 §2.3",
        "tcp.acks",
        "segment.window << c.snd_wscale",
        "segment.window",
    ),
    Transform(
        "sacked-data-is-freed",
        "What was SACKed is thrown away.",
        "RFC 2018 §8",
        "tcp.acks",
        "news = sacked = board.sack(sack_blocks(c, segment))",
        "news = sacked = board.sack(sack_blocks(c, segment))\n"
        "        c.send_queue.acknowledge(board.fack or 0)",
    ),
    Transform(
        "blocks-unagreed",
        "SACK blocks are believed although SACK was not agreed.",
        "RFC 8985 §4",
        "tcp.acks",
        "if c.sack_ok and segment.options.sack:",
        "if segment.options.sack:",
    ),
    Transform(
        "bare-duplicates-count",
        "With SACK, duplicates without news count too.",
        "RFC 6675 §2",
        "tcp.acks",
        "elif c.sack_ok:\n"
        "        c.recovery",
        "elif c.sack_ok and sacked:\n"
        "        c.recovery",
    ),
    Transform(
        "duplicates-open-the-window",
        "A duplicate acknowledgement opens the window.",
        "RFC 3042 §2",
        "tcp.acks",
        "        news = c.mss\n"
        "        if c.recovery.on",
        "        news = c.mss\n"
        "        c.congestion.cwnd += c.mss\n"
        "        if c.recovery.on",
    ),
    Transform(
        "duplicates-counted-beside-rack",
        "Three duplicates begin recovery, whatever RACK says.",
        "RFC 8985 §9.2",
        "tcp.acks",
        "        c.recovery.duplicates += sacked > 0\n",
        "        if sacked and c.recovery.on_duplicate(board, c.snd_una, c.snd_nxt, c.mss):\n"
        "            enter_recovery(c, news, now)\n",
    ),
    Transform(
        "one-sample-is-enough",
        "Only the first round trip is measured.",
        "RFC 6298 §3",
        "tcp.acks",
        "    if rtt is not None:\n"
        "        if c.rtt.relearn",
        "    if rtt is not None and not c.rtt.srtt:\n"
        "        if c.rtt.relearn",
    ),
    Transform(
        "timer-not-restarted",
        "The retransmission timer runs on when new data is acknowledged.",
        "RFC 6298 §5",
        "tcp.acks",
        "    c.timers.rto = NEVER\n"
        "    if c.path",
        "    if c.path",
    ),
    Transform(
        "handshake-opens-the-window",
        "The acknowledgement of the SYN opens the window.",
        "RFC 5681 §3.1",
        "tcp.acks",
        "if segment.ack > c.iss + 1 and (",
        "if (",
    ),
    Transform(
        "echo-tells-nothing",
        "The echoed timestamp does not tell which transmission arrived.",
        "RFC 6298 §3",
        "tcp.acks",
        "age = echo_age(c, segment, now)",
        "age = None",
    ),
    Transform(
        "no-karn",
        "What was sent again is timed from its last transmission.",
        "RFC 6298 §3",
        "tcp.scoreboard",
        "                if entry.transmissions == 1:\n"
        "                    sent_at = entry.sent_at\n"
        "            if entry.transmissions > 1:\n"
        "                retransmitted = True\n",
        "                sent_at = entry.sent_at\n",
    ),
    Transform(
        "pipe-with-the-lost",
        "What is lost counts as under way.",
        "RFC 6675 §4",
        "tcp.scoreboard",
        "- self.ranges[0].start - self.sacked - self.lost",
        "- self.ranges[0].start - self.sacked",
    ),
    Transform(
        "transmissions-timed-in-seconds",
        "When something was sent is known to the second.",
        "RFC 8985 §4",
        "tcp.scoreboard",
        "entry = SentRange(start, end, now)",
        "entry = SentRange(start, end, now // 10**9 * 10**9)",
    ),
    Transform(
        "oldest-block-first",
        "The SACK block of the oldest arrival comes first.",
        "RFC 2018 §4",
        "tcp.reassembly",
        "for start in self.recent:",
        "for start in reversed(self.recent):",
    ),
    Transform(
        "blocks-end-too-early",
        "The right edge of a SACK block is its last byte.",
        "RFC 2018 §3",
        "tcp.reassembly",
        "                blocks.append(found)\n"
        "        for found",
        "                blocks.append((found[0], found[1] - 1))\n"
        "        for found",
    ),
    Transform(
        "reneging-not-seen",
        "A peer that throws away what it SACKed is believed for ever.",
        "RFC 2018 §8",
        "tcp.recovery",
        "            board.forget_sacks()\n",
        "            pass\n",
    ),
    Transform(
        "sacks-outlive-a-timeout",
        "What was SACKed before a timeout is believed after it, unless the peer is seen to have thrown it away.",
        "RFC 2018 §5.1",
        "tcp.recovery",
        "        if reneged or self.config.forget_sacks:\n",
        "        if reneged:\n",
    ),
    Transform(
        "duplicates-never-forgotten",
        "Duplicates are counted on when new data is acknowledged.",
        "RFC 6675 §5",
        "tcp.recovery",
        "        self.duplicates = 0\n"
        "        if self.departed:",
        "        if self.departed:",
    ),
    Transform(
        "recovery-ends-early",
        "Any progress ends recovery.",
        "RFC 6675 §5",
        "tcp.recovery",
        "        if snd_una >= self.recover:\n"
        "            self.phase = OPEN",
        "        if True:\n"
        "            self.phase = OPEN",
    ),
    Transform(
        "recovery-does-not-end",
        "The acknowledgement of all that was out does not end recovery.",
        "RFC 6675 §5",
        "tcp.recovery",
        "        if snd_una >= self.recover:\n"
        "            self.phase = OPEN",
        "        if snd_una > self.recover:\n"
        "            self.phase = OPEN",
    ),
    Transform(
        "duplicates-after-a-timeout-count",
        "Duplicates of what a timeout sent again begin recovery.",
        "RFC 6675 §5.1",
        "tcp.recovery",
        "or snd_una <= self.recover:",
        "or False:",
    ),
    Transform(
        "duplicates-let-nothing-out",
        "A duplicate takes nothing out of the pipe.",
        "RFC 5681 §3.2",
        "tcp.recovery",
        "self.departed = min(self.departed + mss, max(self._witnesses(board, snd_una) - mss, 0))",
        "pass",
    ),
    Transform(
        "no-reduction-on-loss",
        "A loss does not reduce the window.",
        "RFC 5681 §3.2",
        "tcp.judge",
        "        c.congestion.on_loss(now, in_flight)\n",
        "        pass\n",
    ),
    Transform(
        "d-sack-against-the-stored-ack",
        "A D-SACK is told by the highest acknowledgement, not by its own.",
        "RFC 2883 §5",
        "tcp.spurious",
        "    if end > segment.ack:\n",
        "    if end > c.snd_una:\n",
    ),
    Transform(
        "no-rack",
        "Nothing is lost by time.",
        "RFC 8985 §6.2",
        "tcp.judge",
        "    if c.sack_ok:\n"
        "        _take_arrivals",
        "    if False:\n"
        "        _take_arrivals",
    ),
    Transform(
        "hidden-loss-forgiven",
        "A loss that a tail probe repaired does not reduce the window.",
        "RFC 8985 §7.4.2",
        "tcp.judge",
        "    _reduce(c, now, c.too_much(c.tail.probed))\n",
        "",
    ),
    Transform(
        "second-loss-forgiven",
        "What left after a reduction and was lost as well does not reduce the window again.",
        "RFC 5681 §4.3",
        "tcp.judge",
        "    if c.board.again():\n",
        "    if False:\n",
    ),
    Transform(
        "lost-probe-is-congestion",
        "The loss of a path-MTU probe reduces the window.",
        "RFC 4821 §7.6.2",
        "tcp.judge",
        "return hole is not None and hole[0] == c.path.probe_start and hole[1] <= c.path.probe_end",
        "return False",
    ),
    Transform(
        "false-alarm-stays",
        "What was reduced by a false alarm stays reduced.",
        "RFC 4015 §3",
        "tcp.spurious",
        "    control.on_undo()\n",
        "",
    ),
    Transform(
        "false-alarm-not-seen",
        "A timeout that was too early is not recognised.",
        "RFC 4015 §3",
        "tcp.spurious",
        "if recovery.is_spurious(",
        "if False and recovery.is_spurious(",
    ),
    Transform(
        "answers-of-either-transmission",
        "What was sent twice counts as the second, however early its answer comes.",
        "RFC 8985 §6.2",
        "tcp.rack",
        "if entry.transmissions > 1 and (",
        "if False and (",
    ),
    Transform(
        "scale-on-later-segments",
        "A window scale on a later segment changes the shift.",
        "RFC 7323 §2.2",
        "tcp.acks",
        "    window = segment.window if segment.flags & SYN",
        "    if segment.options.window_scale is not None and not segment.flags & SYN:\n"
        "        c.snd_wscale = segment.options.window_scale\n"
        "    window = segment.window if segment.flags & SYN",
    ),
    Transform(
        "window-of-syn-scaled",
        "The window of a SYN is scaled.",
        "RFC 7323 §2.2",
        "tcp.acks",
        "segment.window if segment.flags & SYN else segment.window << c.snd_wscale",
        "segment.window << c.snd_wscale",
    ),
    Transform(
        "highest-hole-first",
        "Of what is lost the highest is sent again first.",
        "RFC 6675 §4",
        "tcp.scoreboard",
        "        while not self.ranges[index].lost:\n"
        "            index += 1\n"
        "        start",
        "        index = max(i for i, entry in enumerate(self.ranges) if entry.lost)\n"
        "        start",
    ),
)
