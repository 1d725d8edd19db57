"""Strings taken apart (language.md §14.3)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.string import integer, string, strings
from rtfs.eval.limits import LIMITS, built, wrote
from rtfs.eval.registry import builtin
from rtfs.lang.collections import MISSING, vector
from rtfs.lang.errors import invalid_argument


def part_limit(operation: str, value: Any, index: int) -> int:
    """The greatest number of parts of a split; 0 when none is given."""
    if value is MISSING:
        return 0
    if integer(operation, value, index) < 1:
        raise invalid_argument(f"{operation} into {value} parts, at least 1 is needed", value)
    return int(value)


@builtin(
    "split",
    "string/split",
    doc='(split s separator max): the parts between separators, at most max; separator "" splits into characters.',
    type="[:string :string] [:vector :string] [:string :string :int] [:vector :string]",
    example=('(split "a::b" ":")', '["a" "" "b"]'),
)
def split(s: Any, separator: Any, most: Any = MISSING) -> Any:
    strings("split", s, separator)
    limit = part_limit("split", most, 2)
    if separator:
        parts = s.count(separator) + 1
        built(min(parts, limit) if limit else parts, "split")
        wrote(len(s))
        return vector(s.split(separator, limit - 1))
    if not limit or limit >= len(s):
        return chars(s)
    built(limit, "split")
    wrote(len(s))
    return vector([*s[: limit - 1], s[limit - 1 :]])


@builtin(
    "lines",
    "split-lines",
    "string/split-lines",
    doc="The lines of a text; a final newline starts none.",
    type="[:string] [:vector :string]",
    example=('(lines "a\\n\\nb\\n")', '["a" "" "b"]'),
)
def lines(s: Any) -> Any:
    built(string("lines", s).count("\n") + 1, "lines")
    wrote(len(s))
    parts = s.split("\n")
    if not parts[-1]:
        parts.pop()
    return vector(parts)


@builtin(
    "words",
    doc="The parts of a text between runs of whitespace.",
    type="[:string] [:vector :string]",
    example=('(words " a  b ")', '["a" "b"]'),
)
def words(s: Any) -> Any:
    parts = string("words", s).split(None, LIMITS.get().elements)
    built(len(parts), "words")
    wrote(len(s))
    return vector(parts)


@builtin(
    "chars",
    doc="The characters of a string, each a string.",
    type="[:string] [:vector :string]",
    example=('(chars "ab")', '["a" "b"]'),
)
def chars(s: Any) -> Any:
    built(len(string("chars", s)), "chars")
    return vector(list(s))
