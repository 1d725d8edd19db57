"""The function `format` (language.md §14.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rtfs.eval.builtins.convert import float_of
from rtfs.eval.builtins.string import string
from rtfs.eval.limits import LIMITS, check_characters, wrote
from rtfs.eval.registry import builtin
from rtfs.lang.errors import invalid_argument
from rtfs.lang.integers import integer_text
from rtfs.lang.printer import show, text
from rtfs.lang.values import type_name

WIDTH_LIMIT = 10_000

_DIRECTIVE = re.compile(r"%([-+0,]*)([0-9]*)(?:\.([0-9]+))?(.?)", re.DOTALL)
_BASES = {"x": "x", "X": "X", "o": "o", "b": "b"}


class _Directive:
    """One `%…` of a template: its text, flags, width, precision (None if not given) and letter."""

    __slots__ = ("flags", "letter", "precision", "text", "width")

    def __init__(self, found: re.Match[str]) -> None:
        self.text = found.group()
        self.flags = found.group(1)
        self.letter = found.group(4)
        if self.letter not in _LETTERS or (self.letter == "%" and self.text != "%%"):
            raise invalid_argument(f"format has no directive {show(self.text)}")
        self.width = self.number(found.group(2) or "0")
        self.precision = None if found.group(3) is None else self.number(found.group(3))
        for flag in self.flags:
            if flag not in _FLAGS[self.letter]:
                raise invalid_argument(f"flag {flag} has no meaning in format directive {self.text}")
        if self.precision is not None and self.letter not in "sfe":
            raise invalid_argument(f"precision has no meaning in format directive {self.text}")

    def number(self, digits: str) -> int:
        if len(digits) > 8 or int(digits) > WIDTH_LIMIT:
            raise invalid_argument(f"format width or precision above {WIDTH_LIMIT}")
        return int(digits)

    def wrong(self, expected: str, value: Any) -> Exception:
        return invalid_argument(f"format directive {self.text} expects {expected}, got {type_name(value)}", value)

    def padded(self, sign: str, shown: str, zeros: bool = True) -> str:
        missing = self.width - len(sign) - len(shown)
        if missing <= 0:
            return sign + shown
        if "-" in self.flags:
            return sign + shown + " " * missing
        return sign + "0" * missing + shown if zeros and "0" in self.flags else " " * missing + sign + shown

    def signed(self, negative: bool, shown: str) -> str:
        return self.padded("-" if negative else "+" if "+" in self.flags else "", shown)


def _string(directive: _Directive, value: Any) -> str:
    return directive.padded("", text(value, LIMITS.get().printed)[: directive.precision], zeros=False)


def _character(directive: _Directive, value: Any) -> str:
    if type(value) is int and 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000:
        value = chr(value)
    if type(value) is not str or len(value) != 1:
        raise directive.wrong("a one-character string or a code point", value)
    return directive.padded("", value, zeros=False)


def _integer(directive: _Directive, value: Any) -> str:
    if type(value) is not int:
        raise directive.wrong("an integer", value)
    base = _BASES.get(directive.letter)
    shown = integer_text(abs(value)) if base is None else format(abs(value), base)
    return directive.signed(value < 0, _grouped(shown) if "," in directive.flags else shown)


def _float(directive: _Directive, value: Any) -> str:
    if type(value) is not int and type(value) is not float:
        raise directive.wrong("a number", value)
    places = 6 if directive.precision is None else directive.precision
    if type(value) is int and directive.letter == "f":
        whole, fraction, negative = integer_text(abs(value)), "." + "0" * places if places else "", value < 0
    else:
        number = float_of("format", value)
        if number - number != 0.0:
            return directive.padded("", show(number), zeros=False)
        shown = format(abs(number), f".{places}{directive.letter}")
        whole, dot, rest = shown.partition(".")
        fraction, negative = dot + rest, number < 0
    return directive.signed(negative, (_grouped(whole) if "," in directive.flags else whole) + fraction)


def _grouped(digits: str) -> str:
    """The digits with a comma before each three."""
    first = len(digits) % 3 or 3
    return ",".join([digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))])


_LETTERS: dict[str, Callable[[_Directive, Any], str]] = {
    "s": _string,
    "d": _integer,
    "f": _float,
    "e": _float,
    "x": _integer,
    "X": _integer,
    "o": _integer,
    "b": _integer,
    "c": _character,
    "%": _string,
}

_FLAGS = dict.fromkeys("exXob", "-+0") | {"s": "-", "c": "-", "d": "-+0,", "f": "-+0,", "%": ""}


@builtin(
    "format",
    doc="(format template x …): the template with %s %d %f %e %x %X %o %b %c replaced by the arguments, %% by %.",
    type="[:string & :any] :string",
    example=('(format "%s-%03d" "x" 7)', '"x-007"'),
)
def format_(template: Any, *values: Any) -> str:
    pieces: list[str] = []
    string("format", template)
    total = end = used = 0
    for found in _DIRECTIVE.finditer(template):
        directive = _Directive(found)
        pieces.append(template[end : found.start()])
        total += found.start() - end
        end = found.end()
        if directive.letter == "%":
            piece = "%"
        elif used == len(values):
            raise invalid_argument(f"format directive {directive.text} has no argument: {used} given")
        else:
            piece = _LETTERS[directive.letter](directive, values[used])
            used += 1
        pieces.append(piece)
        total += len(piece)
        check_characters(total, "format")
    wrote(total + len(template) - end, "format")
    pieces.append(template[end:])
    return "".join(pieces)
