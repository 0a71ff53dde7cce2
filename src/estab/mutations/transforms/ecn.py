"""Taken out of explicit congestion notification."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

ECN: Final = (
    Transform(
        "marks-are-ignored",
        "What the peer says about marks is not heeded.",
        "RFC 3168 §5",
        "tcp.ecn.response",
        "        _reduce(c, ecn, delivery, now)\n"
        "    return closed",
        "        pass\n"
        "    return closed",
    ),
    Transform(
        "one-segment-does-not-wait",
        "A window of one segment goes on as fast as ever, however many marks come.",
        "RFC 3168 §6.1.2",
        "tcp.ecn.response",
        "    c.timers.pace = now + min(c.rtt.rto << ecn.holds, c.config.rto_maximum)\n",
        "",
    ),
    Transform(
        "ecn-agreed-with-any-syn",
        "Any SYN is answered as if it asked for ECN.",
        "RFC 3168 §6.1.1",
        "tcp.ecn.setup",
        "    if said & _CLASSIC == _CLASSIC:\n",
        "    if True:\n",
    ),
    Transform(
        "ecn-agreed-by-any-answer",
        "Any SYN-ACK agrees to ECN.",
        "RFC 3168 §6.1.1",
        "tcp.ecn.setup",
        "    if asked and said & _CLASSIC == ECE:\n",
        "    if True:\n",
    ),
    Transform(
        "ect-after-a-plain-syn",
        "ECT is sent although one SYN went without asking.",
        "RFC 3168 §6.1.1",
        "tcp.ecn.setup",
        "c.congestion.ecn_capable and not c.ecn_refused",
        "c.congestion.ecn_capable",
    ),
    Transform(
        "marks-are-not-told",
        "Marks that arrive are not told to the peer.",
        "RFC 3168 §6.1.3",
        "tcp.ecn.classic",
        "        if segment.ce:\n",
        "        if False:\n",
    ),
    Transform(
        "mark-told-once",
        "A mark is told by one acknowledgement, which may be lost.",
        "RFC 3168 §6.1.3",
        "tcp.ecn.classic",
        "            segment.flags |= ECE\n",
        "            segment.flags |= ECE\n"
        "            self.echoing = False\n",
    ),
    Transform(
        "everything-is-ect",
        "Repetitions, probes and pure acknowledgements are ECT.",
        "RFC 3168 §6.1.5",
        "tcp.ecn.classic",
        "if segment.length and segment.seq >= c.snd_nxt:",
        "if True:",
    ),
    Transform(
        "answer-without-the-codepoint",
        "The answer to a SYN says that it came Not-ECT, whatever it came with.",
        "RFC 9768 §3.1.1",
        "tcp.ecn.accurate",
        "_GREETING[self.peer_codepoint] << _ACE_SHIFT\n",
        "_GREETING[ECN_NOT_ECT] << _ACE_SHIFT\n",
    ),
    Transform(
        "mode-follows-the-last-syn",
        "Each SYN of the handshake settles anew which kind of ECN it is.",
        "RFC 9768 §3.1.5",
        "tcp.ecn.setup",
        "    ecn, said = c.ecn, segment.flags & ACE\n",
        "    agree(c, segment, 0)\n"
        "    ecn, said = c.ecn, segment.flags & ACE\n",
    ),
    Transform(
        "marked-packets-from-zero",
        "The counter of marked packets begins at 0.",
        "RFC 9768 §3.2.1",
        "tcp.ecn.accurate",
        "_FIRST_PACKETS: Final = 5",
        "_FIRST_PACKETS: Final = 0",
    ),
    Transform(
        "counter-stands-still",
        "The flags always say the same number.",
        "RFC 9768 §3.2.2.2",
        "tcp.ecn.accurate",
        "        ace = self.received_packets % _CYCLE\n",
        "        ace = _FIRST_PACKETS\n",
    ),
    Transform(
        "marks-wait-for-the-delay",
        "However many marks come, the acknowledgement is delayed.",
        "RFC 9768 §3.2.2.5.1",
        "tcp.ecn.accurate",
        "        self.unreported_marks += segment.ce\n",
        "        self.unreported_marks = 0\n"
        "        self.last_marked = True\n",
    ),
    Transform(
        "counters-on-the-syn",
        "The SYN carries the option.",
        "RFC 9768 §3.2.3",
        "tcp.ecn.setup",
        "        segment.flags |= asked\n",
        "        segment.flags |= asked\n"
        "        segment.options = segment.options._replace(accurate_ecn_0=(1, 0, 1))\n",
    ),
    Transform(
        "duplicates-are-not-reported",
        "What comes twice below RCV.NXT is not reported by a D-SACK.",
        "RFC 9768 §3.3.4",
        "tcp.reassembly",
        "        if end > start and self.tells:\n"
        "            self.duplicate = (start, end)\n",
        "        pass\n",
    ),
)
