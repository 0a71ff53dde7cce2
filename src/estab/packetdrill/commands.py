"""The shell commands of scripts that are understood, by a table: nothing is ever given to a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Final

from estab.packetdrill.sysctls import apply_sysctl
from estab.packetdrill.sysctls_bsd import apply_bsd_sysctl
from estab.packetdrill.values import UnsupportedError
from estab.packetdrill.world import World
from estab.tcp.config import SECOND

_OF_NO_CONSEQUENCE: Final = re.compile(
    r"(.*/)?(sysctl_restore|sysctl_restore_.*|set_sysctls?_restore|true|:|tcp_metrics\w*|ip\s+(-[46]\s+)?tcp_metrics\s+flush.*"
    r"|sync|echo\b.*|tc\b.*|ethtool\b.*|ip\s+(-[46]\s+)?route\b.*|ip\s+(-[46]\s+)?link\b.*|ip\s+(-[46]\s+)?addr\b.*"
    r"|ip\s+(-[46]\s+)?neigh\b.*|rm\b.*|modprobe\b.*|xtables.*|date\b.*"
    r"|kld(un)?load\b.*|(arp|ndp|kenv)\b.*|kldstat\b.*|ifconfig\b.*|route\b.*|ping6?\b.*|sockstat|netstat\b[^|]*)"
)
"""They restore what is made anew for every script, or prepare a machine that is not there."""
_DEFAULTS: Final = re.compile(r"(.*/)?defaults\.sh")
_SYSCTL: Final = re.compile(r"(?:sysctl|(?:.*/)?set_sysctls?(?:\.py)?)\b.*", re.DOTALL)
_SETTING: Final = re.compile(r"(?:/proc/sys/)?([\w./-]+)\s*=\s*(.*)")
_SLEEP: Final = re.compile(r"sleep\s+(\d+\.?\d*|\.\d+)")
_LONGEST_SLEEP: Final = 1_000_000
_WORD: Final = r"['\"]?(?P<{}>[\w-]+)['\"]?"
_GREP: Final = r"\|\s*grep\s+(?:-\w+\s+)*"
_COUNT: Final = re.compile(
    r"(?:sockstat|ss|netstat)\b[^|]*" + _GREP + _WORD.format("state") + r"\s*" + _GREP + _WORD.format("count") + r"\s*"
)
_NSTAT: Final = re.compile(
    r"nstat\b[^|]*(?:" + _GREP + _WORD.format("name") + r"[^|]*)?(?:" + _GREP + _WORD.format("value") + r".*)?"
)
_DROP: Final = re.compile(r"tcpdrop\b.*")


class CommandFailedError(Exception):
    """The command would have exited with a status other than 0."""


def run_command(text: str, world: World) -> None:
    """Raises ``UnsupportedError``, ``CommandFailedError``."""
    joined = text.replace("\\\n", " ")
    for part in re.split(r"&&|;|\n", joined):
        command = part.strip()
        if command and not command.startswith("#"):
            _run_one(command, world)


_WHOSE: Final = re.compile(r"(?:sudo\s+)?(?:/(?:usr/)?(?:local/)?s?bin/)?(.*)", re.DOTALL)
"""It does not matter where a command is, nor whose."""


def _run_one(command: str, world: World) -> None:
    found = _WHOSE.fullmatch(command)
    command = command if found is None else found.group(1)
    for pattern, action in _TABLE:
        found = pattern.fullmatch(command)
        if found is not None:
            action(found, command, world)
            return
    raise UnsupportedError(f"the command {command!r}")


def _nothing(_found: re.Match[str], _command: str, _world: World) -> None:
    """Done already."""


def _defaults(_found: re.Match[str], _command: str, _world: World) -> None:
    """The profile says all of it."""


def _sysctls(_found: re.Match[str], command: str, world: World) -> None:
    try:
        words = shlex.split(command)[1:]
    except ValueError:
        raise UnsupportedError(f"the command {command!r}") from None
    given = [word for word in words if not word.startswith("-")]
    if any(word in ("-a", "-n") for word in words):
        return
    for word in _join(given):
        found = _SETTING.fullmatch(word)
        if found is None:
            raise UnsupportedError(f"the command {command!r}")
        name, value = found.group(1).replace("/", "."), found.group(2).strip()
        if name == "net.inet.tcp.udp_tunneling_port" and value.isdecimal():
            world.tunnels.local_port = int(value)
        apply = apply_bsd_sysctl if name.startswith("net.inet.") else apply_sysctl
        world.configure(apply(world.config, name, value))


def _join(words: list[str]) -> list[str]:
    """``a = 1`` is one setting."""
    return re.split(r"\s+(?=[\w./-]+\s*=)", re.sub(r"\s*=\s*", "=", " ".join(words)))


def _sleep(found: re.Match[str], _command: str, world: World) -> None:
    seconds = float(found.group(1))
    if seconds > _LONGEST_SLEEP:
        raise UnsupportedError(f"sleeping for {found.group(1)} seconds")
    world.run_to(world.now + int(seconds * SECOND))


def _count(found: re.Match[str], _command: str, world: World) -> None:
    state = found["state"].upper().replace("_", "-")
    seen = sum(1 for row in world.stack.netstat() if row.state == state)
    if seen != int(found["count"]):
        raise CommandFailedError(f"{seen} sockets are in {state}, not {found['count']}")


def _nstat(found: re.Match[str], _command: str, world: World) -> None:
    """``nstat | grep TcpExtTCPTimeouts | grep 1``: the counter has that value; without the last, it is not 0."""
    name = found["name"]
    if name is None:
        world.mark_counters()
        return
    seen = world.counted(re.sub(r"^(TcpExt|IpExt|Tcp)(?=[A-Z])", "", name))
    wanted = found["value"]
    if (wanted is not None and seen != int(wanted)) or (wanted is None and not seen):
        raise CommandFailedError(f"{name} is {seen}")


def _drop(_found: re.Match[str], _command: str, world: World) -> None:
    for connection in list(world.stack.connections.values()):
        connection.abort(world.now)
    world.settle()


Recogniser = tuple[re.Pattern[str], Callable[[re.Match[str], str, World], None]]
_TABLE: Final[tuple[Recogniser, ...]] = (
    (_DEFAULTS, _defaults),
    (_SLEEP, _sleep),
    (_COUNT, _count),
    (_NSTAT, _nstat),
    (_DROP, _drop),
    (_OF_NO_CONSEQUENCE, _nothing),
    (_SYSCTL, _sysctls),
)
