"""Removed defences: each is a change of rules or figures, and proves that it took effect."""

from __future__ import annotations

import pytest

from estab.mutations import MUTATIONS, Witness
from estab.sim import Network
from estab.tcp.config import MODERN, RFC, SECOND
from estab.tcp.rules import RULES
from estab.tcp.states import TRANSITIONS, Fact, State
from estab.wire import tcp
from estab.wire.address import parse_address
from estab.wire.tcp import ACK, FIN, RST, SYN, Segment

CLIENT, SERVER = parse_address("10.0.0.1"), parse_address("10.0.0.2")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_changes_rules_or_figures_and_leaves_the_originals_alone(name: str) -> None:
    mutant = MUTATIONS[name].apply()
    assert mutant.rules != RULES or mutant.config != MODERN
    assert RULES.transitions == TRANSITIONS
    assert MUTATIONS[name].name == name
    assert MUTATIONS[name].removes.endswith(".")
    assert MUTATIONS[name].source.startswith(("RFC", "design"))


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_builds_on_the_configuration_that_it_is_given(name: str) -> None:
    mutant = MUTATIONS[name].apply(RULES, RFC)
    assert mutant.config.but(msl=RFC.msl) == RFC


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_stack_with_the_rules_of_the_rfc_never_counts_as_mutated(name: str) -> None:
    mutant = MUTATIONS[name].apply()
    assert not mutant.took_effect(RULES, MODERN)


def test_rules_that_never_decided_otherwise_took_no_effect() -> None:
    mutant = MUTATIONS["in-window-reset"].apply()
    assert not mutant.took_effect(mutant.rules, mutant.config)
    mutant.witness.saw()
    assert mutant.took_effect(mutant.rules, mutant.config)


def test_a_figure_took_effect_where_it_differs() -> None:
    mutant = MUTATIONS["one-msl"].apply()
    assert mutant.config.time_wait == MODERN.msl
    assert mutant.took_effect(mutant.rules, mutant.config)


def test_a_figure_alone_does_not_prove_a_mutation_that_also_changes_a_rule() -> None:
    mutant = MUTATIONS["no-time-wait-fixed-isn"].apply()
    assert not mutant.took_effect(mutant.rules, mutant.config)
    mutant.rules.isn(b"", b"", 0)
    assert mutant.took_effect(mutant.rules, mutant.config)


def test_a_changed_table_counts_only_what_was_changed() -> None:
    mutant = MUTATIONS["two-way-handshake"].apply()
    assert mutant.rules.transitions[State.CLOSED, Fact.ACTIVE_OPEN] is State.SYN_SENT
    assert mutant.witness.count == 0
    assert mutant.rules.transitions[State.LISTEN, Fact.SYN] is State.ESTABLISHED
    assert mutant.witness.count == 1


def test_two_mutants_do_not_share_their_witness() -> None:
    first, second = MUTATIONS["fixed-isn"].apply(), MUTATIONS["fixed-isn"].apply()
    assert first.rules.isn(b"", b"", 0) == second.rules.isn(b"", b"x", SECOND)
    assert (first.witness.count, second.witness.count) == (1, 1)


def test_slow_initial_sequence_numbers_lie_within_a_window_of_each_other() -> None:
    mutant = MUTATIONS["slow-isn"].apply()
    first, second = (mutant.rules.isn(b"secret", b"key", now) for now in (0, SECOND))
    assert abs(second - first) < 10
    assert abs(RULES.isn(b"secret", b"key", SECOND) - RULES.isn(b"secret", b"key", 0)) == 250_000
    assert mutant.witness.count == 2


class Pair:
    """A client and a server without the named defence."""

    def __init__(self, name: str) -> None:
        self.network = Network(1)
        mutant = MUTATIONS[name].apply()
        self.witness: Witness = mutant.witness
        self.client = self.network.host("client", "10.0.0.1/24", config=mutant.config, rules=mutant.rules)
        self.server = self.network.host("server", "10.0.0.2/24", config=mutant.config, rules=mutant.rules)
        self.network.connect(self.client, self.server, delay=1_000_000)
        listener = self.server.stack.listen(80)
        self.near = self.client.stack.open((SERVER, 80), 0)
        self.network.run(lambda: listener.ready > 0, SECOND)
        far = self.server.stack.accept(listener)
        assert far is not None
        self.far = far

    def forge(self, flags: int, seq: int, ack: int = 0, payload: bytes = b"", port: int = 0) -> None:
        """A segment at the server, as if the client had sent it."""
        source = port or self.near.local_port
        segment = Segment(
            seq, ack, flags, 65_535, (payload,) if payload else (), source_port=source, destination_port=80
        )
        if self.far.ts_ok and not port:
            segment.options = segment.options._replace(timestamps=(self.far.ts_recent & 0xFFFFFFFF, 0))
        self.network.inject(tcp.build(segment, CLIENT, SERVER), self.server)
        self.network.run(limit=SECOND)


