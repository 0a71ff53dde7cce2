"""Taken out of fast open."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

FAST_OPEN: Final = (
    Transform(
        "fast-open-data-without-a-cookie",
        "The data of a SYN is kept whatever its cookie is.",
        "RFC 7413 §4.2.2",
        "tcp.arrives",
        "if (segment.options.fast_open is not None or not c.config.syn_text) and not c.fast_opened:",
        "if False:",
    ),
    Transform(
        "cookies-where-nobody-wants-them",
        "A listener that has not asked for fast open gives cookies all the same.",
        "RFC 7413 §2",
        "stack.fast_open",
        "if shown is None or not listener.config.fast_open_queue:",
        "if shown is None:",
    ),
    Transform(
        "fast-open-without-asking",
        "A client without a cookie does not ask for one.",
        "RFC 7413 §4.2.1",
        "stack.fast_open",
        'c.fast_open = FastOpen(b"")',
        "c.fast_open = None",
    ),
    Transform(
        "cookies-are-forgotten",
        "A client does not keep the cookie that it was given.",
        "RFC 7413 §4.1.3",
        "stack.cookie_cache",
        "_put(self.cookies, local + remote, Cookie(value, mss, now), self.config.fast_open_cookies)",
        "pass",
    ),
    Transform(
        "fast-open-again-where-it-failed",
        "A client tries fast open again where it has just failed.",
        "RFC 7413 §4.1.3.1",
        "stack.cookie_cache",
        "return now < self.failures.get(_path(local, remote), now)",
        "return False",
    ),
    Transform(
        "fast-openings-without-limit",
        "A listener lets any number of fast openings in.",
        "RFC 7413 §5.1",
        "stack.fast_open",
        "return len(listener.fast_opening) + len(resets) >= listener.config.fast_open_queue",
        "return False",
    ),
    Transform(
        "resets-make-room-for-fast-openings",
        "A fast opening that was reset counts no more.",
        "RFC 7413 §5.1",
        "stack.fast_open",
        "return len(listener.fast_opening) + len(resets) >=",
        "return len(listener.fast_opening) >=",
    ),
    Transform(
        "fast-open-repeats-its-data",
        "A SYN or SYN-ACK that is repeated has its option and its data again.",
        "RFC 7413 §4.2.2",
        "tcp.options",
        "c.fast_open.cookie if c.fast_open is not None and c.snd_nxt == c.iss else None",
        "c.fast_open.cookie if c.fast_open is not None else None",
    ),
    Transform(
        "refused-data-waits",
        "What the SYN carried and the server did not take waits for the timer.",
        "RFC 7413 §4.2.2",
        "tcp.arrives",
        "            c.board.mark_lost(c.snd_una, c.snd_nxt)\n        c.fact(Fact.SYN_ACKED, now)",
        "            pass\n        c.fact(Fact.SYN_ACKED, now)",
    ),
    Transform(
        "fast-open-beyond-the-servers-segments",
        "A SYN carries as much as our own link takes.",
        "RFC 7413 §4.1.3",
        "stack.fast_open",
        "size = min(cookie.mss, _LARGEST[len(c.remote_address)], c.path.mtu - c.ip_header - TCP_HEADER)",
        "size = c.path.mtu - c.ip_header - TCP_HEADER",
    ),
)
