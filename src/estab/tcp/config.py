"""Every figure of a stack, with its clause, and the profiles that set them."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import fields as _fields
from dataclasses import replace as _replace
from enum import Enum
from typing import Final

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND

NEVER_SUSPECTED: Final = 1 << 30
"""For ``black_hole_timeouts``: deployed stacks look for black holes only when told to."""

KIB: Final = 1 << 10
MIB: Final = 1 << 20


class Ecn(Enum):
    """Whether a connection uses explicit congestion notification: RFC 3168, RFC 9293 §3.8.2 (SHLD-8)."""

    OFF = "off"
    """Never."""
    ACCEPT = "accept"
    """Where the peer asks for it. Asking costs a round trip on a path that drops SYNs with unusual flags."""
    ASK = "ask"
    """Asked for, and agreed to."""
    ACCURATE = "accurate"
    """Accurate ECN (RFC 9768) asked for and agreed to, and RFC 3168 with a peer that knows only that."""

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Config:
    """The figures of a stack. Times in nanoseconds, sizes in bytes. Derive with ``config.but(msl=SECOND)``."""

    profile: str = "modern"

    # Buffers and windows
    send_buffer: int | None = None
    """Most bytes that ``send`` keeps, acknowledged ones excluded. None: twice the congestion window, within these."""
    notsent_limit: int | None = None
    """TCP_NOTSENT_LOWAT: ``send`` takes nothing while so many bytes have not been sent."""
    send_buffer_start: int = MIB
    send_buffer_max: int = 16 * MIB
    receive_buffer: int | None = None
    """Most bytes that wait for the application, and so the window that we offer. None: what is read in a round trip
    decides, within these; memory counts then, not payload."""
    window_clamp: int | None = None
    """TCP_WINDOW_CLAMP: the window that we offer is never larger."""
    receive_buffer_start: int = 64 * KIB
    """What the window of a SYN can say, as it is never scaled (RFC 7323 §2.2)."""
    receive_buffer_max: int = 16 * MIB
    """The window scale is chosen for it (RFC 7323 §2.2)."""
    window_by_memory: bool = False
    """The window is what the memory of the buffer is measured to hold, in units of its scale, as in Linux."""
    receive_low_rtt: int = MILLISECOND
    """Where a round trip has been shorter, what one takes longer counts as a queue, for which no window grows; a sender
    that doubles gets no more than twice what is read. 0: nowhere."""
    window_follows_buffer: bool = False
    """As in FreeBSD: buffers are whole segments, and each acknowledgement tells what is free, by small steps too."""
    reassembly_pieces: int = 8192
    """Most out-of-order pieces held, about as many as holes; what comes beyond is dropped and comes again."""
    scoreboard_ranges: int = 16_384
    """Most pieces into which sent data is divided by SACK and retransmission."""
    window_scale: bool = True
    """RFC 7323 §2."""
    timestamps: bool = True
    """RFC 7323 §3."""
    sack: bool = True
    """RFC 2018."""
    mss_option: bool = True
    """RFC 9293 §3.7.1 (MUST-14, SHLD-5); without it the peer has to assume the default."""
    dsack: bool = True
    """Report what comes twice: RFC 2883."""

    # Fast open
    fast_open_queue: int = 0
    """Fast openings that a listener has under way at most (RFC 7413 §5.1); 0, as §2 asks: none, cookies are ignored."""
    fast_open_reset_penalty: int = 60 * SECOND
    """How long one that was reset still counts, about as long as an unanswered SYN-ACK is repeated (RFC 7413 §5.1)."""
    fast_open_key_lifetime: int = 12 * 60 * MINUTE
    """A cookie that we give is good until the key changes for the second time (RFC 7413 §4.1.2)."""
    fast_open_cookies: int = 1024
    """Servers whose cookies a client keeps (RFC 7413 §4.1.3)."""
    fast_open_cookie_lifetime: int = 24 * 60 * MINUTE
    """After that a client asks for a new one."""
    fast_open_pause: int = 60 * MINUTE
    """How long a client opens in the ordinary way where fast open has failed (RFC 7413 §4.1.3.1)."""

    # Segments
    default_mss_v4: int = 536
    """RFC 9293 §3.7.1 (MUST-15)."""
    default_mss_v6: int = 1220
    mss_limit: int | None = None
    """TCP_MAXSEG: no larger segments, in either direction."""
    minimum_mss: int = 88
    """A smaller MSS option is read as this: a peer must not multiply our work (CVE-2019-11479)."""
    mss_follows_peer: bool = False
    """Our SYN-ACK offers no larger segments than the SYN did, as in FreeBSD."""
    maximum_segment: int = 1 << 18
    """Largest IP packet handed to the link, which cuts it into packets of the path's size; at most what it takes."""
    super_segments: bool = True
    """Build segments larger than the path's size; off: every segment is one packet."""

    # Retransmission
    rto_initial: int = SECOND
    """RFC 6298 §2.1."""
    rto_minimum: int = 200 * MILLISECOND
    """RFC 6298 §2.4 says 1 s; RFC 8961 and every deployed stack allow less."""
    rto_maximum: int = 60 * SECOND
    """RFC 6298 §2.5."""
    syn_retries_linear: int = 0
    """So many retransmissions of a SYN come before its timeout doubles, as in Linux since 6.5."""
    rto_after_syn_loss: int = 3 * SECOND
    """RFC 6298 §5.7."""
    clock_granularity: int = MILLISECOND
    """G of RFC 6298 §2."""
    min_rtt_window: int = 5 * MINUTE
    """How far back the least round-trip time is looked for: RFC 8985 §6.2."""
    rto_variance_minimum: int = 0
    """The least that is added to SRTT, where that is more than G: Linux takes the minimum of the RTO."""
    rto_slop: int = 0
    """Added to every RTO but the first of an opening, and not doubled with it, as in FreeBSD."""
    syn_retries: int = 7
    """R2 for SYN: 1 + 2 + … + 32 + 60 + 60 s is over the 3 minutes of RFC 9293 §3.8.3 (MUST-23)."""
    syn_ack_timed: bool = True
    """The answer to a SYN-ACK tells the round-trip time; otherwise, as in FreeBSD, only its timestamp does."""
    syn_ack_retries: int = 5
    open_timeout: int | None = None
    """How long an opening may take, whatever the retransmissions say."""
    timeout_resets: bool = False
    """Giving up tells the peer by a RST."""
    defer_accept: int = 0
    """TCP_DEFER_ACCEPT: while the SYN-ACK has timed out less often, an ACK without data does not open."""
    data_retries: int | None = None
    """Retransmissions of one segment before giving up; None: ``user_timeout`` alone decides."""
    r1: int = 3
    """Retransmissions after which the application is told: RFC 9293 §3.8.3 (MUST-20, SHLD-10)."""
    user_timeout: int | None = 5 * MINUTE
    """R2 for data: RFC 9293 §3.9.1.1; RFC 5482."""
    user_timeout_option: bool = False
    """Announce our user timeout and adapt to the peer's: RFC 5482 §3.1."""
    user_timeout_changeable: bool = True
    """The peer's wish may change ours; false once the application has set one (RFC 5482 §3)."""
    user_timeout_lower: int = 100 * SECOND
    user_timeout_upper: int = 60 * MINUTE

    # Acknowledgements, small segments, probes
    delayed_ack: int = 40 * MILLISECOND
    """RFC 9293 §3.8.6.3: below 500 ms."""
    adaptive_acks: bool = False
    """As in Linux: at once at first, after pauses and on reading, later within a delay that follows the pace."""
    ack_every_second: bool = False
    """The second segment that waits for an acknowledgement is one too many, however small both are."""
    nagle: bool = True
    """RFC 9293 §3.7.4 (SHLD-7)."""
    nagle_minshall: bool = True
    """Hold a small segment only while another *small* one is unacknowledged."""
    nagle_from_idle: bool = False
    """What is written while nothing is unacknowledged goes out whole, its small end too, as in FreeBSD."""
    sws_override: int = 200 * MILLISECOND
    """RFC 9293 §3.8.6.2.1: 0.1 to 1 s."""
    persist_minimum: int = 0
    """A closed window is not asked about more often than this."""
    persist_with_text: bool = False
    """Whoever asks about a closed window sends a byte that was never sent, as in FreeBSD; otherwise an old position."""
    keepalive: bool = False
    """RFC 9293 §3.8.4: off unless the application asks (MUST-25)."""
    keepalive_idle: int = 7200 * SECOND
    keepalive_interval: int = 75 * SECOND
    keepalive_probes: int = 9
    open_fails_on_unreachable: bool = True
    """ICMP unreachable ends an opening at once: against RFC 9293 MUST-56, as deployed (RFC 5461 §4.1)."""
    open_fails_on_prohibited: bool = False
    """So do a filter's "prohibited" and a TTL that ran out."""

    # The end of a connection
    msl: int = 30 * SECOND
    """RFC 9293 §3.4.2 says 2 minutes; TIME-WAIT lasts twice this."""
    fin_wait_2_timeout: int | None = 60 * SECOND
    """How long a connection that the application has closed waits for the peer's FIN. None: for ever."""
    shutdown_discards: bool = True
    """What comes after the application has shut down reading is thrown away; Linux lets it be read."""
    same_syn_answers: bool = False
    """When both sides open, the SYN goes again with ACK and the options that it had, as in Linux; otherwise with those
    alone that the peer offered as well."""
    reset_of_fin: bool = False
    """A RST in the place of the FIN that was received counts, as in Linux: some hosts send it behind their FIN."""
    rfc1337: bool = True
    """A RST does not end TIME-WAIT."""
    time_wait_acks_text: bool = False
    """Text in TIME-WAIT is not only ignored but acknowledged."""
    bsd_calls: bool = False
    """Calls end connections as in FreeBSD: closing with unread data sends FIN, shutdown of an opening waits for its
    end; and they fail with FreeBSD's errors."""

    # Congestion control
    congestion: str = "cubic"
    """RFC 9438, by its name in `tcp.congestion.CONTROLS`."""
    initial_window: int = 10
    """Segments: RFC 6928 §2."""
    slow_start_limit: int | None = None
    """L of RFC 3465, in segments per ACK; None: all that was acknowledged counts (stretch ACKs)."""
    push_writes: bool = False
    """PSH ends every write and every burst, as in Linux; otherwise it stands where nothing more waits to be sent. With
    the bursts the congestion window grows only where it was full, or more than half full in slow start."""
    window_counts: bool = True
    """A loss reduces the window, as in deployed stacks and as RFC 9438 §4.6 allows where it grows only when it was
    used; otherwise FlightSize, which after a reduction is still short of it (RFC 5681 §3.1)."""
    bold_recovery: bool = False
    """Where Linux is bolder than the RFCs: a timeout is always tried (RFC 5682), taken back in full (RFC 4015 §3.2: in
    steps), and reduces nothing in a recovery that has reduced; a peer that forgets what it has SACKed gets half a round
    trip; small windows wait for the timer of closed ones, which begins anew whenever the peer says that its window is
    closed; the user timeout begins with the first retransmission; SYNs before the first doubling count extra."""
    restart_after_idle: bool = True
    """RFC 5681 §4.1."""
    frto: bool = True
    """Try whether a timeout came too early: RFC 5682."""
    tail_probe: bool = True
    """Probe for the loss of a tail before the timeout: RFC 8985 §7."""
    tail_probe_ack_delay: int = 200 * MILLISECOND
    """How long a peer may delay the acknowledgement of a lone segment: RFC 8985 §7.2."""
    forget_sacks: bool = False
    """A timeout ends the belief in everything that was SACKed before (RFC 2018 §5.1); off: only where the peer is seen
    to have thrown some of it away (RFC 6675 §5.1)."""
    rack: bool = True
    """Losses are told by time, RFC 8985 §6; otherwise by the count of what was delivered above, RFC 6675."""
    duplicate_threshold: int = 3
    """RFC 5681 §3.2."""
    ecn: Ecn = Ecn.ACCEPT
    ecn_syns: int = 1
    """How many SYNs ask for ECN before one goes without: RFC 3168 §6.1.1.1. For Accurate ECN it is one more (RFC 9768
    §3.1.4.1)."""
    ecn_patience: int = 4
    """Rounds with nothing but marks, the first of a connection or each a timeout long, after which marks are not
    believed: RFC 9768 §3.2.2.3."""

    # Attacks and limits
    challenge_acks: int = 10
    """Challenge ACKs per connection and period: RFC 5961 §7."""
    challenge_period: int = 5 * SECOND
    old_acks_count: bool = False
    """As in FreeBSD: of what is wholly old the acknowledgement counts."""
    stale_challenged: bool = True
    """What is empty and has an old timestamp is acknowledged (RFC 7323 §5.3), not only dropped."""
    timestamps_required: bool = True
    """Where both sides have agreed on timestamps, what comes without is dropped (RFC 7323 §3.2)."""
    reset_timestamps: bool = True
    """The reset of what belongs to no connection echoes its timestamp (RFC 7323 §5.2)."""
    closed_ports_answer: bool = True
    """What comes for a port where nobody is gets a RST."""
    backlog_half_open: int = 256
    """Half-open connections per listener; beyond it the oldest gives way (RFC 4987 §3.3)."""
    syn_text: bool = True
    """Text that comes with a SYN is kept (RFC 9293 §3.10.7.2); otherwise only fast open brings some."""
    every_syn_answered: bool = False
    """As in FreeBSD: a half-open connection answers every SYN by its SYN-ACK, whatever the number, and a SYN-ACK ends
    it."""
    full_queue_resets: bool = False
    """The handshake that finds the accept queue full is reset; otherwise its end is not heard until there is room."""
    half_open_resets: bool = True
    """Half-open connections are reset when their listener closes; otherwise when they go on."""
    time_wait_entries: int = 1 << 20
    connections: int = 1 << 20
    orphans: int = 4096
    """Connections that the application has closed and whose peers have not finished: beyond it the one that has waited
    longest is reset, lest peers that hold on fill the memory (RFC 6429 §4)."""
    replies_owed: int = 1024
    """RSTs, ICMP errors and echo replies waiting for the link."""
    icmp_rate: int = 100
    """ICMP errors sent per second."""
    path_mtu_entries: int = 1024
    path_mtu_lifetime: int = 10 * MINUTE
    """RFC 8201 §4."""
    udp_queue: int = 256
    """Datagrams waiting per UDP port."""
    fragment_datagrams: int = 64
    fragment_bytes: int = 4 * MIB

    # Path MTU
    minimum_path_mtu_v4: int = 552
    """An ICMP that claims less is not believed (RFC 5927 §7, RFC 1191 §3 allows down to 68)."""
    minimum_path_mtu_v6: int = 1280
    black_hole_timeouts: int = 3
    """Consecutive RTOs of full-sized segments after which the path MTU is suspected (RFC 4821 §7.7)."""
    search_path_mtu: bool = False
    """Every connection begins with ``base_path_mtu`` and probes for more (RFC 4821 §7.2), as in Linux on request."""
    base_path_mtu: int = 1024
    """search_low of RFC 4821 §7.2."""
    mtu_probe_interval: int = 10 * MINUTE
    """RFC 4821 §7.3; RFC 8899 §5.1.1 (PMTU_RAISE_TIMER)."""

    # Addressing
    port_first: int = 1024
    port_last: int = 65_535
    """RFC 6056 §3.2: as large a range as possible."""
    bsd_options: bool = False
    """TCP options in the order and with the padding of BSD, otherwise of Linux."""
    ttl: int = 64
    """RFC 9293 §3.9.2 (MUST-49)."""
    dscp: int = 0
    """Differentiated Services of our segments, 6 bits: RFC 9293 §3.9.1.9 (MUST-48)."""

    def but(self, **changes: object) -> Config:
        """The same configuration with these fields changed."""
        return _replace(self, **changes)  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[type[Config], tuple[object, ...]]:
        """Made anew from its figures: the pickling that mypyc provides assigns them, which a frozen class refuses."""
        return Config, tuple(getattr(self, field.name) for field in _fields(self))

    @property
    def time_wait(self) -> int:
        """2 MSL in nanoseconds."""
        return 2 * self.msl


