"""Steps of segment arrival that decide otherwise in one case."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from estab.mutations.mutation import Change, ChangedTable, Mutation, Witness
from estab.tcp import arrives
from estab.tcp.config import Config
from estab.tcp.rules import Rules, Step
from estab.tcp.states import RECEIVING, SYNCHRONIZED, Fact, State
from estab.wire.sequence import MASK32, unwrap
from estab.wire.tcp import ACK, FIN, RST, SYN, URG, Segment

if TYPE_CHECKING:
    from estab.tcp.connection import Connection

Case = Callable[["Connection", Segment], bool]


def _in_case(case: Case, step: Step, instead: Step) -> Change:
    """Where ``case`` is true, ``instead`` stands for the step."""

    def change(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
        def decide(c: Connection, segment: Segment, now: int) -> bool:
            if case(c, segment):
                witness.saw()
                return instead(c, segment, now)
            return step(c, segment, now)

        return rules.without_step(step, decide), config

    return change


def _drop(c: Connection, segment: Segment, now: int) -> bool:
    return True


def _pass(c: Connection, segment: Segment, now: int) -> bool:
    return False


def _obey(c: Connection, segment: Segment, now: int) -> bool:
    arrives.reset(c, now)
    return True


def _is_lone_syn(c: Connection, segment: Segment) -> bool:
    return segment.flags & (SYN | ACK) == SYN


def _is_reset(c: Connection, segment: Segment) -> bool:
    return segment.flags & RST > 0


def _is_exact_reset(c: Connection, segment: Segment) -> bool:
    return _is_reset(c, segment) and segment.seq == c.rcv_nxt


def _is_inexact_reset(c: Connection, segment: Segment) -> bool:
    return _is_reset(c, segment) and segment.seq != c.rcv_nxt


def _is_lone_reset(c: Connection, segment: Segment) -> bool:
    return segment.flags & (RST | ACK) == RST


def _is_late_syn(c: Connection, segment: Segment) -> bool:
    return segment.flags & SYN > 0 and not (c.state is State.SYN_RECEIVED and c.passive)


def _acknowledges_unsent(c: Connection, segment: Segment) -> bool:
    return segment.flags & ACK > 0 and segment.ack > c.snd_nxt and c.state in SYNCHRONIZED


def _acknowledges_too_old(c: Connection, segment: Segment) -> bool:
    return segment.flags & ACK > 0 and segment.ack < min(c.snd_una, arrives.oldest_valid_ack(c))


def _has_text_for_us(c: Connection, segment: Segment) -> bool:
    return segment.length > 0 and segment.seq == c.rcv_nxt and c.state in RECEIVING


def _repeats_text(c: Connection, segment: Segment) -> bool:
    return segment.length > 0 and segment.seq + segment.length == c.rcv_nxt and not segment.flags & FIN


def _has_wrapped(c: Connection, segment: Segment) -> bool:
    return segment.seq & MASK32 < c.irs & MASK32


def _believe_all_sent(c: Connection, segment: Segment, now: int) -> bool:
    segment.ack = c.snd_nxt
    return arrives.check_ack(c, segment, now)


def _believe_nothing_new(c: Connection, segment: Segment, now: int) -> bool:
    segment.ack = c.snd_una
    return arrives.check_ack(c, segment, now)


def _count_without_delivering(c: Connection, segment: Segment, now: int) -> bool:
    c.rcv_nxt += segment.length
    arrives.owe_ack(c)
    return False


def _go_back(c: Connection, segment: Segment, now: int) -> bool:
    c.rcv_nxt = segment.seq
    return True


def _is_urgent(c: Connection, segment: Segment) -> bool:
    return segment.flags & URG > 0


def _is_stale(c: Connection, segment: Segment) -> bool:
    stamps = segment.options.timestamps
    if not c.ts_ok or stamps is None or segment.flags & (RST | SYN):
        return False
    return unwrap(stamps[0], c.ts_recent) < c.ts_recent


def _lacks_timestamps(c: Connection, segment: Segment) -> bool:
    return c.ts_ok and segment.options.timestamps is None and not segment.flags & (RST | SYN)


def _paws_after_the_sequence_check(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def check(c: Connection, segment: Segment, now: int) -> bool:
        finished = arrives.check_sequence(c, segment, now)
        if finished and _is_stale(c, segment):
            witness.saw()
        return finished or arrives.check_timestamp(c, segment, now)

    return rules.without_step(arrives.check_sequence, check).without_step(arrives.check_timestamp), config


def _no_closing(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    changed = {(State.FIN_WAIT_1, Fact.FIN): State.TIME_WAIT}
    return rules.but(transitions=ChangedTable(rules.transitions, changed, witness)), config


BY_STEPS: Final = (
    Mutation(
        "syn-resets",
        "A SYN in the window resets, as in RFC 793.",
        "RFC 5961 §4.2",
        _in_case(_is_late_syn, arrives.check_syn, _obey),
    ),
    Mutation(
        "ack-of-unsent",
        "An acknowledgement of what was never sent counts for all that was.",
        "RFC 9293 §3.10.7.4, fifth",
        _in_case(_acknowledges_unsent, arrives.check_ack, _believe_all_sent),
    ),
    Mutation(
        "ack-from-anywhere",
        "However old the acknowledgement, the text beside it is taken.",
        "RFC 5961 §5.2",
        _in_case(_acknowledges_too_old, arrives.check_ack, _believe_nothing_new),
    ),
    Mutation(
        "text-is-not-delivered",
        "Text is acknowledged and thrown away.",
        "RFC 9293 §3.10.7.4, seventh",
        _in_case(_has_text_for_us, arrives.take_text, _count_without_delivering),
    ),
    Mutation(
        "old-text-moves-back",
        "Text that comes again sets RCV.NXT back.",
        "RFC 9293 §3.10.7.4, first",
        _in_case(_repeats_text, arrives.check_sequence, _go_back),
    ),
    Mutation(
        "numbers-do-not-wrap",
        "Once the numbers have passed 2^32 they count as older than the first.",
        "RFC 9293 §3.4",
        _in_case(_has_wrapped, arrives.check_sequence, _drop),
    ),
    Mutation(
        "no-closing",
        "In FIN-WAIT-1 a FIN leads to TIME-WAIT, whether ours is acknowledged or not.",
        "RFC 9293 §3.3.2",
        _no_closing,
    ),
    Mutation(
        "no-simultaneous-open",
        "In SYN-SENT a SYN without an ACK is dropped.",
        "RFC 9293 §3.5",
        _in_case(_is_lone_syn, arrives.syn_sent_syn, _drop),
    ),
    Mutation(
        "any-reset-in-syn-sent",
        "SYN-SENT obeys a RST that acknowledges nothing.",
        "RFC 5961 §3.2",
        _in_case(_is_lone_reset, arrives.syn_sent_reset, _obey),
    ),
    Mutation(
        "no-reset-in-syn-sent",
        "SYN-SENT obeys no RST.",
        "RFC 5961 §3.2",
        _in_case(_is_reset, arrives.syn_sent_reset, _drop),
    ),
    Mutation(
        "no-exact-reset",
        "A RST at RCV.NXT is dropped.",
        "RFC 5961 §3.2",
        _in_case(_is_exact_reset, arrives.check_rst, _drop),
    ),
    Mutation(
        "no-challenge-of-resets",
        "A RST in the window that is not exact gets no challenge.",
        "RFC 5961 §3.2",
        _in_case(_is_inexact_reset, arrives.check_rst, _drop),
    ),
    Mutation(
        "no-challenge-of-syn",
        "A SYN in a synchronized state gets no challenge.",
        "RFC 5961 §4.2",
        _in_case(_is_late_syn, arrives.check_syn, _drop),
    ),
    Mutation(
        "no-urgent",
        "The urgent pointer is not looked at.",
        "RFC 9293 §3.8.5",
        _in_case(_is_urgent, arrives.check_urg, _pass),
    ),
    Mutation(
        "no-paws",
        "Old timestamps are as good as new ones.",
        "RFC 7323 §5.3",
        _in_case(_is_stale, arrives.check_timestamp, _pass),
    ),
    Mutation(
        "paws-after-the-sequence-check",
        "Timestamps are looked at after the sequence number.",
        "RFC 7323 §5.3",
        _paws_after_the_sequence_check,
    ),
    Mutation(
        "missing-timestamp-aborts",
        "A segment without the timestamps that were agreed resets.",
        "RFC 7323 §3.2",
        _in_case(_lacks_timestamps, arrives.check_timestamp, _obey),
    ),
)