def test_without_the_sequence_check_anything_is_the_next_byte() -> None:
    pair = Pair("no-sequence-check")
    pair.forge(ACK, pair.far.rcv_nxt - 100_000, pair.far.snd_nxt, b"forged")
    assert pair.far.receive(10, 0) == b"forged"
    assert pair.witness.count > 0


def test_without_an_answer_the_unacceptable_is_met_with_silence() -> None:
    pair = Pair("no-answer-to-unacceptable")
    before = len(pair.network.record.passages)
    pair.forge(ACK, pair.far.rcv_nxt - 100_000, pair.far.snd_nxt, b"old")
    assert len(pair.network.record.passages) == before + 1
    assert pair.witness.count == 1


def test_without_any_check_a_reset_from_anywhere_is_obeyed() -> None:
    pair = Pair("no-reset-check")
    pair.forge(RST, pair.far.rcv_nxt - 100_000)
    assert isinstance(pair.far.error, ConnectionResetError)
    assert pair.witness.count == 1


def test_without_a_reset_from_closed_a_refused_open_waits() -> None:
    pair = Pair("no-reset-from-closed")
    lost = pair.client.stack.open((SERVER, 81), pair.network.clock.now)
    pair.network.run(limit=10 * SECOND)
    assert lost.state is State.SYN_SENT
    assert pair.witness.count == 4


def test_without_resets_a_half_open_peer_blocks_a_new_open() -> None:
    pair = Pair("no-reset")
    del pair.client.stack.connections[pair.near.key]
    local = ("10.0.0.1", pair.near.local_port)
    again = pair.client.stack.open((SERVER, 80), pair.network.clock.now, local=local)
    pair.network.run(limit=10 * SECOND)
    assert (again.state, pair.far.state) == (State.SYN_SENT, State.ESTABLISHED)
    assert pair.witness.count > 1


def test_resets_that_are_answered_by_resets_never_end() -> None:
    pair = Pair("reset-answers-reset")
    pair.server.stack.stop_listening(pair.server.stack.listeners[80][0], pair.network.clock.now)
    pair.forge(RST, 1, port=9)
    assert pair.witness.count > 100


def test_any_ack_opens_a_connection_in_syn_received() -> None:
    pair = Pair("any-ack-in-syn-received")
    listener = pair.server.stack.listeners[80][0]
    pair.network.inject(_plain(SYN, 1000), pair.server)
    pair.network.step()
    pair.network.inject(_plain(ACK, 1001, 77), pair.server)
    assert pair.network.run(lambda: listener.ready > 0, SECOND)
    assert pair.witness.count == 1


def _plain(flags: int, seq: int, ack: int = 0) -> object:
    return tcp.build(Segment(seq, ack, flags, 65_535, source_port=9, destination_port=80), CLIENT, SERVER)


def test_any_ack_counts_as_one_of_the_fin() -> None:
    pair = Pair("any-ack-of-fin")
    pair.far.close(pair.network.clock.now)
    pair.server.turn(pair.network.clock.now)
    pair.network.inject(_ack(pair), pair.server)
    pair.server.turn(pair.network.clock.now)
    assert pair.far.state is State.FIN_WAIT_2
    assert pair.witness.count == 1


def _ack(pair: Pair) -> object:
    stamps = (pair.far.ts_recent & 0xFFFFFFFF, 0)
    segment = Segment(
        pair.far.rcv_nxt, pair.far.snd_una, ACK, 65_535, source_port=pair.near.local_port, destination_port=80
    )
    segment.options = segment.options._replace(timestamps=stamps)
    return tcp.build(segment, CLIENT, SERVER)


def test_a_fin_that_is_sent_once_leaves_the_other_side_open() -> None:
    pair = Pair("no-fin-retransmission")
    pair.network.record.clear()
    lost = pair.client.link._cables.pop()
    pair.near.close(pair.network.clock.now)
    pair.network.run(limit=SECOND)
    pair.client.link._cables.append(lost)
    pair.network.run(limit=60 * SECOND)
    assert pair.far.state is State.ESTABLISHED
    assert pair.witness.count > 0


def test_a_syn_ack_that_is_sent_once_is_left_to_the_client() -> None:
    pair = Pair("no-syn-ack-retransmission")
    pair.network.inject(_plain(SYN, 1000), pair.server)
    lost = pair.server.link._cables.pop()
    pair.network.run(limit=60 * SECOND)
    pair.server.link._cables.append(lost)
    assert pair.witness.count > 0
    assert pair.server.stack.counters.get("RetransSegs", 0) == 0


def test_time_wait_that_does_not_answer_leaves_a_fin_unacknowledged() -> None:
    pair = Pair("no-time-wait-reack")
    now = pair.network.clock.now
    pair.far.close(now)
    pair.network.run(lambda: pair.near.eof, SECOND)
    pair.near.close(pair.network.clock.now)
    pair.network.run(limit=SECOND)
    before = len(pair.network.record.passages)
    pair.forge(FIN | ACK, pair.near.snd_nxt - 1, pair.near.rcv_nxt)
    assert len(pair.network.record.passages) == before + 1
    assert pair.witness.count == 1
