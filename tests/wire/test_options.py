from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estab.wire.options import (
    CODECS,
    NO_OPTIONS,
    ExperimentalCookie,
    Options,
    bsd_order,
    default_order,
    emit_options,
    format_options,
    parse_options,
)
from estab.wire.packet import ParseError

number = st.integers(0, 0xFFFFFFFF)
pairs = st.tuples(number, number)
unknown_kinds = st.integers(2, 255).filter(lambda kind: kind not in CODECS)
counters = st.none() | st.lists(st.integers(0, 0xFFFFFF), max_size=3).map(tuple)
some_options = st.builds(
    Options,
    mss=st.none() | st.integers(0, 0xFFFF),
    window_scale=st.none() | st.integers(0, 255),
    sack_permitted=st.booleans(),
    sack=st.lists(pairs, max_size=4).map(tuple),
    timestamps=st.none() | pairs,
    user_timeout=st.none() | st.integers(1, 0x7FFF) | st.integers(1000, 0x7FFF).map(lambda minutes: minutes * 60),
    fast_open=st.none() | st.sampled_from([0, 4, 8, 16]).map(bytes),
    md5=st.none() | st.binary(min_size=16, max_size=16),
    ao=st.none() | st.binary(min_size=2, max_size=18),
    accurate_ecn_0=counters,
    accurate_ecn_1=counters,
    unknown=st.lists(st.tuples(unknown_kinds, st.binary(max_size=6)), max_size=2).map(tuple),
)

ROWS = [
    ("020405b4", Options(mss=1460)),
    ("03030e01", Options(window_scale=14)),
    ("030310", Options(window_scale=16)),
    ("0402", Options(sack_permitted=True)),
    ("050a0000000100000002", Options(sack=((1, 2),))),
    ("080a0000000100000002", Options(timestamps=(1, 2))),
    ("0101080a0000000100000002", Options(timestamps=(1, 2))),
    ("080a00000001000000020101", Options(timestamps=(1, 2))),
    ("0103030e", Options(window_scale=14)),
    ("010101020405b4", Options(mss=1460)),
    ("1c04005a", Options(user_timeout=90)),
    ("1c048002", Options(user_timeout=120)),
    ("1c040000", Options(unknown=((28, b"\0\0"),))),
    ("2202", Options(fast_open=b"")),
    ("22060102030400", Options(fast_open=b"\1\2\3\4")),
    ("220301", Options(unknown=((34, b"\1"),))),
    ("fe04f989", Options(fast_open=ExperimentalCookie())),
    ("fe08f98901020304", Options(fast_open=ExperimentalCookie(b"\1\2\3\4"))),
    ("fe05f98901", Options(unknown=((254, b"\xf9\x89\1"),))),
    ("fe04abcd", Options(unknown=((254, b"\xab\xcd"),))),
    ("1312" + "ab" * 16, Options(md5=b"\xab" * 16)),
    ("1d100102" + "cd" * 12, Options(ao=b"\1\2" + b"\xcd" * 12)),
    ("ac02", Options(accurate_ecn_0=())),
    ("ac05000001", Options(accurate_ecn_0=(1,))),
    ("ac0b000001000002fffffe", Options(accurate_ecn_0=(1, 2, 0xFFFFFE))),
    ("ae08000001000002", Options(accurate_ecn_1=(1, 2))),
    ("ac04ffff", Options(accurate_ecn_0=())),
    ("ac0700000100ff", Options(accurate_ecn_0=(1,))),
    ("ac0e000001000002000003000004", Options(accurate_ecn_0=(1, 2, 3))),
    ("4d03ff", Options(unknown=((77, b"\xff"),))),
    ("0001ff05", NO_OPTIONS),
    ("010101", NO_OPTIONS),
    ("", NO_OPTIONS),
    ("020405b4020400010303070303ff", Options(mss=1460, window_scale=7)),
]


@pytest.mark.req("RFC9293-MUST-4", "RFC9293-MUST-64", "RFC7413-02", "RFC5482-10")
@pytest.mark.parametrize(("data", "expected"), ROWS)
def test_what_options_mean(data: str, expected: Options) -> None:
    options = parse_options(memoryview(bytes.fromhex(data)))
    assert options == expected
    assert type(options.fast_open) is type(expected.fast_open)


