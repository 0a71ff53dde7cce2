"""Why TIME-WAIT lasts two maximum segment lifetimes."""

from __future__ import annotations

from random import Random
from typing import Final

from estab.faults import rules
from estab.faults.hops import hops
from estab.faults.verdict import PASS, Deliver, Drop, Fault, Verdict
from estab.lessons.lesson import Lesson, Scene
from estab.lessons.stage import Finding, Stage, constant, error_name
from estab.tcp.config import MILLISECOND, MODERN, SECOND, Config
from estab.tcp.states import State
from estab.wire.packet import Packet
from estab.wire.tcp import Segment

_ISN: Final = 100
_DELAY: Final = 10 * MILLISECOND
_ALMOST_MSL: Final = MODERN.msl - 50 * MILLISECOND
_RTO: Final = SECOND
_MSL: Final = 3 * SECOND
_TTL: Final = 8


def _last_ack(segment: Segment) -> bool:
    return rules.ack_only(segment) and segment.seq == _ISN + 2


def _fins(held: int, by: int) -> Fault:
    """Of all FINs only the first passes, and number ``held``, ``by`` ns late: that copy decides."""
    is_fin = rules.drop(rules.fin)
    count = 0

    def judge(packet: Packet, now: int, rng: Random) -> Verdict:
        nonlocal count
        if is_fin(packet, now, rng) is PASS:
            return PASS
        count += 1
        if count == 1:
            return PASS
        return Deliver(by) if count == held else Drop()

    return judge


def _close(stage: Stage) -> str:
    """Close from the client's side; how the server ends."""
    client, server = stage.connected()
    client.close(stage.now)
    stage.run(lambda: server.eof)
    server.close(stage.now)
    stage.run(lambda: server.state is State.CLOSED)
    return error_name(server)


def delayed_retransmission(stage: Stage) -> Finding:
    stage.build(
        client_isn=constant(_ISN),
        delay=_DELAY,
        out=[rules.drop(_last_ack, first=1)],
        into=[_fins(2, _ALMOST_MSL)],
    )
    ended = _close(stage)
    stage.fact("MSL", f"{MODERN.msl // SECOND} s")
    stage.fact("the repeated FIN was on its way for", f"{(_ALMOST_MSL + _DELAY) / SECOND:g} s")
    stage.fact("the server ends with", ended)
    return stage.judge(
        ended == "no error",
        "One RTO and almost one MSL after the first FIN its copy arrives, and TIME-WAIT is still there to answer it.",
        broken=ended == "ConnectionResetError",
        but="TIME-WAIT was over when one delayed retransmission arrived: it got RST, and the server ends with "
        "ConnectionResetError.",
    )


def _with_time_wait(duration: int) -> Config:
    """A fixed RTO, and a TIME-WAIT of this length."""
    return MODERN.but(rto_initial=_RTO, rto_minimum=_RTO, rto_maximum=_RTO, tail_probe=False, msl=duration // 2)


def _survives(stage: Stage, losses: int, time_wait: int) -> bool:
    """The last ACK is lost, then all copies of the FIN but the last, which takes a whole MSL: ``losses`` in all."""
    stage.build(
        config=_with_time_wait(time_wait),
        client_isn=constant(_ISN),
        delay=0,
        out=[rules.drop(_last_ack, first=1)],
        into=[_fins(losses + 1, _MSL)],
    )
    return _close(stage) == "no error"


def law(stage: Stage) -> Finding:
    sharp = True
    for losses in range(1, 5):
        threshold = losses * _RTO + _MSL
        longer = _survives(stage.trial(), losses, threshold + 2)
        shorter = _survives(stage.trial(), losses, threshold - 2)
        two_msl = _survives(stage if losses == 3 else stage.trial(), losses, 2 * _MSL - 2)
        sharp = sharp and longer and not shorter and two_msl is (losses < 3)
        stage.fact(
            f"k = {losses}",
            f"TIME-WAIT of {threshold // SECOND} s + 2 ns: {_word(longer)}, - 2 ns: {_word(shorter)}; "
            f"of 2 MSL = {2 * _MSL // SECOND} s: {_word(two_msl)}",
        )
    return stage.judge(
        sharp,
        "k losses are survived if and only if TIME-WAIT > k RTO + MSL (here RTO 1 s, MSL 3 s): 2 MSL is enough as long "
        "as the retransmissions take less than one MSL.",
    )


def _word(survived: bool) -> str:
    return "survives" if survived else "fails"


def hop_counter(stage: Stage) -> Finding:
    stage.build(config=MODERN.but(ttl=_TTL, syn_retries=1), out=[hops(_TTL + 2)])
    stage.listen()
    client = stage.open()
    stage.run(lambda: client.state is State.CLOSED)
    reports = [each for each in stage.passages if each.info == "ICMP time exceeded"]
    lost = [each.cause for each in stage.segments if each.fate == "lost"]
    stage.fact("time to live", f"{_TTL}, on a path of {_TTL + 2} routers")
    stage.fact("the open ends with", client.error)
    good = len(reports) == len(lost) == 2 and set(lost) == {"ttl expired"} and isinstance(client.error, OSError)
    return stage.judge(
        good,
        "Each router takes one from the counter; the one that finds nothing left drops the packet and reports ICMP "
        "Time Exceeded.",
    )


LESSON: Final = Lesson(
    "time-wait-length",
    "why 2 MSL: k lost FINs or ACKs are survived if and only if TIME-WAIT > k RTO + MSL; MSL against TTL",
    "The MSL is the longest time that a segment can live in the network. TIME-WAIT must last until the peer has "
    "needed no more answers: its FIN may have to be sent again, k times with an RTO between, and the last copy may "
    "take a whole MSL. 2 MSL leaves one MSL for the retransmissions.\n\n"
    "2 MSL is not a round trip, and a round trip would not do: it is about the segment that took longest, not about "
    "the usual one. And nothing in IP measures time: TTL counts routers. It ends loops, and the MSL is the assumption "
    "that so many hops never take so many seconds.",
    "TIME-WAIT must last longer than k RTO + MSL to survive k losses; the hop counter ends packets by hops, not by "
    "time.",
    (
        Scene("The last ACK is lost, and the repeated FIN takes almost one MSL", delayed_retransmission, ("one-msl",)),
        Scene("The law, to the nanosecond (drawn: k = 3 and 2 MSL less 2 ns)", law),
        Scene("TTL: too many routers", hop_counter),
    ),
)
