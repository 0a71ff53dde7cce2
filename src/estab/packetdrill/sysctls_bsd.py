"""What FreeBSD's settings mean to ours."""

from __future__ import annotations

import re
from typing import Any, Final

from estab.packetdrill.sysctls import Change, flag, number
from estab.packetdrill.values import UnsupportedError
from estab.tcp.config import FREEBSD, MILLISECOND, NEVER_SUSPECTED, SECOND, Config, Ecn
from estab.tcp.congestion import CONTROLS


def _options(_config: Config, value: str) -> dict[str, Any]:
    """rfc1323: none, both, or the window scale (2) or the timestamps (3) alone."""
    return {"window_scale": value in ("1", "2"), "timestamps": value in ("1", "3")}


def _congestion(_config: Config, value: str) -> dict[str, Any]:
    if value not in CONTROLS:
        raise UnsupportedError(f"the congestion control {value}")
    return {"congestion": value}


def _ecn(_config: Config, value: str) -> dict[str, Any]:
    if value not in _ECN:
        raise UnsupportedError(f"the value {value}")
    return {"ecn": _ECN[value]}


def _slow_start(config: Config, value: str) -> dict[str, Any]:
    """rfc3465: appropriate byte counting, or a segment for each acknowledgement."""
    return {"slow_start_limit": (config.slow_start_limit or 2) if int(value) else 1}


def _delayed(config: Config, value: str) -> dict[str, Any]:
    return {"delayed_ack": config.delayed_ack or 40 * MILLISECOND if int(value) else 0}


def _initial_window(_config: Config, value: str) -> dict[str, Any]:
    return {"initial_window": int(value)} if int(value) else {}


def _quick_fin_wait_2(config: Config, value: str) -> dict[str, Any]:
    usual = config.fin_wait_2_timeout == FREEBSD.fin_wait_2_timeout
    return {"fin_wait_2_timeout": 60 * SECOND} if int(value) and usual else {}


def _black_holes(_config: Config, value: str) -> dict[str, Any]:
    if value != "0":
        raise UnsupportedError(f"the value {value}")
    return {"black_hole_timeouts": NEVER_SUSPECTED}


_ECN: Final = {"0": Ecn.OFF, "1": Ecn.ASK, "2": Ecn.ACCEPT, "3": Ecn.ACCURATE}
_TCP: Final[dict[str, Change]] = {
    "rfc1323": _options,
    "sack.enable": flag("sack"),
    "mssdflt": number("default_mss_v4"),
    "v6mssdflt": number("default_mss_v6"),
    "minmss": number("minimum_mss"),
    "sendspace": number("send_buffer_start"),
    "recvspace": number("receive_buffer_start"),
    "sendbuf_max": number("send_buffer_max"),
    "recvbuf_max": number("receive_buffer_max"),
    "keepidle": number("keepalive_idle", MILLISECOND),
    "keepintvl": number("keepalive_interval", MILLISECOND),
    "keepinit": number("open_timeout", MILLISECOND),
    "keepcnt": number("keepalive_probes"),
    "always_keepalive": flag("keepalive"),
    "delacktime": number("delayed_ack", MILLISECOND),
    "delayed_ack": _delayed,
    "msl": number("msl", MILLISECOND),
    "rexmit_initial": number("rto_initial", MILLISECOND),
    "rexmit_min": number("rto_minimum", MILLISECOND),
    "rexmit_max": number("rto_maximum", MILLISECOND),
    "rexmit_slop": number("rto_slop", MILLISECOND),
    "retries": number("data_retries"),
    "syncache.rexmtlimit": number("syn_ack_retries"),
    "syncache.rst_on_sock_fail": flag("full_queue_resets"),
    "initcwnd_segments": _initial_window,
    "rfc3465": _slow_start,
    "abc_l_var": number("slow_start_limit"),
    "cc.algorithm": _congestion,
    "ecn.enable": _ecn,
    "ecn.maxretries": number("ecn_syns"),
    "finwait2_timeout": number("fin_wait_2_timeout", MILLISECOND),
    "fast_finwait2_recycle": _quick_fin_wait_2,
    "blackhole": lambda _config, value: {"closed_ports_answer": int(value) == 0},
    "icmp_may_rst": flag("open_fails_on_prohibited"),
    "tolerate_missing_ts": lambda _config, value: {"timestamps_required": int(value) == 0},
    "pmtud_blackhole_detection": _black_holes,
    "ack_war_cnt": number("challenge_acks"),
    "ack_war_timewindow": number("challenge_period", MILLISECOND),
}
_OF_NO_CONSEQUENCE: Final = re.compile(
    r"(rack|bbr|hpts|lro|hostcache|reass|syncache|fastopen|udp_tunneling_\w+|functions_\w+|bb|stats|ktls|insecure_\w+"
    r"|log_\w+|sack|cc|ecn|newreno|rfc\w+|do_\w+|syncookies\w*|tso|per_cpu_timers|pcbcount|soreceive_stream|isn_\w+"
    r"|nolocaltimewait|maxtcptw|sendbuf_\w+|recvbuf_\w+|drop_synfin|path_mtu_discovery|persm\w+|fast_\w+|timer_race"
    r"|maxunacktime|minmssoverload|tcp_require_unique_port|switch_to_ifnet_tls|rexmit_drop_options|inflight|nagle_\w+"
    r"|v6pmtud\w+|pmtud\w+|prr_\w+)(\..*)?"
)
"""Settings of machines and of times that are not ours, or of what scripts cannot see."""
_AREA: Final = "net.inet.tcp."


def apply_bsd_sysctl(config: Config, name: str, value: str) -> Config:
    """``net.inet.tcp.*``; others change nothing here. Raises ``UnsupportedError``."""
    if not name.startswith(_AREA):
        return config
    short = name.removeprefix(_AREA)
    change = _TCP.get(short)
    if change is None:
        if _OF_NO_CONSEQUENCE.fullmatch(short):
            return config
        raise UnsupportedError(f"the setting {name}")
    try:
        return config.but(**change(config, value))
    except UnsupportedError as error:
        raise UnsupportedError(f"{error} of {name}") from None
    except ValueError:
        raise UnsupportedError(f"{name}={value}") from None
