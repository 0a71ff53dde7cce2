"""Taken out of what reads and writes packets."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

WIRE: Final = (
    Transform(
        "tcp-checksum-not-verified",
        "A segment with a wrong checksum is read like any other.",
        "RFC 9293 §3.1",
        "wire.tcp",
        "if total % 65535:",
        "if False:",
    ),
    Transform(
        "tcp-checksum-without-payload",
        "The checksum of a segment does not cover what it carries.",
        "RFC 9293 §3.1",
        "wire.tcp",
        "        total += sum_parts(segment.payload)\n",
        "        total += 0\n",
    ),
    Transform(
        "piece-checksum-without-payload",
        "The checksum of a piece of a super-segment does not cover what it carries.",
        "RFC 9293 §3.1",
        "wire.segmentation",
        "pointer + end - start + _sum(views)",
        "pointer + end - start",
    ),
    Transform(
        "end-of-options-read-on",
        "What stands behind the end of the options is read as options.",
        "RFC 9293 §3.1",
        "wire.options",
        "            if kind == 0:\n"
        "                break\n"
        "            position += 1\n",
        "            position += 1\n",
    ),
    Transform(
        "no-op-is-malformed",
        "An option list with a no-op is malformed.",
        "RFC 9293 §3.1",
        "wire.options",
        "            position += 1\n"
        "            continue\n",
        '            raise ParseError("tcp-option-length")\n',
    ),
    Transform(
        "mss-option-of-another-kind",
        "The maximum segment size has the kind 200.",
        "RFC 9293 §3.1",
        "wire.options",
        "KIND_MSS: Final = 2",
        "KIND_MSS: Final = 200",
    ),
    Transform(
        "sack-permitted-not-known",
        "The SACK-permitted option is as unknown as any other.",
        "RFC 2018 §2",
        "wire.options",
        '    KIND_SACK_PERMITTED: Codec("sack_permitted", (2,), _parse_sack_permitted, _emit_sack_permitted),\n',
        "",
    ),
    Transform(
        "options-on-syn-only",
        "A segment with options that is not a SYN is malformed.",
        "RFC 9293 §3.1",
        "wire.tcp",
        "    flags = offset_flags & 0x1FF\n",
        "    if options is not NO_OPTIONS and not offset_flags & SYN:\n"
        '        raise ParseError("tcp-option")\n'
        "    flags = offset_flags & 0x1FF\n",
    ),
    Transform(
        "unknown-option-is-malformed",
        "A segment with an option that is not known is malformed.",
        "RFC 9293 §3.1",
        "wire.options",
        "        unknown.append((kind, body))\n",
        '        raise ParseError("tcp-option-unknown")\n',
    ),
    Transform(
        "option-may-overrun",
        "An option may be longer than what is there.",
        "RFC 9293 §3.1",
        "wire.options",
        "if length < 2 or position + length > size:",
        "if length < 2:",
    ),
    Transform(
        "option-without-length",
        "Options are sent without their length octet.",
        "RFC 9293 §3.1",
        "wire.options",
        "    body = codec.emit(value)\n"
        "    return bytes((kind, len(body) + 2)) + body\n",
        "    body = codec.emit(value)\n"
        "    return bytes((kind,)) + body\n",
    ),
    Transform(
        "padding-is-no-ops",
        "Options are padded with ones.",
        "RFC 9293 §3.1",
        "wire.options",
        "return data + bytes(-len(data) % 4)",
        'return data + b"\\1" * (-len(data) % 4)',
    ),
    Transform(
        "options-at-odd-places-passed-over",
        "An option that begins at an odd place is not read.",
        "RFC 9293 §3.2",
        "wire.options",
        "        _parse_one(kind, data[position + 2 : position + length], found, unknown)\n",
        "        if not position % 2:\n"
        "            _parse_one(kind, data[position + 2 : position + length], found, unknown)\n",
    ),
    Transform(
        "ao-beside-md5",
        "A segment may carry TCP-AO and MD5.",
        "RFC 5925 §2.2",
        "wire.options",
        'if "ao" in found and "md5" in found:',
        "if False:",
    ),
    Transform(
        "two-ao-options",
        "Of two TCP-AO options the first counts.",
        "RFC 5925 §2.2",
        "wire.options",
        "if kind == KIND_AO:",
        "if False:",
    ),
    Transform(
        "cookie-of-any-length",
        "A fast open cookie may have any length.",
        "RFC 7413 §4.1.1",
        "wire.options",
        "return body if len(body) in _COOKIE_LENGTHS else None",
        "return body",
    ),
    Transform(
        "user-timeout-without-minutes",
        "A user timeout in minutes is read as one in seconds.",
        "RFC 5482 §3.3",
        "wire.options",
        " * (60 if value & 0x8000 else 1) or None",
        " or None",
    ),
    Transform(
        "user-timeout-sent-as-seconds",
        "A user timeout in minutes does not say so.",
        "RFC 5482 §3.3",
        "wire.options",
        "return (0x8000 | minutes).to_bytes",
        "return minutes.to_bytes",
    ),
    Transform(
        "user-timeout-of-nothing-is-sent",
        "A user timeout of 0 is sent.",
        "RFC 5482 §3.4",
        "wire.options",
        "if 0 < seconds <= _MAX_USER_TIMEOUT:",
        "if 0 <= seconds <= _MAX_USER_TIMEOUT:",
    ),
    Transform(
        "ipv4-options-refused",
        "An IPv4 packet with options is malformed.",
        "RFC 9293 §3.9.2",
        "wire.ip",
        "if header_length < IPV4_HEADER or header_length > len(head):",
        "if header_length != IPV4_HEADER or header_length > len(head):",
    ),
    Transform(
        "source-quench-is-sent",
        "Source Quench can be built.",
        "RFC 6633 §3",
        "wire.icmp",
        "_TYPES_V4: Final = {\n",
        "_TYPES_V4: Final = {\n"
        "    IcmpKind.SOURCE_QUENCH: 4,\n",
    ),
)
