"""An error as people read it: header, source with carets, calls, hints (experience.md §4); and as plain data."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from rtfs.lang.errors import NOTHING, ReadError, RtfsError
from rtfs.lang.source import Span

TAB = 4
WIDTH = 120  # columns of a source line that are shown; longer ones are cut around the span
LABEL = 60  # characters of a value beside the carets
CALLS = 10  # lines of the chain of calls

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PLAIN_NOTE = re.compile(r"(in|at|expected|called|caused by|looked for) |[a-z]+: ")

_COLORS = {"head": "1;31", "text": "1", "gutter": "34", "caret": "1;31", "note": "36"}


def render(error: RtfsError, *, color: bool = False) -> str:
    """The whole diagnostic, lines ending in `\\n`. Several syntax errors of one text come one after the other."""
    if isinstance(error, ReadError) and len(error.errors) > 1:
        return "\n".join(_Page(each, color).text() for each in error.errors)
    return _Page(error, color).text()


def as_data(error: RtfsError) -> dict[str, Any]:
    """The same for machines: strings, numbers, lists and dicts, as JSON has them.

    `trace` is innermost first. `value`: the printed value that was wrong. `data` is null when JSON cannot hold it.
    """
    import json  # deferred: only for machines

    from rtfs.lang.convert import to_python
    from rtfs.lang.printer import show_brief

    try:
        data = json.loads(json.dumps(to_python(error.data)))
    except (RtfsError, TypeError, ValueError):  # functions and host objects have no JSON
        data = None
    return {
        "kind": error.kind,
        "code": error.code,
        "message": error.message,
        "type": error.type,
        "span": span_data(error.span),
        "trace": [{"function": name, "span": span_data(span)} for name, span in error.trace],
        "notes": list(error.notes),
        "value": None if error.subject is NOTHING else show_brief(error.subject, 10_000),
        "data": data,
    }


def excerpt(span: Span, *, color: bool = False) -> str:
    """The lines of a span with carets under it, for what has a header of its own; empty when there is no text."""
    page = _Page(RtfsError("SyntaxError", "", span=span), color)
    page.rows(span, "")
    return "".join(f"{line}\n" for line in page.lines)


def label_of(error: RtfsError) -> str:
    """What stands beside the carets: the value that was wrong, unless the text shows it."""
    if error.subject is NOTHING:
        return ""
    from rtfs.lang.printer import show_brief  # deferred: only for errors about a value

    printed = show_brief(error.subject, LABEL)
    if not error.exact:
        return f"got {printed}"
    return "" if error.span is not None and error.span.text() == printed else f"this is {printed}"


def span_data(span: Span | None) -> dict[str, Any] | None:
    """A span as a dict; columns count characters from 1, the end is exclusive."""
    if span is None:
        return None
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def clean(text: str) -> str:
    """Text of a program without what would steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\u{{{ord(found.group()):x}}}", text)


