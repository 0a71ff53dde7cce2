"""What code blocks see of the connection: the fields of Linux's ``struct tcp_info``, in its units."""

from __future__ import annotations

from typing import Final

from estab.packetdrill.constants import SYMBOLS
from estab.sockets import StreamSocket
from estab.sockets.info import info_of
from estab.tcp.connection import Connection
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
_MICROSECOND: Final = 1000
_INFINITE: Final = 0x7FFFFFFF

CONSTANTS: Final[dict[str, object]] = {
    name: value for name, value in SYMBOLS.items() if name.startswith(("TCP_", "TCPI_", "SK_MEMINFO", "TFO_"))
}


def variables_of(socket: StreamSocket | None) -> dict[str, object]:
    """Everything by name; nothing where there is no connection."""
    if socket is None or socket.connection is None:
        return dict(CONSTANTS)
    return CONSTANTS | fields_of(socket.connection)


def fields_of(c: Connection) -> dict[str, object]:
    """``tcpi_*``."""
    info = info_of(c)
    mss = max(c.mss, 1)
    options = info.timestamps | info.sack << 1 | (info.window_scale is not None) << 2
    scale = info.window_scale or (0, 0)
    return {
        "tcpi_state": _STATES[info.state],
        "tcpi_retransmits": info.retransmits,
        "tcpi_probes": info.probes,
        "tcpi_backoff": info.backoff,
        "tcpi_options": options,
        "tcpi_snd_wscale": scale[0],
        "tcpi_rcv_wscale": scale[1],
        "tcpi_rto": info.rto // _MICROSECOND,
        "tcpi_snd_mss": info.snd_mss,
        "tcpi_rcv_mss": info.rcv_mss,
        "tcpi_unacked": -(-info.unacked // mss),
        "tcpi_pmtu": info.pmtu,
        "tcpi_rtt": info.rtt // _MICROSECOND,
        "tcpi_rttvar": info.rttvar // _MICROSECOND,
        "tcpi_min_rtt": info.min_rtt // _MICROSECOND,
        "tcpi_snd_ssthresh": min(info.snd_ssthresh // mss, _INFINITE),
        "tcpi_snd_cwnd": info.snd_cwnd // mss,
        "tcpi_notsent_bytes": info.notsent,
        "tcpi_snd_wnd": info.snd_wnd,
        "tcpi_rcv_wnd": info.rcv_space,
    }
