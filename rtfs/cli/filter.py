"""`rtfs -I EXPR`: a function, or an expression over `%`, for each line of standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from rtfs.cli.output import flush
from rtfs.cli.permission import Malformed
from rtfs.cli.script import Execution, Settings, shown
from rtfs.lang.errors import RtfsError, invalid_argument
from rtfs.lang.source import Source

BLOCK = 1 << 16  # bytes that are taken from the input at once, if they are there
LONGEST = 1 << 24  # bytes of one line


class FilterExecution(Execution):
    """Calls the function of an expression with each line; what is not nil is printed, as soon as it is known."""

    def __init__(self, settings: Settings, source: Source, **options: Any) -> None:
        super().__init__(settings, source, **{"record": False, **options})  # what lines gave is not kept

    def _evaluated(self) -> Any:
        source, jsonl = self.source, self.settings.jsonl
        function = self.session.run(_as_function(source), name=source.name)
        _check(function)
        call = self.session.call
        read, said = (_parsed, _as_json) if jsonl else (str, _as_text)
        number = 0
        for lines in _lines():
            parts = []
            for line in lines:
                number += 1
                if jsonl and not line.strip():
                    continue
                try:
                    value = call(function, read(line))
                    if value is not None:
                        parts.append(said(value) + "\n")
                except RtfsError as error:
                    flush("".join(parts))
                    error.notes.append(f"input: line {number}")
                    raise
            flush("".join(parts))
        return None


def _check(function: Any) -> None:
    """Malformed for what cannot be called with a line."""
    from rtfs.lang.values import type_name

    if type_name(function) not in ("function", "keyword", "map", "vector"):
        raise Malformed(f"-I takes a function or an expression with %, got {shown(function)}")


def _as_function(source: Source) -> str:
    """The text of the function: an expression that mentions `%` is its body."""
    from rtfs.session import read_forms

    mentioned = any(_free(form) for form in read_forms(source.text, source.name))
    return f"(fn [%] {source.text}\n)" if mentioned else source.text


def _free(form: Any) -> bool:
    """Does a form mention `%` outside of what gives it a meaning of its own?"""
    from rtfs.lang.collections import List, Map
    from rtfs.lang.names import Symbol
    from rtfs.lang.values import is_vector

    if type(form) is Symbol:
        return form.name == "%"
    if type(form) is Map:
        return any(_free(part) for entry in form.entries() for part in entry)
    return (type(form) is List or is_vector(form)) and any(_free(part) for part in form)


def _lines() -> Iterator[list[str]]:
    """The lines of standard input without their ends, as many at once as are there. Never waits for a whole block.

    Bytes that are not UTF-8 are shown as escapes, so that binary input harms nothing.
    """
    rest = b""
    while True:
        block = sys.stdin.buffer.read1(BLOCK)  # type: ignore[union-attr]
        *whole, rest = (rest + block).split(b"\n") if block else ([rest, b""] if rest else [b""])
        if len(rest) > LONGEST:
            raise invalid_argument(f"a line of standard input is longer than {LONGEST} bytes")
        yield [line.removesuffix(b"\r").decode("utf-8", "backslashreplace") for line in whole]
        if not block:
            return


def _parsed(line: str) -> Any:
    from rtfs.lang.json import parse_json

    return parse_json(line, keywords=True)


def _as_text(value: Any) -> str:
    return value if type(value) is str else shown(value)


def _as_json(value: Any) -> str:
    from rtfs.lang.json import to_json

    return to_json(value)
