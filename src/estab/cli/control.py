"""A private socket by which ``estab ss`` asks the running processes of the same user for their connections.

It lies in a directory that only its owner can enter, and each end asks the kernel who is at the other (SO_PEERCRED,
unix(7)). The process writes one JSON document and closes; it reads nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import stat
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from estab.cli.errors import CommandError, describe, explained
from estab.drivers.asyncio_driver import Host

MOST_ROWS: Final = 10_000
"""Sockets in one answer; the others are counted."""
MOST_ASKERS: Final = 8
"""Answered at the same time."""
LONGEST_ANSWER: Final = 16 << 20
PATIENCE: Final = 2.0
"""Seconds to wait for one process, and for one that asks."""

_CREDENTIALS: Final = struct.Struct("=iII")


def directory() -> Path:
    """Where the sockets of this user are: below ``XDG_RUNTIME_DIR``, or ``/tmp/estab-UID``."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        return Path(runtime) / "estab"
    return Path(f"/tmp/estab-{_outer_uid()}")


def _outer_uid() -> int:
    """Our user id outside the user namespace, so that ``unshare -Ur`` and its parent use one directory."""
    uid = os.geteuid()
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
            inside, outside, count = map(int, line.split())
            if inside <= uid < inside + count:
                return outside + uid - inside
    return uid


def private_directory() -> Path:
    """The directory, made if need be. Raises ``CommandError`` when it is not ours alone."""
    path = directory()
    with explained(f"cannot use {path}"):
        path.mkdir(mode=0o700, exist_ok=True)
        check_private(path)
    return path


def check_private(path: Path) -> None:
    """Raises ``CommandError`` unless it is a directory of this user that nobody else may enter."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise CommandError(f"{path} is not a directory that only this user may enter: remove it")


def peer_of(connected: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process at the other end."""
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return pid, uid


# ---------------------------------------------------------------------- the process that answers


@asynccontextmanager
async def answering(host: Host, command: str) -> AsyncIterator[None]:
    """Answer ``estab ss`` while the block runs. Where that cannot be, one line says so and the command goes on."""
    try:
        path = private_directory() / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        with explained(f"cannot open {path}"):
            listener = _listen(path)
    except CommandError as error:
        sys.stderr.write(f"estab: this process is not seen by `estab ss`: {error}\n")
        yield
        return
    loop = asyncio.get_running_loop()
    answers: set[asyncio.Task[None]] = set()
    loop.add_reader(listener, lambda: _accept(listener, lambda: report(host, command), answers))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        loop.remove_reader(listener)
        listener.close()
        if answers:
            await asyncio.wait(answers)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        listener.listen(MOST_ASKERS)
    except BaseException:
        listener.close()
        raise
    return listener


def _accept(listener: socket.socket, answer: Callable[[], dict[str, Any]], answers: set[asyncio.Task[None]]) -> None:
    """One that asks; ``answers``: those that are being given."""
    try:
        connected, _ = listener.accept()
    except OSError:
        return
    if len(answers) >= MOST_ASKERS or peer_of(connected)[1] != os.geteuid():
        connected.close()
        return
    task = asyncio.create_task(_tell(connected, json.dumps(answer()).encode()))
    answers.add(task)
    task.add_done_callback(answers.discard)


async def _tell(connected: socket.socket, document: bytes) -> None:
    with connected, suppress(OSError):
        connected.setblocking(False)
        await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(connected, document), PATIENCE)


def report(host: Host, command: str) -> dict[str, Any]:
    """What ``estab ss`` learns of a host."""
    rows = host.netstat()
    return {
        "pid": os.getpid(),
        "command": command,
        "sockets": [row._asdict() for row in rows[:MOST_ROWS]],
        "omitted": max(len(rows) - MOST_ROWS, 0),
    }


# ---------------------------------------------------------------------- the process that asks


def ask_all() -> tuple[list[dict[str, Any]], list[str]]:
    """The reports of all running processes by pid, and a line for each that did not answer.

    Sockets that nobody listens on any more are removed."""
    path = directory()
    if not path.exists():
        return [], []
    check_private(path)
    reports, complaints = [], []
    for each in sorted(path.glob("*.sock")):
        try:
            answer = _ask(each)
        except ConnectionRefusedError:
            each.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            complaints.append(f"process {each.stem.partition('-')[0]} does not answer: {describe(error)}")
        else:
            reports.append(answer)
    return sorted(reports, key=lambda one: int(one["pid"])), complaints


def _ask(path: Path) -> dict[str, Any]:
    """Raises ``OSError``, and ``ValueError`` when the answer makes no sense."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
        connected.settimeout(PATIENCE)
        connected.connect(str(path))
        if peer_of(connected)[1] != os.geteuid():
            raise PermissionError("it belongs to another user")
        answer = bytearray()
        while piece := connected.recv(1 << 16):
            answer += piece
            if len(answer) > LONGEST_ANSWER:
                raise ValueError("its answer is too long")
    document: dict[str, Any] = json.loads(answer)
    return document
