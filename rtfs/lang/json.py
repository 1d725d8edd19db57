"""JSON text ↔ RTFS values (language.md §14.7): strict, exact, and no deeper in Python's stack for deeper texts.

Texts are read by the C scanner of the standard library as long as it is as exact as we are; a text that is nested
deeply, holds an enormous integer or is no JSON goes through the reader below, which has the precise errors.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from rtfs.lang.collections import SMALL, Map, PVector
from rtfs.lang.errors import EvaluationError, json_error, memory_error, overflow
from rtfs.lang.integers import parse_integer
from rtfs.lang.json_writer import to_json
from rtfs.lang.names import Keyword
from rtfs.lang.signal import FLAG, METERS, charge, visited
from rtfs.lang.spelling import spells_keyword

__all__ = ["parse_json", "to_json"]

NESTING_LIMIT = 10_000
ELEMENTS_LIMIT = 2_000_000
_SHALLOW = 100  # levels that the C scanner may recurse

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LONE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HUGE = re.compile(r"(?<![0-9])[0-9]{4000}")


def parse_json(text: str, keywords: bool = False, *, elements: int = ELEMENTS_LIMIT) -> Any:
    """The value of a JSON text. Objects become maps with string keys, or with keywords where those read back.

    JsonError `JSON error: TEXT at line L column C` for anything else; StackOverflow beyond 10,000 levels,
    MemoryLimitExceeded beyond 262,144 bits or `elements` elements of one collection.
    """
    builder = _Builder(keywords, elements)
    if _is_unicode(text) and _shallow(text) and not _may_hold_huge_integer(text):
        try:
            return _scan(text, builder)
        except (ValueError, RecursionError):
            pass  # the careful reader says what is wrong
    return _Reader(text, builder).read()


def _is_unicode(text: str) -> bool:
    """Is every surrogate one of a pair, in escapes and in the text itself? May deny it of a text that is fine."""
    if "\\u" in text and _LONE.search(_PAIR.sub("x", text)):
        return False
    return text.isascii() or not _SURROGATE.search(text)


def _may_hold_huge_integer(text: str) -> bool:
    """By default Python itself refuses integers of more than 4,300 digits, which leads to the careful reader."""
    allowed = sys.get_int_max_str_digits()
    return not 0 < allowed <= 10_000 and _HUGE.search(text) is not None


def _shallow(text: str) -> bool:
    """Is it surely nested no deeper than the C scanner may recurse? Only passes in C over the text."""
    if text.count("[") + text.count("{") <= _SHALLOW:
        return True
    brackets = _NOT_BRACKETS.sub("", _STRING.sub("", text)).replace("{", "[").replace("}", "]")
    for _ in range(_SHALLOW):
        if not brackets:
            return True
        brackets = brackets.replace("[]", "")
    return not brackets


class _Builder:
    """Makes collections of parsed parts."""

    __slots__ = ("elements", "keywords")

    def __init__(self, keywords: bool, elements: int) -> None:
        self.keywords = keywords
        self.elements = elements

    def object(self, pairs: list[tuple[str, Any]]) -> Map:
        """A map of the pairs; the last of several equal keys wins."""
        self.check(len(pairs))
        if not self.keywords:
            return Map.from_stored(dict(pairs))
        return Map.from_stored({Keyword(key) if spells_keyword(key) else key: value for key, value in pairs})

    def array(self, items: list[Any]) -> Any:
        self.check(len(items))
        return tuple(items) if len(items) <= SMALL else PVector(items)

    def check(self, size: int) -> None:
        if size > self.elements:
            raise memory_error("elements", size, self.elements)
        if FLAG or METERS:
            visited(size)
            charge(0, size)


_LARGE = re.compile(r"[0-9]{300}")


def _scan(text: str, builder: _Builder) -> Any:
    """Through the C scanner. Arrays come as Python lists and are turned into vectors at the next object, or here."""
    from json import JSONDecoder  # deferred: few programs read JSON

    def made(pairs: list[tuple[str, Any]]) -> Map:
        return builder.object([(key, _vectors(part, builder) if type(part) is list else part) for key, part in pairs])

    def refused(name: str) -> Any:
        raise ValueError(name)

    integer = parse_integer if _LARGE.search(text) else None
    value = JSONDecoder(object_pairs_hook=made, parse_constant=refused, parse_int=integer).decode(text)
    return _vectors(value, builder) if type(value) is list else value


def _vectors(items: list[Any], builder: _Builder) -> Any:
    """Nested lists as vectors; no deeper than `_SHALLOW`."""
    if list in set(map(type, items)):
        return builder.array([_vectors(part, builder) if type(part) is list else part for part in items])
    return builder.array(items)


# ---- the careful reader

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Any] = {"null": None, "true": True, "false": False}
_OPENED = object()


class _Open:
    """An array or object whose end has not been read; `key` is that of the entry being read."""

    __slots__ = ("closer", "items", "key", "limit", "pairs")

    def __init__(self, closer: str, limit: int) -> None:
        self.closer = closer
        self.limit = limit
        self.items: list[Any] = []
        self.pairs: list[tuple[str, Any]] = []
        self.key = ""

    def add(self, value: Any) -> None:
        if self.closer == "]":
            self.items.append(value)
        else:
            self.pairs.append((self.key, value))
        if len(self.items) + len(self.pairs) > self.limit:
            raise memory_error("elements", self.limit + 1, self.limit)


class _Reader:
    """Reads one text by its own stack and knows where it is."""

    def __init__(self, text: str, builder: _Builder) -> None:
        self.text = text
        self.builder = builder
        self.at = 0
        self.open: list[_Open] = []

    def read(self) -> Any:
        value = self.value()
        while value is _OPENED or self.open:
            frame = self.open[-1]
            if value is not _OPENED:
                frame.add(value)
            ended = self.next(frame.closer)
            if ended:
                self.at += 1
                value = self.close()
            elif value is _OPENED:
                value = self.part(frame)
            elif self.next(","):
                self.at += 1
                value = self.part(frame)
            else:
                raise self.error(f"expected ',' or '{frame.closer}', got {self.here()}")
        self.space()
        if self.at < len(self.text):
            raise self.error(f"unexpected {self.here()} after the value")
        return value

    def close(self) -> Any:
        frame = self.open.pop()
        return self.builder.array(frame.items) if frame.closer == "]" else self.builder.object(frame.pairs)

    def part(self, frame: _Open) -> Any:
        """The next value of a collection; in an object after its key."""
        if frame.closer == "}":
            if not self.next('"'):
                raise self.error(f"expected a string as key, got {self.here()}")
            frame.key = self.string()
            if not self.next(":"):
                raise self.error(f"expected ':' after a key, got {self.here()}")
            self.at += 1
        return self.value()

    def value(self) -> Any:
        """A scalar, or `_OPENED` after the start of a collection."""
        self.space()
        char = self.text[self.at : self.at + 1]
        if char == '"':
            return self.string()
        if char in ("[", "{"):
            if len(self.open) == NESTING_LIMIT:
                raise overflow("nesting", NESTING_LIMIT)
            self.open.append(_Open("]" if char == "[" else "}", self.builder.elements))
            self.at += 1
            return _OPENED
        found = _NUMBER.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            return float(found.group()) if found.group(1) or found.group(2) else parse_integer(found.group())
        for word, value in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        raise self.error(f"expected a value, got {self.here()}")

    def string(self) -> str:
        start = self.at
        self.at += 1
        pieces = []
        while True:
            found = _PLAIN.match(self.text, self.at)
            if found is not None:
                pieces.append(found.group())
                self.at = found.end()
            char = self.text[self.at : self.at + 1]
            if char == '"':
                self.at += 1
                return "".join(pieces)
            if char == "":
                raise self.error("unterminated string", start)
            if char != "\\":
                what = "lone surrogate" if char > "\x1f" else "control character"
                raise self.error(f"{what} {self.here()} in a string")
            pieces.append(self.escape())

    def escape(self) -> str:
        start = self.at
        char = self.text[start + 1 : start + 2]
        if char != "u":
            if char not in _ESCAPES:
                raise self.error(f"bad escape \\{char}")
            self.at += 2
            return _ESCAPES[char]
        code = self.code()
        if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.at):
            low = self.code()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        if 0xD800 <= code < 0xE000:
            raise self.error("lone surrogate in a string", start)
        return chr(code)

    def code(self) -> int:
        """The four digits of `\\uXXXX`."""
        found = _HEX.match(self.text, self.at + 2)
        if found is None:
            raise self.error("bad escape \\u: expected four hexadecimal digits")
        self.at = found.end()
        return int(found.group(), 16)

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def next(self, char: str) -> bool:
        """Does `char` come next, spaces aside?"""
        self.space()
        return self.text.startswith(char, self.at)

    def here(self) -> str:
        if self.at >= len(self.text):
            return "end of text"
        char = self.text[self.at]
        return f"'{char}'" if char.isprintable() else f"U+{ord(char):04X}"

    def error(self, text: str, at: int | None = None) -> EvaluationError:
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        return json_error(f"{text} at line {line} column {column}")