@pytest.mark.req("RFC9293-MUST-7", "RFC5925-01", "RFC5925-02")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("ff00", "tcp-option-length"),
        ("ff01", "tcp-option-length"),
        ("02", "tcp-option-length"),
        ("ff05aabb", "tcp-option-length"),
        ("020305", "tcp-option-mss"),
        ("0205010203", "tcp-option-mss"),
        ("030401ff", "tcp-option-window-scale"),
        ("040300", "tcp-option-sack-permitted"),
        ("0502", "tcp-option-sack"),
        ("050b0000000100000002ff", "tcp-option-sack"),
        ("080900000001000000", "tcp-option-timestamps"),
        ("1c0300", "tcp-option-user-timeout"),
        ("1311" + "00" * 15, "tcp-option-md5"),
        ("1d03ff", "tcp-option-ao"),
        ("1d0401021d040102", "tcp-option-ao"),
        ("1d0401021312" + "ab" * 16, "tcp-option-ao"),
    ],
)
def test_malformed_options(data: str, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_options(bytes.fromhex(data))
    assert caught.value.reason == reason


@pytest.mark.req("RFC9293-MUST-68", "RFC9293-MUST-69", "RFC5482-10")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(1460, 7, True, (), (1, 0)), "020405b4 0402 080a0000000100000000 01030307"),
        (Options(1460, 7, True), "020405b4 01010402 01030307"),
        (Options(1460, 7, False, (), (1, 0)), "020405b4 0101080a0000000100000000 01030307"),
        (Options(timestamps=(1, 2)), "0101080a0000000100000002"),
        (Options(timestamps=(1, 2), sack=((3, 4),)), "0101080a0000000100000002 0101050a0000000300000004"),
        (Options(mss=1460, window_scale=3), "020405b4 01030303"),
        (Options(fast_open=b""), "22020101"),
        (Options(unknown=((77, b"x"),)), "4d037800"),
        (Options(fast_open=ExperimentalCookie(bytes(4))), "fe08f98900000000"),
        (Options(user_timeout=0x8000), "1c048223"),
        (Options(timestamps=(1 << 32, -1)), "0101080a00000000ffffffff"),
        (NO_OPTIONS, ""),
    ],
)
def test_the_default_layout(options: Options, expected: str) -> None:
    assert emit_options(options).hex() == expected.replace(" ", "")


@pytest.mark.req("RFC9293-MUST-69")
def test_an_order_is_obeyed() -> None:
    options = Options(1460, 7, True, (), (1, 0))
    order = ("mss", "nop", "window_scale", "sack_permitted", "timestamps", "eol")
    assert emit_options(options, order).hex() == "020405b4010303070402080a000000010000000000000000"


def test_an_order_names_what_is_absent_and_forgets_what_is_there() -> None:
    assert emit_options(Options(mss=1, window_scale=2), ("timestamps", "window_scale")).hex() == "0303020204000100"
    assert emit_options(NO_OPTIONS, ("nop", "nop")).hex() == "01010000"


@pytest.mark.req("RFC5482-12")
def test_a_user_timeout_of_nothing_is_never_sent() -> None:
    with pytest.raises(ValueError, match="user timeout of 0 s"):
        emit_options(Options(user_timeout=0))


def test_nothing_is_left_out_for_lack_of_room() -> None:
    full = Options(timestamps=(1, 2), sack=((1, 2), (3, 4), (5, 6)))
    assert len(emit_options(full)) == 40
    with pytest.raises(ValueError, match="room for 40"):
        emit_options(full._replace(mss=536))
    with pytest.raises(ValueError, match="user timeout"):
        emit_options(Options(user_timeout=0x7FFF * 60 + 1))


@pytest.mark.req("RFC9293-MUST-68")
@given(some_options)
def test_options_come_back(options: Options) -> None:
    try:
        data = emit_options(options)
    except ValueError:
        return
    assert len(data) % 4 == 0
    if options.md5 is not None and options.ao is not None:
        with pytest.raises(ParseError):
            parse_options(data)
        return
    assert parse_options(data) == options
    assert set(default_order(options)) - {"nop"} == {
        name for name, value, default in zip(Options._fields, options, NO_OPTIONS, strict=True) if value != default
    }


@given(
    mss=st.just(1460) | st.integers(0, 0xFFFF),
    window_scale=st.just(8) | st.none(),
    sack_permitted=st.just(True) | st.booleans(),
    timestamps=st.just((1, 0)) | pairs,
    user_timeout=st.none() | st.just(60),
)
def test_the_usual_syn_is_no_exception(**fields: Any) -> None:
    options = Options(**fields)
    data = emit_options(options)
    assert data == emit_options(options, default_order(options))
    assert parse_options(data) == parse_options(data + b"\1\1\1\1") == options


@given(st.binary(max_size=40))
def test_any_bytes_are_options_or_malformed(data: bytes) -> None:
    try:
        options = parse_options(data)
    except ParseError as error:
        assert error.reason.startswith("tcp-option-")
    else:
        assert isinstance(format_options(options), str)


def test_the_text_of_options() -> None:
    options = Options(1460, 7, True, ((1, 2), (3, 4)), (5, 6), 90, b"", b"\1", b"\2", (1, 2), (), ((77, b"\xff"),))
    assert format_options(options) == (
        "mss 1460,sackOK,TS val 5 ecr 6,wscale 7,sack 1:2 3:4,uto 90,FO,md5 01,ao 02,AccECN0 1 2,AccECN1,unknown-77 ff"
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (NO_OPTIONS, ""),
        (Options(mss=1460, window_scale=6, sack_permitted=True, timestamps=(1, 0)), "mss nop wscale sackOK TS"),
        (Options(mss=1460, window_scale=6, timestamps=(1, 0)), "mss nop wscale nop nop TS"),
        (Options(mss=1460, sack_permitted=True), "mss sackOK"),
        (Options(timestamps=(1, 0), sack=((1, 2),)), "nop nop TS nop nop sack"),
        (Options(sack=((1, 2),)), "nop nop sack"),
    ],
)
def test_the_order_of_bsd(options, names):
    short = {"window_scale": "wscale", "sack_permitted": "sackOK", "timestamps": "TS"}
    order = bsd_order(options)
    assert " ".join(short.get(name, name) for name in order) == names
    assert parse_options(emit_options(options, order)) == options
