"""Scripts that are cut, shuffled and filled with odd numbers: each has an outcome, and a mistake has its place."""

from __future__ import annotations

import random
import re

import pytest

from estab.packetdrill import run_script
from estab.tcp.config import PROFILES
from tests.packetdrill.test_scripts import PATHS, profile_of

ROUNDS = 12
NUMBERS = ("0", "-1", "65536", "4294967296", "99999999999999999999", "0x", "010", ".5", "1e9", "1000000000000")
WORDS = (*"()[]{}<>=\"`~+*,|!", "...", "%{", "}%", "/*", "//", "\0", "#ifdef x\n", "htons(", "S.", "udp", "icmp")
ARGUMENTS = ("...", '"x"', "[1]", "{a=1}", "-5", "[]", "A|B", "SOCK_DGRAM", "4", "99999999999", "[" * 50 + "]" * 50)
OPTIONS = ("mtu=0", "mtu=x", "local_ip=::1", "ip_version=ipv6", "tolerance_percent=nan", "define=0=1", "bind_port=0")


def mutilated(text: str, rng: random.Random) -> str:
    """One thing in it is different."""
    place = rng.randrange(len(text))
    lines = text.split("\n")
    match rng.randrange(7):
        case 0:
            found = rng.choice(list(re.finditer(r"\d+", text)))
            return text[: found.start()] + rng.choice(NUMBERS) + text[found.end() :]
        case 1:
            return text[:place]
        case 2:
            return text[:place] + text[place + 1 :]
        case 3:
            return text[:place] + rng.choice(WORDS) + text[place:]
        case 4:
            found = rng.choice(list(re.finditer(r"(?<=[(,])[^,()]+(?=[,)])", text)) or [re.search("", text)])
            assert found is not None
            return text[: found.start()] + rng.choice(ARGUMENTS) + text[found.end() :]
        case 5:
            return f"--{rng.choice(OPTIONS)}\n" + text
    rng.shuffle(lines)
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_every_text_has_an_outcome(seed: int) -> None:
    rng = random.Random(seed)
    for path in rng.sample(PATHS, 12):
        text = mutilated(path.read_text(encoding="utf-8"), rng)
        profile = profile_of(path)
        outcome = run_script(text, config=PROFILES[profile], system=profile)
        assert outcome.result in ("pass", "fail", "unsupported")
        assert "the stack broke" not in outcome.why, (path, outcome, text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 < . 1:1(0) ack 1 win 65536", "column 20: 65536 is more than 65535"),
        ("0 < . 1:100001(100000) ack 1 win 1", "column 3: 100000 is more than 65495"),
        ("0 < 65536 > 1 . 1:1(0) win 1", "column 5: 65536 is more than 65535"),
        ("0 < [tos 256] . 1:1(0) win 1", "column 5: 256 is more than 255"),
        ("9999999999 f() = 0", "column 1: that is more than thirty years from now"),
        ("--mtu=10\n0 f() = 0", "column 1: --mtu=10 makes no sense"),
        ("--local_ip=::1\n0 f() = 0", "column 1: the addresses are not of ipv4"),
    ],
)
def test_what_is_too_large_is_told_with_its_place(text: str, why: str) -> None:
    outcome = run_script(text)
    assert (outcome.result, outcome.why) == ("fail", why)


def test_numbers_with_a_leading_zero_are_decimal() -> None:
    script = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 03\n+0 fcntl(3, F_GETFL) = 002"
    assert run_script(script).result == "pass"


@pytest.mark.parametrize(("count", "result"), [(-1, "-1 EINVAL (Invalid argument)"), (1 << 40, "...")])
def test_no_memory_is_made_for_what_no_buffer_takes(count: int, result: str) -> None:
    script = f"""\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <mss 1460>
+0 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 write(4, ..., {count}) = {result}
"""
    assert run_script(script).result == "pass"