MODERN: Final = Config()

RFC: Final = Config(
    profile="rfc",
    rto_minimum=SECOND,
    syn_ack_retries=7,
    delayed_ack=200 * MILLISECOND,
    nagle_minshall=False,
    window_counts=False,
    msl=2 * MINUTE,
    congestion="newreno",
    slow_start_limit=1,
    open_fails_on_unreachable=False,
    fin_wait_2_timeout=None,
    minimum_mss=64,
    forget_sacks=True,
    ecn=Ecn.ASK,
)
"""Every MUST and SHOULD to the letter; IW10 stays (RFC 6928 is the newer RFC). The congestion control is that of
RFC 5681, which RFC 9293 §3.8.2 (MUST-19) asks for."""

LINUX: Final = Config(
    profile="linux",
    adaptive_acks=True,
    black_hole_timeouts=NEVER_SUSPECTED,
    push_writes=True,
    reset_of_fin=True,
    same_syn_answers=True,
    timestamps_required=False,
    window_by_memory=True,
    bold_recovery=True,
    shutdown_discards=False,
    rto_variance_minimum=200 * MILLISECOND,
    send_buffer_max=4 * MIB,
    receive_buffer_max=6 * MIB,
    rto_maximum=120 * SECOND,
    syn_retries=6,
    syn_retries_linear=4,
    data_retries=15,
    user_timeout=None,
    fin_wait_2_timeout=60 * SECOND,
    rfc1337=False,
    time_wait_acks_text=True,
    reset_timestamps=False,
    syn_text=False,
    half_open_resets=False,
    port_first=32_768,
    port_last=60_999,
)

