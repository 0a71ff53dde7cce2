"""The private socket: whom it answers, where it lies, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estab.cli import control
from estab.cli.errors import CommandError
from estab.cli.ss import table
from estab.drivers.asyncio_driver import attach
from estab.drivers.host import Host
from estab.links.memory import memory_pair
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the sockets of these tests are."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "estab"


def with_host(inside: Any) -> Any:
    """What ``inside(host)`` gives, while its host answers and listens on port 80."""

    async def main() -> Any:
        link, _ = memory_pair()
        async with attach(link, "10.0.0.1/24") as host, control.answering(host, "test it"):
            await host.start_server(lambda reader, writer: None, port=80)
            return await inside(host)

    return asyncio.run(main())


async def asked() -> tuple[list[dict[str, Any]], list[str]]:
    return await asyncio.to_thread(control.ask_all)


def test_a_process_answers_for_its_host(place: Path) -> None:
    async def inside(host: Host) -> Any:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        return await asked()

    [report], complaints = with_host(inside)
    assert complaints == []
    assert (report["pid"], report["command"], report["omitted"]) == (os.getpid(), "test it", 0)
    assert report["sockets"] == [
        {"protocol": "tcp", "local": "*:80", "remote": "*", "state": "LISTEN",
         "receive_queue": 0, "send_queue": 128, "timer": ""}
    ]  # fmt: skip
    assert list(place.iterdir()) == []


def test_ss_shows_it_and_says_when_there_is_none(estab: Run) -> None:
    async def inside(host: Host) -> Any:
        await host.create_datagram_endpoint(asyncio.DatagramProtocol, ("10.0.0.1", 53))
        return [await asyncio.to_thread(estab, "ss", *options) for options in ((), ("-l",), ("--json",))]

    shown, listening, as_json = with_host(inside)
    lines = [line.split() for line in shown.out.splitlines()]
    assert lines[0][:3] == ["State", "Recv-Q", "Send-Q"]
    assert ["LISTEN", "0", "128", "*:80", "*", "-", f"pid={os.getpid()}", "test", "it"] in lines
    assert ["UNCONN", "0", "0", "10.0.0.1:53", "*", "-", f"pid={os.getpid()}", "test", "it"] in lines
    assert listening == shown
    assert len(json.loads(as_json.out)["processes"][0]["sockets"]) == 2
    assert estab("ss") == (0, "", "estab: no other estab process of this user is running\n")
    assert estab("ss", "--json").out == '{"processes": []}\n'


def test_long_lists_are_cut(monkeypatch: pytest.MonkeyPatch, estab: Run) -> None:
    monkeypatch.setattr(control, "MOST_ROWS", 0)

    async def inside(host: Host) -> Any:
        return await asyncio.to_thread(estab, "ss")

    done = with_host(inside)
    assert done.err == f"estab: process {os.getpid()} has 1 more\n"


def test_what_a_dead_process_left_is_removed(place: Path) -> None:
    control.private_directory()
    path = place / "1-0.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert control.ask_all() == ([], [])
    assert list(place.iterdir()) == []


def test_a_process_that_makes_no_sense_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control.private_directory()
    monkeypatch.setattr(control, "PATIENCE", 0.01)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(place / "7-0.sock"))
        silent.listen()
        assert control.ask_all() == ([], ["process 7 does not answer: timed out"])


@pytest.mark.parametrize("uid", [0, 1000])
def test_another_user_is_neither_answered_nor_asked(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    other = uid + 1 if uid == os.geteuid() else uid

    async def inside(host: Host) -> Any:
        monkeypatch.setattr(control, "peer_of", lambda connected: (1, other))
        return await asked()

    reports, [complaint] = with_host(inside)
    assert reports == []
    assert complaint == f"process {os.getpid()} does not answer: it belongs to another user"


def test_another_user_gets_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def inside(host: Host) -> bytes:
        monkeypatch.setattr(control, "peer_of", lambda connected: (1, os.geteuid() + 1))
        [path] = place.iterdir()
        reader, writer = await asyncio.open_unix_connection(path)
        found = await reader.read()
        writer.close()
        return found

    assert with_host(inside) == b""


@pytest.mark.parametrize("spoiled", ["open to others", "a link", "a file"])
def test_a_directory_that_is_not_private_is_not_used(
    place: Path, tmp_path: Path, spoiled: str, capsys: pytest.CaptureFixture[str], estab: Run
) -> None:
    if spoiled == "open to others":
        place.mkdir(mode=0o755)
    elif spoiled == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.touch(mode=0o700)
    with pytest.raises(CommandError, match=r"estab is not a directory that only this user may enter|File exists"):
        control.private_directory()

    async def inside(host: Host) -> str:
        return "it runs all the same"

    assert with_host(inside) == "it runs all the same"
    assert "this process is not seen by `estab ss`" in capsys.readouterr().err
    done = estab("ss")
    assert (done.status, done.err.count("\n")) == (1, 1)


def test_the_directory_without_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "relative", "/no/such/directory"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert control.directory().parent == Path("/tmp")
        assert control.directory().name.startswith("estab-")


def test_the_kernel_says_who_is_there() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert control.peer_of(one) == (os.getpid(), os.geteuid())


def test_a_table_has_straight_columns_and_no_control_characters() -> None:
    text = table([("ESTAB", "0", "12345678", "a:1", "b:2", "rto", "pid=1 nc \x1b[31m\n")])
    heading, row = text.splitlines()
    assert "\x1b" not in text
    for name, value in (("Local", "a:1"), ("Peer", "b:2"), ("Timer", "rto")):
        assert heading.index(name) == row.index(value)
    assert heading.index("Send-Q") + len("Send-Q") == row.index("12345678") + 8
