"""Writes states.md, the state diagram, from the table that moves connections: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from estab.tcp.states import DIAGRAM, TRANSITIONS, State
from estab.tcp.time_wait import TimeWait

PAGE: Final = Path(__file__).parent / "states.md"

PAGE_TEXT: Final = """\
# The states of a connection

Drawn from `estab.tcp.states.DIAGRAM`, the table that moves a connection: RFC 9293 §3.3.2, Figure 5. An arrow is a fact;
segment arrival, calls of the user and timers establish facts, and nothing else changes a state. What the table does not
list raises `IllegalTransitionError`.

```mermaid
stateDiagram-v2
{edges}
```

| from | fact | to |
|---|---|---|
{rows}

Figure 5 leaves out how connections die. {deaths}

FIN-WAIT-1 meeting a FIN that acknowledges its own takes two facts in order, "ACK of FIN" and then "FIN". A connection
that reaches TIME-WAIT lets its memory go; what is left is an entry of {entry} bytes (`estab.tcp.time_wait`). LISTEN is
the state of a listener, and of a new connection for the moment in which it takes its SYN.
"""


def render() -> str:
    """The page."""
    edges = [f'    state "{state.value}" as {name(state)}' for state in State if name(state) != state.value]
    edges.append(f"    [*] --> {name(State.CLOSED)}")
    edges += [f"    {name(old)} --> {name(new)}: {fact.value}" for (old, fact), new in DIAGRAM.items()]
    rows = [f"| {old.value} | {fact.value} | {new.value} |" for (old, fact), new in DIAGRAM.items()]
    return PAGE_TEXT.format(edges="\n".join(edges), rows="\n".join(rows), deaths=deaths(), entry=TimeWait.size)


def deaths() -> str:
    """The rest of the table in a sentence."""
    rest = {pair: new for pair, new in TRANSITIONS.items() if pair not in DIAGRAM}
    facts = list(dict.fromkeys(fact.value for _, fact in rest))
    mortal = list(dict.fromkeys(old.value for old, _ in rest))
    (end,) = {new.value for new in rest.values()}
    assert len(rest) == len(facts) * len(mortal)
    spared = [state.value for state in State if state.value not in mortal]
    return f"From every state but {listed(spared)}, each of {listed(facts)} leads to {end}."


def listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1]


def name(state: State) -> str:
    """Mermaid takes no hyphen in a name."""
    return state.value.replace("-", "_")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
