"""Taken out of what the two sides agree on: options, sequence numbers."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

AGREEMENT: Final = (
    Transform(
        "mss-option-not-sent",
        "Our SYN does not say how large a segment may be.",
        "RFC 9293 §3.7.1",
        "tcp.options",
        "mss = _offered_mss(c) if config.mss_option else None",
        "mss = None",
    ),
    Transform(
        "mss-option-ignored",
        "What the peer says about the size of segments is not heeded.",
        "RFC 9293 §3.7.1",
        "tcp.options",
        "c.peer_mss = max(options.mss, config.minimum_mss)",
        "pass",
    ),
    Transform(
        "sack-blocks-in-full-segments",
        "SACK blocks make a full segment larger.",
        "RFC 9293 §3.7.1",
        "tcp.options",
        "room = (c.mss - length - _SACK_HEADER) // _BLOCK",
        "room = _MAX_BLOCKS",
    ),
    Transform(
        "scaling-by-one-side",
        "Windows are scaled although only we offered it.",
        "RFC 7323 §2.2",
        "tcp.options",
        "    if options.window_scale is not None and config.window_scale:\n"
        "        c.snd_wscale = min(options.window_scale, _MAX_SCALE)\n",
        "    if config.window_scale:\n"
        "        c.snd_wscale = min(options.window_scale or 0, _MAX_SCALE)\n",
    ),
    Transform(
        "scaling-switched-off-goes-on",
        "Windows are scaled although only the peer offered it.",
        "RFC 7323 §2.3",
        "tcp.options",
        "if options.window_scale is not None and config.window_scale:",
        "if options.window_scale is not None:",
    ),
    Transform(
        "shift-beyond-fourteen",
        "A window may be scaled by any shift.",
        "RFC 7323 §2.3",
        "tcp.options",
        "c.snd_wscale = min(options.window_scale, _MAX_SCALE)",
        "c.snd_wscale = options.window_scale",
    ),
    Transform(
        "syn-echoes-nonsense",
        "The timestamp of a SYN echoes what nobody sent.",
        "RFC 7323 §3.2",
        "tcp.options",
        "timestamps = (c.timestamp(now) & 0xFFFFFFFF, c.ts_recent & 0xFFFFFFFF)",
        "timestamps = (c.timestamp(now) & 0xFFFFFFFF, 1)",
    ),
    Transform(
        "timestamps-on-syn-only",
        "After the SYN no segment carries timestamps.",
        "RFC 7323 §3.2",
        "tcp.options",
        "    if not c.ts_ok:\n"
        "        return Options(sack=blocks)",
        "    if True:\n"
        "        return Options(sack=blocks)",
    ),
    Transform(
        "sack-unagreed",
        "SACK blocks go to a peer that did not permit them.",
        "RFC 2018 §4",
        "tcp.options",
        "if c.sack_ok and c.reassembly is not None:",
        "if c.reassembly is not None:",
    ),
    Transform(
        "fast-open-asked-for",
        "Every SYN asks for a fast open cookie.",
        "RFC 7413 §2",
        "tcp.options",
        "c.fast_open.cookie if c.fast_open is not None and c.snd_nxt == c.iss else None",
        'b""',
    ),
    Transform(
        "isn-without-clock",
        "Initial sequence numbers do not follow a clock.",
        "RFC 9293 §3.4.1",
        "tcp.isn",
        "now // _TICK + ",
        "",
    ),
    Transform(
        "isn-without-key",
        "Whoever knows the addresses knows the initial sequence number.",
        "RFC 6528 §3",
        "tcp.isn",
        "blake2s(secret, digest_size",
        "blake2s(digest_size",
    ),
    Transform(
        "isn-same-for-all",
        "All connections share one sequence space.",
        "RFC 6528 §3",
        "tcp.isn",
        'keyed_hash(secret, b"isn", key)[0]',
        'keyed_hash(secret, b"isn", b"")[0]',
    ),
    Transform(
        "fast-open-answered",
        "Every SYN is answered with a fast open option.",
        "RFC 7413 §4.2",
        "tcp.options",
        "c.fast_open.cookie if c.fast_open is not None and c.snd_nxt == c.iss else None",
        'b"" if answering else None',
    ),
)
