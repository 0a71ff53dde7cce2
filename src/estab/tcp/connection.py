"""The transmission control block of one connection, and the calls of its user (RFC 9293 §3.3.1, §3.9.1, §3.10)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Hashable, MutableMapping
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

from estab.tcp.ack_delay import AckDelay, was_read
from estab.tcp.buffers import note_read, resize_send_buffer
from estab.tcp.config import Config
from estab.tcp.congestion import CONTROLS, CongestionControl
from estab.tcp.delivery import DeliveryRate
from estab.tcp.ecn import FEEDBACK, EcnFeedback
from estab.tcp.fast_open import FastOpen
from estab.tcp.memory import MemoryWindow
from estab.tcp.observer import Observer
from estab.tcp.pmtu import PathMtu
from estab.tcp.prr import RESTING, ProportionalRateReduction
from estab.tcp.pushes import Pushes
from estab.tcp.queues import ReceiveQueue, SendQueue
from estab.tcp.rack import Rack
from estab.tcp.reassembly import Reassembly
from estab.tcp.recovery import Recovery
from estab.tcp.rtt import RttEstimator
from estab.tcp.sampling import begin
from estab.tcp.scoreboard import Scoreboard
from estab.tcp.settle import settle
from estab.tcp.snapshot import Origin, Slots, Snapshot
from estab.tcp.states import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    LAST_ACK,
    SENDING,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    Fact,
    IllegalTransitionError,
    State,
)
from estab.tcp.timers import NEVER, Timers
from estab.tcp.tlp import TailLossProbe
from estab.tcp.tuning import ReceiveTuning

if TYPE_CHECKING:
    from estab.tcp.rules import Rules

TCP_HEADER: Final = 20
MAX_HEADER: Final = 60
TIMESTAMP_SPACE: Final = 12
PORTS: Final = Struct("!HH")


class Host:
    """What a connection borrows from whoever keeps it: rules, clocks, counters, and three doors to be called back."""

    __slots__ = (
        *("clock", "config", "counters", "isn", "longest", "observer", "on_busy", "on_event", "on_orphan", "rules"),
        *("several", "timestamp_offset"),
    )

    def __init__(  # noqa: PLR0917
        self,
        config: Config,
        rules: Rules,
        isn: Callable[[bytes, int], int],
        timestamp_offset: Callable[[bytes], int],
        clock: Callable[[int], int],
        counters: MutableMapping[str, int],
        on_busy: Callable[[Connection], None],
        on_event: Callable[[Connection], None],
        on_orphan: Callable[[Connection, int], None],
        observer: Observer | None = None,
    ) -> None:
        self.config: Config = config
        self.rules: Rules = rules
        self.isn: Callable[[bytes, int], int] = isn
        self.timestamp_offset: Callable[[bytes], int] = timestamp_offset
        self.clock: Callable[[int], int] = clock
        """The timestamp clock: ns to ticks of 1 ms."""
        self.counters: MutableMapping[str, int] = counters
        self.on_busy: Callable[[Connection], None] = on_busy
        """This connection may have something to send, or another deadline."""
        self.on_event: Callable[[Connection], None] = on_event
        """The application should look at this connection."""
        self.on_orphan: Callable[[Connection, int], None] = on_orphan
        """The application has closed this connection, and it goes on without it."""
        self.observer: Observer | None = observer
        self.longest: int = 65_535
        """Bytes of the largest IP packet that the link takes to cut it."""
        self.several: int = 1
        """So many of these are decided about at once."""


class Connection(Snapshot):
    """One TCP connection. User calls never wait and never do I/O; those that need the time take ``now`` (ns).

    Names are RFC 9293's: ``snd_una`` is SND.UNA. Sequence numbers are absolute integers whose low 32 bits are on
    the wire.
    """

    PLAIN: ClassVar[Slots] = (
        "state",
        "passive",
        "snd_wnd",
        "max_snd_wnd",
        "snd_wscale",
        "rcv_wscale",
        "scaling",
        "peer_mss",
        "mss",
        "largest",
        "rcv_mss",
        "ts_ok",
        "sack_ok",
        "ecn_refused",
        "write_closed",
        "read_closed",
        "released",
        "acks_owed",
        "unread_at_ack",
        "challenges_owed",
        "challenges",
        "probe_owed",
        "keepalive_owed",
        "override",
        "retransmissions",
        "persist_backoff",
        "keepalive_probes",
        "syn_retransmitted",
        "deferred",
        "nodelay",
        "corked",
        "more",
        "keepalive",
        "keepalive_idle",
        "keepalive_interval",
        "keepalive_limit",
        "user_timeout",
        "peer_user_timeout",
        "announce_user_timeout",
        "user_timeout_changeable",
        "urgent_inline",
        "urgent_byte",
        "dscp",
        "pace_credit",
        "low_water",
        "wants_room",
        "send_limit",
        "send_tuned",
        "receive_limit",
        "notsent_limit",
        "receive_tuned",
        "ts_recent",
    )
    TIMES: ClassVar[Slots] = (
        "ts_recent_at",
        "challenge_start",
        "last_sent",
        "last_heard",
        "stalled_at",
        "pace_next",
    )
    SENT: ClassVar[Slots] = (
        *("iss", "snd_una", "snd_nxt", "snd_up", "snd_wl2", "snd_sml", "idle_end", "full_until"),
    )
    RECEIVED: ClassVar[Slots] = ("irs", "rcv_nxt", "rcv_edge", "rcv_up", "rcv_fin", "snd_wl1", "last_ack_sent")
    PARTS: ClassVar[Slots] = (
        "rtt",
        "congestion",
        "board",
        "recovery",
        "rack",
        "prr",
        "tail",
        "path",
        "timers",
        "send_queue",
        "receive_queue",
    )
    DERIVED: ClassVar[Slots] = (
        "host",
        "config",
        "key",
        "ts_offset",
        "local_address",
        "local_port",
        "remote_address",
        "remote_port",
        "scope_id",
        "ip_header",
        "owner",
        "busy",
        "evented",
        "wake_at",
        "wake_serial",
        # In the snapshot by its own code:
        "rate",
        "ecn",
        "reassembly",
        "tuning",
        "fast_open",
        "ack_delay",
        "pushes",
        "memory",
        "resets_owed",
        "error",
        "soft_error",
    )
    __slots__ = (*PLAIN, *TIMES, *SENT, *RECEIVED, *PARTS, *DERIVED)

    def __init__(  # noqa: PLR0917
        self,
        host: Host,
        key: bytes,
        local: tuple[bytes, int],
        remote: tuple[bytes, int],
        mtu: int,
        path_mtu: int,
        iss: int,
        config: Config | None = None,
    ) -> None:
        self.host = host
        self.config: Config = config or host.config
        self.key: bytes = key
        """Remote address, local address, remote port, local port: as they stand in an arriving packet."""
        self.local_address, self.local_port = local
        self.remote_address, self.remote_port = remote
        self.scope_id: int = 0
        self.ip_header: int = 40 if len(local[0]) == 16 else 20
        self.owner: Any = None
        """Whoever uses the connection may keep a reference here."""
        self.busy: bool = False
        self.evented: bool = False
        self.wake_at: int = NEVER
        self.wake_serial: int = 0

        self.state: State = CLOSED
        self.passive: bool = False
        self.fast_open: FastOpen | None = None
        """There while an opening with fast open goes on."""
        self.error: OSError | None = None
        """What the connection died of."""
        self.soft_error: OSError | None = None
        """What the network has said meanwhile (RFC 9293 §3.9.2.2); named if the connection then times out."""
        self._init_sending(iss, mtu, path_mtu)
        self._init_receiving()
        self._init_options()
        self._init_duties()

    def _init_sending(self, iss: int, mtu: int, path_mtu: int) -> None:
        config = self.config
        self.iss: int = iss
        self.snd_una: int = iss
        self.snd_nxt: int = iss
        self.snd_wnd: int = 0
        self.snd_wl1: int = 0
        self.snd_wl2: int = iss
        self.max_snd_wnd: int = 0
        self.snd_up: int | None = None
        """The position after the last urgent byte (RFC 6093 §4)."""
        self.snd_sml: int = iss
        """The end of the last small segment, for Nagle's algorithm after Minshall."""
        self.idle_end: int = iss
        """The end of what waited when nothing was unacknowledged, until something is acknowledged."""
        self.full_until: int = iss
        """The window was in use when what is below this was sent."""
        self.snd_wscale: int = 0
        self.send_limit: int = config.send_buffer_start if config.send_buffer is None else config.send_buffer
        self.send_tuned: bool = config.send_buffer is None
        self.notsent_limit: int | None = config.notsent_limit
        self.write_closed: bool = False
        """FIN is queued behind the last byte."""
        self.send_queue: SendQueue = SendQueue(iss + 1)
        self.pushes: Pushes | None = Pushes(iss + 1) if config.push_writes else None
        """There where ``push_writes`` says so."""
        self.board: Scoreboard = Scoreboard(config.scoreboard_ranges)
        self.recovery: Recovery = Recovery(config, iss)
        self.rack: Rack = Rack(iss)
        self.prr: ProportionalRateReduction = RESTING
        self.tail: TailLossProbe = TailLossProbe()
        self.rate: DeliveryRate | None = None
        self.rtt: RttEstimator = RttEstimator(config)
        self.path: PathMtu = PathMtu(config, mtu, path_mtu, len(self.local_address) == 16)
        self.peer_mss: int = config.default_mss_v6 if len(self.local_address) == 16 else config.default_mss_v4
        self.mss: int = self.peer_mss
        """Payload bytes of a full-sized segment: Eff.snd.MSS of RFC 9293 §3.7.1."""
        self.largest: int = self.mss
        """Payload bytes of the largest segment, in whole packets of the path's size."""
        self.congestion: CongestionControl = CONTROLS[config.congestion](config, self.mss)

    def _init_receiving(self) -> None:
        self.irs: int = 0
        self.rcv_nxt: int = 0
        self.rcv_edge: int = 0
        """The largest right edge ever announced: what is below it is accepted (RFC 7323 §2.4)."""
        self.rcv_up: int | None = None
        self.rcv_fin: int | None = None
        """Where the peer's FIN stands, once it is known; it does not move."""
        self.rcv_wscale: int = 0
        self.scaling: bool = False
        """Both sides offered window scaling."""
        self.rcv_mss: int = 536
        """The largest segment seen: what "full-sized" means for delayed ACKs."""
        fixed = self.config.receive_buffer
        self.receive_limit: int = self.config.receive_buffer_start if fixed is None else fixed
        if self.config.window_clamp is not None:
            self.receive_limit = min(self.receive_limit, self.config.window_clamp)
        self.receive_tuned: bool = fixed is None
        self.memory: MemoryWindow | None = MemoryWindow(self.receive_limit) if self.config.window_by_memory else None
        """There where ``window_by_memory`` says so."""
        self.tuning: ReceiveTuning | None = None
        """There as soon as more has come than any sender begins with."""
        self.ack_delay: AckDelay | None = None
        """There from the first data on, where ``adaptive_acks`` says so."""
        self.read_closed: bool = False
        self.released: bool = False
        """The application has closed: nobody will read or write any more."""
        self.receive_queue: ReceiveQueue = ReceiveQueue()
        self.reassembly: Reassembly | None = None
        self.last_ack_sent: int = 0

    def _init_options(self) -> None:
        config = self.config
        self.ts_ok: bool = False
        self.ts_offset: int = self.host.timestamp_offset(self.key) if config.timestamps else 0
        self.ts_recent: int = 0
        self.ts_recent_at: int | None = None
        self.sack_ok: bool = False
        self.ecn: EcnFeedback | None = None
        self.ecn_refused: bool = False
        """Our SYN has gone, or goes, without asking for ECN."""
        self.nodelay: bool = not config.nagle
        self.corked: bool = False
        self.more: bool = False
        """Corked for the latest write only: the next acknowledgement takes the cork off."""
        self.keepalive: bool = config.keepalive
        self.keepalive_idle: int = config.keepalive_idle
        self.keepalive_interval: int = config.keepalive_interval
        self.keepalive_limit: int = config.keepalive_probes
        self.user_timeout: int | None = config.user_timeout
        self.peer_user_timeout: int | None = None
        self.announce_user_timeout: bool = config.user_timeout_option
        self.user_timeout_changeable: bool = config.user_timeout_changeable
        self.urgent_inline: bool = False
        self.urgent_byte: int | None = None
        self.dscp: int = config.dscp
        """May be changed at any time; goes into the IP header as it is (RFC 9293 SHLD-21, SHLD-22)."""
        self.low_water: int = self.send_limit // 2
        self.wants_room: bool = False

    def _init_duties(self) -> None:
        self.timers: Timers = Timers()
        self.acks_owed: int = 0
        """Acknowledgements to send at once; each out-of-order segment asks for its own."""
        self.unread_at_ack: int = 0
        """What the application had not read when we last acknowledged: reading it opens the window."""
        self.challenges_owed: int = 0
        self.challenges: int = 0
        self.challenge_start: int | None = None
        self.resets_owed: tuple[tuple[int, int | None], ...] = ()
        self.probe_owed: bool = False
        self.keepalive_owed: bool = False
        self.override: bool = False
        """Silly-window avoidance has waited long enough."""
        self.retransmissions: int = 0
        """Expiries of the retransmission timer since the last progress."""
        self.persist_backoff: int = 0
        self.keepalive_probes: int = 0
        self.syn_retransmitted: int = 0
        self.deferred: bool = False
        """The SYN-ACK is acknowledged, and the data that is to come first is waited for."""
        self.last_sent: int | None = None
        self.last_heard: int | None = None
        self.pace_next: int | None = None
        """When the next segment may leave, where the congestion control paces."""
        self.pace_credit: int = 0
        """By how many ns the wake-up for it was late, and has not been made up for."""
        self.stalled_at: int | None = None
        """Since when something has waited for the peer without progress."""

    # ------------------------------------------------------------------ what the application sees

    @property
    def readable(self) -> int:
        """Bytes that ``receive`` would give now."""
        if self.read_closed or self.opening:
            return 0
        return self.receive_queue.size - self._hidden_urgent()

    @property
    def opening(self) -> bool:
        """The handshake goes on, and the application has to wait for it."""
        return self.state is SYN_SENT or (self.state is SYN_RECEIVED and not self.fast_opened)

    @property
    def fast_opened(self) -> bool:
        """Usable although the handshake goes on: the data of the SYN was taken (RFC 7413 §4.2.2)."""
        return self.fast_open is not None and self.fast_open.accepted

    @property
    def eof(self) -> bool:
        """Everything the peer sent has been read, and its FIN has arrived; or nobody reads any more."""
        if self.read_closed:
            return True
        return self.rcv_fin is not None and self.rcv_nxt > self.rcv_fin and not self.readable

    @property
    def room(self) -> int:
        """Bytes that ``send`` would take now."""
        if self.write_closed or self.state not in SENDING:
            return 0
        if self.notsent_limit is not None and self.unsent >= self.notsent_limit:
            return 0
        return max(self.send_limit - len(self.send_queue), 0)

    @property
    def writable(self) -> bool:
        """``send`` would take bytes, and the queue has drained to the low water mark since it refused."""
        return self.room > 0 and (not self.wants_room or len(self.send_queue) <= self.low_water)

    @property
    def in_trouble(self) -> bool:
        """R1 was reached and nothing acknowledged since (RFC 9293 §3.8.3, SHLD-9); an event told of it."""
        return self.retransmissions >= self.config.r1

    @property
    def at_urgent_mark(self) -> bool:
        """The next byte to read is the urgent one (SIOCATMARK)."""
        return self.rcv_up is not None and self.receive_position == self.rcv_up - 1

    @property
    def receive_position(self) -> int:
        """The sequence number of the next byte that the application reads."""
        end = self.rcv_nxt
        if self.rcv_fin is not None and end > self.rcv_fin:
            end = self.rcv_fin
        return end - self.receive_queue.size

    def send(
        self, data: bytes | bytearray | memoryview, now: int, *, urgent: bool = False, more: bool = False
    ) -> int:
        """Queue as many bytes as there is room for; how many that were (RFC 9293 §3.9.1.2).

        more: the next call follows soon, so that no PSH is called for.
        ``bytes`` are kept by reference, anything else is copied. Raises the connection's error once it is dead,
        ``BrokenPipeError`` after ``shutdown``.
        """
        if self.error is not None:
            raise self.error
        if self.write_closed or self.state not in SENDING:
            raise BrokenPipeError(errno.EPIPE, "connection is closed for sending")
        room = self.send_limit - self.send_queue.end + self.send_queue.start
        if self.notsent_limit is not None and self.unsent >= self.notsent_limit:
            room = 0
        count = len(data)
        if count >= room:
            # Exactly full counts too: who asks for room before each call never sees a short one.
            count = max(room, 0)
            self.wants_room = True
        if count == 0:
            return 0
        if not self.board.ranges:
            self._restart_after_idle(now)
        self.send_queue.write(data if type(data) is bytes and count == len(data) else bytes(data[:count]))
        if self.pushes is not None:
            self.pushes.on_written(self, self.send_queue.end - count, more)
            self.more = more
        if self.snd_una == self.snd_nxt and self.config.nagle_from_idle:
            self.idle_end = self.send_queue.end
        if urgent and count == len(data):
            self.snd_up = self.send_queue.end
        if self.corked or self.usable_window < self.mss:
            settle(self, now)
        self.host.on_busy(self)
        return count

    def receive(self, limit: int, now: int, *, peek: bool = False) -> bytes:
        """At most ``limit`` bytes in order; empty when there are none yet or at ``eof`` (RFC 9293 §3.9.1.3).

        Stops before urgent data; at the mark, the urgent byte is passed over or becomes ordinary. Raises the error of a
        connection that is dead.
        """
        if self.error is not None:
            raise self.error
        if limit <= 0 or self.read_closed or self.opening:
            return b""
        mark = self._bytes_before_mark()
        if mark:
            limit = min(limit, mark)
        passed = 1 if mark == 0 and not self.urgent_inline else 0
        if peek:
            return self.receive_queue.peek(passed + limit)[passed:]
        if mark == 0:
            self.rcv_up = None
            self.receive_queue.read(passed)
        data = self.receive_queue.read(limit)
        if data:
            self._after_read(len(data), now)
        return data

    def receive_some(self, now: int) -> bytes:
        """The next bytes in whatever size is cheapest; empty when there are none."""
        if self.rcv_up is not None or self.error is not None or self.readable <= 0:
            return self.receive(1 << 30, now)
        data = self.receive_queue.read_chunk()
        self._after_read(len(data), now)
        return data

    def receive_urgent(self) -> int | None:
        """The urgent byte out of band (MSG_OOB), once; None when there is none."""
        byte, self.urgent_byte = self.urgent_byte, None
        return byte

    def shutdown(self, now: int) -> None:
        """Nothing more will be sent: FIN follows the last byte (half-close). Repeating it does nothing."""
        if self.write_closed:
            return
        if self.state is SYN_SENT and not (self.config.bsd_calls and not self.released):
            self.die(None, Fact.CLOSE, now)
            return
        self.write_closed = True
        self.close_if_due(now)
        settle(self, now)
        self.host.on_busy(self)

    def shutdown_read(self, now: int) -> None:
        """Nothing more will be read: what waits and what comes is thrown away, and acknowledged."""
        self.read_closed = True
        self.receive_queue.clear()
        self.host.on_busy(self)

    def close(self, now: int) -> None:
        """The application is done in both directions.

        Unread data means that the peer cannot be told that all arrived: the connection is reset (RFC 9293 SHLD-3,
        RFC 2525 §2.17).
        """
        if self.released:
            return
        self.released = True
        if self.state in (CLOSED, TIME_WAIT):
            self.host.on_busy(self)
            return
        bsd = self.config.bsd_calls
        if bsd and self.state in (SYN_SENT, SYN_RECEIVED) and not self.fast_opened:
            self.die(None, Fact.CLOSE if self.state is SYN_SENT else Fact.ABORT, now)
            return
        if bsd:
            self.shutdown_read(now)
        if self.receive_queue.size and not self.read_closed:
            self.abort(now)
            return
        self.shutdown(now)
        settle(self, now)
        self.host.on_busy(self)
        self.host.on_orphan(self, now)

    def abort(self, now: int) -> None:
        """Close at once, with a RST where the peer would otherwise wait (RFC 9293 §3.9.1.5, §3.10.5)."""
        self.released = True
        if self.state in (CLOSED, TIME_WAIT):
            self.host.on_busy(self)
            return
        silent = (SYN_SENT, SYN_RECEIVED) if self.config.bsd_calls else (SYN_SENT, CLOSING, LAST_ACK)
        if self.state not in silent or self.fast_opened:
            self.resets_owed += ((self.snd_nxt, self.rcv_nxt),)
        self.die(ConnectionAbortedError(errno.ECONNABORTED, "connection aborted"), Fact.ABORT, now)

    def set_send_buffer(self, size: int) -> None:
        """SO_SNDBUF, bytes: from now on it does not follow the congestion window."""
        self.send_tuned = False
        resize_send_buffer(self, size)

    def set_receive_buffer(self, size: int) -> None:
        """SO_RCVBUF, bytes: from now on it does not follow what is read. The window scale stays that of the SYN."""
        self.receive_tuned = False
        self.tuning = None
        self.receive_limit = size
        if self.memory is not None:
            self.memory.resize(self, size)

    def set_nodelay(self, on: bool, now: int) -> None:
        """TCP_NODELAY: small segments do not wait (RFC 9293 §3.7.4, MUST-17)."""
        self.nodelay = on
        self.host.on_busy(self)

    @property
    def quick_ack(self) -> bool:
        """What comes next is acknowledged without waiting for data to carry it."""
        return self.ack_delay is not None and not self.ack_delay.answers

    def set_quick_ack(self, on: bool, now: int) -> None:
        """TCP_QUICKACK: what waits is acknowledged now, and what comes next without delay; or not any more."""
        if self.config.adaptive_acks:
            if self.ack_delay is None:
                self.ack_delay = AckDelay()
            self.ack_delay.answers = not on
        if on and self.timers.delayed_ack != NEVER:
            self.acks_owed = max(self.acks_owed, 1)
            self.host.on_busy(self)

    def set_congestion(self, name: str) -> None:
        """TCP_CONGESTION: another control goes on with the window of the one before."""
        before = self.congestion
        self.config = self.config.but(congestion=name)
        self.congestion = CONTROLS[name](self.config, self.mss)
        self.congestion.cwnd, self.congestion.ssthresh = before.cwnd, before.ssthresh
        begin(self)

    def set_cork(self, on: bool, now: int) -> None:
        """TCP_CORK: only full segments go out until it is taken off."""
        self.corked = on
        self.host.on_busy(self)

    def set_keepalive(self, on: bool, now: int) -> None:
        """SO_KEEPALIVE with the connection's three figures."""
        self.keepalive = on
        self.timers.keepalive = NEVER
        settle(self, now)
        self.host.on_busy(self)

    def set_user_timeout(self, timeout: int | None, now: int) -> None:
        """TCP_USER_TIMEOUT in ns; None: for ever (RFC 9293 §3.9.1.8). The peer's wish does not count then."""
        self.user_timeout = timeout
        self.user_timeout_changeable = False
        since, self.stalled_at = self.stalled_at, None
        settle(self, since if since is not None else now)
        self.host.on_busy(self)

    # ------------------------------------------------------------------ what the steps and the plan share

    @property
    def flight(self) -> int:
        """Sequence space sent and not cumulatively acknowledged."""
        return self.snd_nxt - self.snd_una

    def too_much(self, flight: int) -> int:
        """What a loss is measured by (bytes), ``flight`` being what was under way: limited transmit has no part in it
        (RFC 5681 §3.2), and with ``window_counts`` it is the window itself (RFC 9438 §4.6)."""
        cwnd = self.congestion.cwnd
        return cwnd if self.config.window_counts else min(flight, cwnd)

    @property
    def fin_acked(self) -> bool:
        return self.write_closed and self.snd_una > self.send_queue.end

    @property
    def all_acked(self) -> bool:
        """Nothing waits for the peer: what was written has arrived, FIN included; or the connection is dead."""
        return self.state is CLOSED or (self.fin_acked if self.write_closed else not len(self.send_queue))

    @property
    def usable_window(self) -> int:
        """SND.UNA + SND.WND - SND.NXT; negative when the peer shrank its window (RFC 9293 §3.8.6.2.1)."""
        return self.snd_una + self.snd_wnd - self.snd_nxt

    @property
    def unsent(self) -> int:
        """Bytes written and never sent, FIN not counted."""
        return max(self.send_queue.end - self.snd_nxt, 0) if self.snd_nxt > self.iss else len(self.send_queue)

    def timestamp(self, now: int) -> int:
        """TSval, absolute (RFC 7323 §5.4)."""
        return self.host.clock(now) + self.ts_offset

    def count(self, name: str) -> None:
        """A statistic by reason, named as ``nstat`` names it where it does."""
        self.host.counters[name] += 1

    def fact(self, fact: Fact, now: int) -> None:
        """Move through the table; a pair that it does not list is a bug."""
        old = self.state
        try:
            new = self.host.rules.transitions[old, fact]
        except KeyError:
            raise IllegalTransitionError(f"{fact.value} in {old.value}") from None
        self.state = new
        if new is CLOSED or new is TIME_WAIT:
            self.timers.stop_all()
        if self.host.observer is not None and new is not old:
            self.host.observer.state(now, self, old, new, fact)
        self.host.on_event(self)

    def die(self, error: OSError | None, fact: Fact, now: int) -> None:
        """To CLOSED, and everything that waited is thrown away. What is owed to the peer is in ``resets_owed``."""
        self.error = error
        self.acks_owed = self.challenges_owed = 0
        self.probe_owed = self.keepalive_owed = False
        if fact is not Fact.FIN_ACKED:
            self.receive_queue.clear()
        self.reassembly = None
        self.send_queue = SendQueue(self.snd_nxt)
        self.board = Scoreboard(self.config.scoreboard_ranges)
        self.fact(fact, now)
        self.host.on_busy(self)

    def close_if_due(self, now: int) -> None:
        """CLOSE takes effect now, or in SYN-RECEIVED once what was written can be sent (RFC 9293 §3.10.4)."""
        if not self.write_closed:
            return
        if self.state is SYN_RECEIVED and (len(self.send_queue) or self.fast_opened):
            return
        if self.state is SYN_RECEIVED or self.state is ESTABLISHED or self.state is CLOSE_WAIT:
            self.fact(Fact.CLOSE, now)

    def resize(self) -> None:
        """Compute the segment size anew: Eff.snd.MSS of RFC 9293 §3.7.1 (MUST-16)."""
        config = self.config
        size = min(self.peer_mss, self.path.mtu - self.ip_header - TCP_HEADER)
        if config.mss_limit:
            size = min(size, config.mss_limit)
        if self.ts_ok:
            size -= TIMESTAMP_SPACE
        if size != self.mss:
            self.mss = size
            self.congestion.on_mss(size)
        longest = min(config.maximum_segment, self.host.longest)
        most = self.payload_in(longest) if config.super_segments else size
        self.largest = max(most // size, 1) * size
        if config.super_segments:
            self.largest *= max(min(self.host.several, config.maximum_segment // longest), 1)

    def payload_in(self, longest: int) -> int:
        """Bytes of payload that an IP packet of ``longest`` bytes has room for beside the largest headers."""
        return longest - self.ip_header - MAX_HEADER

    def advertised_mss(self) -> int:
        """What our MSS option says: the link's MTU without fixed headers (RFC 9293 §3.7.1, RFC 6691)."""
        return min(self.path.link_mtu - self.ip_header - TCP_HEADER, self.config.mss_limit or 65_535)

    def receive_window_edge(self) -> int:
        """The right edge to announce: never left of an earlier one, and moved only by a worthwhile step.

        Receiver-side silly-window avoidance, RFC 9293 §3.8.6.2.2 (MUST-39).
        """
        if self.memory is not None:
            return self.memory.edge(self)
        limit = self.receive_limit
        largest = min(65_535 << self.rcv_wscale, self.config.window_clamp or limit)
        if self.config.window_follows_buffer:
            free = limit - self.receive_queue.size
            free = 0 if free < self.rcv_mss and free < limit // 4 else min(free, largest)
            return max(self.rcv_nxt + free, self.rcv_edge)
        free = limit - (self.receive_queue.pinned if self.receive_tuned else self.receive_queue.size)
        edge = self.rcv_nxt + (free if free < largest else largest)
        step = edge - self.rcv_edge
        return edge if step >= self.rcv_mss or 2 * step >= self.receive_limit else self.rcv_edge

    def _restart_after_idle(self, now: int) -> None:
        """RFC 5681 §4.1: the old window says nothing about the network after an RTO of silence."""
        pause = self.rtt.base + self.config.rto_slop
        if self.last_sent is None or now - self.last_sent <= pause or self.send_queue.chunks:
            return
        if self.config.restart_after_idle:
            self.congestion.on_idle(self.config.initial_window * self.mss)

    def _after_read(self, size: int, now: int) -> None:
        """Reading may allow a larger buffer, or a window update; the plan decides."""
        if self.tuning is not None:
            note_read(self, self.tuning, size, now)
        if self.ack_delay is not None:
            was_read(self, self.ack_delay)
        self.host.on_busy(self)

    def _hidden_urgent(self) -> int:
        """1 when an urgent byte in the queue is not part of the stream."""
        if self.rcv_up is None or self.urgent_inline:
            return 0
        return 1 if self.receive_position < self.rcv_up <= self.receive_position + self.receive_queue.size else 0

    def _bytes_before_mark(self) -> int | None:
        """How many bytes of the queue stand before the urgent one; None: it is not in the queue."""
        position = self.receive_position
        if self.rcv_up is None or not position < self.rcv_up <= position + self.receive_queue.size:
            return None
        return self.rcv_up - 1 - position

    # ------------------------------------------------------------------ snapshot

    def snapshot(self, origin: Origin) -> Hashable:
        """See ``Snapshot``; ``origin`` holds this connection's ISS and IRS."""
        reassembly = None if self.reassembly is None else self.reassembly.snapshot(origin)
        rate = None if self.rate is None else self.rate.snapshot(origin)
        tuning = None if self.tuning is None else self.tuning.snapshot(origin)
        ack_delay = None if self.ack_delay is None else self.ack_delay.snapshot(origin)
        ecn = None if self.ecn is None else (self.ecn.name, self.ecn.snapshot(origin))
        fast_open = None if self.fast_open is None else self.fast_open.snapshot(origin)
        pushes = None if self.pushes is None else self.pushes.snapshot(origin)
        memory = None if self.memory is None else self.memory.snapshot(origin)
        resets = tuple((seq - origin.iss, None if ack is None else ack - origin.irs) for seq, ack in self.resets_owed)
        return (
            super().snapshot(origin),
            reassembly,
            rate,
            tuning,
            ack_delay,
            ecn,
            fast_open,
            pushes,
            memory,
            resets,
            _error_value(self.error),
            _error_value(self.soft_error),
        )

    def restore(self, value: Any, origin: Origin) -> None:
        base, reassembly, rate, tuning, ack_delay, ecn, fast_open, pushes, memory, resets, error, soft_error = value
        self.prr = ProportionalRateReduction()
        super().restore(base, origin)
        self.reassembly = None
        if reassembly is not None:
            self.reassembly = Reassembly(self.config.reassembly_pieces, self.config.dsack)
            self.reassembly.restore(reassembly, origin)
        self.rate = None
        if rate is not None:
            self.rate = DeliveryRate(self.sack_ok)
            self.rate.restore(rate, origin)
        self.tuning = None
        if tuning is not None:
            self.tuning = ReceiveTuning(0, self.config.receive_low_rtt)
            self.tuning.restore(tuning, origin)
        self.ack_delay = None
        if ack_delay is not None:
            self.ack_delay = AckDelay()
            self.ack_delay.restore(ack_delay, origin)
        self.ecn = None
        if ecn is not None:
            self.ecn = FEEDBACK[ecn[0]](self.iss, True)
            self.ecn.restore(ecn[1], origin)
        self.fast_open = None
        if fast_open is not None:
            self.fast_open = FastOpen(None)
            self.fast_open.restore(fast_open, origin)
        if self.pushes is not None:
            self.pushes.restore(pushes, origin)
        if self.memory is not None:
            self.memory.restore(memory, origin)
        self.resets_owed = tuple((seq + origin.iss, None if ack is None else ack + origin.irs) for seq, ack in resets)
        self.error = _error_from(error)
        self.soft_error = _error_from(soft_error)


def make_key(local: tuple[bytes, int], remote: tuple[bytes, int]) -> bytes:
    """The four-tuple in the order in which an arriving packet shows it."""
    return remote[0] + local[0] + PORTS.pack(remote[1], local[1])


def _error_value(error: OSError | None) -> tuple[Any, ...] | None:
    return None if error is None else error.args


def _error_from(value: tuple[Any, ...] | None) -> OSError | None:
    return None if value is None else OSError(*value)
