"""``estab demo``: the main job, a file over TCP, first between two of our own stacks and then with the kernel's."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from estab.cli import act_one as one
from estab.cli import act_two as two
from estab.cli.act import Act
from estab.cli.errors import FAILED, explained
from estab.cli.options import Json
from estab.cli.paint import ascii_only, paint, width_of
from estab.cli.stdio import say
from estab.explain.ladder import ladder


def demo(
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="What to transfer. [default: an archive of estab's own source]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Transfer a file over HTTP, twice, and show what TCP did for it.

    Act one needs no privilege: two hosts on a simulated network that loses, doubles and reorders packets, in virtual
    time. Act two has the Linux kernel's TCP on the other side, over a TUN device in a network namespace of its own.

      estab demo
      estab demo --file /bin/ls --json
    """
    console = Console(quiet=as_json, highlight=False)
    with explained("no demonstration"), _chosen(file) as path:
        _begin(console, path)
        first = one.act_one(path)
        _show_act_one(console, first)
        with console.status("act two: the kernel's TCP, and 2 s of TIME-WAIT"):
            second = two.act_two(path)
        _show_act_two(console, second)
    acts = [first.act, second.act]
    if as_json:
        say(json.dumps({"acts": [act.as_json() for act in acts]}))
    if not all(act.ok for act in acts if act.ran):
        raise typer.Exit(FAILED)


@contextmanager
def _chosen(file: Path | None) -> Iterator[Path]:
    """The user's file, or an archive of this package made for the occasion."""
    if file is not None:
        yield file.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="estab-demo-") as directory:
        path = Path(directory) / "estab-source.tar"
        path.write_bytes(_archive(Path(__file__).parents[1]))
        yield path


def _archive(package: Path) -> bytes:
    """The same bytes whenever the sources are the same, so that act one plays alike each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(package.rglob("*.py")):
            data = path.read_bytes()
            member = tarfile.TarInfo(f"estab/{path.relative_to(package)}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


# ---------------------------------------------------------------------- what is printed


def _begin(console: Console, path: Path) -> None:
    console.print()
    console.print(Text.assemble(("estab", "bold"), f"  a file over TCP: {path.name}, {path.stat().st_size:,} bytes"))


def _heading(console: Console, title: str, text: str) -> None:
    console.print()
    console.rule(Text(title, "bold"), align="left", style="dim")
    console.print(text, style="dim")
    console.print()


def _show_act_one(console: Console, played: one.ActOne) -> None:
    _heading(
        console,
        "Act one: two hosts, one bad network, no privilege",
        f"Both ends are estab. The simulated network loses {one.LOSS:.0%} of the packets, doubles {one.DUPLICATES:.0%} "
        f"and reorders {one.REORDERED:.0%}; the way takes {one.DELAY_MS} ms. Time is virtual: 2 MSL are over at once.",
    )
    width = width_of(console)
    picture = ladder(played.passages, one.CLIENT, one.SERVER, width=width, ascii_only=ascii_only())
    for line in picture.splitlines():
        console.print(paint(line))
    console.print(paint(_last_line(played, width)))
    _show_result(console, played.act, f"{played.seconds:.1f} s of virtual time")


def _last_line(played: one.ActOne, width: int) -> str:
    """The end of TIME-WAIT, which no segment shows, in the columns of the ladder."""
    text = f"{played.time_wait_over_at / 1_000_000:>11,.3f}  {'':12}  "
    return f"{text}{'2 MSL are over':^{max(width - 41, 0)}}  CLOSED"


def _show_act_two(console: Console, played: two.ActTwo) -> None:
    _heading(
        console,
        "Act two: the Linux kernel on the other side",
        f"Our stack is {two.OURS} on a TUN device; the kernel, {two.KERNELS}, takes it for another machine. "
        "All this happens in a network namespace of its own.",
    )
    act = played.act
    if act.why_not is not None:
        console.print(Text.assemble(("It failed: " if act.ran else "Not played: ", "bold"), act.why_not))
    if not act.ran or act.why_not is not None:
        return
    heading = f"  {'kernel':<17} {'its ss says':<12}   {'we say':<12}  estab"
    for number, view in enumerate(played.views):
        if number:
            console.print()
        console.print(f"{number + 1}. {view.when}")
        console.print(heading, style="dim")
        for line in side_by_side(view):
            console.print(paint(f"  {line}"))
    _show_result(console, act, "no loss here")


def side_by_side(view: two.View) -> list[str]:
    """A line for each connection, the kernel's view of it on the left and ours on the right."""
    kernel = {(local, remote): state for state, local, remote in view.kernel if state != "LISTEN"}
    ours = {(remote, local): state for state, local, remote in view.ours if state != "LISTEN"}
    ends = dict.fromkeys([*kernel, *ours])
    lines = [
        f"{theirs:<17} {kernel.get((theirs, our), 'nothing'):<12}   {ours.get((theirs, our), 'nothing'):<12}  {our}"
        for theirs, our in ends
    ]
    return lines or [f"{'':<17} {'nothing':<12}   nothing"]


def _show_result(console: Console, act: Act, remark: str) -> None:
    table = Table.grid(padding=(0, 2))
    for transfer in act.transfers:
        again = f"{transfer.retransmissions:,} segments sent again"
        table.add_row(transfer.direction, f"{transfer.bytes:,} bytes, {again}, {remark}")
        verdict = ("the same on both sides", "bold green") if transfer.ok else ("NOT what was sent", "bold red")
        table.add_row("  SHA-256", Text.assemble(f"{transfer.sha256_received[:16]}… ", verdict))
    for name, states in act.states.items():
        table.add_row(f"our {name}", paint(" → ".join(states)))
    ended = ("it has ended", "bold green") if act.time_wait_ended else ("it did not end", "bold red")
    table.add_row("TIME-WAIT", Text.assemble(ended))
    console.print()
    console.print(Padding(table, (0, 2)))