class _Page:
    """One diagnostic being written."""

    def __init__(self, error: RtfsError, color: bool) -> None:
        self.error = error
        self.color = color
        self.gutter = len(str(error.span.end_line)) if error.span is not None else 1
        self.lines: list[str] = []

    def text(self) -> str:
        error = self.error
        head = self.paint("head", f"error[{error.code}] {error.kind}")
        self.lines.append(head + self.paint("text", f": {clean(error.message)}"))
        notes = [clean(note) for note in error.notes]
        label = clean(label_of(error))
        if error.span is not None:
            self.excerpt(error.span, label)
        called = next((note for note in notes if note.startswith("called ")), "")
        placed = self.calls(called)
        for note in notes:
            if not (note is called and placed):
                self.note(note if _PLAIN_NOTE.match(note) else f"hint: {note}")
        return "\n".join(self.lines) + "\n"

    def paint(self, what: str, text: str) -> str:
        return f"\x1b[{_COLORS[what]}m{text}\x1b[0m" if self.color and text else text

    def note(self, text: str) -> None:
        self.lines.append(" " * (self.gutter + 1) + self.paint("gutter", "=") + " " + self.paint("note", text))

    def excerpt(self, span: Span, label: str) -> None:
        place = f"{clean(span.source.name)}:{span.line}:{span.column}"
        self.lines.append(" " * self.gutter + self.paint("gutter", "┌─") + " " + place)
        self.rows(span, label)

    def rows(self, span: Span, label: str) -> None:
        if not span.source.text:
            return
        if span.line == span.end_line:
            self.row(span, span.line, label)
            return
        self.row(span, span.line, "")
        if span.end_line > span.line + 1:
            self.lines.append(" " * self.gutter + self.paint("gutter", " ⋮"))
        self.row(span, span.end_line, label)

    def row(self, span: Span, number: int, label: str) -> None:
        """One source line, and under it carets where the span covers it."""
        line = span.source.line(number)
        start = span.column - 1 if number == span.line else len(line) - len(line.lstrip())
        end = span.end_column - 1 if number == span.end_line else len(line.rstrip())
        shown, before, width = _layout(line, start, max(end, start + 1))
        bar = self.paint("gutter", "│")
        self.lines.append(f"{self.paint('gutter', str(number).rjust(self.gutter))} {bar} {shown}".rstrip())
        carets = self.paint("caret", "^" * width + (f" {label}" if label else ""))
        self.lines.append(f"{' ' * self.gutter} {bar} {' ' * before}{carets}")

    def calls(self, called: str) -> bool:
        """The chain of calls; `called` says what called the outermost function. Was there a place for it?"""
        rows = _chain(self.error.trace, called)
        if len(rows) > CALLS:
            hidden = len(rows) - CALLS + 1
            rows = [*rows[: CALLS - 3], f"… {hidden} more calls", *rows[-2:]]
        for row in rows:
            self.note(clean(row))
        return bool(called) and bool(rows) and rows[-1].endswith(called)


def _chain(trace: list[tuple[str | None, Span | None]], called: str) -> list[str]:
    """`in f, called from FILE:LINE:COLUMN` for each function, innermost first; repetitions are counted."""
    rows: list[str] = []
    counts: list[int] = []
    for n, (name, _) in enumerate(trace):
        if name is None:
            continue
        caller = trace[n + 1][1] if n + 1 < len(trace) else None
        place = f", called from {caller.source.name}:{caller.line}:{caller.column}" if caller is not None else ""
        if n + 1 == len(trace) and called:
            place = f", {called}"
        row = f"in {name}{place}"
        if rows and rows[-1] == row:
            counts[-1] += 1
        else:
            rows.append(row)
            counts.append(1)
    return [row if count == 1 else f"{row} ({count} times)" for row, count in zip(rows, counts, strict=True)]


def _layout(line: str, start: int, end: int) -> tuple[str, int, int]:
    """A line as shown, and the columns before and under the characters from `start` to `end`."""
    cells = [_cell(char) for char in line]
    column = 0
    widths = []
    for n, cell in enumerate(cells):
        if line[n] == "\t":
            cells[n] = cell = " " * (TAB - column % TAB)
        width = _width(cell)
        widths.append(width)
        column += width
    first, last = _window(widths, min(start, len(line)), min(end, len(line)))
    cut_before, cut_after = "…" if first else "", "…" if last < len(line) else ""
    before = sum(widths[first : min(start, last)]) + len(cut_before) + max(0, start - len(line))
    under = sum(widths[max(start, first) : min(end, last)])
    return cut_before + "".join(cells[first:last]) + cut_after, before, max(under, 1)


def _window(widths: list[int], start: int, end: int) -> tuple[int, int]:
    """The range of characters to show: all of a line that fits, else a stretch around the span."""
    if sum(widths) <= WIDTH:
        return 0, len(widths)
    first = start
    while first > 0 and sum(widths[first - 1 : start]) <= WIDTH // 4:
        first -= 1
    last, room = first, WIDTH
    while last < len(widths) and room >= widths[last]:
        room -= widths[last]
        last += 1
    return first, last


def _cell(char: str) -> str:
    return _CONTROL.sub("�", char) if char != "\t" else char


def _width(cell: str) -> int:
    if cell.isascii():
        return len(cell)
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in cell
    )
