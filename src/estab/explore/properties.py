"""What must hold: predicates over one event, over both hosts at any time, and over the end of a run.

A predicate that talks of the peer compares ghosts; everything else is read from the connections themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from estab.explore.flying import FORGED
from estab.explore.ghosts import Ghost, Ghosts
from estab.explore.host import Account, Live
from estab.tcp.observer import Reason
from estab.tcp.states import TRANSITIONS, Fact, State
from estab.tcp.timers import NEVER
from estab.wire.tcp import FIN, RST, SYN

Finding = tuple[str, str]
"""The name of a property and how it is violated."""

PROPERTIES: Final = {
    "P1": "agreement: who is ESTABLISHED has a peer that recorded it as its own peer",
    "P2": "no replay: no two connections of a host have the same peer",
    "P3": "stream integrity: what was delivered is a prefix of what the peer wrote",
    "P4": "EOF soundness: at EOF everything the peer wrote was delivered, and the peer had closed",
    "P5": "close soundness: whose FIN was acknowledged has a peer that saw EOF",
    "P6": "no spurious abort: within the budget no established connection ends by a reset or a timeout",
    "P7": "isolation: only the peer's segments advance RCV.NXT and SND.UNA",
    "P8": "bounded reaction: one arrival draws at most one control segment, a reset none but a challenge",
    "P9": "provenance of resets: who is reset provoked it, or its peer meant it",
    "P10": "TIME-WAIT guard: it ends by its timer or a newer SYN, only a FIN restarts it",
    "P11": "half-close: what was written after the peer's EOF was delivered",
    "P12": "open: an active open to a willing listener ends ESTABLISHED",
    "P13": "full release: without faults every run ends with all calls done and nothing kept",
    "P14": "no livelock: without faults no run comes back to where it was",
    "P15": "delivery: everything written is delivered",
    "P16": "timers: what is unacknowledged has a timer, nothing else has; SND.UNA ≤ SND.NXT, RCV.NXT never falls",
    "P17": "transitions: every change of state is one of RFC 9293's or a listed deviation",
    "P18": "shift equivariance: other initial sequence numbers give the same graph",
}

WITNESSES: Final = (
    "both established",
    "simultaneous open",
    "CLOSING",
    "TIME-WAIT answers again",
    "challenge ACK",
    "reset",
    "retransmission",
    "crash",
    "forged segment",
    "second incarnation",
    "half-closed data",
    "CLOSE before ESTABLISHED",
    "abort",
)
"""What a scenario may have to show; a run that lacks what its scenario names proves nothing."""


# ---------------------------------------------------------------------- one event


def judge(account: Account, live: Live) -> Iterator[Finding]:
    """Everything that can be said about one event of one host."""
    yield from _bounded_reaction(account)
    yield from _isolation(account)
    yield from _reset_provenance(account)
    yield from _time_wait_guard(account)
    yield from _sequence_invariants(account)
    yield from _timer_invariants(live)
    yield from _legal_transitions(account)


def _bounded_reaction(account: Account) -> Iterator[Finding]:
    flying = account.flying
    if flying is None:
        return
    control = [each for each, reason in account.sent if not each.payload and reason is not Reason.RETRANSMISSION]
    answers = [each for each, reason in account.sent if reason is not Reason.CHALLENGE]
    if flying.flags & RST and answers:
        yield "P8", f"{flying} draws {answers[0]}"
    elif len(control) > 1:
        yield "P8", f"{flying} draws {len(control)} control segments"


def _isolation(account: Account) -> Iterator[Finding]:
    flying = account.flying
    if flying is None:
        return
    for number, before in account.before.items():
        after = account.after.get(number)
        if after is None:
            continue
        peer = account.ghosts[number].peer
        # Before the peer's SYN there is no RCV.NXT that could advance.
        received = before.state is not State.SYN_SENT and after.rcv_nxt > before.rcv_nxt
        if flying.source != peer and (received or after.snd_una > before.snd_una):
            yield "P7", f"#{number + 1} believes {flying}, whose sender is not its peer"


def _reset_provenance(account: Account) -> Iterator[Finding]:
    flying = account.flying
    if flying is None or not flying.flags & RST:
        return
    for number, old, fact, _ in account.moves:
        ghost = account.ghosts[number]
        was_reset = fact is Fact.RESET and old is not State.SYN_SENT and ghost.established
        meant = flying.source == ghost.peer and flying.source != FORGED
        if was_reset and not meant and flying.trigger != number:
            yield "P9", f"#{number + 1} is reset by {flying}, which it did not provoke and its peer did not send"


def _time_wait_guard(account: Account) -> Iterator[Finding]:
    flying, before, after = account.flying, account.waits_before, account.waits_after
    if before is None or account.event[0] == "crash":
        return
    if flying is None:
        if after is None and account.event[0] != "fire":
            yield "P10", f"{account.event[0]} ended TIME-WAIT"
        return
    if after is None:
        reopened = flying.flags & SYN and len(account.ghosts) > len(account.was)
        if flying.flags & RST:
            yield "P10", f"{flying} ended TIME-WAIT"
        elif not reopened:
            yield "P10", f"{flying} ended TIME-WAIT and opened nothing"
    elif after.expires != before.expires and not flying.flags & FIN:
        yield "P10", f"{flying} restarted TIME-WAIT"


def _sequence_invariants(account: Account) -> Iterator[Finding]:
    for number, after in account.after.items():
        if after.snd_una > after.snd_nxt:
            yield "P16", f"#{number + 1}: SND.UNA is beyond SND.NXT"
        before = account.before.get(number)
        if before is not None and before.state is not State.SYN_SENT and after.rcv_nxt < before.rcv_nxt:
            yield "P16", f"#{number + 1}: RCV.NXT fell"


def _timer_invariants(live: Live) -> Iterator[Finding]:
    for c in live.stack.connections.values():
        timers = c.timers
        if c.state in (State.CLOSED, State.TIME_WAIT):
            yield "P16", f"a connection is kept in {c.state.value}"
            continue
        repairs = min(timers.rto, timers.tail_probe, timers.reorder) < NEVER
        if bool(c.board.ranges) != repairs:
            yield "P16", f"{c.state.value}: {'no' if c.board.ranges else 'a needless'} retransmission timer"


def _legal_transitions(account: Account) -> Iterator[Finding]:
    """The table of the RFC, not the one that the stack was given."""
    for number, old, fact, new in account.moves:
        if TRANSITIONS.get((old, fact)) is not new:
            yield "P17", f"#{number + 1}: {old.value}, {fact.value} → {new.value}"


# ---------------------------------------------------------------------- both hosts


def compare(here: Ghosts, there: Ghosts) -> Iterator[Finding]:
    """What must hold between the connections of one host and those of the other, at any time."""
    peers = set()
    for number, ghost in enumerate(here):
        if not ghost.established:
            continue
        peer = there[ghost.peer] if ghost.peer is not None and 0 <= ghost.peer < len(there) else None
        if peer is None or peer.peer != number:
            other = _name(peer and peer.peer)
            yield "P1", f"#{number + 1} is established with {_name(ghost.peer)}, whose peer is {other}"
        if ghost.peer in peers:
            yield "P2", f"#{number + 1} has the peer of an earlier connection"
        peers.add(ghost.peer)
        if peer is not None:
            yield from _streams(number, ghost, peer)


def _name(number: int | None) -> str:
    return "nobody" if number is None or number < 0 else f"#{number + 1}"


def _streams(number: int, ghost: Ghost, peer: Ghost) -> Iterator[Finding]:
    if not peer.written.startswith(ghost.delivered):
        yield "P3", f"#{number + 1} was delivered {ghost.delivered!r}, its peer wrote {peer.written!r}"
    if ghost.eof and (ghost.delivered != peer.written or not peer.closed):
        how = f"with {ghost.delivered!r} of {peer.written!r}" if peer.closed else "which its peer did not say"
        yield "P4", f"#{number + 1} is at EOF, {how}"
    if ghost.fin_acked and not peer.eof:
        yield "P5", f"the FIN of #{number + 1} is acknowledged, and its peer has not seen EOF"


def ended(here: Ghosts, there: Ghosts, willing: bool) -> Iterator[Finding]:
    """Nobody's connection ends by a reset or a timeout, unless a user or a crash wanted it so.

    ``willing``: somebody listened, so that no open may be refused."""
    for number, ghost in enumerate(here):
        if ghost.end not in {"reset", "timeout", "refused"}:
            continue
        peer = there[ghost.peer] if ghost.peer is not None and 0 <= ghost.peer < len(there) else None
        if peer is not None and peer.user_ended:
            continue
        if ghost.established:
            yield "P6", f"#{number + 1} ends by {ghost.end}"
        elif ghost.active and not ghost.closed and (willing or ghost.end != "refused"):
            yield "P12", f"the open of #{number + 1} ends by {ghost.end}"


# ---------------------------------------------------------------------- the end of a run


def delivered(here: Ghosts, there: Ghosts) -> Iterator[Finding]:
    """Everything that was written has been delivered, where both sides ended well."""
    for number, ghost in enumerate(here):
        if not ghost.established or ghost.end != "closed" or ghost.peer is None or not 0 <= ghost.peer < len(there):
            continue
        peer = there[ghost.peer]
        if peer.end != "closed" or ghost.delivered == peer.written:
            continue
        yield "P15", f"#{number + 1} was delivered {ghost.delivered!r} of {peer.written!r}"
        if peer.late and not ghost.delivered.endswith(peer.late):
            yield "P11", f"#{number + 1} lacks {peer.late!r}, written after its EOF"


# ---------------------------------------------------------------------- what must have been seen


def witnessed(account: Account) -> int:
    """A bit for each of ``WITNESSES`` that one event of one host shows."""
    seen = set(_seen(account))
    return sum(1 << place for place, name in enumerate(WITNESSES) if name in seen)


def _seen(account: Account) -> Iterator[str]:
    flying = account.flying
    for number, old, fact, new in account.moves:
        if (old, new) == (State.SYN_SENT, State.SYN_RECEIVED):
            yield "simultaneous open"
        if new is State.CLOSING:
            yield "CLOSING"
        if fact is Fact.CLOSE and old in (State.SYN_SENT, State.SYN_RECEIVED):
            yield "CLOSE before ESTABLISHED"
        if fact is Fact.ABORT:
            yield "abort"
        if new is State.ESTABLISHED and number:
            yield "second incarnation"
    if account.waits_before is not None and flying is not None and flying.flags & FIN and account.sent:
        yield "TIME-WAIT answers again"
    for each, reason in account.sent:
        if reason is Reason.CHALLENGE:
            yield "challenge ACK"
        if reason in (Reason.TIMEOUT, Reason.RETRANSMISSION):
            yield "retransmission"
        if each.flags & RST:
            yield "reset"
    if flying is not None and flying.source == FORGED:
        yield "forged segment"
    if account.event[0] == "crash":
        yield "crash"
    yield from _late_data(account)


def _late_data(account: Account) -> Iterator[str]:
    if any(new.late != old.late for new, old in zip(account.ghosts, account.was, strict=False)):
        yield "half-closed data"


def both_established(here: Ghosts, there: Ghosts) -> bool:
    return any(ghost.established for ghost in here) and any(ghost.established for ghost in there)
