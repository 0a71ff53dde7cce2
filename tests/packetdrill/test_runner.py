"""What a script asserts is asserted: for each rule one that holds, and one that does not because of it."""

from __future__ import annotations

import pytest

from estab.packetdrill import Outcome, run_script
from estab.tcp.config import FREEBSD

OPENING = """\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+.1 < S 0:0(0) win 32792 <mss 1000,sackOK,TS val 7 ecr 0>
+0 > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 100 ecr 7>
+.1 < . 1:1(0) ack 1 win 32792 <nop,nop,TS val 8 ecr 100>
+0 accept(3, ..., ...) = 4
"""
LAST = 1 + OPENING.count("\n")
"""The line after it."""
STAMPS = "<nop,nop,TS val 200 ecr 8>"
SENT = f"+0 > P. 1:901(900) ack 1 {STAMPS}"
WRITE = "+0 write(4, ..., 900) = 900\n"


def run(rest: str, **keywords: object) -> Outcome:
    return run_script(OPENING + rest, **keywords)  # type: ignore[arg-type]


def fails(rest: str, why: str, line: int = LAST, **keywords: object) -> None:
    outcome = run(rest, **keywords)
    assert (outcome.result, outcome.line) == ("fail", line), outcome
    assert why in outcome.why


def test_what_is_expected_is_seen() -> None:
    assert run(WRITE + SENT) == Outcome("pass", 0, "")


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (f"> . 1:901(900) ack 1 {STAMPS}", "flags: expected ., seen P."),
        (f"> PF. 1:901(900) ack 1 {STAMPS}", "flags: expected FP., seen P."),
        (f"> 0P. 1:901(900) ack 1 {STAMPS}", ""),
        (f"> P. 2:902(900) ack 1 {STAMPS}", "seq: expected 2, seen 1"),
        (f"> P. 1:501(500) ack 1 {STAMPS}", "length: expected 500, seen 900"),
        (f"> P. 1:901(900) ack 2 {STAMPS}", "ack: expected 2, seen 1"),
        (f"> P. 1:901(900) ack 1 win 1 {STAMPS}", "win: expected 1, seen"),
        (f"> P. 1:901(900) ack 1 urg 1 {STAMPS}", "urg: expected 1, seen 0"),
        ("> P. 1:901(900) ack 1", "options: expected <>, seen <nop,nop,TS val"),
        ("> P. 1:901(900) ack 1 <TS val 200 ecr 8,nop,nop>", "options: expected <TS,nop,nop>, seen <nop,nop,TS"),
        ("> P. 1:901(900) ack 1 <nop,nop,sack 1:2>", "options: expected <nop,nop,sack>, seen <nop,nop,TS val"),
        (f"> [ect0] P. 1:901(900) ack 1 {STAMPS}", "ecn: expected ect0, seen noecn"),
        (f"> (ttl 63) P. 1:901(900) ack 1 {STAMPS}", "ttl: expected 63, seen 64"),
        (f"> (tos 0x10) P. 1:901(900) ack 1 {STAMPS}", "tos: expected 0x10, seen 0x0"),
        (f"> 1P. 1:901(900) ack 1 {STAMPS}", "ace: expected 1, seen 0"),
        (f"> 1234 > 80 P. 1:901(900) ack 1 {STAMPS}", "no packet was sent"),
    ],
)
def test_one_difference_is_found(packet: str, why: str) -> None:
    if not why:
        assert run(WRITE + f"+0 {packet}").result == "pass"
    else:
        fails(WRITE + f"+0 {packet}", why, LAST + 1)


@pytest.mark.parametrize(
    ("time", "holds"),
    [
        ("+0", True),
        ("+.004", True),
        ("+.005", False),
        ("0.2", True),
        ("0.196", True),
        ("0.3", False),
        ("*", True),
        ("+0~+.1", True),
        ("+.003~+.1", True),
        ("+.01~+.1", False),
        ("0.1~0.2", True),
        ("0.1~0.19", False),
    ],
)
def test_a_packet_comes_in_its_time(time: str, holds: bool) -> None:
    rest = WRITE + f"{time} > P. 1:901(900) ack 1 <...>"
    assert run(rest).result == ("pass" if holds else "fail")


def test_a_larger_tolerance_is_one() -> None:
    rest = WRITE + "+.008 > P. 1:901(900) ack 1 <...>"
    fails(rest, "time: expected 0.208000, seen 0.200000", LAST + 1)
    assert run(rest, options=(("tolerance_usecs", "10000"),)).result == "pass"


