"""Scripts are read: every form of the language, and mistakes with their place."""

from __future__ import annotations

import pytest

from estab.packetdrill.builder import nanoseconds
from estab.packetdrill.grammar import parse
from estab.packetdrill.syntax import (
    Apply,
    Call,
    Either,
    IcmpPacket,
    Name,
    Number,
    ScriptError,
    Struct,
    TcpPacket,
    Time,
    UdpPacket,
)
from estab.tcp.config import MILLISECOND, SECOND


def action(text: str) -> object:
    (event,) = parse(text).events
    return event.action


def packet(text: str) -> TcpPacket:
    found = action(text)
    assert isinstance(found, TcpPacket)
    return found


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0.5", Time(500 * MILLISECOND, False)),
        ("1.", Time(SECOND, False)),
        ("+.000001", Time(1000, True)),
        ("*", Time(0, False, anytime=True)),
        ("1~2", Time(SECOND, False, until=2 * SECOND)),
        ("+1~+2.5", Time(SECOND, True, until=2500 * MILLISECOND)),
    ],
)
def test_times(text: str, time: Time) -> None:
    assert parse(f"{text} > . 1:1(0) ack 1").events[0].time == time


def test_a_call_may_take_time() -> None:
    (event,) = parse("+.1...0.3 read(4, ..., 10) = 10").events
    assert event.time == Time(100 * MILLISECOND, True, ends=300 * MILLISECOND)


def test_nanoseconds_are_exact() -> None:
    assert nanoseconds("0.000000001") == 1
    assert nanoseconds(".3") == 300_000_000


def test_a_call_with_everything() -> None:
    call = action('0 f(..., -1, 0x10, "a\\n", A|B, [1, 2], {x = 1, y(2) = [3]}, htons(80)) = -1 EAGAIN (Try (again)')
    assert isinstance(call, Call)
    assert call.arguments == (
        ...,
        -1,
        16,
        b"a\n",
        Either((Name("A"), Name("B"))),
        [1, 2],
        Struct((("x", 1), ("y", [3]))),
        Apply("htons", (80,)),
    )
    assert (call.result, call.error) == (-1, "EAGAIN")


def test_a_packet_with_everything() -> None:
    found = packet(
        "0 < [ECT0, ttl 3] 5 > 6 FSRPUEWA. 1:3(2) ack 4 win 5 urg 6 "
        "<mss 1460,nop,wscale 7,sackOK,nop,nop,TS val 1 ecr 2,nop,nop>"
    )
    assert (found.flags, found.seq, found.length, found.ack) == (0x1FF, Number(1), 2, Number(4))
    assert (found.window, found.urgent, found.ports, found.ip.ecn, found.ip.ttl) == (5, 6, (5, 6), "ect0", 3)
    assert [option.name for option in found.options or ()] == [
        *("mss", "nop", "wscale", "sackOK", "nop", "nop", "TS", "nop", "nop"),
    ]


def test_what_is_left_open_is_none() -> None:
    found = packet("0 > . ...(5) ack 1 win ... <...>")
    assert (found.seq, found.length, found.window, found.options) == (None, 5, None, None)
    assert packet("0 > . 1:1(0) ack 1").options == ()


def test_absolute_numbers_and_the_count_of_marks() -> None:
    found = packet("0 > 5. 7:8(1)! ack 9!")
    assert (found.ace, found.seq, found.ack) == (5, Number(7, True), Number(9, True))


def test_the_other_packets() -> None:
    found = action("0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]")
    assert found == IcmpPacket(True, "unreachable", "frag_needed", 1200, Number(1), 1460, "tcp")
    assert isinstance(action("0 > udp (100)"), UdpPacket)
    carried = packet("0 < . 1:1(0) ack 1 win 1 /udp(9899 > 1234)")
    assert carried.udp == (9899, 1234)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("FO,nop,nop", 34, b""),
        ("FO abcd1234,nop,nop", 34, bytes.fromhex("abcd1234")),
        ("FOEXP 12345678", 254, b"\xf9\x89\x124Vx"),
        ("md5 000102030405060708090a0b0c0d0e0f,nop,nop", 19, bytes(range(16))),
        ("ECN e0b 1 ceb 2 e1b 3,nop", 172, bytes((0, 0, 1, 0, 0, 2, 0, 0, 3))),
        ("ECN e1b 1,eol,eol,eol", 174, bytes((0, 0, 1))),
        ("generic 0xfd 0x1234", 253, b"\x124"),
    ],
)
def test_options_as_bytes(text: str, kind: int, value: bytes) -> None:
    options = packet(f"0 > . 1:1(0) ack 1 <{text}>").options
    assert options is not None
    assert (options[0].kind, options[0].value) == (kind, value)


def test_options_commands_comments_and_layout() -> None:
    script = parse(
        '--a=1 --b="x y"\n/* one\n two */ `first`\n'
        "0 f() = 0 // three\n+0\n  g() = 0 +0 `second`\n+0 %{ x = 1 }%\n`last`"
    )
    assert script.options == (("a", "1"), ("b", "x y"))
    assert [command.text for _, command in script.setup] == ["first"]
    assert [event.line for event in script.events] == [4, 5, 6, 7]
    assert [command.text for _, command in script.cleanup] == ["last"]


def test_conditions_keep_what_is_for_this_system() -> None:
    text = "#ifdef freebsd\n0 f() = 0\n#else\n0 g() = 0\n#endif\n"
    names = {
        system: [event.action.name for event in parse(text, system=system).events if isinstance(event.action, Call)]
        for system in ("linux", "freebsd")
    }
    assert names == {"linux": ["g"], "freebsd": ["f"]}


def test_words_that_were_defined() -> None:
    call = action("--define=SIZE=5\n0 f(SIZE, OTHER) = SIZE")
    assert isinstance(call, Call)
    assert (call.arguments, call.result) == ((5, Name("OTHER")), 5)
    assert parse("--define=SIZE=5\n0 f(SIZE) = 0", {"SIZE": "6"}).events[0].action.arguments == (6,)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("0 f(", (1, 4), "ends in the middle"),
        ("0 f() = 0\n+0 > Q 1:1(0)", (2, 6), "'Q' cannot stand here"),
        ("0 > . 1:2(0) ack 1", (1, 7), "1 and 0 bytes do not make 2"),
        ("0 > . 1:1(0) ack 1 <mss 1460,nop>", (1, 21), "5 bytes of options are not a multiple of 4"),
        ("0 > . 1:1(0) ack 1 <wscale 256,nop>", (1, 21), "wscale 256"),
        ("0 > . 1:1(0) ack 1 <FO abc,nop>", (1, 21), "half a byte"),
        ("0 > E1. 1:1(0) ack 1", (1, 5), "cannot stand together"),
        ("0 < . 1:1(0) ack 1 win 1 <...>", (1, 3), "cannot be left open"),
        ("0 < . ...(0) ack 1 win 1", (1, 3), "cannot be left open"),
        ("0~1 < . 1:1(0) ack 1 win 1", (1, 1), "only a packet that is expected"),
        ("* f() = 0", (1, 1), "only a packet that is expected"),
        ("0...1 > . 1:1(0) ack 1", (1, 1), "only a system call"),
        ("#endif", (1, 1), "#endif without #ifdef"),
        ("#ifdef linux", (1, 1), "#ifdef without #endif"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: tuple[int, int], why: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(text)
    assert why in caught.value.why
    assert (caught.value.line, caught.value.column) == place
