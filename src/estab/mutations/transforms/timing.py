"""Taken out of timers and timeouts."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

TIMING: Final = (
    Transform(
        "r1-not-told",
        "The application does not learn that R1 was reached.",
        "RFC 9293 §3.8.3",
        "tcp.timeouts",
        "if c.retransmissions == c.config.r1:",
        "if False:",
    ),
    Transform(
        "no-r2-by-count",
        "However often something was sent again, it is not given up.",
        "RFC 9293 §3.8.3",
        "tcp.timeouts",
        "if c.retransmissions >= _retransmission_limit(c):",
        "if False:",
    ),
    Transform(
        "no-r2-by-time",
        "However long something waits for its acknowledgement, it is not given up.",
        "RFC 9293 §3.8.3",
        "tcp.timeouts",
        "    if c.stalled_at is not None:\n"
        "        time_out",
        "    if False:\n"
        "        time_out",
    ),
    Transform(
        "keepalive-despite-traffic",
        "Keep-alives are sent although something was heard.",
        "RFC 9293 §3.8.4",
        "tcp.timeouts",
        "if now - heard < idle:",
        "if False:",
    ),
    Transform(
        "keepalive-despite-data",
        "Keep-alives are sent although data is outstanding.",
        "RFC 9293 §3.8.4",
        "tcp.timeouts",
        "    if not c.board.ranges:\n"
        "        c.keepalive_owed",
        "    if True:\n"
        "        c.keepalive_owed",
    ),
    Transform(
        "one-keepalive-decides",
        "One keep-alive without an answer is a dead peer.",
        "RFC 9293 §3.8.4",
        "tcp.timeouts",
        "if c.keepalive_probes >= c.keepalive_limit:",
        "if c.keepalive_probes >= 1:",
    ),
    Transform(
        "closed-window-not-probed",
        "A closed window is not probed.",
        "RFC 9293 §3.8.6.1",
        "tcp.timeouts",
        "c.probe_owed = True",
        "c.probe_owed = False",
    ),
    Transform(
        "tail-probe-without-a-sample",
        "A tail probe is sent although the last one told nothing of the path.",
        "RFC 8985 §7.3",
        "tcp.timeouts",
        "tail.owed = tail.end is None and tail.fresh",
        "tail.owed = tail.end is None",
    ),
    Transform(
        "keepalive-interval-fixed",
        "Keep-alives are sent after two hours whatever is asked for.",
        "RFC 9293 §3.8.4",
        "tcp.settle",
        "return c.keepalive_idle if agreed is None",
        "return 7200 * 10**9 if agreed is None",
    ),
    Transform(
        "keepalive-before-the-user-timeout",
        "A user timeout that was adopted does not put keep-alives off.",
        "RFC 5482 §4.2",
        "tcp.settle",
        "return c.keepalive_idle if agreed is None else max(c.keepalive_idle, agreed + 1)",
        "return c.keepalive_idle",
    ),
    Transform(
        "half-an-rto",
        "The retransmission timer runs for half an RTO.",
        "RFC 6298 §5",
        "tcp.settle",
        "timers.rto = now + c.rtt.rto",
        "timers.rto = now + c.rtt.rto // 2",
    ),
    Transform(
        "user-timeout-unbounded",
        "The peer may talk us into any user timeout.",
        "RFC 5482 §3.1",
        "tcp.settle",
        "return min(config.user_timeout_upper, max(c.user_timeout, c.peer_user_timeout, config.user_timeout_lower))",
        "return max(c.user_timeout, c.peer_user_timeout)",
    ),
    Transform(
        "user-timeout-changed-unasked",
        "The peer changes our user timeout although the application has set one.",
        "RFC 5482 §3.1",
        "tcp.settle",
        "if not (c.announce_user_timeout and c.user_timeout_changeable):",
        "if not c.announce_user_timeout:",
    ),
    Transform(
        "user-timeout-adopted-unasked",
        "The peer changes our user timeout although we do not take part.",
        "RFC 5482 §4.1",
        "tcp.settle",
        "if not (c.announce_user_timeout and c.user_timeout_changeable):",
        "if not c.user_timeout_changeable:",
    ),
    Transform(
        "user-timeout-waits-for-the-option",
        "Without the peer's option there is no user timeout.",
        "RFC 5482 §3.2",
        "tcp.settle",
        "return c.user_timeout if agreed is None else agreed",
        "return agreed",
    ),
    Transform(
        "user-timeout-ends-an-opening",
        "The user timeout ends an opening too.",
        "RFC 5482 §3.3",
        "tcp.settle",
        "timeout = c.config.open_timeout if opening else effective_user_timeout(c)",
        "timeout = effective_user_timeout(c)",
    ),
    Transform(
        "first-variance-is-the-sample",
        "RTTVAR begins as the whole first sample.",
        "RFC 6298 §2",
        "tcp.rtt",
        "self.rttvar = rtt >> 1",
        "self.rttvar = rtt",
    ),
    Transform(
        "mean-before-variance",
        "SRTT is updated before RTTVAR.",
        "RFC 6298 §2",
        "tcp.rtt",
        "            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) // (samples_per_rtt << _BETA_SHIFT)\n"
        "            self.srtt += (rtt - self.srtt) // (samples_per_rtt << _ALPHA_SHIFT)\n",
        "            self.srtt += (rtt - self.srtt) // (samples_per_rtt << _ALPHA_SHIFT)\n"
        "            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) // (samples_per_rtt << _BETA_SHIFT)\n",
    ),
    Transform(
        "no-granularity",
        "A path without variance leaves no slack.",
        "RFC 6298 §4",
        "tcp.rtt",
        "if variance < config.clock_granularity:",
        "if False:",
    ),
    Transform(
        "no-backoff",
        "Timeouts do not back off.",
        "RFC 6298 §5",
        "tcp.rtt",
        "self.backoff = min(self.backoff + 1, 32)",
        "self.backoff = 0",
    ),
    Transform(
        "lost-syn-says-nothing",
        "After a lost SYN the timeout of data is what it was.",
        "RFC 6298 §5",
        "tcp.rtt",
        "self.base = max(self.base, self.config.rto_after_syn_loss)",
        "pass",
    ),
    Transform(
        "for-ever-is-five-minutes",
        "A user timeout of for ever is one of five minutes.",
        "RFC 9293 §3.8.3",
        "tcp.settle",
        "if opening else effective_user_timeout(c)\n",
        "if opening else effective_user_timeout(c) or 300 * 10**9\n",
    ),
)
