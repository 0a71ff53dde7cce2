"""Fast open in a host (RFC 7413): whose SYN may bring data, what ours shows, and what an opening has taught."""

from __future__ import annotations

from typing import TYPE_CHECKING

from estab.tcp.connection import TCP_HEADER
from estab.tcp.fast_open import OPTION_SPACE, FastOpen
from estab.tcp.states import CLOSED
from estab.wire.options import ExperimentalCookie

if TYPE_CHECKING:
    from estab.stack.listener import Listener
    from estab.stack.stack import Stack
    from estab.tcp.connection import Connection
    from estab.wire.tcp import Segment

_LARGEST = {4: 1460, 16: 1440}
"""§4.1.3: what a cached segment size may be at most, by the length of an address."""


# ---------------------------------------------------------------------- the server


def consider(stack: Stack, listener: Listener, c: Connection, segment: Segment, now: int) -> None:
    """A SYN for a new connection of ``listener``: is its cookie good, and does it want one (§4.2)?"""
    shown = segment.options.fast_open
    if shown is None or not listener.config.fast_open_queue:
        return
    epoch = now // listener.config.fast_open_key_lifetime
    fresh = stack.rules.make_cookie(stack.cookie_secret, c.remote_address, c.local_address, epoch)
    if type(shown) is ExperimentalCookie:
        # Who asks by the older option understands no other.
        fresh = ExperimentalCookie(fresh)
    if not shown:
        stack.count("TCPFastOpenCookieReqd")
        c.fast_open = FastOpen(fresh)
    elif is_full(listener, now):
        # §5.1: an ordinary handshake first proves that the client is there.
        stack.count("TCPFastOpenListenOverflow")
    elif not stack.rules.is_cookie(stack.cookie_secret, c.remote_address, c.local_address, epoch, shown):
        stack.count("TCPFastOpenPassiveFail")
        c.fast_open = FastOpen(fresh)
    else:
        stack.count("TCPFastOpenPassive")
        c.fast_open = FastOpen(None if shown == fresh else fresh, accepted=True)
        listener.fast_opening.add(c.key)
        stack.fast_opening[c.key] = listener


def is_full(listener: Listener, now: int) -> bool:
    """§5.1: as many are under way as may be. One that was reset counts on, as it cost its sender only a packet."""
    resets = listener.fast_resets
    while resets and resets[0] <= now:
        resets.popleft()
    return len(listener.fast_opening) + len(resets) >= listener.config.fast_open_queue


# ---------------------------------------------------------------------- the client


def prepare(stack: Stack, c: Connection, now: int) -> None:
    """What the SYN of ``c`` shows and may carry; nothing where fast open has failed (§4.1.3.1)."""
    remote = c.remote_address, c.remote_port
    if stack.cookies.fails(c.local_address, remote, now):
        return
    cookie = stack.cookies.find(c.local_address, c.remote_address, now)
    if cookie is None:
        c.fast_open = FastOpen(b"")
        return
    size = min(cookie.mss, _LARGEST[len(c.remote_address)], c.path.mtu - c.ip_header - TCP_HEADER)
    c.fast_open = FastOpen(cookie.value, limit=max(size - OPTION_SPACE, 0))


def conclude(stack: Stack, c: Connection, now: int) -> None:
    """The handshake of ``c`` is over, well or badly."""
    taught = c.fast_open
    assert taught is not None
    c.fast_open = None
    if c.passive:
        _leave(stack, c, now)
        return
    remote = c.remote_address, c.remote_port
    taken = taught.carried > 0 and c.snd_una > c.iss + 1
    if taught.answer:
        stack.cookies.keep(c.local_address, c.remote_address, taught.answer, c.peer_mss, now)
    if taken:
        stack.count("TCPFastOpenActive")
    elif c.state is CLOSED:
        # Refused is an answer; so is what the application has ended itself.
        if c.error is not None and not isinstance(c.error, ConnectionRefusedError | ConnectionAbortedError):
            stack.cookies.note_failure(c.local_address, remote, now)
    elif (taught.carried and not taught.answer) or c.syn_retransmitted:
        # Its data was not wanted, or something on the way eats such a SYN.
        stack.count("TCPFastOpenActiveFail")
        stack.cookies.note_failure(c.local_address, remote, now)


def _leave(stack: Stack, c: Connection, now: int) -> None:
    listener = stack.fast_opening.pop(c.key, None)
    if listener is None:
        return
    listener.fast_opening.discard(c.key)
    if c.state is CLOSED and isinstance(c.error, ConnectionResetError):
        listener.fast_resets.append(now + listener.config.fast_open_reset_penalty)
