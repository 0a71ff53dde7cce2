"""Taken out of congestion control."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

CONGESTION: Final = (
    Transform(
        "no-slow-start",
        "The window does not grow below ssthresh.",
        "RFC 5681 §3.1",
        "tcp.congestion.newreno",
        "            self.cwnd += growth\n",
        "",
    ),
    Transform(
        "no-congestion-avoidance",
        "Above ssthresh the window grows as below it.",
        "RFC 5681 §3.1",
        "tcp.congestion.newreno",
        "        self._avoid(delivered)\n",
        "        self.cwnd += delivered\n",
    ),
    Transform(
        "each-ack-is-a-segment",
        "Each acknowledgement opens the window by a segment, however little it acknowledges.",
        "RFC 5681 §3.1",
        "tcp.congestion.newreno",
        "growth = delivered if self.limit is None else min(delivered, self.limit * self.mss)",
        "growth = self.mss",
    ),
    Transform(
        "ssthresh-is-the-flight",
        "A timeout leaves ssthresh at the whole flight.",
        "RFC 5681 §3.1",
        "tcp.congestion.newreno",
        "            self.ssthresh = max(in_flight // 2, 2 * self.mss)\n",
        "            self.ssthresh = max(in_flight, 2 * self.mss)\n",
    ),
    Transform(
        "window-kept-at-a-timeout",
        "A timeout leaves the window as it is.",
        "RFC 5681 §3.1",
        "tcp.congestion.newreno",
        "        self.cwnd = self.mss\n",
        "",
    ),
    Transform(
        "each-timeout-halves",
        "Each timeout of the same data reduces ssthresh.",
        "RFC 5681 §3.1",
        "tcp.congestion.newreno",
        "        if first:\n",
        "        if True:\n",
    ),
    Transform(
        "initial-window-of-twenty",
        "The initial window is twenty segments of any size.",
        "RFC 6928 §2",
        "tcp.congestion.control",
        "self.cwnd: int = min(config.initial_window * mss, max(2 * mss, config.initial_window * 1460))",
        "self.cwnd: int = 20 * mss",
    ),
    Transform(
        "larger-segments-open-the-window",
        "A larger segment size makes the window larger.",
        "RFC 4821 §4",
        "tcp.congestion.control",
        "        self.mss = mss\n"
        "        self.cwnd = max(self.cwnd, mss)\n",
        "        self.cwnd = max(self.cwnd * mss // self.mss, mss)\n"
        "        self.mss = mss\n",
    ),
    Transform(
        "idle-time-counts",
        "The cubic curve goes on while the window is not used.",
        "RFC 9438 §4.2",
        "tcp.congestion.cubic",
        "            self.epoch += ack.now - self.idle_since\n",
        "",
    ),
    Transform(
        "no-concave-region",
        "Below the last maximum the cubic curve does not grow.",
        "RFC 9438 §4.4",
        "tcp.congestion.cubic",
        "        if target > cwnd:\n",
        "        if target > cwnd >= self.w_max:\n",
    ),
    Transform(
        "no-convex-region",
        "Beyond the last maximum the cubic curve does not grow.",
        "RFC 9438 §4.5",
        "tcp.congestion.cubic",
        "        if target > cwnd:\n",
        "        if self.w_max > cwnd and target > cwnd:\n",
    ),
    Transform(
        "cubic-window-kept-at-a-loss",
        "CUBIC does not reduce the window on loss.",
        "RFC 9438 §4.6",
        "tcp.congestion.cubic",
        "        self.ssthresh = max(in_flight * 7 // 10, 2 * self.mss)\n"
        "        self.cwnd = self.ssthresh\n",
        "        self.ssthresh = max(in_flight * 7 // 10, 2 * self.mss)\n",
    ),
    Transform(
        "cubic-without-slow-start",
        "CUBIC does not grow below ssthresh.",
        "RFC 9438 §4.10",
        "tcp.congestion.cubic",
        "            delivered = self._slow_start(ack)\n",
        "            return\n",
    ),
)
