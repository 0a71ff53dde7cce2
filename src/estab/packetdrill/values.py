"""What the arguments of a call are worth: constants looked up, structures as dictionaries."""

from __future__ import annotations

from types import EllipsisType
from typing import TypeAlias

from estab.packetdrill.constants import ERRORS, SYMBOLS
from estab.packetdrill.syntax import Apply, Either, Name, Struct, Value
from estab.wire.address import parse_address


class UnsupportedError(Exception):
    """The script asks for what this interpreter does not do."""


class Fields(dict[str, "Argument"]):
    """A structure; members without a name are called ``0``, ``1`` …"""


Argument: TypeAlias = "int | bytes | EllipsisType | Fields | list[Argument]"


def pointed_at(value: Argument) -> Argument:
    """``[x]`` is how scripts write a pointer to x."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def evaluate(value: Value) -> Argument:
    """Raises ``UnsupportedError`` for a constant that is not known."""
    match value:
        case Name(text):
            number = SYMBOLS.get(text, ERRORS.get(text))
            if number is None:
                raise UnsupportedError(f"the constant {text}")
            return number
        case Either(parts):
            total = 0
            for part in parts:
                bits = evaluate(part)
                if not isinstance(bits, int):
                    raise UnsupportedError("| between what are no numbers")
                total |= bits
            return total
        case Struct(members):
            unnamed = iter(range(len(members)))
            return Fields({str(next(unnamed)) if name is None else name: evaluate(each) for name, each in members})
        case Apply():
            return _apply(value)
        case list():
            return [evaluate(each) for each in value]
    return value


def _apply(value: Apply) -> Argument:
    arguments = [evaluate(each) for each in value.arguments]
    match value.name, arguments:
        case ("htons" | "ntohs" | "htonl" | "ntohl", [int(number)]):
            return number
        case ("inet_addr" | "inet_pton" | "inet6_addr", [*_, bytes(text)]):
            try:
                return parse_address(text.decode("latin-1"))
            except ValueError as error:
                raise UnsupportedError(f"{value.name}: {error}") from None
    raise UnsupportedError(f"the function {value.name}")
