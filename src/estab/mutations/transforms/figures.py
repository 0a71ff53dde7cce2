"""Figures that a clause demands, set to others."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

FIGURES: Final = (
    Transform(
        "time-wait-of-one-msl",
        "TIME-WAIT lasts one maximum segment lifetime.",
        "RFC 9293 §3.6.1",
        "tcp.config",
        "return 2 * self.msl",
        "return self.msl",
    ),
    Transform(
        "syn-given-up-early",
        "A SYN is given up after a minute.",
        "RFC 9293 §3.8.3",
        "tcp.config",
        "syn_retries: int = 7",
        "syn_retries: int = 5",
    ),
    Transform(
        "syn-ack-given-up-early",
        "The profile rfc gives a SYN-ACK up after a minute.",
        "RFC 9293 §3.8.3",
        "tcp.config",
        "    syn_ack_retries=7,\n",
        "",
    ),
    Transform(
        "keepalive-unasked",
        "Keep-alives are sent unasked.",
        "RFC 9293 §3.8.4",
        "tcp.config",
        "keepalive: bool = False",
        "keepalive: bool = True",
    ),
    Transform(
        "keepalive-after-an-hour",
        "Keep-alives are sent after one hour.",
        "RFC 9293 §3.8.4",
        "tcp.config",
        "keepalive_idle: int = 7200 * SECOND",
        "keepalive_idle: int = 3600 * SECOND",
    ),
    Transform(
        "sws-override-late",
        "A small window is used after two seconds.",
        "RFC 1122 §4.2.3.4",
        "tcp.config",
        "sws_override: int = 200 * MILLISECOND",
        "sws_override: int = 2 * SECOND",
    ),
    Transform(
        "user-timeout-of-a-minute",
        "Data is given up after one minute.",
        "RFC 1122 §4.2.3.5",
        "tcp.config",
        "user_timeout: int | None = 5 * MINUTE",
        "user_timeout: int | None = MINUTE",
    ),
    Transform(
        "rto-below-a-second",
        "The profile rfc retransmits sooner than after a second.",
        "RFC 6298 §2",
        "tcp.config",
        "    rto_minimum=SECOND,\n",
        "",
    ),
    Transform(
        "initial-rto-of-half-a-second",
        "The first timeout comes after half a second.",
        "RFC 8961 §4",
        "tcp.config",
        "rto_initial: int = SECOND",
        "rto_initial: int = SECOND // 2",
    ),
    Transform(
        "stretch-acks-count",
        "The profile rfc lets one acknowledgement open the window by any size.",
        "RFC 5681 §3.1",
        "tcp.config",
        "    slow_start_limit=1,\n",
        "",
    ),
    Transform(
        "adopted-user-timeout-too-short",
        "A peer may talk us into giving up after 30 seconds.",
        "RFC 5482 §3.1",
        "tcp.config",
        "user_timeout_lower: int = 100 * SECOND",
        "user_timeout_lower: int = 30 * SECOND",
    ),
    Transform(
        "path-searched-each-minute",
        "The path is searched anew each minute.",
        "RFC 4821 §7.3",
        "tcp.config",
        "mtu_probe_interval: int = 10 * MINUTE",
        "mtu_probe_interval: int = MINUTE",
    ),
)
