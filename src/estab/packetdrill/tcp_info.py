"""What code blocks see of the connection: the fields of Linux's ``struct tcp_info``, in its units."""

from __future__ import annotations

from typing import Any, Final

from estab.packetdrill.constants import SYMBOLS
from estab.packetdrill.tally import Tally
from estab.packetdrill.world import World
from estab.sockets import StreamSocket
from estab.sockets.info import info_of
from estab.tcp.config import MILLISECOND
from estab.tcp.congestion.control import UNBOUNDED
from estab.tcp.connection import Connection
from estab.tcp.recovery import LOSS, OPEN, RECOVERY
from estab.tcp.states import State

_STATES: Final = {
    State.ESTABLISHED: 1,
    State.SYN_SENT: 2,
    State.SYN_RECEIVED: 3,
    State.FIN_WAIT_1: 4,
    State.FIN_WAIT_2: 5,
    State.TIME_WAIT: 6,
    State.CLOSED: 7,
    State.CLOSE_WAIT: 8,
    State.LAST_ACK: 9,
    State.LISTEN: 10,
    State.CLOSING: 11,
}
_BSD_STATES: Final = (
    *("CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING"),
    *("LAST_ACK", "FIN_WAIT_2", "TIME_WAIT"),
)
_MICROSECOND: Final = 1000
_INFINITE: Final = 0x7FFFFFFF
_LARGEST_WINDOW: Final = 65_535 << 14
_UNLIMITED: Final = 0xFFFFFFFFFFFFFFFF
_NOT_COUNTED: Final = tuple(
    f"tcpi_{name}"
    for name in (
        *("delivery_rate", "delivery_rate_app_limited", "busy_time", "rwnd_limited", "sndbuf_limited", "rehash"),
        *("total_rto_time", "fastopen_client_fail", "received_ce", "received_ce_bytes"),
    )
)
"""They are there, and always 0."""
_REORDERING: Final = 3

_SHOWN: Final = ("TCP_", "TCPI_", "TCPS_", "SK_MEMINFO", "TFO_")
CONSTANTS: Final[dict[str, object]] = {name: value for name, value in SYMBOLS.items() if name.startswith(_SHOWN)}


def variables_of(socket: StreamSocket | None, world: World) -> dict[str, object]:
    """Everything by name; of a socket without a connection only its state."""
    if socket is None:
        return dict(CONSTANTS)
    return CONSTANTS | info_fields(socket, world)


def info_fields(socket: StreamSocket, world: World) -> dict[str, Any]:
    """``struct tcp_info`` of a socket, as the host's kernel fills it."""
    connection = socket.connection
    if connection is None:
        state = State.LISTEN if socket.listening else State.CLOSED
        return {"tcpi_state": _state(state, world)}
    fields = fields_of(connection, world.books.of(connection, world.now), world.now)
    if world.config.bsd_calls:
        # Windows in bytes, segments without regard to options.
        size = min(connection.peer_mss, connection.advertised_mss())
        window, threshold = connection.congestion.cwnd, min(connection.congestion.ssthresh, _LARGEST_WINDOW)
        fields |= {"tcpi_snd_cwnd": window, "tcpi_snd_ssthresh": threshold}
        fields |= {"tcpi_snd_mss": size, "tcpi_rcv_mss": size}
    return fields | {"tcpi_state": _state(connection.state, world)}


def _state(state: State, world: World) -> int:
    """FreeBSD numbers its states otherwise."""
    if world.config.bsd_calls:
        return _BSD_STATES.index(state.name)
    return _STATES[state]


