"""Which texts are names: a keyword or symbol made of another text does not read back (language.md §1.4)."""

from __future__ import annotations

import re

_FIRST = r"[^\W\d]|[$+\-*=<>!?%.]"  # \w holds more than letters: what is not ASCII is looked at again
_LATER = rf"(?:{_FIRST}|[0-9'@])"
_TAIL = rf"{_LATER}*+(?:/{_LATER}++)*+(?::v[0-9][0-9.]*+(?:/{_LATER}++)++)*+#?"
SYMBOL = re.compile(rf"/|&|%&|(?:{_FIRST}){_TAIL}")
KEYWORD = re.compile(rf"/|&|%&|(?:{_FIRST}|[0-9]){_TAIL}")
_OTHER = re.compile(r"nil|true|false|λ|[+-][0-9].*|\.[0-9].*|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def spells_keyword(name: str) -> bool:
    """Does `:name` read as that keyword?"""
    return KEYWORD.fullmatch(name) is not None and letters_only(name)


def spells_symbol(name: str) -> bool:
    """Does `name` read as that symbol, and not as a number, a constant or something else?"""
    return SYMBOL.fullmatch(name) is not None and letters_only(name) and not _OTHER.fullmatch(name)


def letters_only(name: str) -> bool:
    """Are all characters beyond ASCII letters?"""
    return name.isascii() or all(char.isalpha() for char in name if char > "\x7f")
