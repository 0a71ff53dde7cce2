"""Taken out of the arrival of segments."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

ARRIVING: Final = (
    Transform(
        "user-timeout-of-nothing-is-heeded",
        "A peer that announces a user timeout of 0 is taken at its word.",
        "RFC 5482 §3.4",
        "tcp.arrives",
        "    if segment.options.user_timeout and _acknowledges(c, segment):\n"
        "        adopt_user_timeout(c, segment)\n",
        "    if segment.options.user_timeout or segment.options.unknown:\n"
        "        c.peer_user_timeout = (segment.options.user_timeout or 0) * SECOND\n",
    ),
    Transform(
        "every-opening-is-active",
        "A passive opening that is reset is told as a refusal.",
        "RFC 9293 §3.5",
        "tcp.arrives",
        "    c.passive = True\n",
        "    c.passive = False\n",
    ),
    Transform(
        "every-opening-is-passive",
        "An active opening that is reset in SYN-RECEIVED is not told.",
        "RFC 9293 §3.5",
        "tcp.arrives",
        "        if not c.passive:\n            error = ConnectionRefusedError",
        "        if c.passive:\n            error = ConnectionRefusedError",
    ),
    Transform(
        "reset-looks-like-the-end",
        "A reset is told like an end of the stream.",
        "RFC 9293 §3.6",
        "tcp.arrives",
        'error: OSError | None = ConnectionResetError(errno.ECONNRESET, "connection reset by peer")',
        "error: OSError | None = None",
    ),
    Transform(
        "urgent-not-told",
        "Urgent data is not told before it is read.",
        "RFC 9293 §3.8.5",
        "tcp.arrives",
        "        _capture_urgent(c)\n"
        "        c.host.on_event(c)\n"
        "    return False",
        "        _capture_urgent(c)\n"
        "    return False",
    ),
    Transform(
        "urgent-pointer-read-one-late",
        "The urgent pointer that we read points at the last urgent byte.",
        "RFC 9293 §3.8.5",
        "tcp.arrives",
        "mark = segment.seq + segment.urgent",
        "mark = segment.seq + segment.urgent + 1",
    ),
    Transform(
        "acks-not-combined",
        "Each packet of a batch is acknowledged.",
        "RFC 9293 §3.10.7.4",
        "tcp.arrives",
        "        if not c.acks_owed:\n"
        "            c.acks_owed = 1\n",
        "        c.acks_owed += segment.segments\n",
    ),
    Transform(
        "delayed-ack-restarts",
        "Each segment puts the delayed acknowledgement off.",
        "RFC 5681 §4.2",
        "tcp.arrives",
        "elif c.timers.delayed_ack == NEVER:",
        "else:",
    ),
    Transform(
        "ack-delayed-too-long",
        "An acknowledgement is delayed by 600 ms.",
        "RFC 9293 §3.8.6.3",
        "tcp.arrives",
        "now + c.config.delayed_ack",
        "now + 600_000_000",
    ),
    Transform(
        "closed-window-hides-resets",
        "A closed window takes no reset.",
        "RFC 9293 §3.4",
        "tcp.arrives",
        "return seq == nxt if edge == nxt else nxt <= seq < edge",
        "return edge != nxt and nxt <= seq < edge",
    ),
    Transform(
        "closed-window-hides-urgent",
        "A closed window takes no announcement of urgent data.",
        "RFC 9293 §3.4",
        "tcp.arrives",
        "if not behind and (mark <= c.rcv_edge or c.rcv_edge == c.rcv_nxt):",
        "if not behind and mark <= c.rcv_edge:",
    ),
    Transform(
        "closed-window-hides-acks",
        "A closed window hides the acknowledgement that comes with refused data.",
        "RFC 9293 §3.4",
        "tcp.arrives",
        "repeated = segment.seq + segment.span == c.rcv_nxt or (c.rcv_edge == c.rcv_nxt == segment.seq)",
        "repeated = segment.seq + segment.span == c.rcv_nxt",
    ),
    Transform(
        "timestamps-checked-unagreed",
        "Timestamps are demanded of a peer that did not agree to them.",
        "RFC 7323 §3.2",
        "tcp.arrives",
        "if not c.ts_ok or segment.flags & (RST | SYN):",
        "if segment.flags & (RST | SYN):",
    ),
    Transform(
        "stamp-of-any-segment",
        "Any segment says which timestamp to echo.",
        "RFC 7323 §4.3",
        "tcp.arrives",
        "and stamps is not None and segment.seq <= c.last_ack_sent:",
        "and stamps is not None:",
    ),
    Transform(
        "older-stamp-is-echoed",
        "A timestamp that goes back is echoed.",
        "RFC 7323 §4.3",
        "tcp.arrives",
        "elif (value > c.ts_recent or stale) and",
        "elif",
    ),
    Transform(
        "paws-on-resets",
        "A reset with an old timestamp is dropped.",
        "RFC 7323 §5.2",
        "tcp.arrives",
        "if not c.ts_ok or segment.flags & (RST | SYN):",
        "if not c.ts_ok or segment.flags & SYN:",
    ),
    Transform(
        "paws-on-syn",
        "A SYN with an old timestamp is not challenged.",
        "RFC 5961 §4.2",
        "tcp.arrives",
        "if not c.ts_ok or segment.flags & (RST | SYN):",
        "if not c.ts_ok or segment.flags & RST:",
    ),
    Transform(
        "paws-on-what-waited",
        "With timestamps, data that waited is refused when its turn comes.",
        "RFC 7323 §5.3",
        "tcp.arrives",
        "in side.take(c.rcv_nxt):",
        "in side.take(c.rcv_nxt)[: len(segment.payload) if c.ts_ok else None]:",
    ),
    Transform(
        "paws-for-ever",
        "A timestamp proves something however long ago it came.",
        "RFC 7323 §5.5",
        "tcp.arrives",
        "_PAWS_LIFETIME: Final = 24 * 24 * 3600 * SECOND",
        "_PAWS_LIFETIME: Final = 24 * 24 * 3600 * SECOND * 1000",
    ),
    Transform(
        "lost-syn-forgiven",
        "However often a SYN was lost, the initial window is what it is.",
        "RFC 5681 §3.1",
        "tcp.arrives",
        "if c.syn_retransmitted > 1:",
        "if False:",
    ),
    Transform(
        "acks-are-acknowledged",
        "A segment without data is acknowledged.",
        "RFC 5681 §4.2",
        "tcp.arrives",
        "    if not segment.length or c.state not in RECEIVING:\n"
        "        return False\n"
        "    if c.released",
        "    if not segment.length or c.state not in RECEIVING:\n"
        "        owe_ack(c)\n"
        "        return False\n"
        "    if c.released",
    ),
    Transform(
        "two-acks-for-one-segment",
        "What is acknowledged at once is acknowledged twice.",
        "RFC 5681 §4.2",
        "tcp.arrives",
        "c.acks_owed = min(c.acks_owed + 1, _MOST_OWED)",
        "c.acks_owed = min(c.acks_owed + 2, _MOST_OWED)",
    ),
    Transform(
        "old-acks-accepted",
        "An acknowledgement may be as old as it likes.",
        "RFC 5961 §5.2",
        "tcp.arrives",
        "return max(c.snd_una - c.max_snd_wnd, c.iss + 1 if c.snd_una > c.iss else c.iss)",
        "return c.snd_una - (1 << 31)",
    ),
    Transform(
        "data-beside-a-bad-ack",
        "A segment with an impossible acknowledgement is challenged, and its data taken.",
        "RFC 5961 §5.2",
        "tcp.arrives",
        '        c.count("TCPChallengeACKRange")\n'
        "        challenge(c, now)\n"
        "        return True\n",
        '        c.count("TCPChallengeACKRange")\n'
        "        challenge(c, now)\n"
        "        return False\n",
    ),
    Transform(
        "last-ack-without-timestamps",
        "What TIME-WAIT answers carries no timestamps.",
        "RFC 7323 §3.2",
        "tcp.time_wait",
        "if self.ts_ok:",
        "if False:",
    ),
    Transform(
        "stamp-of-a-reset",
        "A reset says which timestamp to echo.",
        "RFC 7323 §5.2",
        "tcp.arrives",
        "    if not segment.flags & RST:\n"
        "        _note_timestamp(c, segment, now)\n"
        "        _trim",
        "    if segment.flags & RST and segment.options.timestamps:\n"
        "        c.ts_recent = segment.options.timestamps[0]\n"
        "    if not segment.flags & RST:\n"
        "        _note_timestamp(c, segment, now)\n"
        "        _trim",
    ),
)
