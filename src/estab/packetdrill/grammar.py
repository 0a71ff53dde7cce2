"""The grammar of scripts: text in, ``Script`` out. Terminals are coarse, because every token costs a call.

What stands between words is insignificant; the parser knows which terminal may come next, so that ``.`` can be a flag
and ``(`` begin either arguments or a remark.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from lark import Lark, UnexpectedInput

from estab.packetdrill.builder import Builder, MistakeError
from estab.packetdrill.syntax import Script, ScriptError

_GRAMMAR: Final = r"""
start: (OPTION | COMMAND)* (event+ COMMAND*)?
event: TIME _action
_action: packet | call | COMMAND | CODE

call: WORD "(" [arguments] ")" "=" result [ERRNO] [REMARK]
arguments: value ("," value)*
result: _atom ("|" _atom)*
value: _term ("|" _term)*
_term: _atom | list | struct | apply
_atom: INTEGER | NAME | STRING | ELLIPSIS
list: "[" [value ("," value)*] "]"
struct: "{" [member ("," member)*] "}"
member: value ["=" value]
apply: NAME "(" [arguments] ")"

packet: DIRECTION (ENCAPSULATION)* [IP] [PORTS] _body
_body: tcp | udp | icmp
tcp: FLAGS SEQUENCE [ACK] [WINDOW] [URGENT] [options] [SUFFIX]
options: "<" [option ("," option)*] ">"
option: NOP | EOL | MSS | WSCALE | SACKOK | SACK | STAMPS | FASTOPEN | MD5 | ACCECN | GENERIC | ELLIPSIS
udp: "udp" "(" INTEGER ")"
icmp: ICMP NAME [NAME] [MTU] [quote]
quote: "[" ["tcp"] SEQUENCE "]" | "[" "udp" "(" INTEGER ")" "]"

OPTION.3: /--[A-Za-z_][\w-]*(=("[^"\n]*"|[^\s"]*))?/
COMMAND: /`[^`]*`/
CODE: /%\{.*?\}%/s
TIME: /\*|\+?(\d+\.(?!\.)\d*|\d+|\.\d+)(\s*(~|\.\.\.)\s*\+?(\d+\.(?!\.)\d*|\d+|\.\d+))?/
WORD: /[A-Za-z_]\w*/
NAME: /[A-Za-z_]\w*/
ERRNO: /E[A-Z0-9]+/
REMARK: /\([^)]*\)/
INTEGER: /-?(0[xX][0-9a-fA-F]+|\d+)[uUlL]*/
STRING: /"(\\.|[^"\\])*"/s
ELLIPSIS: "..."

DIRECTION: /[<>]/
ENCAPSULATION.4: /(ipv[46]\s+[\da-fA-F.:]+\s*>\s*[\da-fA-F.:]*[\da-fA-F]\s*:|(gre|mpls|vxlan)\b[^:\n]*:)/
IP.3: /[\[(]\s*(noecn|ect01|ect0|ect1|ce|tos|ttl|class|hlim|dscp|flowlabel)\b[^\])]*[\])]/i
PORTS.3: /\d+\s*>\s*\d+\s*:?/
FLAGS: /[FSRPUEWA0-7.]+|-/
SEQUENCE: /\d+\s*:\s*\d+\s*\(\s*\d+\s*\)!?|\.\.\.\s*\(\s*\d+\s*\)/
ACK: /ack\s+\d+!?/
WINDOW: /win\s+(\d+|\.\.\.)/
URGENT: /urg\s+\d+/
SUFFIX: /\/\s*udp\s*\(\s*\d+\s*>\s*\d+\s*\)|encap\s+psp[^\n]*/
NOP: "nop"i
EOL: "eol"i
MSS: /mss\s+\d+/
WSCALE: /wscale\s+\d+/
SACKOK: "sackOK"i
SACK: /sack\s+\d+\s*:\s*\d+(\s+\d+\s*:\s*\d+)*/
STAMPS: /TS\s+val\s+(\d+!?|\.\.\.)\s+ecr\s+(\d+!?|\.\.\.)/
FASTOPEN: /(FOEXP|FO|exp-FO)(\s+(0x)?[0-9a-fA-F]+)?/
MD5: /md5\s*([0-9a-zA-Z]*)/
ACCECN: /(ECN|AccECN[01])(\s+(e0b|e1b|ceb)\s+\d+)*/
GENERIC: /(generic|gen|kind)\s+(0x[0-9a-fA-F]+|\d+)(\s+(0x)?[0-9a-fA-F]*)?/
ICMP: /icmp(v[46])?/
MTU: /mtu\s+\d+/

%import common.WS
COMMENT: /\/\/[^\n]*|\/\*.*?\*\//s
%ignore WS
%ignore COMMENT
"""


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", transformer=Builder())


def parse(text: str, defines: dict[str, str] | None = None, system: str = "linux") -> Script:
    """The script in ``text``. ``defines``: words and what stands for them; ``system``: what ``#ifdef`` asks about.

    Raises ``ScriptError``."""
    prepared = _substitute(_choose(text, system), dict(defines or {}))
    try:
        script = _parser().parse(prepared)
    except UnexpectedInput as error:
        raise ScriptError(max(error.line, 1), max(error.column, 1), _describe(prepared, error)) from None
    except MistakeError as error:
        raise ScriptError(error.line, error.column, str(error)) from None
    assert isinstance(script, Script)
    return script


def _describe(text: str, error: UnexpectedInput) -> str:
    """What was there instead of something that could have been."""
    place = error.pos_in_stream
    ended = getattr(error, "token", None) is not None and error.token.type == "$END"  # type: ignore[attr-defined]
    if ended or place is None or not 0 <= place < len(text):
        return "the script ends in the middle of an event"
    found = re.match(r"\S{1,20}", text[place:])
    return f"{found.group() if found else text[place]!r} cannot stand here"


_CONDITION: Final = re.compile(r"^[ \t]*#[ \t]*(ifdef|ifndef|else|endif)\b[ \t]*(\w*).*$", re.MULTILINE)


def _choose(text: str, system: str) -> str:
    """Blank out what ``#ifdef OTHER … #endif`` keeps for other systems; lines stay where they are."""
    if "#" not in text:
        return text
    lines = []
    keep = [True]
    for number, line in enumerate(text.split("\n"), 1):
        found = _CONDITION.match(line)
        if found is None:
            lines.append(line if all(keep) else "")
            continue
        lines.append("")
        word, name = found.groups()
        if word in ("ifdef", "ifndef"):
            keep.append((name.lower() == system.lower()) == (word == "ifdef"))
        elif len(keep) == 1:
            raise ScriptError(number, 1, f"#{word} without #ifdef")
        elif word == "else":
            keep[-1] = not keep[-1]
        else:
            keep.pop()
    if len(keep) > 1:
        raise ScriptError(number, 1, "#ifdef without #endif")
    return "\n".join(lines)


_DEFINE: Final = re.compile(r"^[ \t]*--define=(\w+)=(\S*)", re.MULTILINE)


def _substitute(text: str, defines: dict[str, str]) -> str:
    """Words that were defined, by the script or by the caller, who wins."""
    words = dict(_DEFINE.findall(text)) | defines
    if not words:
        return text
    pattern = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, words)) + r")\b(?!=)")
    return pattern.sub(lambda found: words[found.group()], text)
