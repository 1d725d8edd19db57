"""Where forms stand, and findings as they are made: the part of inference that speaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rtfs.check.blame import Blame, blamed
from rtfs.check.finding import NOTE, Finding, finding
from rtfs.check.kind import is_never
from rtfs.check.message import mismatch
from rtfs.check.overlap import FITS, Overlap
from rtfs.check.overlap import NEVER as NEVER_FITS
from rtfs.check.program import Part
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.source import Span, SpanTable
from rtfs.lang.types import Type

# what a program that has the fault raises when it runs
_RAISES: dict[str, frozenset[str]] = {
    "RTFS-W101": frozenset({"TypeError", "TypeValidationError", "InvalidArgument", "RuntimeError", "ValidationError"}),
    "RTFS-W102": frozenset({"TypeError", "RuntimeError"}),
    "RTFS-W103": frozenset({"ArityMismatch", "RuntimeError"}),
    "RTFS-W104": frozenset({"UndefinedSymbol", "RuntimeError"}),
}


class Want:
    """What a place asks for, and how it is called (`return of f`). `tails`: the expressions that may give its value."""

    __slots__ = ("type", "where", "tails")

    def __init__(self, type: Type, where: str) -> None:
        self.type = type
        self.where = where
        self.tails: list[tuple[Any, Span | None, Type]] = []  # form, place and type


class Reporter:
    """What is found in one part after the other.

    `at` is the place of the form at hand; `tolerated` holds the error kinds that clauses around it name: what they
    catch was meant to fail, and is only noted.
    """

    def __init__(self, overlap: Overlap) -> None:
        self.overlap = overlap
        self.findings: list[Finding] = []
        self.tolerated: frozenset[str] = frozenset()
        self.part: Part | None = None
        self.at: Span | None = None
        self._literals: tuple[Part, dict[int, Span | None]] | None = None  # of the part, by identity

    # ---- places --------------------------------------------------------------------------------------------------

    def place(self, form: Any, parent: Any = None, index: int = 0) -> Span | None:
        """Where a form stands in this text; where the form around it stands when it has no place of its own."""
        assert self.part is not None
        spans = self.part.spans
        found = None if form == () else spans.of(form)
        if found is None and parent is not None:
            found = spans.child(parent, index) or self._argument(form)
        return found if found is not None and found.source is spans.source else self.at

    def _argument(self, atom: Any) -> Span | None:
        """Where a literal stands that a macro took from its call: the one place of the form that holds it."""
        assert self.part is not None
        if type(atom) not in _LITERALS:
            return None
        if self._literals is None or self._literals[0] is not self.part:
            self._literals = (self.part, _literals(self.part.raw, self.part.spans))
        return self._literals[1].get(id(atom))

    def written(self, symbol: Symbol) -> Span | None:
        """The place of a symbol that stands in this text itself; None for one that a macro made."""
        assert self.part is not None
        span = symbol.span
        return span if span is not None and span.source is self.part.spans.source and symbol.module is None else None

    # ---- findings ------------------------------------------------------------------------------------------------

    def report(self, code: str, text: str, span: Span | None = None, notes: tuple[str, ...] = ()) -> None:
        found = finding(code, span or self.at, text, notes)
        caught = _RAISES.get(code, frozenset()) & self.tolerated
        if caught:
            found = found._replace(severity=NOTE, notes=(*notes, f"a clause for {min(caught)} catches this"))
        self.findings.append(found)

    @contextmanager
    def speculation(self) -> Iterator[list[Finding]]:
        """What is found meanwhile is kept apart."""
        outer, self.findings = self.findings, []
        try:
            yield self.findings
        finally:
            self.findings = outer

    def need(self, actual: Type, expected: Type, where: str) -> None:
        """Report a value that cannot, or may not, be what the place at hand wants."""
        want = Want(expected, where)
        want.tails.append((None, self.at, actual))
        self.settle(want)

    def settle(self, want: Want) -> None:
        """Report what a place may get that it does not want: as wrong if nothing else can come."""
        tails = [tail for tail in want.tails if not is_never(tail[2])]
        verdicts = [self.overlap.verdict(actual, want.type) for _, _, actual in tails]
        certain = all(verdict == NEVER_FITS for verdict in verdicts)
        for (form, span, actual), verdict in zip(tails, verdicts, strict=True):
            if verdict == NEVER_FITS:
                self.wrong(Blame(form, span, actual, want.type), want.where, certain)
            elif verdict != FITS:
                self.report("RTFS-W301", mismatch(want.where, want.type, actual, False), span)

    def wrong(self, whole: Blame, where: str, certain: bool) -> None:
        """Report a value, or a part of a literal, that is wrong where it stands."""
        part = blamed(self, whole)
        way = f" at {part.way}" if part.way else ""
        text = mismatch(f"{where}{way}", part.expected, part.actual, certain)
        self.report("RTFS-W101" if certain else "RTFS-W301", text, part.span)


_LITERALS = frozenset({int, float, str, Keyword})


def _literals(form: Any, spans: SpanTable) -> dict[int, Span | None]:
    """The places of the literals of a form; None for one that stands in several places."""
    found: dict[int, Span | None] = {}
    pending = [form]
    while pending:
        part = pending.pop()
        parts = [each for pair in map_pairs(part) for each in pair] if type(part) is Map else part
        for index, each in enumerate(parts if type(part) in _COLLECTIONS else ()):
            if type(each) in _LITERALS:
                found[id(each)] = None if id(each) in found else spans.child(part, index)
            else:
                pending.append(each)
    return found


_COLLECTIONS = frozenset({List, Map, tuple, PVector})
