"""Small graphs: what ships holds, what is removed is missed, and the explorer itself can be believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estab.explore import PROPERTIES, SCENARIOS, Budget, Case, run
from estab.explore.explorer import Graph
from estab.explore.matrix import KILLS
from estab.explore.soundness import Trial, check, same, strays, summary, trials

NOTHING = Budget()


def explored(case: Case) -> Graph:
    world, _ = case.world()
    return Graph(world).explore(limit=case.limit)


QUICK = [name for name, scenario in SCENARIOS.items() if not scenario.forges and name not in {"sack"}]


@pytest.mark.parametrize("name", QUICK)
def test_without_faults_of_the_network_every_interleaving_keeps_every_property(name: str) -> None:
    result = run(Case(name, NOTHING))
    assert [(each.property, each.text, each.labels) for each in result.violations] == []
    assert result.missing == ()
    assert result.ok


@pytest.mark.parametrize("budget", [Budget(loss=1), Budget(dup=1), Budget(delay=1)], ids=str)
def test_open_and_close_survive_one_fault_of_any_kind(budget: Budget) -> None:
    result = run(Case("open+close", budget))
    assert [(each.property, each.labels) for each in result.violations] == []
    assert result.complete


@pytest.mark.parametrize("kill", [*KILLS[:6], *KILLS[-8:]], ids=lambda kill: f"{kill.mutation}-{kill.scenario}")
def test_a_removed_defence_is_found_out(kill) -> None:
    result = run(kill.case())
    assert result.effective
    assert result.killed_by is not None
    assert result.killed_by.property in kill.violates


def test_every_property_is_what_finds_some_removed_defence_out() -> None:
    """P18 is tried by ``soundness``."""
    assert {name for kill in KILLS for name in kill.violates} == PROPERTIES.keys() - {"P18"}


def test_every_removed_defence_of_the_matrix_exists_and_its_scenario_too() -> None:
    for kill in KILLS:
        kill.case().world()


def test_a_run_that_does_not_show_what_its_scenario_names_is_void() -> None:
    result = run(Case("open+close", Budget(loss=1, dup=1), limit=50))
    assert not result.complete
    assert "TIME-WAIT answers again" in result.missing
    assert not result.ok


def test_a_graph_of_which_not_all_was_seen_does_not_pass() -> None:
    result = run(Case("open+close", NOTHING, limit=70))
    assert (result.missing, result.violations) == ((), ())
    assert not result.ok


def test_a_mutation_that_nothing_finds_out_survives() -> None:
    result = run(Case("open+close", NOTHING, "no-fin-retransmission", ("P13",)))
    assert result.killed_by is None
    assert not result.ok


@pytest.mark.parametrize("name", ["half-close", "crash", "forged-data", "sack", "abort"])
def test_graphs_can_be_believed(name: str) -> None:
    """Snapshots are complete, sequence numbers are relative, memory is right."""
    verdict = check(Trial(Case(name, NOTHING), 20))
    assert verdict.wrong == ()
    assert verdict.replayed == 20
    assert verdict.runs_anew > verdict.runs


def test_a_defect_that_depends_on_the_first_sequence_number_is_found() -> None:
    """P18 can fail: in the graph of ``data`` itself nothing passes 2^32, so nothing is wrong there."""
    case = Case("data", NOTHING, "numbers-do-not-wrap")
    assert run(case).violations == ()
    wrong = check(Trial(case, 1)).wrong
    assert len(wrong) == 2
    assert all("P18" in each for each in wrong)


def test_where_nobody_listens_the_numbers_pass_2_to_the_31() -> None:
    """A reset from CLOSED has the number 0, which lies in the window of a connection that is about to pass 2^32."""
    case = Case("simultaneous-open", NOTHING)
    assert check(Trial(case, 1)).wrong == ()
    assert not same(explored(case), explored(replace(case, bases=(2**32 - 1, 2**31 - 1))))


def test_every_scenario_is_tried_and_what_is_wrong_is_told() -> None:
    tried = trials()
    assert {trial.case.scenario for trial in tried} == SCENARIOS.keys()
    verdict = check(Trial(Case("open+close", NOTHING), 5))
    assert len(summary([verdict])) == 3
    assert summary([verdict._replace(wrong=("something",))])[3:] == ["something"]


def test_a_state_to_which_no_stack_comes_is_found() -> None:
    graph = explored(Case("data", NOTHING))
    last = len(graph.states) - 1
    assert strays(graph, [last]) == []
    value = graph.world.hosts[0].values[graph.states[last][0]]
    graph.world.hosts[0].values[graph.states[last][0]] = value._replace(quiet=1)
    assert strays(graph, [last]) == [last]


def test_another_scenario_has_another_graph() -> None:
    assert not same(explored(Case("data", NOTHING)), explored(Case("half-close", NOTHING)))


def test_the_same_beyond_2_to_the_31_and_32_is_the_same_graph() -> None:
    assert same(explored(Case("data", Budget(loss=1))), explored(Case("wrap", Budget(loss=1))))
