"""One kind from another: numbers from text, characters from codes, names from text (language.md §14.1, §14.3)."""

from __future__ import annotations

import math
import re
from typing import Any

from rtfs.eval.builtins.string import integer, string
from rtfs.eval.limits import looked, weighed
from rtfs.eval.registry import builtin
from rtfs.lang.collections import MISSING
from rtfs.lang.errors import NOTHING, EvaluationError, invalid_argument
from rtfs.lang.integers import parse_integer
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_brief
from rtfs.lang.signal import met
from rtfs.lang.spelling import spells_keyword, spells_symbol
from rtfs.lang.values import wrong_kind

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]+)?")

# ---- numbers ----------------------------------------------------------------------------------------------------


def float_of(operation: str, number: int | float) -> float:
    """A number as a float. Overflow for an integer beyond their range."""
    try:
        return float(number)
    except OverflowError:
        raise EvaluationError("Overflow", f"Overflow in {operation}: integer too large for a float") from None


def _read_integer(operation: str, text: str) -> int | None:
    """The integer that the text says, nil when it says none."""
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        return None
    looked(len(text))
    return weighed(parse_integer(text), len(text) << 2, operation)


def _read_float(text: str) -> float | None:
    text = text.strip()
    looked(len(text))
    return float(text) if _FLOAT.fullmatch(text) else None


@builtin(
    "int",
    "long",
    doc="An integer: floats are truncated, strings parsed (0 if that fails), true is 1, false and nil are 0.",
    type="[[:or :number :string :bool :nil]] :int",
    example=('[(int 2.9) (int " 7 ") (int "x")]', "[2 7 0]"),
)
def to_int(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise invalid_argument("int of a number that is not finite", value)
        return met(math.trunc(value))
    if type(value) is str:
        return _read_integer("int", value) or 0
    if value is None or type(value) is bool:
        return 1 if value else 0
    raise wrong_kind("int", "number, string, boolean or nil", value)


@builtin(
    "float",
    "double",
    doc="A float: strings are parsed (0.0 if that fails), true is 1.0, false and nil are 0.0.",
    type="[[:or :number :string :bool :nil]] :float",
    example=('[(float 2) (float "1e3") (float "x")]', "[2.0 1000.0 0.0]"),
)
def to_float(value: Any) -> float:
    if type(value) is int or type(value) is float:
        return float_of("float", value)
    if type(value) is str:
        number = _read_float(value)
        return 0.0 if number is None else number
    if value is None or type(value) is bool:
        return 1.0 if value else 0.0
    raise wrong_kind("float", "number, string, boolean or nil", value)


@builtin(
    "parse-int",
    "parse-long",
    doc="The integer in a string, or nil; floats are truncated.",
    type="[:any] :int?",
    example=('[(parse-int " -7 ") (parse-int "7x") (parse-int 7.9)]', "[-7 nil 7]"),
)
def parse_int(value: Any) -> int | None:
    if type(value) is str:
        return _read_integer("parse-int", value)
    if type(value) is float:
        return math.trunc(value) if math.isfinite(value) else None
    return value if type(value) is int else None


@builtin(
    "parse-float",
    "parse-double",
    doc="The number in a string as a float, or nil.",
    type="[:any] :float?",
    example=('[(parse-float " 2.5e3 ") (parse-float "x") (parse-float 7)]', "[2500.0 nil 7.0]"),
)
def parse_float(value: Any) -> float | None:
    if type(value) is str:
        return _read_float(value)
    return float_of("parse-float", value) if type(value) is int or type(value) is float else None


@builtin(
    "parse-bool",
    "parse-boolean",
    doc='true for "true", false for "false", otherwise nil.',
    type="[:any] :bool?",
    example=('[(parse-bool "true") (parse-bool "yes")]', "[true nil]"),
)
def parse_bool(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(value) if type(value) is str else None


# ---- characters -------------------------------------------------------------------------------------------------


@builtin(
    "char-code",
    doc="The code point of a one-character string.",
    type="[:string] :int",
    example=('(char-code "a")', "97"),
)
def char_code(s: Any) -> int:
    if len(string("char-code", s)) != 1:
        raise invalid_argument(f"char-code of a string of {len(s)} characters", s)
    return ord(s)


@builtin(
    "from-char-code",
    doc="The character of a code point.",
    type="[:int] :string",
    example=("(from-char-code 97)", '"a"'),
)
def from_char_code(code: Any) -> str:
    if not 0 <= integer("from-char-code", code) <= 0x10FFFF or 0xD800 <= code < 0xE000:
        raise invalid_argument(f"{show_brief(code)} is no code point of a character", code)
    return chr(code)


# ---- names ------------------------------------------------------------------------------------------------------


def _text(operation: str, value: Any, index: int = 0) -> str:
    """The text of a string, keyword or symbol."""
    if type(value) is Keyword or type(value) is Symbol:
        return value.name
    if type(value) is str:
        return value
    raise wrong_kind(operation, "string, keyword or symbol", value, index)


def _parts(operation: str, value: Any) -> tuple[str | None, str]:
    """Namespace or None, and name."""
    text = _text(operation, value)
    if type(value) is str or text == "/":
        return None, text
    namespace, slash, name = text.rpartition("/")
    return (namespace, name) if slash else (None, text)


@builtin(
    "name",
    doc="The text of a name after its last slash; a string itself.",
    type="[[:or :string :keyword :symbol]] :string",
    example=("(name :x/y)", '"y"'),
)
def name_(value: Any) -> str:
    return _parts("name", value)[1]


@builtin(
    "namespace",
    doc="The text of a name before its last slash, or nil.",
    type="[[:or :string :keyword :symbol]] :string?",
    example=("(namespace :x/y)", '"x"'),
)
def namespace(value: Any) -> str | None:
    return _parts("namespace", value)[0]


def _spelled(operation: str, first: Any, second: Any) -> str:
    """The text of a name made of its parts."""
    text = _text(operation, first)
    return text if second is MISSING else f"{text}/{_text(operation, second, 1)}"


@builtin(
    "keyword",
    doc="(keyword namespace name): a keyword made of text, of a keyword or of a symbol.",
    type="[[:or :string :keyword :symbol]] :keyword "
    "[[:or :string :keyword :symbol] [:or :string :keyword :symbol]] :keyword",
    example=('[(keyword "a") (keyword "a" "b")]', "[:a :a/b]"),
)
def keyword(first: Any, second: Any = MISSING) -> Keyword:
    text = _spelled("keyword", first, second)
    if not spells_keyword(text):
        raise invalid_argument(
            f"{show_brief(text, 80)} is no keyword that reads back", first if second is MISSING else NOTHING
        )
    return Keyword(text)


@builtin(
    "symbol",
    doc="(symbol namespace name): a symbol made of text, of a keyword or of a symbol.",
    type="[[:or :string :keyword :symbol]] :symbol "
    "[[:or :string :keyword :symbol] [:or :string :keyword :symbol]] :symbol",
    example=('[(symbol "a") (symbol "a" "b")]', "[a a/b]"),
)
def symbol(first: Any, second: Any = MISSING) -> Symbol:
    if type(first) is Symbol and second is MISSING:
        return first
    text = _spelled("symbol", first, second)
    if not spells_symbol(text):
        raise invalid_argument(
            f"{show_brief(text, 80)} is no symbol that reads back", first if second is MISSING else NOTHING
        )
    return Symbol(text)
