"""Exit statuses, help, and errors of one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from estab.cli import app, main
from estab.cli.errors import CommandError, describe, explained
from tests.cli.conftest import Run

COMMANDS = ("demo", "lessons", "get", "serve", "nc", "ss")


def test_without_arguments_there_is_help(estab: Run) -> None:
    done = estab()
    assert (done.status, done.err) == (0, "")
    assert all(f"│ {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(estab: Run, name: str) -> None:
    done = estab(name, "--help")
    assert (done.status, done.err) == (0, "")
    assert f"Usage: estab {name} " in done.out
    assert done.out.count(f"estab {name}") > 1
    assert "--json" in done.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("fly", "No such command 'fly'."),
        ("get", "Missing argument 'URL'."),
        ("get ftp://10.0.0.1/x", "'ftp://10.0.0.1/x' is no URL that begins with http://"),
        ("get http://10.0.0.1:99999/x", "Port out of range"),
        ("get http://10.0.0.1/..", "ends in no file name"),
        ("get http://10.0.0.1/x -o .", ". is a directory: -o takes the name of a file"),
        ("get http://10.0.0.1/x --loss 7", "--loss: '7' is no probability"),
        ("get http://10.0.0.1/x --delay soon", "--delay: 'soon' is no delay"),
        ("get http://10.0.0.1/x --address 10.0.0/24", "--address: '10.0.0' is not an IPv4 or IPv6 address"),
        ("get http://10.0.0.1/x --address 10.0.0.2", "--address: 10.0.0.2 leaves no address for the kernel"),
        ("get http://10.0.0.1/x --tun a/b", "no link on a/b: 'a/b' is no name for an interface"),
        ("serve no/such/directory", "does not exist"),
        ("serve . --port 0", "'--port'"),
        ("nc 10.0.0.1", "either HOST and PORT, or -l PORT"),
        ("nc 10.0.0.1 80 -l 80", "either HOST and PORT, or -l PORT"),
        ("lessons knots", "there is no lesson 'knots'"),
        ("lessons close --without shoes", "without 'shoes'; what can be taken out: fin-out-of-order"),
        ("lessons all --without no-time-wait", "not out of all"),
        ("lessons close --list", "--list goes without"),
        ("demo --file no/such/file", "does not exist"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(estab: Run, arguments: str, line: str) -> None:
    done = estab(*arguments.split())
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("estab: ")
    assert line in done.err
    assert done.err.count("\n") == 1


def test_a_hosts_file_that_is_not_there_is_a_failure(estab: Run) -> None:
    done = estab("get", "http://a/x", "--hosts", "no/such/file")
    assert (done.status, done.err) == (1, "estab: --hosts: No such file or directory: no/such/file\n")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (CommandError("no"), 1, "estab: no\n"),
        (CommandError("no", 2), 2, "estab: no\n"),
        (PermissionError(1, "Operation not permitted", "x"), 1, "estab: Operation not permitted: x\n"),
        (OSError("two\nlines"), 1, "estab: two lines\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_an_error_becomes(
    estab: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, line: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    done = estab("anything")
    assert (done.status, done.err) == (status, line)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main(["anything"])


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m estab lessons all --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.parametrize("name", ["typer", "rich", "h11"])
def test_what_is_missing_is_said(name: str) -> None:
    program = f"import sys; sys.modules[{name!r}] = None; from estab.cli import main; sys.exit(main(['ss']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"estab: {name} is missing: pip install 'estab[cli]'\n")


def test_explained_says_what_failed_and_why() -> None:
    with pytest.raises(CommandError, match=r"^cannot eat: No spoon: soup$") as caught, explained("cannot eat"):
        raise FileNotFoundError(2, "No spoon", "soup")
    assert caught.value.status == 1
    with pytest.raises(CommandError, match=r"^cannot eat soup: No spoon$"), explained("cannot eat soup"):
        raise FileNotFoundError(2, "No spoon", "soup")
    with pytest.raises(CommandError, match=r"^cannot eat: too hot$") as caught, explained("cannot eat"):
        raise ValueError("too hot")
    assert caught.value.status == 2


def test_a_timeout_without_words_gets_some() -> None:
    assert describe(TimeoutError()) == "Connection timed out"
    assert describe(EOFError()) == "EOFError"
