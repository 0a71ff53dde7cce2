"""What the kernel's settings mean to ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from estab.packetdrill.values import UnsupportedError
from estab.tcp.config import MILLISECOND, MODERN, NEVER_SUSPECTED, SECOND, Config, Ecn
from estab.tcp.congestion import CONTROLS

Change = Callable[[Config, str], dict[str, Any]]


def flag(field: str) -> Change:
    """0 or not."""
    return lambda _config, value: {field: int(value) != 0}


def number(field: str, unit: int = 1) -> Change:
    """A figure, in ``unit``."""
    return lambda _config, value: {field: int(value) * unit}


def _ignore(_config: Config, _value: str) -> dict[str, Any]:
    return {}


def _congestion(_config: Config, value: str) -> dict[str, Any]:
    name = {"reno": "newreno"}.get(value, value)
    if name not in CONTROLS:
        raise UnsupportedError(f"the congestion control {value}")
    return {"congestion": name}


def _receive_memory(_config: Config, value: str) -> dict[str, Any]:
    _, start, largest = map(int, value.split())
    return {"receive_buffer_start": start // 2, "receive_buffer_max": largest}


def _send_memory(_config: Config, value: str) -> dict[str, Any]:
    _, start, largest = map(int, value.split())
    return {"send_buffer_start": start, "send_buffer_max": largest}


def _fast_open(_config: Config, value: str) -> dict[str, Any]:
    """Bits: 1 client, 2 server, 0x400 every listener without being asked."""
    bits = int(value, 0)
    return {"fast_open_queue": _EVERY_LISTENER if bits & 0x402 == 0x402 else 0}


def _ecn(_config: Config, value: str) -> dict[str, Any]:
    if value not in _ECN:
        raise UnsupportedError(f"the value {value}")
    return {"ecn": _ECN[value]}


def _probing(_config: Config, value: str) -> dict[str, Any]:
    """Nothing, after a black hole, or always."""
    return {
        "black_hole_timeouts": MODERN.black_hole_timeouts if int(value) else NEVER_SUSPECTED,
        "search_path_mtu": value == "2",
    }


def _notsent(_config: Config, value: str) -> dict[str, Any]:
    return {"notsent_limit": None if int(value) >= _NO_LIMIT else int(value)}


def _base_mss(_config: Config, value: str) -> dict[str, Any]:
    """A segment with its headers."""
    return {"base_path_mtu": int(value) + _HEADERS}


def _early_retransmit(_config: Config, value: str) -> dict[str, Any]:
    """Only the tail loss probe is left of it."""
    return {"tail_probe": int(value) in (3, 4)}


_EVERY_LISTENER: Final = 4096
_HEADERS: Final = 40
_NO_LIMIT: Final = 1 << 31
_ECN: Final = {"0": Ecn.OFF, "1": Ecn.ASK, "2": Ecn.ACCEPT} | dict.fromkeys(("3", "4", "5"), Ecn.ACCURATE)
"""3 asks for accurate ECN, 4 and 5 accept it."""
_TCP: Final[dict[str, Change]] = {
    "tcp_sack": flag("sack"),
    "tcp_timestamps": flag("timestamps"),
    "tcp_window_scaling": flag("window_scale"),
    "tcp_congestion_control": _congestion,
    "tcp_allowed_congestion_control": _ignore,
    "tcp_rmem": _receive_memory,
    "tcp_wmem": _send_memory,
    "tcp_slow_start_after_idle": flag("restart_after_idle"),
    "tcp_syn_linear_timeouts": number("syn_retries_linear"),
    "tcp_fastopen": _fast_open,
    "tcp_ecn": _ecn,
    "tcp_mtu_probing": _probing,
    "tcp_early_retrans": _early_retransmit,
    "tcp_frto": flag("frto"),
    "tcp_dsack": flag("dsack"),
    "tcp_reordering": number("duplicate_threshold"),
    "tcp_notsent_lowat": _notsent,
    "ip_default_ttl": number("ttl"),
    "tcp_fin_timeout": number("fin_wait_2_timeout", SECOND),
    "tcp_keepalive_time": number("keepalive_idle", SECOND),
    "tcp_keepalive_intvl": number("keepalive_interval", SECOND),
    "tcp_keepalive_probes": number("keepalive_probes"),
    "tcp_syn_retries": number("syn_retries"),
    "tcp_synack_retries": number("syn_ack_retries"),
    "tcp_retries1": number("r1"),
    "tcp_retries2": number("data_retries"),
    "tcp_rfc1337": flag("rfc1337"),
    "tcp_rto_min_us": number("rto_minimum", 1000),
    "tcp_rto_max_ms": number("rto_maximum", MILLISECOND),
    "tcp_base_mss": _base_mss,
}
_WORDS: Final = """tcp_low_latency tcp_no_metrics_save tcp_max_orphans tcp_mem tcp_abc tcp_adv_win_scale tcp_app_win
    tcp_limit_output_bytes tcp_challenge_ack_limit tcp_autocorking tcp_tso_win_divisor tcp_min_tso_segs tcp_tso_rtt_log
    tcp_pacing_ss_ratio tcp_pacing_ca_ratio tcp_moderate_rcvbuf tcp_max_tw_buckets tcp_tw_reuse tcp_syncookies
    tcp_max_syn_backlog tcp_invalid_ratelimit tcp_available_ulp tcp_comp_sack_nr tcp_reflect_tos
    tcp_comp_sack_delay_ns tcp_comp_sack_slack_ns tcp_thin_linear_timeouts tcp_thin_dupack tcp_fack tcp_stdurg
    tcp_shrink_window tcp_recovery tcp_max_reordering tcp_abort_on_overflow tcp_orphan_retries tcp_fwmark_accept
    tcp_workaround_signed_windows tcp_early_demux tcp_fastopen_key tcp_fastopen_blackhole_timeout_sec tcp_migrate_req
    tcp_ecn_fallback tcp_ecn_option tcp_ecn_option_beacon tcp_tw_reuse_delay tcp_probe_interval tcp_probe_threshold
    tcp_min_snd_mss tcp_mtu_probe_floor tcp_rcvbuf_low_rtt tcp_max_ssthresh tcp_congestion_control_allowed
    tcp_comp_sack_rtt_percent tcp_delack_max_us tcp_child_ehash_entries tcp_ehash_entries tcp_frto_response
    tcp_cookie_size
    tcp_retrans_collapse tcp_stealth ip_local_port_range ip_no_pmtu_disc ip_forward ip_nonlocal_bind icmp_ratelimit
    icmp_ratemask icmp_msgs_per_sec bindv6only auto_flowlabels flowlabel_reflect flowlabel_consistency
    tcp_l3mdev_accept tcp_backlog_ack_defer tcp_plb_enabled tcp_pingpong_thresh"""
_OF_NO_CONSEQUENCE: Final = frozenset(_WORDS.split())
"""Settings of machines and of times that are not ours, or of what scripts cannot see."""


def apply_sysctl(config: Config, name: str, value: str) -> Config:
    """Raises ``UnsupportedError``."""
    area, _, short = name.rpartition(".")
    if area not in ("net.ipv4", "net.ipv6"):
        return config
    if short in _OF_NO_CONSEQUENCE:
        return config
    change = _TCP.get(short)
    if change is None:
        raise UnsupportedError(f"the setting {name}")
    try:
        return config.but(**change(config, value))
    except UnsupportedError as error:
        raise UnsupportedError(f"{error} of {name}") from None
    except (ValueError, IndexError):
        raise UnsupportedError(f"{name}={value}") from None
