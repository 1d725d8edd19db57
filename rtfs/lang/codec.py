"""Values as RTFS text and back for what the host stores: no size limit, 10,000 levels, every walk on its own stack.

The text is plain RTFS that the reader reads back. Names that are no readable names are written as the tagged lists
`(rtfs/keyword "a b")` and `(rtfs/symbol "a b")`; a list that would look like one gets the tag `rtfs/list`. Functions,
errors and host objects have no text of their own: whoever stores them says what stands for them, as `(rtfs/opaque …)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from typing import Any

from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.integers import integer_text
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_float, show_string, show_timestamp
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid, type_name

NESTING_LIMIT = 10_000


class NotStorable(Exception):
    """A value has no text: `path` (keys and indexes) leads to a value of kind `kind`."""

    def __init__(self, path: tuple[Any, ...], kind: str) -> None:
        super().__init__(f"{path} holds {kind}")
        self.path = path
        self.kind = kind


class Unreadable(Exception):
    """Stored text that is not what `encode` writes."""


# ---- writing

_SYMBOL = re.compile(r"(?:[^\W\d]|[$+\-*/=<>!?%&.])(?:\w|[$+\-*/=<>!?%&.'@])*#?")
_KEYWORD = re.compile(r"(?:\w|[$+\-*/=<>!?%&.])(?:\w|[$+\-*/=<>!?%&.'@])*#?")
_RESERVED = frozenset({"nil", "true", "false", "λ"})
_NUMBERISH = re.compile(r"[+-]?\d")
_ROUTE = re.compile(r"/.*//|.+/$|^/.+|//")
_KEYWORD_TEXTS: dict[Keyword, str] = {}


def _keyword_text(keyword: Keyword) -> str:
    found = _KEYWORD_TEXTS.get(keyword)
    if found is None:
        plain = _KEYWORD.fullmatch(keyword.name) and not (_ROUTE.search(keyword.name) and keyword.name != "/")
        found = f":{keyword.name}" if plain else f"(rtfs/keyword {show_string(keyword.name)})"
        _KEYWORD_TEXTS[keyword] = found  # keywords live for ever as well
    return found


def _symbol_text(symbol: Symbol) -> str:
    name = symbol.name
    plain = _SYMBOL.fullmatch(name) and name not in _RESERVED and not _NUMBERISH.match(name)
    if plain and not (_ROUTE.search(name) and name != "/"):
        return name
    return f"(rtfs/symbol {show_string(name)})"


def _text_of(value: Any) -> str:
    text: str = value.text
    return text


_ATOMS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "nil",
    bool: lambda value: "true" if value else "false",
    int: integer_text,
    float: show_float,
    str: show_string,
    Keyword: _keyword_text,
    Symbol: _symbol_text,
    Timestamp: show_timestamp,
    Uuid: _text_of,
    ResourceHandle: _text_of,
}
_BRACKETS: dict[type, tuple[str, str]] = {tuple: ("[", "]"), PVector: ("[", "]"), List: ("(", ")"), Map: ("{", "}")}
_TAGS = frozenset({"rtfs/list", "rtfs/keyword", "rtfs/symbol", "rtfs/opaque"})

Opaque = Callable[[Any], Any]


def encode(value: Any, opaque: Opaque | None = None) -> str:
    """The text of a value. NotStorable names the path to a function, an error, a host object, or nesting too deep.

    opaque: gives the value that stands for one without text; KeyError when there is none.
    """
    atom = _ATOMS.get(type(value))
    if atom is not None:
        return atom(value)
    pieces: list[str] = []
    try:
        if type(value) in _BRACKETS:
            _encode_walk(value, pieces, opaque)
        else:
            pieces.append(_stand_in(value, opaque))
    except KeyError:
        raise _why_not(value, opaque) from None
    return "".join(pieces)


def _stand_in(value: Any, opaque: Opaque | None) -> str:
    if opaque is None:
        raise KeyError
    return f"(rtfs/opaque {encode(opaque(value))})"


def _encode_walk(root: Any, pieces: list[str], opaque: Opaque | None) -> None:
    """Appends the text of a collection. KeyError at anything that has no text; the slow walk then says where."""
    atoms, add = _ATOMS, pieces.append
    opening, close = _BRACKETS[type(root)]
    add(opening)
    pending = [(_parts(root), close)]
    while pending:
        parts, close = pending[-1]
        for part in parts:
            atom = atoms.get(type(part))
            if atom is not None:
                add(atom(part))
                add(" ")
                continue
            brackets = _BRACKETS.get(type(part))
            if brackets is None:
                add(_stand_in(part, opaque))
                add(" ")
                continue
            opening, close = brackets
            if len(pending) == NESTING_LIMIT:
                raise KeyError
            add(opening)
            pending.append((_parts(part), close))
            break
        else:
            pending.pop()
            if pieces[-1] == " ":
                pieces[-1] = close
            else:
                add(close)
            if pending:
                add(" ")


def _parts(value: Any) -> Any:
    if type(value) is Map:
        return chain.from_iterable(value.entries())
    if type(value) is List and value and type(value[0]) is Symbol and value[0].name in _TAGS:
        return chain((Symbol("rtfs/list"),), value)
    return iter(value)


def _why_not(root: Any, opaque: Opaque | None) -> NotStorable:
    """Walks again with paths, which the fast walk does without."""
    pending: list[tuple[tuple[Any, ...], Any]] = [((), root)]
    while pending:
        path, value = pending.pop()
        if type(value) not in _BRACKETS and _has_text(value, opaque):
            continue
        if type(value) not in _BRACKETS:
            return NotStorable(path, type_name(value))
        if len(path) >= NESTING_LIMIT:
            return NotStorable(path[:8], f"a value nested deeper than {NESTING_LIMIT:,}")
        if type(value) is Map:
            keys, values = list(value), [item for _, item in value.entries()]
            bad = next((key for key in keys if type(key) not in _BRACKETS and not _has_text(key, opaque)), None)
            if bad is not None:
                return NotStorable(path, f"a key of kind {type_name(bad)}")
            pending.extend(zip(((*path, key) for key in keys), values, strict=True))
        else:
            pending.extend(((*path, index), item) for index, item in enumerate(value))
    return NotStorable((), "a key that has no text")


def _has_text(value: Any, opaque: Opaque | None) -> bool:
    return type(value) in _ATOMS or _stands_for(value, opaque)


def _stands_for(value: Any, opaque: Opaque | None) -> bool:
    try:
        _stand_in(value, opaque)
    except KeyError:
        return False
    return True


# ---- reading

_TOKEN = re.compile(
    r"""[\s,]*(?:(?P<open>[\[({])|(?P<close>[\])}])|"(?P<string>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<atom>[^\s,"()\[\]{};]+)|(?P<end>\Z))"""
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}
_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TIMESTAMP = re.compile(r"(-?\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WORDS: dict[str, Any] = {
    "nil": None, "true": True, "false": False,
    "##Inf": float("inf"), "##-Inf": float("-inf"), "##NaN": float("nan"),
}  # fmt: skip
_CLOSERS = {"[": "]", "(": ")", "{": "}"}


def decode(text: str, opaque: Opaque | None = None) -> Any:
    """The value of a text that `encode` wrote. Nothing in it is evaluated. Unreadable when it is anything else.

    opaque: from what stood for a value without text to that value.
    """
    stack: list[tuple[str, list[Any]]] = [("", [])]
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable(f"unexpected text at character {position}")
        position = match.end()
        kind = match.lastgroup
        if kind == "atom":
            stack[-1][1].append(_atom(match["atom"]))
        elif kind == "string":
            stack[-1][1].append(_string(match["string"]))
        elif kind == "open":
            if len(stack) > NESTING_LIMIT:
                raise Unreadable("nested too deeply")
            stack.append((match["open"], []))
        elif kind == "close":
            opened, items = stack.pop()
            if not stack or _CLOSERS[opened] != match["close"]:
                raise Unreadable(f"unexpected {match['close']} at character {position}")
            stack[-1][1].append(_collection(opened, items, opaque))
        else:
            break
    if len(stack) != 1 or len(stack[0][1]) != 1:
        raise Unreadable("not one value")
    return stack[0][1][0]


def _collection(opened: str, items: list[Any], opaque: Opaque | None) -> Any:
    if opened == "[":
        return vector(items)
    if opened == "{":
        if len(items) % 2:
            raise Unreadable("a map with an odd number of forms")
        return Map.of(zip(items[::2], items[1::2], strict=True))
    if len(items) >= 2 and type(items[0]) is Symbol and items[0].name in _TAGS:
        return _tagged(items[0].name, items, opaque)
    return List(items)


def _tagged(tag: str, items: list[Any], opaque: Opaque | None) -> Any:
    if tag == "rtfs/list":
        return List(items[1:])
    if tag == "rtfs/opaque":
        if opaque is None or len(items) != 2:
            raise Unreadable("what stands for a value is not expected here")
        return opaque(items[1])
    if type(items[1]) is not str or len(items) != 2:
        raise Unreadable(f"{tag} without a name")
    return Keyword(items[1]) if tag == "rtfs/keyword" else Symbol(items[1])


def _atom(token: str) -> Any:
    if token[0] == ":" and len(token) > 1:
        return Keyword(token[1:])
    if token in _WORDS:
        return _WORDS[token]
    if token[0].isdigit() or token[0] in "+-":
        if _INTEGER.fullmatch(token):
            return _integer(token)
        if _FLOAT.fullmatch(token):
            return float(token)
        stamp = _TIMESTAMP.fullmatch(token)
        if stamp is not None:
            return Timestamp(_micros(stamp))
    if _UUID.fullmatch(token):
        return Uuid(token)
    if token.startswith("resource://"):
        return ResourceHandle(token)
    if _SYMBOL.fullmatch(token):
        return Symbol(token)
    raise Unreadable(f"unknown token {token[:40]}")


def _integer(token: str) -> int:
    from rtfs.lang.integers import parse_integer

    return parse_integer(token)


def _micros(stamp: re.Match[str]) -> int:
    """Microseconds of a timestamp literal; days by the calendar formula that the printer inverts."""
    year, month, day, hours, minutes, seconds = (int(stamp[group]) for group in range(1, 7))
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    fraction = int((stamp[7] or "").ljust(6, "0"))
    return ((days * 24 + hours) * 60 + minutes) * 60_000_000 + seconds * 1_000_000 + fraction


def _string(body: str) -> str:
    return _ESCAPE.sub(_unescaped, body) if "\\" in body else body


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _SIMPLE.get(match[3], match[3])
