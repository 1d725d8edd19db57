"""Regular expressions (language.md §14.3): the RE2 dialect, in time linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rtfs.eval.builtins.split import part_limit
from rtfs.eval.builtins.string import string, strings
from rtfs.eval.limits import built, check_characters, check_elements, wrote
from rtfs.eval.registry import builtin
from rtfs.lang.collections import MISSING, vector
from rtfs.lang.errors import invalid_argument
from rtfs.lang.regex import SHORT, compile_regex, plain_regex
from rtfs.lang.signal import FLAG, METERS, charge, poll

_REFERENCE = re.compile(r"\$([0-9$])")


def compiled(operation: str, pattern: Any) -> Any:
    """The compiled pattern. InvalidArgument when it is too long or no pattern of the dialect."""
    try:
        return compile_regex(string(operation, pattern))
    except ValueError as error:
        raise invalid_argument(str(error), pattern) from None


def _matches(operation: str, pattern: Any, data: bytes) -> Iterator[Any]:
    """All matches that do not overlap, in UTF-8: re2 would translate positions of a string for each of them."""
    regex = compiled(operation, pattern)
    if data.isascii() and not METERS:
        plain = plain_regex(pattern) if len(data) <= SHORT else None
        if plain is not None:
            for match in plain.finditer(data):
                if FLAG:
                    poll()
                yield match
            return
        last = (-1, -1)
        for match in regex.finditer(data):
            if FLAG:
                poll()  # one search may read the whole text, so that all of them together are slow
            if match.span() != last:  # an empty match behind a gap comes twice
                yield match
            last = match.span()
        return
    at = 0
    while at <= len(data):
        if FLAG:
            poll()
        match = regex.search(data, at)
        if METERS:
            end = len(data) if match is None else match.end()
            charge(1 + ((end - at) >> 8))
        if match is None:
            return
        yield match
        start, at = match.span()
        if start == at:
            at += 1
            while at < len(data) and data[at] & 0xC0 == 0x80:
                at += 1  # never between the bytes of a character


def searched(text: str) -> None:
    """A pattern is about to be tried on a text: a tick per 256 characters."""
    if METERS and len(text) > 255:
        charge(len(text) >> 8)


@builtin(
    "re-matches",
    doc="(re-matches pattern s): s if the whole of it matches, else nil.",
    type="[:string :string] :string?",
    example=('[(re-matches "[a-z]+" "abc") (re-matches "[a-z]+" "abc1")]', '["abc" nil]'),
)
def re_matches(pattern: Any, s: Any) -> str | None:
    strings("re-matches", pattern, s)
    searched(s)
    return s if compiled("re-matches", pattern).fullmatch(s) else None


@builtin(
    "re-find",
    doc="(re-find pattern s): the text of the first match or nil.",
    type="[:string :string] :string?",
    example=('(re-find "[0-9]+" "a12b3")', '"12"'),
)
def re_find(pattern: Any, s: Any) -> str | None:
    strings("re-find", pattern, s)
    searched(s)
    match = compiled("re-find", pattern).search(s)
    return None if match is None else str(match.group())


@builtin(
    "re-seq",
    doc="(re-seq pattern s): the texts of all matches that do not overlap.",
    type="[:string :string] [:vector :string]",
    example=('(re-seq "[0-9]+" "a12b3")', '["12" "3"]'),
)
def re_seq(pattern: Any, s: Any) -> Any:
    strings("re-seq", pattern, s)
    found: list[str] = []
    data = s.encode()
    for match in _matches("re-seq", pattern, data):
        check_elements(len(found) + 1, "re-seq")
        built(1)
        start, end = match.span()
        found.append(data[start:end].decode())
    return vector(found)


@builtin(
    "re-groups",
    doc="(re-groups pattern s): the first match and its groups, nil for those not used; nil if nothing matches.",
    type="[:string :string] [:maybe [:vector :string?]]",
    example=('(re-groups "(a)|(b)" "xb")', '["b" nil "b"]'),
)
def re_groups(pattern: Any, s: Any) -> Any:
    strings("re-groups", pattern, s)
    searched(s)
    match = compiled("re-groups", pattern).search(s)
    return None if match is None else vector([match.group(), *match.groups()])


@builtin(
    "re-replace",
    doc="(re-replace pattern s to): s with all matches replaced; $0 to $9 in `to` are groups, $$ is a dollar.",
    type="[:string :string :string] :string",
    example=('(re-replace "(\\\\w)=(\\\\w)" "a=1 b=2" "$2:$1")', '"1:a 2:b"'),
)
def re_replace(pattern: Any, s: Any, to: Any) -> str:
    strings("re-replace", pattern, s, to)
    regex = compiled("re-replace", pattern)
    template = _template(to, regex.groups)
    pieces: list[str] = []
    total = end = 0
    data = s.encode()
    for match in _matches("re-replace", pattern, data):
        new = [part if type(part) is str else (match.group(part) or b"").decode() for part in template]
        new.append(data[end : match.start()].decode())
        total += sum(map(len, new))
        check_characters(total, "re-replace")
        pieces.append(new.pop())
        pieces.extend(new)
        end = match.end()
    pieces.append(data[end:].decode())
    wrote(total + len(pieces[-1]), "re-replace")
    return "".join(pieces)


def _template(to: str, groups: int) -> list[str | int]:
    """Literal texts and numbers of groups in turn."""
    parts: list[str | int] = []
    end = 0
    for found in _REFERENCE.finditer(to):
        parts.append(to[end : found.start()])
        end = found.end()
        mark = found.group(1)
        if mark != "$" and int(mark) > groups:
            raise invalid_argument(f"replacement ${mark} of a pattern with {groups} groups", to)
        parts.append("$" if mark == "$" else int(mark))
    parts.append(to[end:])
    return [part for part in parts if part != ""]


@builtin(
    "re-split",
    doc="(re-split pattern s max): the parts of s between matches, at most max.",
    type="[:string :string] [:vector :string] [:string :string :int] [:vector :string]",
    example=('(re-split ",\\\\s*" "a, b,c")', '["a" "b" "c"]'),
)
def re_split(pattern: Any, s: Any, most: Any = MISSING) -> Any:
    strings("re-split", pattern, s)
    limit = part_limit("re-split", most, 2)
    parts: list[str] = []
    end = 0
    data = s.encode()
    for match in _matches("re-split", pattern, data):
        if len(parts) + 1 == limit:
            break
        start = match.start()
        if start == match.end() and (start == end or start == len(data)):
            continue  # nothing lies between here and the part before
        check_elements(len(parts) + 2, "re-split")
        built(1)
        parts.append(data[end:start].decode())
        end = match.end()
    parts.append(data[end:].decode())
    return vector(parts)


@builtin(
    "re-quote",
    doc="A pattern that matches the text literally.",
    type="[:string] :string",
    example=('(re-quote "a.b")', '"a\\\\.b"'),
)
def re_quote(s: Any) -> str:
    import re2

    quoted = str(re2.escape(string("re-quote", s)))
    wrote(len(quoted), "re-quote")
    return quoted