FREEBSD: Final = Config(
    profile="freebsd",
    send_buffer_start=32 * KIB,
    send_buffer_max=2 * MIB,
    receive_buffer_max=2 * MIB,
    window_follows_buffer=True,
    bsd_options=True,
    bsd_calls=True,
    minimum_mss=216,
    mss_follows_peer=True,
    black_hole_timeouts=NEVER_SUSPECTED,
    tail_probe=False,
    rack=False,
    slow_start_limit=2,
    rto_minimum=30 * MILLISECOND,
    rto_slop=200 * MILLISECOND,
    rto_after_syn_loss=SECOND,
    rto_maximum=64 * SECOND,
    syn_retries=12,
    syn_ack_timed=False,
    syn_ack_retries=3,
    open_timeout=75 * SECOND,
    data_retries=12,
    user_timeout=None,
    timeout_resets=True,
    ack_every_second=True,
    nagle_minshall=False,
    nagle_from_idle=True,
    persist_minimum=5 * SECOND,
    persist_with_text=True,
    keepalive_probes=8,
    fin_wait_2_timeout=675 * SECOND,
    open_fails_on_unreachable=False,
    open_fails_on_prohibited=True,
    time_wait_acks_text=True,
    challenge_acks=5,
    challenge_period=SECOND,
    old_acks_count=True,
    stale_challenged=False,
    reset_timestamps=False,
    syn_text=False,
    every_syn_answered=True,
    full_queue_resets=True,
    half_open_resets=False,
    port_first=10_000,
)

LINUX_3: Final = LINUX.but(profile="linux-3.x", syn_retries_linear=0)

PROFILES: Final = {config.profile: config for config in (MODERN, RFC, LINUX, LINUX_3, FREEBSD)}
