"""Is what was sent what the script expects? One rule after the other, and the first that fails says how."""

from __future__ import annotations

from typing import Final

from estab.packetdrill.flow import Flow
from estab.packetdrill.live import Live, RawOption
from estab.packetdrill.syntax import Edges, Stamp, TcpOption, TcpPacket
from estab.wire.options import KIND_SACK, KIND_TIMESTAMPS
from estab.wire.packet import PROTO_TCP
from estab.wire.tcp import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG

ECN_NAMES: Final = {0: "noecn", 1: "ect1", 2: "ect0", 3: "ce"}
_LETTERS: Final = (
    *((FIN, "F"), (SYN, "S"), (RST, "R"), (PSH, "P"), (ACK, "."), (URG, "U")),
    *((ECE, "E"), (CWR, "W"), (AE, "A")),
)
_RESERVED: Final = 0xE00
_ACE: Final = AE | CWR | ECE
_FREE_IN_PIECES: Final = FIN | PSH | CWR


class MismatchError(Exception):
    """What was expected, against what was seen."""


def show_flags(flags: int, ace: int | None = None) -> str:
    """As in scripts: ``S.``; ``-`` for none."""
    text = "".join(letter for bit, letter in _LETTERS if flags & bit and (ace is None or not bit & _ACE))
    return ("" if ace is None else str(ace)) + text or "-"


def show(live: Live, flow: Flow | None) -> str:
    """A live packet in the words of a script."""
    if live.protocol != PROTO_TCP:
        return f"> a packet of protocol {live.protocol}, {live.length} bytes"
    flow = flow or Flow((live.src, live.ports[0]), (live.dst, live.ports[1]))
    seq = flow.script_seq(live.seq, live.flags)
    text = f"> {show_flags(live.flags)} {seq}:{(seq + live.length) & 0xFFFFFFFF}({live.length})"
    if live.flags & ACK:
        text += f" ack {flow.script_ack(live.ack, live.flags)}"
    text += f" win {live.window}"
    if live.flags & URG:
        text += f" urg {live.urgent}"
    if live.options:
        text += f" <{','.join(_show_option(each, flow) for each in live.options)}>"
    if live.udp is not None:
        text += f" /udp({live.udp[0]} > {live.udp[1]})"
    return text


def _show_option(option: RawOption, flow: Flow) -> str:
    kind, body = option
    numbers = [int.from_bytes(body[place : place + 4], "big") for place in range(0, len(body), 4)]
    if kind == KIND_SACK:
        edges = [str((number - flow.remote_isn) & 0xFFFFFFFF) for number in numbers]
        return "sack " + " ".join(":".join(pair) for pair in zip(edges[::2], edges[1::2], strict=True))
    if kind == KIND_TIMESTAMPS:
        return f"TS val {numbers[0]} ecr {numbers[1]}"
    if kind in (2, 3):
        return f"{'mss' if kind == 2 else 'wscale'} {int.from_bytes(body, 'big')}"
    name = {0: "eol", 1: "nop", 4: "sackOK", 34: "FO"}.get(kind, f"kind {kind}")
    return f"{name} {body.hex()}".rstrip()


def merge(pieces: list[Live]) -> Live:
    """Segments of one burst as the one that the script speaks of. Raises ``MismatchError``."""
    first, last = pieces[0], pieces[-1]
    seq = first.seq
    for number, piece in enumerate(pieces, 1):
        if piece.seq != seq & 0xFFFFFFFF:
            raise MismatchError(f"piece {number} of the data does not continue the one before it")
        if piece is not last and piece.length != first.length:
            raise MismatchError(f"piece {number} of the data has {piece.length} bytes, the first {first.length}")
        if (piece.flags ^ first.flags) & ~_FREE_IN_PIECES:
            flags = show_flags(piece.flags), show_flags(first.flags)
            raise MismatchError(f"piece {number} of the data has the flags {flags[0]}, the first {flags[1]}")
        if (piece.ack, piece.window) != (first.ack, first.window):
            raise MismatchError(f"piece {number} of the data has another acknowledgement or window")
        if _layout(piece) != _layout(first):
            raise MismatchError(f"piece {number} of the data has other options")
        seq += piece.length
    return last._replace(
        seq=first.seq,
        flags=last.flags & ~CWR | first.flags & CWR,
        length=sum(piece.length for piece in pieces),
        zero=all(piece.zero for piece in pieces),
    )


