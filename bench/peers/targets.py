"""What is aimed at, as ratios in one run, and whether it was reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

Row = dict[str, Any]
BEST: Final = ("compiled", "pure")
"""The forms that ship, the better one first."""


class Target(NamedTuple):
    """``got`` gives None where one of the two was not measured."""

    what: str
    bound: float
    at_least: bool
    got: Callable[[list[Row]], float | None]


def judge(rows: list[Row]) -> list[Row]:
    judged = []
    for target in TARGETS:
        got = target.got(rows)
        met = None if got is None else got >= target.bound if target.at_least else got <= target.bound
        sign = ">=" if target.at_least else "<="
        rounded = None if got is None else float(f"{got:.4g}")
        judged.append({"what": target.what, "target": f"{sign} {target.bound:g}", "got": rounded, "met": met})
    return judged


def find(rows: list[Row], case: str, stack: str, variant: str | None = None, field: str = "value") -> list[float]:
    """What rows say; of every variant when None is given."""
    found = [row for row in rows if row["case"] == case and row["stack"] == stack]
    return [row[field] for row in found if variant in (None, row["variant"]) and row.get(field) is not None]


def ours(rows: list[Row], case: str, tail: str = "", field: str = "value") -> float | None:
    """Of the best form that was measured."""
    for form in BEST:
        if found := find(rows, case, "estab", form + tail, field):
            return found[0]
    return None


def faster(case: str, peer: str, form: str | None = None) -> Callable[[list[Row]], float | None]:
    """How many times the figure of the peer's best variant."""

    def got(rows: list[Row]) -> float | None:
        own = ours(rows, case) if form is None else next(iter(find(rows, case, "estab", form)), None)
        theirs = find(rows, case, peer)
        return own / max(theirs) if own is not None and theirs else None

    return got


def dearer(case: str, peer: str, their_case: str | None = None, tail: str = "") -> Callable[[list[Row]], float | None]:
    """How many times the CPU of the peer's best variant."""

    def got(rows: list[Row]) -> float | None:
        own = ours(rows, case, tail, "cpu")
        theirs = find(rows, their_case or case, peer, field="cpu")
        return own / min(theirs) if own is not None and theirs else None

    return got


def cheaper(case: str, peer: str) -> Callable[[list[Row]], float | None]:
    def got(rows: list[Row]) -> float | None:
        ratio = dearer(case, peer)(rows)
        return 1 / ratio if ratio else None

    return got


def itself(case: str, field: str = "value") -> Callable[[list[Row]], float | None]:
    return lambda rows: ours(rows, case, field=field)


def beside(case: str, other: str, form: str | None = None, tail: str = "") -> Callable[[list[Row]], float | None]:
    """Our figure of one case or form as a share of the best form's in another case."""

    def got(rows: list[Row]) -> float | None:
        base = ours(rows, other)
        own = ours(rows, case, tail) if form is None else next(iter(find(rows, case, "estab", form)), None)
        return own / base if own is not None and base else None

    return got


def _targets() -> list[Target]:
    targets = []
    for way, times in (("in", 5), ("out", 10)):
        bulk, plain, many = f"bulk_{way}", f"plain_{way}", f"bulk_{way}_100"
        for peer, bound in (("smoltcp", times), ("lwip", 12), ("pmd-pytcp", 800), ("kernel", 1.5)):
            targets.append(Target(f"{bulk}/{peer}", bound, True, faster(bulk, peer)))
        targets += [
            Target(f"{bulk}/pure wheel", 0.7, True, beside(bulk, bulk, "pure")),
            Target(f"{bulk}/through asyncio", 0.6, True, beside(bulk, bulk, tail=", asyncio")),
            Target(f"{many}/one connection", 0.7, True, beside(many, bulk)),
            Target(f"{plain}/lwip", 1.1, True, faster(plain, "lwip")),
            Target(f"{plain}/lwip, pure wheel", 0.5, True, faster(plain, "lwip", "pure")),
            Target(f"{plain}/pmd-pytcp", 50, True, faster(plain, "pmd-pytcp")),
        ]
    return [
        *targets,
        Target("memory_super/Gbit/s", 50, True, itself("memory_super")),
        Target("memory_mtu/Gbit/s", 2, True, itself("memory_mtu")),
        Target("rtt/smoltcp", 3, False, dearer("rtt", "smoltcp")),
        Target("rtt_asyncio/smoltcp", 4, False, dearer("rtt_asyncio", "smoltcp", "rtt", ", asyncio")),
        Target("open_close/smoltcp", 3, False, dearer("open_close", "smoltcp")),
        Target("open_close/pmd-pytcp", 30, True, cheaper("open_close", "pmd-pytcp")),
        Target("mem_idle/bytes", 2560, False, itself("mem_idle")),
        Target("mem_idle/longest pause in ms", 50, False, itself("mem_idle", "pause_ms")),
        Target("mem_tw/bytes", 200, False, itself("mem_tw")),
        Target("mem_tw/longest pause in ms", 50, False, itself("mem_tw", "pause_ms")),
        Target("seg_100k/alone", 1.2, False, itself("seg_100k")),
        Target("sim_pps/packets per second", 100_000, True, itself("sim_pps")),
        Target("sim_pps_mtu/built, checksummed and parsed", 50_000, True, itself("sim_pps_mtu")),
        Target("sim_conn/per second", 5_000, True, itself("sim_conn")),
    ]


TARGETS: Final = _targets()
