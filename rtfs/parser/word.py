"""What one word means: a symbol, keyword, number, timestamp, UUID or resource handle (language.md §1.2-1.5)."""

from __future__ import annotations

import re
from typing import Any

from rtfs.lang.errors import ReadError
from rtfs.lang.integers import parse_integer
from rtfs.lang.names import Keyword
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid

_PLAIN_DIGITS = 18
Meaning = tuple[str, Any]  # the terminal of the grammar, or PARAMETER, and the value (of a symbol: its name)

_CONSTANTS: dict[str, Meaning] = {
    "nil": ("LITERAL", None),
    "true": ("LITERAL", True),
    "false": ("LITERAL", False),
    "λ": ("SYMBOL", "fn"),
}

_FIRST = r"[^\W\d]|[$+\-*=<>!?%.]"  # \w holds more than letters: _letters_only looks closer at what is not ASCII
_LATER = rf"(?:{_FIRST}|[0-9'@])"
_TAIL = rf"{_LATER}*+(?:/{_LATER}++)*+(?::v[0-9][0-9.]*+(?:/{_LATER}++)++)*+#?"
_NAME = re.compile(rf"/|&|%&|(?:{_FIRST}){_TAIL}")
_KEYWORD_NAME = re.compile(rf"/|&|%&|(?:{_FIRST}|[0-9]){_TAIL}")

_PARAMETER = re.compile(r"%(?:&|[0-9]*)")

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_LIKE = re.compile(r"[+-]?[0-9]|\.[0-9]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[._]([0-9]{1,6}))?Z",
)


def meaning(word: str) -> Meaning:
    """The terminal and value of a word; ReadError, without a span, when it is none.

    MemoryLimitExceeded for an integer of more than 262,144 bits.
    """
    if word.isdecimal() and word.isascii() and len(word) <= _PLAIN_DIGITS:
        return "LITERAL", int(word)
    known = _CONSTANTS.get(word)
    if known is not None:
        return known
    if word[0] == ":":
        return "KEYWORD", Keyword(_checked(word[1:], word, _KEYWORD_NAME))
    if _NUMBER_LIKE.match(word):
        return "LITERAL", _number(word)
    if len(word) == 36 and _UUID.fullmatch(word):
        return "LITERAL", Uuid(word)
    if word.startswith("resource://"):
        if word == "resource://":
            raise ReadError("bad resource handle resource://", code="RTFS-E103", notes=("a path must follow",))
        return "LITERAL", ResourceHandle(word)
    if _PARAMETER.fullmatch(word):
        return "PARAMETER", word
    return "SYMBOL", _checked(word, word, _NAME)


# ---- names


def _checked(name: str, word: str, rule: re.Pattern[str]) -> str:
    if rule.fullmatch(name) and (name.isascii() or _letters_only(name)):
        return name
    raise ReadError(f"bad {'keyword' if word is not name else 'symbol'} {clip(word)}", notes=(_why_no_name(name),))


def _letters_only(name: str) -> bool:
    return all(character.isalpha() for character in name if character > "\x7f")


def _why_no_name(name: str) -> str:
    if "&" in name:
        return "`&` stands alone: put a space after it"
    if name.startswith("/") or name.endswith("/") or "//" in name:
        return "`/` separates a namespace from a name, and both must be there"
    if name == "|#":
        return "no comment is open here: `#|` opens one"
    for position, character in enumerate(name):
        if character in "~`^\\" or (character == "#" and position < len(name) - 1):
            return f"`{character}` cannot stand inside a name: put a space before it"
        if not (character.isalpha() or character in "_$+-*=<>!?%./0123456789'@#:"):
            return f"a name cannot contain {_character(character)}"
    return "a name starts with a letter or one of _ $ + - * / = < > ! ? % & ."


def _character(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"`{character}` ({code})" if character.isprintable() else code


def clip(word: str) -> str:
    """Long words are cut in messages."""
    return word if len(word) <= 60 else word[:57] + "…"


# ---- numbers, timestamps, UUIDs


def _number(word: str) -> Any:
    if _INTEGER.fullmatch(word):
        return parse_integer(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    if len(word) == 36 and _UUID.fullmatch(word):
        return Uuid(word)
    stamp = _TIMESTAMP.fullmatch(word)
    if stamp is not None:
        return _timestamp(word, stamp)
    note = next((text for shape, text in _ADVICE if re.fullmatch(shape, word)), "a name cannot start with a digit")
    raise ReadError(f"bad number {clip(word)}", code="RTFS-E103", notes=(note.format(word=clip(word)),))


# What people write in other languages, and what to write here. (Compiled when needed: reading should start fast.)
_ADVICE = (
    (r"[+-]?[0-9]+\.", "digits must follow the point: write {word}0"),
    (r"\.[0-9]+(?:[eE][+-]?[0-9]+)?", "digits must stand before the point: write 0{word}"),
    (r"[+-]?[0-9]+/[0-9]+", "there are no fractions: write a division, as in (/ 1 2)"),
    (r"[+-]?0[xX].*|[+-]?0[bBoO][0-9]*|[+-]?[0-9]+r.*", "numbers are written in decimal digits"),
    (r"[+-]?[0-9]+(?:_[0-9]+)+", "digits are written without separators"),
    (r"[+-]?[0-9]+[NnLl]", "integers have any size: leave the suffix out"),
    (r"[+-]?[0-9]+(?:\.[0-9]+)?[MmfFdD]", "leave the suffix out"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a timestamp has a time as well: write {word}T00:00:00Z"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*", "a timestamp is in UTC and has at most 6 decimals: 2031-02-03T04:05:06.5Z"),
    (r"[0-9]+:.*", "put a space before the colon"),
)

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EPOCH_DAY = 719_162  # days from 0001-01-01 to 1970-01-01


def _timestamp(word: str, stamp: re.Match[str]) -> Timestamp:
    year, month, day, hour, minute, second = (int(part) for part in stamp.groups()[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1] + (leap and month == 2) or year == 0:
        raise ReadError(f"bad timestamp {word}", code="RTFS-E103", notes=("there is no such day",))
    if hour > 23 or minute > 59 or second > 59:
        raise ReadError(f"bad timestamp {word}", code="RTFS-E103", notes=("there is no such time of day",))
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - _EPOCH_DAY
    days += sum(_DAYS[: month - 1]) + (leap and month > 2) + day - 1
    micros = int((stamp[7] or "0").ljust(6, "0"))
    return Timestamp((days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000 + micros)
