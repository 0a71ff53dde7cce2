"""What TCP_INFO tells of a connection."""

from __future__ import annotations

from typing import NamedTuple

from estab.tcp.connection import Connection
from estab.tcp.states import State


class TcpInfo(NamedTuple):
    """Named as in Linux's ``struct tcp_info``; times in ns, sizes in bytes."""

    state: State
    retransmits: int
    """Expiries of the retransmission timer since the last progress."""
    probes: int
    """Keep-alive probes without an answer."""
    backoff: int
    timestamps: bool
    sack: bool
    window_scale: tuple[int, int] | None
    """Shifts of what is received (peer's, ours), or None where the two sides did not agree on scaling."""
    ecn: str
    """``"classic"`` or ``"accurate"``, the kind of ECN that both sides agreed on; ``""`` where they did not."""
    ce_received: int
    """Packets that came with a mark."""
    rto: int
    rtt: int
    """Smoothed; 0 before the first sample."""
    rttvar: int
    min_rtt: int
    snd_mss: int
    rcv_mss: int
    pmtu: int
    snd_cwnd: int
    snd_ssthresh: int
    unacked: int
    """Sequence space in flight."""
    notsent: int
    snd_wnd: int
    rcv_space: int
    """What the peer may still send."""
    in_trouble: bool
    """Retransmissions have reached R1 and nothing was acknowledged since."""
    soft_error: OSError | None
    """What ICMP has said since the last progress."""


def info_of(c: Connection) -> TcpInfo:
    """How the connection stands now."""
    return TcpInfo(
        state=c.state,
        retransmits=c.retransmissions,
        probes=c.keepalive_probes,
        backoff=c.rtt.backoff,
        timestamps=c.ts_ok,
        sack=c.sack_ok,
        window_scale=(c.snd_wscale, c.rcv_wscale) if c.scaling else None,
        ecn="" if c.ecn is None else c.ecn.name,
        ce_received=0 if c.ecn is None else c.ecn.marked,
        rto=c.rtt.rto,
        rtt=c.rtt.srtt,
        rttvar=c.rtt.rttvar,
        min_rtt=c.rtt.min_rtt,
        snd_mss=c.mss,
        rcv_mss=c.rcv_mss,
        pmtu=c.path.mtu,
        snd_cwnd=c.congestion.cwnd,
        snd_ssthresh=c.congestion.ssthresh,
        unacked=c.flight,
        notsent=c.unsent,
        snd_wnd=c.snd_wnd,
        rcv_space=max(c.rcv_edge - c.rcv_nxt, 0),
        in_trouble=c.in_trouble,
        soft_error=c.soft_error,
    )
