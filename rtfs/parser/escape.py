"""What a string literal says once its escapes are replaced (language.md §1.3)."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"  # a surrogate pair is one character
    r"|\\u([0-9a-fA-F]{4})"
    r"|\\u\{([^}\"]*)\}"
    r"|\\(.)",
    re.DOTALL,
)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "0": "\0", "b": "\b", "f": "\f", "/": "/"}
_HEX = re.compile(r"[0-9a-fA-F]+")
_INSTEAD = {
    "a": r"write \u{7}",
    "e": r"write \u{1b}",
    "v": r"write \u{b}",
    "x": r"write \u{…} with the hexadecimal code",
    "U": r"write \u{…} with the hexadecimal code",
    "'": "an apostrophe needs no backslash",
    "\n": "a string may span lines without a backslash",
}
_REGEX = frozenset("dDwWsSBAZzpPQE.*+?()[]{}|^$-")
_KNOWN = r"the escapes are \n \t \r \\ \" \0 \b \f \/ \uXXXX \u{X…}"

Fault = tuple[int, int, str, str]  # start and end in the body, message, what to write instead


def unescape(body: str, faults: list[Fault]) -> str:
    """The text of a string literal's body. What is wrong in it is added to `faults`."""

    def replaced(match: re.Match[str]) -> str:
        high, low, four, braced, other = match.groups()
        if other is not None:
            character = _SIMPLE.get(other)
            if character is None:
                faults.append((*match.span(), f"bad escape \\{_visible(other)}", _advice(other)))
            return character or ""
        if high is not None:
            return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00))
        digits = four if four is not None else braced.lstrip("0") or braced[-1:]
        if not _HEX.fullmatch(digits) or len(digits) > 6 or int(digits, 16) > 0x10FFFF:
            note = "between the braces stands a hexadecimal code from 0 to 10FFFF"
            faults.append((*match.span(), "bad escape \\u{…}", note))
            return ""
        if 0xD800 <= int(digits, 16) <= 0xDFFF:
            note = r"half of a surrogate pair is no character: write both halves as \uXXXX\uXXXX, or \u{X…}"
            faults.append((*match.span(), f"bad escape {match[0]}", note))
            return ""
        return chr(int(digits, 16))

    return _ESCAPE.sub(replaced, body)


def _visible(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


def _advice(character: str) -> str:
    if character == "u":
        return r"four hexadecimal digits follow \u, or a code in braces: \u{e9}"
    if character in _REGEX:
        return f"a backslash of a regex is written twice: \\\\{character}"
    return _INSTEAD.get(character, _KNOWN)
