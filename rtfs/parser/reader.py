"""Text → forms: `read` gives all forms of a source with their spans, or one report of everything that is wrong."""

from __future__ import annotations

import gc
from typing import Any

from rtfs.lang.errors import LimitError, ReadError
from rtfs.lang.names import Symbol
from rtfs.lang.source import Source, Span, SpanTable
from rtfs.parser.automaton import Automaton, Items, Token
from rtfs.parser.form import Forms
from rtfs.parser.lexer import TERMINALS, Lexer, Report

NESTING_LIMIT = 500  # open collections and prefixes (language.md §15)


_LARGE = 100_000  # characters


class Reading:
    """What a text says. `forms`: all its forms in order. `spans`: where they stand; the children of the list `forms`
    itself are the top-level forms, so that also their atoms have a place."""

    __slots__ = ("forms", "spans")

    def __init__(self, forms: list[Any], spans: SpanTable) -> None:
        self.forms = forms
        self.spans = spans


def read(source: Source) -> Reading:
    """Read a whole text (language.md §1).

    ReadError, whose `errors` lists up to 20 syntax errors of the text, or LimitError (MemoryLimitExceeded: an integer
    beyond 262,144 bits, a string beyond 16,777,216 characters, a collection beyond 2,000,000 elements).
    """
    reader = _Reader(source)
    if len(source.text) < _LARGE or not gc.isenabled():
        return reader.read()
    gc.disable()  # nearly all that is made stays: the collector would walk over it again and again
    try:
        return reader.read()
    finally:
        gc.enable()


def incomplete(text: str) -> bool:
    """Is this the beginning of a text that more lines could complete, and nothing wrong with it so far?"""
    try:
        read(Source("<incomplete>", text + "\n"))
    except ReadError as error:
        return all(each.code == "RTFS-E102" for each in error.errors)
    except LimitError:
        return False
    return False


_CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE", "FUNCTION": "RPAR"}
_WRITTEN = {terminal: written for written, terminal in TERMINALS.items()}
_NAMES = {"LPAR": "list", "LSQB": "vector", "LBRACE": "map", "FUNCTION": "anonymous function"}
_LACKING = {
    "DISCARD": ("nothing to discard after #_",),
    "AT": ("a name must follow @", 'write @name, @:name or @"name"'),
    "HAT": ("metadata must follow ^", "write ^{:key value} form, ^:key form or ^Name form"),
}
_OPEN_LISTED = 3  # collections that are named in a note


class _Reader:
    """One reading. A token that the grammar refuses is reported and made good, and reading goes on."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.report = Report()
        self.forms = Forms(source, self.report)
        self.lexer = Lexer(source, self.report, self.forms.parameter)
        self.parse = Automaton(self.forms.rules(), self.forms.makers(), 1 + NESTING_LIMIT)

    def read(self) -> Reading:
        tokens = self.lexer.tokens(self.parse)
        while (stopped := self.parse.run(tokens)) is not None:
            token, taken = stopped
            if taken:
                note = f"at most {NESTING_LIMIT} collections and prefixes can be open"
                self.report.add("nesting too deep", token[2], "RTFS-E106", note)
                raise self.report.failure()
            self._make_good(token)
        if not self.parse.accepts("$END"):
            raise self._unterminated()
        found: Items = self.parse.values[0]
        forms = found.values
        self.forms.report_loose_maps(forms)
        if self.report.errors:
            raise self.report.failure()
        end = self.lexer.end()
        whole = Span(self.source, 1, 1, end.end_line, end.end_column)
        self.forms.spans.put(forms, whole, found.places)
        return Reading(forms, self.forms.spans)

    def _open(self) -> list[Token]:
        """The brackets and prefixes that are open, outermost first."""
        return [value.opening if type(value) is Items else value for value in self.parse.values[1:]]

    # ---- what the grammar refuses

    def _make_good(self, token: Token) -> None:
        """Report a token that cannot stand here, then supply what is missing before it and take it, or drop it.

        A prefix without its form gets one. A closing bracket that some outer collection waits for closes the inner
        ones too; any other is dropped.
        """
        told = False
        while not self.parse.accepts(token[0]):
            opened = self._open()
            if opened and opened[-1][0] not in _CLOSERS:
                self._report_prefix(opened[-1], "RTFS-E101")
                supplied: Token = ("SYMBOL", Symbol("nil", None, opened[-1][2]), opened[-1][2])
            else:
                if not told:
                    note = _is_open(opened[-1]) if opened else "nothing is open here"
                    self.report.add(f"unexpected '{_WRITTEN[token[0]]}'", token[2], "RTFS-E101", note)
                if not any(_CLOSERS.get(each[0]) == token[0] for each in opened):
                    return
                told = True
                supplied = (_CLOSERS[opened[-1][0]], None, token[2])
            self.parse.run([supplied])
        self.parse.run([token])

    def _report_prefix(self, prefix: Token, code: str, *notes: str) -> None:
        """What follows it is missing, or cannot follow it."""
        kind, value, span = prefix
        if kind == "HAT" and type(value) is tuple:
            message, hints = "a form must follow metadata", []
        else:
            message, *hints = _LACKING.get(kind, (f"a form must follow {_WRITTEN[kind]}",))
        self.report.add(message, span, code, *hints, *notes)

    def _unterminated(self) -> ReadError:
        """The report of a text that ends before everything is closed."""
        opened = self._open()
        waiting = [each for each in reversed(opened) if each[0] in _CLOSERS]
        notes = [_is_open(each) for each in waiting[:_OPEN_LISTED]]
        if len(waiting) > _OPEN_LISTED:
            notes.append(f"and {len(waiting) - _OPEN_LISTED} more are open, the first since {_at(waiting[-1][2])}")
        if waiting:
            notes.extend(self._suspicion(waiting[-1]))
        kind, _, span = opened[-1]
        if kind in _CLOSERS:
            self.report.add(f"unterminated {_NAMES[kind]}", span, "RTFS-E102", *notes)
        else:
            self._report_prefix(opened[-1], "RTFS-E102", *notes)
        return self.report.failure()

    def _suspicion(self, outermost: Token) -> list[str]:
        """People begin top-level forms in the first column: one inside a collection tells where a bracket is lost."""
        inside = [place for part in self.parse.values[1:] for place in _places(part)]
        lines = [place.line for place in inside if place.column == 1 and place.line > outermost[2].line]
        if not lines:
            return []
        return [f"a form begins in the first column of line {lines[0]}: is a bracket missing before it?"]


def _places(part: Items | Token) -> list[Span]:
    """Where a bracket or prefix and what stands behind it are."""
    return [part.opening[2], *part.places] if isinstance(part, Items) else [part[2]]


def _is_open(token: Token) -> str:
    kind, _, span = token
    return f"'{_WRITTEN[kind]}' of {_at(span)} waits for '{_WRITTEN[_CLOSERS[kind]]}'"


def _at(span: Span) -> str:
    return f"{span.line}:{span.column}"