def fields_of(c: Connection, tally: Tally, now: int) -> dict[str, Any]:
    """``tcpi_*``, the state apart."""
    info = info_of(c)
    scale = info.window_scale or (0, 0)
    options = info.timestamps | info.sack << 1 | (info.window_scale is not None) << 2 | (c.ecn is not None) << 3
    return {
        "tcpi_ca_state": _phase(c),
        "tcpi_retransmits": info.retransmits,
        "tcpi_probes": info.probes + tally["probes"],
        "tcpi_backoff": info.backoff + c.persist_backoff,
        "tcpi_options": options,
        "tcpi_snd_wscale": scale[0],
        "tcpi_rcv_wscale": scale[1],
        "tcpi_rto": info.rto // _MICROSECOND,
        "tcpi_ato": (40 * MILLISECOND if c.ack_delay is None else c.ack_delay.ato) // _MICROSECOND,
        "tcpi_snd_mss": info.snd_mss,
        "tcpi_rcv_mss": info.rcv_mss,
        "tcpi_advmss": _received_mss(c),
        "tcpi_pmtu": info.pmtu,
        "tcpi_rcv_ssthresh": info.rcv_space if c.memory is None else c.memory.reach,
        "tcpi_rcv_space": min(10 * _received_mss(c), c.receive_limit),
        "tcpi_rtt": info.rtt // _MICROSECOND,
        "tcpi_rttvar": info.rttvar // _MICROSECOND,
        "tcpi_min_rtt": (info.min_rtt // _MICROSECOND) or 0xFFFFFFFF,
        "tcpi_notsent_bytes": info.notsent,
        "tcpi_snd_wnd": info.snd_wnd,
        "tcpi_rcv_wnd": info.rcv_space,
        **_segments(c, tally, info.snd_ssthresh, info.snd_cwnd),
        **_counts(c, tally),
        **{
            f"tcpi_last_{name}": (now - tally[f"last_{name}"]) // MILLISECOND
            for name in ("data_sent", "data_recv", "ack_recv")
        },
        "tcpi_last_ack_sent": 0,
        "tcpi_rcv_rtt": 0 if c.tuning is None else c.tuning.rtt // _MICROSECOND,
        "tcpi_pacing_rate": c.congestion.pacing_rate(c.rtt.srtt) or _UNLIMITED,
        "tcpi_max_pacing_rate": _UNLIMITED,
        **dict.fromkeys(_NOT_COUNTED, 0),
    }


def _received_mss(c: Connection) -> int:
    """Payload of a segment as large as we have asked for."""
    return c.advertised_mss() - (12 if c.ts_ok else 0)


def _phase(c: Connection) -> int:
    """Linux's ``icsk_ca_state``."""
    phase = c.recovery.phase
    if phase is RECOVERY:
        return SYMBOLS["TCP_CA_Recovery"]
    if phase is LOSS:
        return SYMBOLS["TCP_CA_Loss"]
    if c.ecn is not None and c.ecn.reducing:
        return SYMBOLS["TCP_CA_CWR"]
    return SYMBOLS["TCP_CA_Disorder" if c.board.sacked or c.recovery.duplicates else "TCP_CA_Open"]


def _segments(c: Connection, tally: Tally, ssthresh: int, cwnd: int) -> dict[str, object]:
    """What Linux counts in packets."""
    mss = max(c.mss, 1)
    sacked = lost = repeated = packets = 0
    for entry in c.board.ranges:
        size = -(-(entry.end - entry.start) // mss)
        packets += size
        if entry.sacked:
            sacked += size
        elif entry.lost or entry.transmissions > 1:
            lost += size
        if entry.transmissions > 1 and not entry.lost and not entry.sacked:
            repeated += size
    return {
        "tcpi_unacked": packets,
        "tcpi_sacked": sacked + -(-c.recovery.departed // mss),
        "tcpi_lost": lost,
        "tcpi_retrans": repeated if c.recovery.phase is not OPEN else 0,
        "tcpi_fackets": 0,
        "tcpi_reordering": tally["reordering"] or _REORDERING,
        "tcpi_snd_ssthresh": _INFINITE if ssthresh >= UNBOUNDED else ssthresh // mss,
        "tcpi_snd_cwnd": cwnd // mss,
    }


def _counts(c: Connection, tally: Tally) -> dict[str, object]:
    """Since the connection began."""
    acked = max(c.snd_una - c.iss - c.passive, 0)
    names = ("segs_out", "segs_in", "data_segs_out", "data_segs_in", "total_retrans", "bytes_sent", "bytes_retrans")
    return {
        **{f"tcpi_{name}": tally[name] for name in names},
        "tcpi_bytes_acked": acked,
        "tcpi_delivered": -(-(acked + c.board.sacked) // max(c.mss, 1)) + 1,
        "tcpi_delivered_ce": tally["marks"],
        "tcpi_dsack_dups": tally["dsack_dups"],
        "tcpi_rcv_ooopack": tally["rcv_ooopack"],
        "tcpi_bytes_received": max(c.rcv_nxt - c.irs - 1, 0),
        "tcpi_total_rto": tally["event_timeout"],
        "tcpi_total_rto_recoveries": tally["event_timeout"] - c.retransmissions,
        "tcpi_reord_seen": tally["reord_seen"],
    }
