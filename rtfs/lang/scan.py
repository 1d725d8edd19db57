"""Where the parts of a form end, by its text alone: errors point into texts whose compiled code is all that was kept.

The reader knows this too, but a run from the cache never loads it. Texts given here were read before, so they are well
formed; of anything else some place is given and nothing raised.
"""

from __future__ import annotations

import re

_SPACE = re.compile(r"(?:[ \t\r\n\f,]++|;[^\n]*+)++")
_END = r'\s()\[\]{}";,'  # what ends every token, as in the lexer
_TOKEN = re.compile(
    rf"""resource://[^\s,)\]}}";]*+
    | [+-]?[0-9][^{_END}]*+
    | :?[^{_END}:'`~@^#\\] [^{_END}:]*+ (?: :v[0-9][0-9.]*+/ [^{_END}:]*+ )*+
    | \#\#[^{_END}]*+
    """,
    re.VERBOSE,
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BLOCK = re.compile(r"#\||\|#")
_PREFIXES = "'`~@^"
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def skip(text: str, place: int) -> int:
    """The first place from `place` on that is no space, comment or discarded form."""
    while True:
        found = _SPACE.match(text, place)
        if found is not None:
            place = found.end()
        if text.startswith("#|", place):
            place = _after_block(text, place)
        elif text.startswith("#_", place):
            place = form_end(text, skip(text, place + 2))
        else:
            return place


def _after_block(text: str, place: int) -> int:
    depth = 0
    for found in _BLOCK.finditer(text, place):
        depth += 1 if found.group() == "#|" else -1
        if not depth:
            return found.end()
    return len(text)


def form_end(text: str, place: int) -> int:
    """The end of the form that starts at `place`; prefixes and metadata belong to their form."""
    while place < len(text):
        char = text[place]
        if char in _CLOSING:
            return _collection_end(text, place)
        if char == '"':
            found = _STRING.match(text, place)
            return found.end() if found is not None else len(text)
        if char == "^":
            place = skip(text, form_end(text, skip(text, place + 1)))
        elif char in _PREFIXES:
            place = skip(text, place + (2 if text.startswith("~@", place) else 1))
        elif char == "#" and text.startswith("(", place + 1):
            place += 1
        else:
            found = _TOKEN.match(text, place)
            return found.end() if found is not None and found.end() > place else place + (char not in ")]}")
    return len(text)


def _collection_end(text: str, place: int) -> int:
    """The end of the collection that opens at `place`: nesting is counted, not recursed into."""
    depth = 0
    while place < len(text):
        char = text[place]
        if char in "([{":
            depth, place = depth + 1, place + 1
        elif char in ")]}":
            depth, place = depth - 1, place + 1
            if not depth:
                return place
        else:
            place = _over_atom(text, place)
        place = skip(text, place)
    return len(text)


def _over_atom(text: str, place: int) -> int:
    """Past one token, string or prefix."""
    if text[place] == '"':
        return form_end(text, place)
    if text[place] in _PREFIXES or text.startswith("#(", place):
        return place + 1
    found = _TOKEN.match(text, place)
    return max(found.end() if found is not None else 0, place + 1)


def parts(text: str, place: int) -> list[tuple[int, int]]:
    """Start and end of each part of the collection that opens at `place`."""
    found = []
    start = skip(text, place + 1)
    while start < len(text) and text[start] not in ")]}":
        end = form_end(text, start)
        found.append((start, end))
        start = skip(text, end)
    return found


def around(text: str, place: int) -> int:
    """Where the innermost collection opens that has `place` inside; -1 at top level."""
    open_places: list[int] = []
    at = skip(text, _first(text))
    while at < place:
        char = text[at]
        if char in "([{":
            open_places.append(at)
            at += 1
        elif char in ")]}":
            if open_places:
                open_places.pop()
            at += 1
        else:
            at = _over_atom(text, at)
        at = skip(text, at)
    return open_places[-1] if open_places else -1


def _first(text: str) -> int:
    """Where the first form may start: after a byte-order mark and a shebang line."""
    start = 1 if text.startswith("\ufeff") else 0
    return max(text.find("\n", start), start) if text.startswith("#!", start) else start
