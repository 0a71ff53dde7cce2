"""Defences that are made of ``Rules`` and ``Config``: others are derived, and the code that ships runs with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from estab.mutations.mutation import Change, ChangedTable, Mutation, Witness
from estab.tcp import arrives
from estab.tcp.arrives import acceptable, answer_closed, reset, reset_for
from estab.tcp.config import Config
from estab.tcp.fast_open import is_cookie
from estab.tcp.queues import SendQueue
from estab.tcp.rules import Rules, Step
from estab.tcp.states import Fact, State
from estab.tcp.time_wait import Outcome, TimeWait, answer_fin, ignore_reset
from estab.wire.tcp import ACK, FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from estab.tcp.connection import Connection


# ---------------------------------------------------------------------- opening


def _two_way_handshake(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    changed = {(State.LISTEN, Fact.SYN): State.ESTABLISHED}
    return rules.but(transitions=ChangedTable(rules.transitions, changed, witness)), config


def _fixed_isn(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def isn(secret: bytes, key: bytes, now: int) -> int:
        witness.saw()
        return 1000

    return rules.but(isn=isn), config


def _slow_isn(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def isn(secret: bytes, key: bytes, now: int) -> int:
        witness.saw()
        return rules.isn(secret, key, now) >> 16

    return rules.but(isn=isn), config


def _any_ack_in_syn_sent(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def believe(c: Connection, segment: Segment, now: int) -> bool:
        if segment.flags & ACK and not c.iss < segment.ack <= c.snd_nxt:
            witness.saw()
            segment.ack = c.snd_nxt
        return False

    return rules.without_step(arrives.syn_sent_ack, believe), config


def _any_ack_in_syn_received(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def believe(c: Connection, segment: Segment, now: int) -> bool:
        wrong = segment.flags & ACK and not c.snd_una < segment.ack <= c.snd_nxt
        if c.state is State.SYN_RECEIVED and wrong:
            witness.saw()
            segment.ack = c.snd_nxt
        return arrives.check_ack(c, segment, now)

    return rules.without_step(arrives.check_ack, believe), config


def _any_cookie(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def believe(secret: bytes, client: bytes, server: bytes, epoch: int, cookie: bytes) -> bool:
        if not is_cookie(secret, client, server, epoch, cookie):
            witness.saw()
        return True

    return rules.but(is_cookie=believe), config


# ---------------------------------------------------------------------- retransmission


def _without_retransmission(of: Callable[[Connection, int], bool]) -> Change:
    def change(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
        def retransmits(c: Connection, start: int) -> bool:
            if of(c, start):
                witness.saw()
                return False
            return rules.retransmits(c, start)

        return rules.but(retransmits=retransmits), config

    return change


def _is_syn(c: Connection, start: int) -> bool:
    return start == c.iss and not c.passive


def _is_syn_ack(c: Connection, start: int) -> bool:
    return start == c.iss and c.passive


def _is_data(c: Connection, start: int) -> bool:
    return c.iss < start < c.send_queue.end


def _is_fin(c: Connection, start: int) -> bool:
    return c.write_closed and start == c.send_queue.end


def _no_f_rto(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def believes(c: Connection) -> bool:
        if rules.tries_timeouts(c):
            witness.saw()
        return False

    return rules.but(tries_timeouts=believes), config


# ---------------------------------------------------------------------- segment arrival


def _no_sequence_check(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def accept(c: Connection, segment: Segment, now: int) -> bool:
        if segment.flags & RST or acceptable(c, segment):
            return arrives.check_sequence(c, segment, now)
        witness.saw()
        segment.seq = c.rcv_nxt
        return False

    return rules.without_step(arrives.check_sequence, accept), config


def _no_answer_to_unacceptable(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def discard(c: Connection, segment: Segment, now: int) -> bool:
        if segment.flags & RST or acceptable(c, segment):
            return arrives.check_sequence(c, segment, now)
        witness.saw()
        return True

    return rules.without_step(arrives.check_sequence, discard), config


def _obeys_every_reset(instead_of: Step) -> Change:
    """A RST that gets as far as this step resets, wherever in the sequence space it lies."""

    def change(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
        def obey(c: Connection, segment: Segment, now: int) -> bool:
            if not segment.flags & RST or segment.seq == c.rcv_nxt:
                return instead_of(c, segment, now)
            witness.saw()
            reset(c, now)
            return True

        return rules.without_step(instead_of, obey), config

    return change


def _fin_out_of_order(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def obey(c: Connection, segment: Segment, now: int) -> bool:
        place = segment.seq + segment.length
        if segment.flags & FIN and c.rcv_fin is None and place > c.rcv_nxt:
            witness.saw()
            c.rcv_nxt = place
            c.reassembly = None
        return arrives.check_fin(c, segment, now)

    return rules.without_step(arrives.check_fin, obey), config


def _fin_closes_both(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def close_too(c: Connection, segment: Segment, now: int) -> bool:
        finished = arrives.check_fin(c, segment, now)
        if c.state is State.CLOSE_WAIT and not c.write_closed:
            witness.saw()
            if not c.board.ranges:
                c.send_queue = SendQueue(c.snd_nxt)
            c.shutdown(now)
        return finished

    return rules.without_step(arrives.check_fin, close_too), config


def _any_ack_of_fin(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    waiting = (State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK)

    def believe(c: Connection, segment: Segment, now: int) -> bool:
        end = c.send_queue.end + 1
        if c.state in waiting and segment.flags & ACK and c.snd_una <= segment.ack < end == c.snd_nxt:
            witness.saw()
            segment.ack = end
        return arrives.check_ack(c, segment, now)

    return rules.without_step(arrives.check_ack, believe), config


def _no_reset_from_closed(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def keep_silent(segment: Segment) -> Segment | None:
        if answer_closed(segment) is not None:
            witness.saw()
        return None

    return rules.but(closed=keep_silent), config


def _no_reset(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def ignore(c: Connection, segment: Segment, now: int) -> bool:
        if segment.flags & ACK and not c.iss < segment.ack <= c.snd_nxt:
            witness.saw()
            return True
        return False

    silent, _ = _no_reset_from_closed(rules, config, witness)
    return silent.without_step(arrives.syn_sent_ack, ignore), config


def _reset_answers_reset(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def answer(segment: Segment) -> Segment | None:
        if segment.flags & RST:
            witness.saw()
        return reset_for(segment)

    return rules.but(closed=answer), config


# ---------------------------------------------------------------------- TIME-WAIT


def _no_time_wait(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    return rules, config.but(msl=0)


def _one_msl(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    return rules, config.but(msl=config.msl // 2)


def _no_time_wait_fixed_isn(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    return _fixed_isn(*_no_time_wait(rules, config, witness), witness)


def _no_time_wait_slow_isn(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    return _slow_isn(*_no_time_wait(rules, config, witness), witness)


def _time_wait_obeys_reset(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def obey(entry: TimeWait, segment: Segment, config: Config) -> Outcome | None:
        if not segment.flags & RST:
            return None
        witness.saw()
        return Outcome.CLOSE

    return rules.but(time_wait=_exchange(rules, ignore_reset, obey)), config


def _no_time_wait_reack(rules: Rules, config: Config, witness: Witness) -> tuple[Rules, Config]:
    def ignore(entry: TimeWait, segment: Segment, config: Config) -> Outcome | None:
        if not segment.flags & FIN or segment.flags & SYN:
            return None
        witness.saw()
        return Outcome.IGNORE

    return rules.but(time_wait=_exchange(rules, answer_fin, ignore)), config


def _exchange(rules: Rules, step: object, instead: object) -> tuple[object, ...]:
    if step not in rules.time_wait:
        raise ValueError(f"no such step: {step!r}")
    return tuple(instead if each is step else each for each in rules.time_wait)


BY_RULES: Final = (
    Mutation(
        "two-way-handshake",
        "The passive side is ESTABLISHED as soon as a SYN arrives: it waits for no acknowledgement of its own SYN.",
        "RFC 9293 §3.5",
        _two_way_handshake,
    ),
    Mutation("fixed-isn", "Every connection begins at sequence number 1000.", "RFC 9293 §3.4.1, RFC 6528", _fixed_isn),
    Mutation(
        "slow-isn",
        "Initial sequence numbers grow 65,536 times slower than their clock: the next lies in the window of the last.",
        "RFC 9293 §3.4.1",
        _slow_isn,
    ),
    Mutation(
        "any-ack-in-syn-sent",
        "SYN-SENT takes any acknowledgement for one of its own SYN.",
        "RFC 9293 §3.10.7.3, first",
        _any_ack_in_syn_sent,
    ),
    Mutation(
        "any-ack-in-syn-received",
        "SYN-RECEIVED takes any acknowledgement for one of its own SYN.",
        "RFC 9293 §3.10.7.4, fifth",
        _any_ack_in_syn_received,
    ),
    Mutation(
        "any-cookie",
        "Fast open takes any cookie for its own: data is delivered although nobody has ever answered from its address.",
        "RFC 7413 §4.1.2",
        _any_cookie,
    ),
    Mutation("no-syn-retransmission", "A SYN is sent once.", "RFC 9293 §3.8.1", _without_retransmission(_is_syn)),
    Mutation(
        "no-syn-ack-retransmission", "A SYN-ACK is sent once.", "RFC 9293 §3.8.1", _without_retransmission(_is_syn_ack)
    ),
    Mutation("no-data-retransmission", "Data is sent once.", "RFC 9293 §3.8.1", _without_retransmission(_is_data)),
    Mutation("no-fin-retransmission", "A FIN is sent once.", "RFC 9293 §3.8.1", _without_retransmission(_is_fin)),
    Mutation("no-f-rto", "A timeout is believed: everything is sent again.", "RFC 5682", _no_f_rto),
    Mutation(
        "no-sequence-check",
        "A segment from anywhere in sequence space is taken for the next one.",
        "RFC 9293 §3.10.7.4, first",
        _no_sequence_check,
    ),
    Mutation(
        "no-answer-to-unacceptable",
        "A segment outside the window is dropped without telling the peer where we stand.",
        "RFC 9293 §3.10.7.4, first",
        _no_answer_to_unacceptable,
    ),
    Mutation(
        "no-reset-check",
        "A RST with any sequence number resets.",
        "RFC 9293 §3.10.7.4, second",
        _obeys_every_reset(arrives.check_sequence),
    ),
    Mutation(
        "in-window-reset",
        "A RST anywhere in the window resets, as in RFC 793: exactness is not checked.",
        "RFC 5961 §3.2",
        _obeys_every_reset(arrives.check_rst),
    ),
    Mutation(
        "fin-out-of-order",
        "A FIN is obeyed when it arrives, although data before it is still missing.",
        "RFC 9293 §3.10.7.4, eighth",
        _fin_out_of_order,
    ),
    Mutation(
        "fin-closes-both",
        "The peer's FIN closes our direction too; what was not sent yet is thrown away.",
        "RFC 9293 §3.6",
        _fin_closes_both,
    ),
    Mutation(
        "any-ack-of-fin",
        "Any acceptable acknowledgement counts as one of our FIN.",
        "RFC 9293 §3.10.7.4, fifth",
        _any_ack_of_fin,
    ),
    Mutation(
        "no-reset-from-closed",
        "A segment for no connection gets no answer.",
        "RFC 9293 §3.10.7.1",
        _no_reset_from_closed,
    ),
    Mutation(
        "no-reset",
        "A segment for no connection, and an unacceptable acknowledgement in SYN-SENT, get no answer.",
        "RFC 9293 §3.5.2",
        _no_reset,
    ),
    Mutation("reset-answers-reset", "A RST is answered by a RST.", "RFC 9293 §3.10.7.1", _reset_answers_reset),
    Mutation("no-time-wait", "TIME-WAIT ends as soon as it begins.", "RFC 9293 §3.6.1", _no_time_wait),
    Mutation("one-msl", "TIME-WAIT lasts one maximum segment lifetime, not two.", "RFC 9293 §3.6.1", _one_msl),
    Mutation(
        "no-time-wait-fixed-isn",
        "TIME-WAIT ends as soon as it begins, and every connection begins at sequence number 1000.",
        "RFC 9293 §3.6.1, §3.4.1",
        _no_time_wait_fixed_isn,
    ),
    Mutation(
        "no-time-wait-slow-isn",
        "TIME-WAIT ends as soon as it begins, and initial sequence numbers hardly grow.",
        "RFC 9293 §3.6.1, §3.4.1",
        _no_time_wait_slow_isn,
    ),
    Mutation("time-wait-obeys-rst", "A RST ends TIME-WAIT.", "RFC 1337", _time_wait_obeys_reset),
    Mutation(
        "no-time-wait-reack",
        "TIME-WAIT does not acknowledge a FIN that comes again.",
        "RFC 9293 §3.10.7.4, eighth",
        _no_time_wait_reack,
    ),
)
