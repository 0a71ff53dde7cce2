"""Taken out of addresses, ICMP and the path MTU."""

from __future__ import annotations

from typing import Final

from estab.mutations.transform import Transform

HOST: Final = (
    Transform(
        "listening-needs-an-unused-port",
        "A port that a connection uses cannot be listened on.",
        "RFC 9293 §3.9.1.1",
        "stack.stack",
        "if any(listener.overlaps(other) for other in self.listeners.get(port, ())):",
        "if any(c.local_port == port for c in self.connections.values()):",
    ),
    Transform(
        "listening-ends-openings",
        "Listening forgets the connections that are being opened.",
        "RFC 9293 §3.9.1.1",
        "stack.stack",
        "        self.add_listener(listener)\n"
        "        return listener\n",
        "        self.add_listener(listener)\n"
        "        self.connections.clear()\n"
        "        return listener\n",
    ),
    Transform(
        "local-address-not-heeded",
        "Which local address the application asks for is not heeded.",
        "RFC 9293 §3.9.1.1",
        "stack.stack",
        'wanted = (b"", 0) if local is None else _endpoint(local, allow_zero=True)',
        'wanted = b"", 0 if local is None else _endpoint(local, allow_zero=True)[1]',
    ),
    Transform(
        "groups-may-be-called",
        "A connection to a group may be opened.",
        "RFC 9293 §3.9.1.1",
        "stack.stack",
        "if self.addresses.is_group(destination[0]):",
        "if False:",
    ),
    Transform(
        "source-of-the-first-prefix",
        "Segments leave from the first address of the host.",
        "RFC 9293 §3.9.1.1",
        "stack.stack",
        "            c.local_address,\n"
        "            c.remote_address,\n"
        "            ttl",
        "            self.addresses.prefixes[0].address,\n"
        "            c.remote_address,\n"
        "            ttl",
    ),
    Transform(
        "dscp-not-sent",
        "The Diffserv field is always 0.",
        "RFC 9293 §3.9.1.9",
        "stack.stack",
        "            dscp=c.dscp,\n",
        "            dscp=0,\n",
    ),
    Transform(
        "ttl-fixed",
        "The time to live is always 64.",
        "RFC 9293 §3.9.2",
        "stack.stack",
        "            ttl=c.config.ttl,\n",
        "            ttl=64,\n",
    ),
    Transform(
        "timestamp-clock-stands",
        "The timestamp clock stands still.",
        "RFC 7323 §4.1",
        "stack.stack",
        "clock or (lambda now: now // MILLISECOND)",
        "clock or (lambda now: 0)",
    ),
    Transform(
        "path-mtu-for-everybody",
        "What one path takes, all take.",
        "RFC 4821 §5.2",
        "stack.stack",
        "known = self.path_mtus.get(remote)",
        "known = next(iter(self.path_mtus.values()), None)",
    ),
    Transform(
        "source-of-any-network",
        "The source address need not be on the destination's network.",
        "RFC 9293 §3.9.1.1",
        "stack.addresses",
        "if prefix.contains(remote):",
        "if False:",
    ),
    Transform(
        "groups-are-ours",
        "A packet to a group is for us.",
        "RFC 9293 §3.9.2.3",
        "stack.input",
        "if not addresses.accepts(packet.dst):",
        "if False:",
    ),
    Transform(
        "anybody-is-a-peer",
        "A packet from a group or from ourselves is answered.",
        "RFC 9293 §3.9.2.3",
        "stack.input",
        "if not looped and (packet.src == packet.dst or not addresses.is_valid_peer(packet.src)):",
        "if False:",
    ),
    Transform(
        "icmp-for-nobody",
        "An ICMP error reaches no connection.",
        "RFC 9293 §3.9.2.2",
        "stack.input",
        "c = stack.connections.get(quote.dst + quote.src + ports) if quote.protocol == PROTO_TCP else None",
        "c = None",
    ),
    Transform(
        "source-quench-slows-down",
        "Source Quench reduces the window.",
        "RFC 6633 §3",
        "stack.input",
        "    if message.kind not in _ERROR_KINDS or quote is None:\n",
        "    if message.kind is icmp.IcmpKind.SOURCE_QUENCH:\n"
        "        for c in stack.connections.values():\n"
        "            c.congestion.cwnd = c.mss\n"
        "    if message.kind not in _ERROR_KINDS or quote is None:\n",
    ),
    Transform(
        "parameter-problem-aborts",
        "A parameter problem ends the connection.",
        "RFC 9293 §3.9.2.2",
        "stack.input",
        "    if message.kind not in _ERROR_KINDS or quote is None:\n",
        "    if message.kind is icmp.IcmpKind.PARAMETER_PROBLEM:\n"
        "        for c in stack.connections.values():\n"
        "            c.abort(now)\n"
        "    if message.kind not in _ERROR_KINDS or quote is None:\n",
    ),
    Transform(
        "soft-errors-not-kept",
        "What the network says is not told.",
        "RFC 9293 §3.9.1.8",
        "tcp.icmp",
        "    c.soft_error = error\n"
        "    c.host.on_event(c)\n",
        "",
    ),
    Transform(
        "soft-errors-abort",
        "Unreachable ends a connection.",
        "RFC 9293 §3.9.2.2",
        "tcp.icmp",
        "    else:\n"
        "        _note(c, error)\n",
        "    else:\n"
        "        c.die(error, Fact.TIMEOUT, now)\n",
    ),
    Transform(
        "soft-errors-end-an-opening",
        "Unreachable ends an opening, whatever the profile says.",
        "RFC 9293 §3.9.2.2",
        "tcp.icmp",
        "    if hard and c.state is SYN_SENT:\n",
        "    if c.state is SYN_SENT:\n",
    ),
    Transform(
        "no-path-mtu-discovery",
        "Packet Too Big is ignored.",
        "RFC 7323 §5.7",
        "tcp.icmp",
        "if message.kind is IcmpKind.TOO_BIG:",
        "if False:",
    ),
    Transform(
        "quotes-not-checked",
        "An ICMP error may quote what was never sent.",
        "RFC 8899 §4.6.1",
        "tcp.icmp",
        "return c.snd_una <= unwrap(message.quote.seq, c.snd_una) < c.snd_nxt",
        "return True",
    ),
    Transform(
        "path-mtu-without-floor",
        "A forged message may make packets as small as it likes.",
        "RFC 5927 §7.1",
        "tcp.pmtu",
        "if not self.floor <= mtu < self.mtu:",
        "if not 0 < mtu < self.mtu:",
    ),
    Transform(
        "path-searched-without-end",
        "The search for the path MTU never ends.",
        "RFC 4821 §7.3",
        "tcp.pmtu",
        "self.high - self.low <= _CLOSE_ENOUGH",
        "self.high <= self.low",
    ),
    Transform(
        "failed-size-forgotten",
        "A size that did not pass is tried again.",
        "RFC 4821 §7.6.2",
        "tcp.pmtu",
        "        self.high = self.probe\n",
        "",
    ),
    Transform(
        "probe-beside-another",
        "A path-MTU probe is sent although one is out.",
        "RFC 8899 §8",
        "tcp.pmtu",
        "if not self.searching or self.probe or self.paused or self.high",
        "if not self.searching or self.paused or self.high",
    ),
    Transform(
        "black-hole-below-the-floor",
        "A black hole makes packets smaller than the least that every path takes.",
        "RFC 5927 §7.1",
        "tcp.pmtu",
        "self.base: int = max(config.base_path_mtu, self.floor)",
        "self.base: int = config.base_path_mtu",
    ),
    Transform(
        "no-pause-after-a-lost-path-probe",
        "A path-MTU probe that was lost is followed by the next at once.",
        "RFC 4821 §7.4",
        "tcp.pmtu",
        "or self.probe or self.paused or",
        "or self.probe or",
    ),
)