def test_a_share_of_the_time_since_the_last_event_is_tolerated() -> None:
    """A retransmission is expected after 300 ms, of which an eighth is 37."""
    assert run(WRITE + SENT + "\n+.33 > P. 1:901(900) ack 1 <...>").result == "pass"
    fails(WRITE + SENT + "\n+.36 > P. 1:901(900) ack 1 <...>", "time:", LAST + 2)


def test_a_packet_that_does_not_come_is_not_waited_for_for_ever() -> None:
    fails("+0 > . 1:1(0) ack 1 <...>", "no packet was sent")
    fails("* > . 1:1(0) ack 1 <...>", "no packet was sent")


def test_pieces_of_one_size_are_one_packet_unless_each_counts() -> None:
    rest = "+0 write(4, ..., 2964) = 2964\n+0 > P. 1:2965(2964) ack 1 <...>"
    assert run(rest).result == "pass"
    fails(rest, "flags: expected P., seen .", LAST + 1, options=(("strict_segments", "1"),))
    rest = "+0 write(4, ..., 2964) = 2964\n+0 > P. 1:1501(1500) ack 1 <...>"
    fails(rest, "length: expected 1500, seen 1976", LAST + 1)


def test_echoes_of_what_was_never_sent_cannot_be_sent() -> None:
    fails("+0 < . 1:1(0) ack 1 win 1 <nop,nop,TS val 9 ecr 150>", "TS val 150")
    assert (
        run("+0 < . 1:1(0) ack 1 win 1 <nop,nop,TS val 9 ecr 150>", options=(("tcp_ts_ecr_scaled", "1"),)).result
        == "pass"
    )


def test_timestamps_are_compared_where_a_tick_has_a_length() -> None:
    rest = WRITE + "+0 > P. 1:901(900) ack 1 <nop,nop,TS val 500 ecr 8>"
    assert run(rest).result == "pass"
    fails(rest, "TS val: expected 500, seen 200", LAST + 1, options=(("tcp_ts_tick_usecs", "1000"),))


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("write(4, ..., 1000) = 999", "write: expected 999, seen 1000"),
        ("write(4, ..., 1000) = -1 EPIPE (Broken pipe)", "write: expected EPIPE, seen 1000"),
        ("write(9, ..., 1000) = 1000", "write: expected 1000, seen -1 EBADF"),
        ("write(9, ..., 1000) = -1 EPIPE (Broken pipe)", "write: expected -1 EPIPE, seen -1 EBADF"),
        ("read(4, ..., 1000) = 1000", "read would wait"),
        ("getsockopt(4, SOL_TCP, TCP_MAXSEG, [1000], [4]) = 0", "expected 1000, seen 988"),
        ("ioctl(4, SIOCINQ, [5]) = 0", "expected [5], seen [0]"),
        ("poll([{fd=4, events=POLLOUT, revents=0}], 1, 0) = 1", "revents of 4: expected 0, seen OUT"),
        ("socket(..., SOCK_STREAM, IPPROTO_TCP) = 4", "descriptor 4 is in use"),
    ],
)
def test_what_a_call_returns_is_compared(call: str, why: str) -> None:
    fails(f"+0 {call}", why)


def test_a_call_that_waits_returns_in_its_time() -> None:
    data = "+.1 < P. 1:101(100) ack 1 win 32792 <nop,nop,TS val 9 ecr 100>\n"
    assert run("+0...0.1 read(4, ..., 1000) = 100\n" + data).result == "pass"
    fails("+0...0.2 read(4, ..., 1000) = 100\n" + data, "read returned at 0.300000, expected 0.400000")
    fails("+0...0.1 read(4, ..., 1000) = 100\n", "read does not return")


def test_an_assertion_says_what_the_names_stood_for() -> None:
    assert run("+0 %{ assert tcpi_snd_mss == 988 }%").result == "pass"
    fails("+0 %{ assert tcpi_snd_mss == 1000 }%", "tcpi_snd_mss is 988")
    fails("+0 %{ assert tcpi_weight == 1 }%", "NameError")
    fails("+0 %{ assert ( }%", "no Python")