def _layout(live: Live) -> list[tuple[int, int]]:
    return [(kind, len(body)) for kind, body in live.options]


def compare(packet: TcpPacket, live: Live, flow: Flow) -> None:
    """Everything but the time. Raises ``MismatchError``."""
    _network(packet, live)
    if live.protocol != PROTO_TCP:
        raise MismatchError(f"protocol: expected tcp, seen {live.protocol}")
    if live.udp != packet.udp:
        raise MismatchError(f"udp ports: expected {packet.udp}, seen {live.udp}")
    _flags(packet, live)
    _numbers(packet, live, flow)
    if packet.options is not None:
        _options(packet, live, flow)
    if not live.zero:
        raise MismatchError("payload: not the zeros that were written")


def _same(what: str, expected: object, seen: object) -> None:
    if expected != seen:
        raise MismatchError(f"{what}: expected {expected}, seen {seen}")


def _network(packet: TcpPacket, live: Live) -> None:
    info = packet.ip
    if info.ecn is not None:
        seen = ECN_NAMES[live.ecn]
        if seen != info.ecn and not (info.ecn == "ect01" and live.ecn in (1, 2)):
            raise MismatchError(f"ecn: expected {info.ecn}, seen {seen}")
    if info.tos is not None:
        _same("tos", hex(info.tos), hex(live.dscp << 2 | live.ecn))
    if info.dscp is not None:
        _same("dscp", info.dscp, live.dscp)
    if info.ttl is not None:
        _same("ttl", info.ttl, live.ttl)


def _flags(packet: TcpPacket, live: Live) -> None:
    free = 0 if packet.ace is None else _ACE
    if (packet.flags ^ live.flags) & ~free & ~_RESERVED:
        _same("flags", show_flags(packet.flags & ~free), show_flags(live.flags & ~free))
    if packet.ace is not None:
        _same("ace", packet.ace, (live.flags & _ACE) >> 6)
    if live.flags & _RESERVED:
        raise MismatchError("reserved bits are set")


def _numbers(packet: TcpPacket, live: Live, flow: Flow) -> None:
    if packet.seq is not None:
        _same("seq", packet.seq.value, flow.script_seq(live.seq, live.flags, packet.seq.absolute))
    _same("length", packet.length, live.length)
    if packet.ack is not None:
        seen = flow.script_ack(live.ack, live.flags, packet.ack.absolute) if live.flags & ACK else live.ack
        _same("ack", packet.ack.value, seen)
    elif not packet.flags & ACK:
        _same("ack", 0, live.ack)
    if packet.window is not None:
        _same("win", packet.window, live.window)
    _same("urg", packet.urgent or 0, live.urgent)


def _options(packet: TcpPacket, live: Live, flow: Flow) -> None:
    assert packet.options is not None
    expected = packet.options
    kinds = [option.kind for option in expected]
    if kinds != [kind for kind, _ in live.options]:
        shown = ",".join(option.name if option.name != "bytes" else f"kind {option.kind}" for option in expected)
        seen = ",".join(_show_option(each, flow) for each in live.options)
        raise MismatchError(f"options: expected <{shown}>, seen <{seen}>")
    for option, raw in zip(expected, live.options, strict=True):
        _option(option, raw, flow)


def _option(option: TcpOption, raw: RawOption, flow: Flow) -> None:
    value, body = option.value, raw[1]
    if option.name in ("nop", "eol", "md5"):
        return
    if isinstance(value, Stamp):
        if len(body) != 8:
            raise MismatchError("TS: not ten bytes long")
        return
    if isinstance(value, Edges):
        edges = b"".join(flow.outbound_block(edge).to_bytes(4, "big") for pair in value.blocks for edge in pair)
        if edges != body:
            wanted = " ".join(f"{low.value}:{high.value}" for low, high in value.blocks)
            raise MismatchError(f"option: expected sack {wanted}, seen {_show_option(raw, flow)}")
        return
    wanted_body = value if isinstance(value, bytes) else _small_body(option)
    if wanted_body != body:
        wanted = _show_option((option.kind, wanted_body), flow)
        raise MismatchError(f"option: expected {wanted}, seen {_show_option(raw, flow)}")


def _small_body(option: TcpOption) -> bytes:
    assert isinstance(option.value, int)
    return option.value.to_bytes({"mss": 2, "wscale": 1}.get(option.name, 0), "big")
