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
        "    c.timers.set(Timer.PACE, now + min(c.rtt.rto << ecn.holds, c.config.rto_maximum))\n",
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
)
