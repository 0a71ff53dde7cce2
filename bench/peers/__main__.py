"""Let every stack take its turn in every round, and print a table or one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any, Final

from bench.peers import build, client, inside, stage
from bench.peers.cases import CASES
from bench.peers.client import Measured
from bench.peers.stacks import FORMS, Entry, entries
from bench.peers.targets import judge

Row = dict[str, Any]
Samples = dict[tuple[str, str, str], list[Measured]]
INSIDE: Final = "ESTAB_BENCH_NAMESPACE"
LIMIT: Final = 1800
"""Seconds for one case without a peer."""


def main() -> int:
    """The exit status: 1 when data that estab carried was not what had been sent."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    parser.add_argument("--quick", action="store_true", help="short runs, three rounds, fewer connections")
    parser.add_argument("--rounds", type=int, help="how often each has its turn; the medians are of these")
    parser.add_argument("--stack", action="append", help="only this one; may be repeated")
    arguments = parser.parse_args()
    if INSIDE not in os.environ:
        move_into_namespace()
    load = round(os.getloadavg()[0], 1)
    seconds, rounds = (0.4, 3) if arguments.quick else (2.0, 7)
    rounds = arguments.rounds or rounds
    taking_part = [each for each in entries(say) if arguments.stack is None or each.stack in arguments.stack]
    samples: Samples = defaultdict(list)
    wrong: list[str] = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        taking_part = [play(entry, seconds, number == 0, samples, wrong) for entry in taking_part]
    rows = summarize(samples)
    if arguments.stack is None or "estab" in arguments.stack:
        rows += without_peers(arguments.quick)
    targets = judge(rows)
    about = {
        "kernel": os.uname().release,
        "its congestion control": control(),
        "cores": os.cpu_count(),
        "load before": load,
    }
    about |= {"rounds": rounds, "seconds each": seconds, "python": str(build.python()), "MTU": 1500}
    if arguments.json:
        print(json.dumps({"rows": rows, "targets": targets, "about": about, "wrong": wrong}))  # noqa: T201
    else:
        # Only here, so that the figures can be had without rich.
        from bench.peers import report  # noqa: PLC0415

        report.show(rows, targets, about)
    for each in wrong:
        say(f"data was damaged: {each}")
    return 1 if any(each.startswith("estab") for each in wrong) else 0


def play(entry: Entry, seconds: float, checking: bool, samples: Samples, wrong: list[str]) -> Entry:
    """One round of one stack. What fails is not tried again: the entry that is left for the next round."""
    failed: set[str] = set()
    for cases in sessions(entry):
        try:
            with entry.start() as session, stage.inside(session.namespace):
                client.wait_until_it_answers(session.address, stage.START)
                for each in cases:
                    try:
                        measured = CASES[each].run(session, seconds)
                        check = CASES[each].check
                        if checking and check is not None and not check(session):
                            wrong.append(f"{name(entry)}: {each}")
                    except OSError as reason:
                        say(f"{name(entry)}: {each} fails and is left out from here on: {reason}")
                        failed.add(each)
                        continue
                    for row in {each, entry.also.get(each, each)}:
                        samples[row, entry.stack, entry.variant].append(measured)
        except OSError as reason:
            say(f"{name(entry)} is left out from here on: {reason}")
            failed.update(cases)
    return entry._replace(cases=tuple(each for each in entry.cases if each not in failed))


def sessions(entry: Entry) -> list[tuple[str, ...]]:
    """The cases that one start of the stack serves."""
    if entry.fresh:
        return [(each,) for each in entry.cases]
    return [entry.cases] if entry.cases else []


def summarize(samples: Samples) -> list[Row]:
    """A row for each case of each stack: medians, and between what they lie."""
    rows = []
    for (case, stack, variant), measured in samples.items():
        values = [each.value * CASES[case].scale for each in measured]
        cpu = [each.cpu * CASES[case].cpu_scale for each in measured if each.cpu is not None]
        rows.append(
            {
                "stack": stack,
                "variant": variant,
                "case": case,
                "value": statistics.median(values),
                "unit": CASES[case].unit,
                "cpu": statistics.median(cpu) if cpu else None,
                "range": [min(values), max(values)],
            }
        )
    order = list(CASES)
    return sorted(rows, key=lambda row: (order.index(row["case"]), row["stack"] != "estab", row["stack"]))


def without_peers(quick: bool) -> list[Row]:
    """What happens in one process: each case in one of its own."""
    rows = []
    for variant in FORMS:
        python = build.get(variant, lambda _: None)
        for case in inside.CASES:
            if python is None:
                continue
            say(f"{case}, {variant}")
            command = [str(python), "-m", "bench.peers.inside", case, "quick" if quick else "full"]
            try:
                done = subprocess.run(
                    command, cwd=stage.ROOT, capture_output=True, text=True, timeout=LIMIT, check=True
                )
            except subprocess.CalledProcessError as error:
                say(f"{case} fails: {(error.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
                continue
            except subprocess.TimeoutExpired:
                say(f"{case} takes longer than {LIMIT} s")
                continue
            rows += [{"stack": "estab", "variant": variant} | row for row in json.loads(done.stdout)]
    return rows


def control() -> str:
    """What the client's sockets use."""
    with socket.socket() as peer:
        return client.choose_loss_based(peer)


def name(entry: Entry) -> str:
    return f"{entry.stack} {entry.variant}".strip()


def say(line: str) -> None:
    """Progress goes to standard error, so that a line of JSON stays one."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)  # noqa: T201


def move_into_namespace() -> None:
    """Start again where namespaces can be made; anybody but root needs a user namespace for that."""
    unshare = shutil.which("unshare")
    if unshare is None:
        sys.exit("unshare is missing: apt-get install util-linux")
    # Built before, because there is no network inside.
    build.all_of_them(say)
    options = ["-n"] if os.geteuid() == 0 else ["-Urn"]
    os.environ[INSIDE] = "1"
    os.execv(unshare, [unshare, *options, sys.executable, "-m", "bench.peers", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