@pytest.mark.parametrize(
    "code",
    ["import os", "().__class__", "open('x')", "__import__('os')", "f = lambda: 0", "while 1: pass", "x = 9 ** 9"],
)
def test_code_cannot_do_more_than_assert(code: str) -> None:
    outcome = run("+0 %{ " + code + " }%")
    assert (outcome.result, outcome.line) == ("unsupported", LAST), outcome


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("sysctl -q net.ipv4.tcp_sack=0", "pass"),
        ("sysctl -w net.ipv4.tcp_rmem='4096 100000 6000000'", "pass"),
        ("./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0", "pass"),
        ("sysctl net.ipv4.tcp_levitation=1", "unsupported"),
        ("curl http://example.org", "unsupported"),
        ("true && sleep .1", "pass"),
        ("sudo /sbin/sysctl net.inet.tcp.rfc6675_pipe=1", "pass"),
        ("/usr/sbin/tcpdrop -a", "pass"),
        ("kldload -n cc_newreno", "pass"),
        ("sysctl net.inet.tcp.levitation=1", "unsupported"),
        ("sockstat | grep -c ESTABLISHED | grep 1", "pass"),
        ("sockstat | grep -c ESTABLISHED | grep 2", "fail"),
        ("nstat | grep TcpPassiveOpens | grep 1", "pass"),
        ("nstat | grep TcpPassiveOpens | grep 3", "fail"),
    ],
)
def test_commands_are_recognised_and_never_run(command: str, result: str) -> None:
    assert run(f"+0 `{command}`").result == result


def test_a_setting_holds_for_what_comes_after_it() -> None:
    script = "`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_window_scaling=0`\n" + OPENING
    outcome = run_script(script)
    assert outcome.line == 6
    assert "seen <mss 1460,nop,nop,sackOK>" in outcome.why


def test_differences_may_be_told_only() -> None:
    outcome = run(WRITE + "+0 > . 1:901(900) ack 1 <...>", options=(("non_fatal", "packet"),))
    assert outcome.result == "pass"
    assert [warning.partition(";")[0] for warning in outcome.warnings] == [f"{LAST + 1}: flags: expected ., seen P."]


def test_an_event_that_is_too_late_for_its_time_fails() -> None:
    fails("0.1 write(4, ..., 1) = 1", "too late")


@pytest.mark.parametrize(
    "rest",
    [
        "+0 levitate(4) = 0",
        "+0 setsockopt(4, SOL_TCP, 999, [1], 4) = 0",
        "+0 < udp (100)",
        "+0 send(4, ..., 900, MSG_FASTOPEN) = 900",
        "+0 recv(4, ..., 900, MSG_ERRQUEUE) = 0",
        "+0 sendmsg(4, {msg_iov(1)=[{..., 900}], msg_control=[{cmsg_level=SOL_SOCKET}]}, 0) = 900",
        "+0 < ipv4 1.2.3.4 > 2.3.4.5: . 1:1(0) win 1",
    ],
)
def test_what_is_not_done_is_unsupported(rest: str) -> None:
    assert run(rest).result == "unsupported"


def test_a_profile_lays_out_its_options() -> None:
    script = OPENING.replace("<mss 1460,sackOK,TS val 100 ecr 7>", "<mss 1000,sackOK,TS val 100 ecr 7>")
    assert run_script(script, config=FREEBSD).result == "pass"
    scaled = script.replace("TS val 7 ecr 0>", "TS val 7 ecr 0,nop,wscale 7>")
    assert "seen <mss 1000,nop,wscale 6,sackOK,TS val" in run_script(scaled, config=FREEBSD).why


def test_an_icmp_error_quotes_what_was_sent() -> None:
    rest = "+0 < icmp unreachable frag_needed mtu 600 [1:901(900)]\n"
    assert run(WRITE + SENT + "\n" + rest + "+0 > . 1:549(548) ack 1 <...>").result == "pass"
    assert (
        run(
            WRITE + SENT + "\n" + rest.replace("[1:901(900)]", "[5001:5901(900)]") + "+0 %{ assert tcpi_pmtu == 1500 }%"
        ).result
        == "pass"
    )


@pytest.mark.parametrize(
    ("version", "level"), [("ipv4", "SOL_IP"), ("ipv6", "SOL_IPV6"), ("ipv4-mapped-ipv6", "SOL_IPV6")]
)
def test_words_follow_the_version_of_ip(version: str, level: str) -> None:
    """The error queue speaks the language of the socket."""
    text = (
        "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n+0 getsockopt(3, CMSG_LEVEL_IP, CMSG_TYPE_RECVERR, [0], [4]) = 0\n"
    )
    assert run_script(text, options=(("ip_version", version),)).result == "pass"
    other = text.replace("CMSG_LEVEL_IP", "SOL_IPV6" if level == "SOL_IP" else "SOL_IP")
    assert run_script(other, options=(("ip_version", version),)).result != "pass"
