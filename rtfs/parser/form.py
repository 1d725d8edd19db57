"""What each rule of rtfs.lark makes of its parts: forms, which are plain values, with their spans. Tag: LITERAL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import SMALL, List, Map, PVector, keyed_form, vector
from rtfs.lang.errors import memory_error
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, Span, SpanTable
from rtfs.parser.automaton import Items, Make, Token, items_of
from rtfs.parser.lexer import Report

ELEMENTS = Limits().elements
HIGHEST_PARAMETER = 20

_QUOTES = {"QUOTE": "quote", "BACKQUOTE": "quasiquote", "UNQUOTE": "unquote", "SPLICE": "unquote-splicing"}
_LEVELS = {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}


class Forms:
    """The forms of one text in the making, and what is known of them.

    A rule is a method that gets the one or two parts of the rule, each a token or `Items`.
    """

    def __init__(self, source: Source, report: Report) -> None:
        self.report = report
        self.spans = SpanTable(source)
        self._function: Span | None = None  # of the `#(` that is open
        self._arity = 0
        self._rest = False
        self._spliced: set[int] = set()  # identities of the lists that were written `~@x`
        self._loose: list[List] = []  # maps of an odd count that contain `~@`: right only inside a template

    def rules(self) -> dict[str, Callable[..., Any]]:
        """What the grammar calls the methods. A rule that has no name here is answered by its first part."""
        return {
            "begin": _begin,
            "add": _add,
            "first": _first,
            **{name: _of_tokens(make) for name, make in self.makers().items()},
            "anonymous": self.begin_function,
            "function": self.make_function,
            "quoted": self.make_quoted,
            "context": self.make_context,
            "annotation": self.make_annotation,
            "annotated": self.make_annotated,
            "discard": self.begin_discarded,
            "discarded": self.drop,
        }

    def makers(self) -> dict[str, Make]:
        """What makes the collections of the grammar of their items."""
        return {"list": self.make_list, "vector": self.make_vector, "map": self.make_map}

    # ---- collections

    def make_list(self, items: Items, span: Span) -> List:
        form = List(items.values)
        if len(form) > SMALL:
            _check(items, 1)
        self.spans.put(form, span, items.places)
        return form

    def make_vector(self, items: Items, span: Span) -> Any:
        values = items.values
        if len(values) > SMALL:
            _check(items, 1)
        form = vector(values)
        if values:  # Python has only one empty tuple, which cannot be found by identity
            self.spans.put(form, span, items.places)
        return form

    def make_map(self, items: Items, span: Span) -> Any:
        """A map, the clause `{p => e}`, or a map with `~@` in it."""
        opening, values, places = items.opening, items.values, items.places
        if len(values) == 3 and type(values[1]) is Symbol and values[1].name == "=>":
            for parts in (values, places):
                parts[0], parts[1] = parts[1], parts[0]
            return self.make_list(items, span)
        if self._spliced and any(id(value) in self._spliced for value in values):
            return self._make_spliced_map(items, span)
        if len(values) % 2:
            values.pop()
            last = places.pop()
            if opening[1] == len(self.report.errors):  # else it may be odd because something was dropped
                note = f"the last key, at {last.line}:{last.column}, has no value"
                self.report.add("map literal with an odd count", span, "RTFS-E105", note)
        _check(items, 2)
        form = keyed_form(values[::2], values[1::2])
        self.spans.put(form, span, places)
        return form

    def _make_spliced_map(self, items: Items, span: Span) -> List:
        place = items.opening[2]
        items.values.insert(0, Symbol("rtfs/map", None, place))
        items.places.insert(0, place)
        made = self.make_list(items, span)
        if len(items.values) % 2 == 0:
            self._loose.append(made)
        return made

    # ---- anonymous functions

    def begin_function(self, opening: Token) -> Token:
        if self._function is not None:
            self.report.add("nested #(…)", opening[2], "RTFS-E107", "write the inner function as (fn [x] …)")
        else:
            self._function, self._arity, self._rest = opening[2], 0, False
        return opening

    def parameter(self, name: str, span: Span) -> Symbol:
        """What `%`, `%1` … or `%&` means at this point: inside `#(…)` a parameter, which decides how many there are."""
        if self._function is None:
            return Symbol(name, None, span)
        if name == "%&":
            self._rest = True
            return Symbol(name, None, span)
        number = int(name[1:4] or "1")
        if not 1 <= number <= HIGHEST_PARAMETER or name not in ("%", f"%{number}"):
            note = f"the parameters of #(…) are %, %1 to %{HIGHEST_PARAMETER} and %&"
            self.report.add(f"bad parameter {name[:60]}", span, "RTFS-E103", note)
            return Symbol(name, None, span)
        self._arity = max(self._arity, number)
        return Symbol(f"%{number}", None, span)

    def make_function(self, items: Items, closing: Token) -> Token:
        """`#(f % %2)` is `(fn [%1 %2] (f %1 %2))`."""
        place = items.opening[2]
        span = place.to(closing[2])
        body = self.make_list(items, span)
        names: list[str] = []
        if self._function is place:
            names = [f"%{number}" for number in range(1, self._arity + 1)] + ["&", "%&"] * self._rest
            self._function = None
        parameters = tuple([Symbol(name, None, place) for name in names])
        if names:
            self.spans.put(parameters, place, (place,) * len(names))
        form = List([Symbol("fn", None, place), parameters, body])
        self.spans.put(form, span, (place, place, span))
        return "FORM", form, span

    # ---- prefixes

    def make_quoted(self, prefix: Token, form: Token) -> Token:
        """`'x`, `` `x ``, `~x`, `~@x`."""
        quoted = self._prefixed(prefix, _QUOTES[prefix[0]], form)
        if prefix[0] == "SPLICE":
            self._spliced.add(id(quoted[1]))  # the span table keeps the list alive, so its identity stays its own
        return quoted

    def make_context(self, prefix: Token, name: Token) -> Token:
        """`@x`, `@:x`, `@"x"` are `(context/get "x")`."""
        kind, value, span = name
        return self._prefixed(prefix, "context/get", ("STRING", value if kind == "STRING" else value.name, span))

    def make_annotation(self, prefix: Token, given: Token) -> Token:
        """`^{…}`, `^:k`, `^Sym` before its form: a token whose value is the metadata and its place."""
        kind, value, span = given
        if kind != "FORM":
            value = Map.of([(value, True) if kind == "KEYWORD" else (Keyword("tag"), value)])
            self.spans.put(value, span, (span, span))
        elif type(value) is List and value[0].name == "=>":
            self.report.add("bad metadata", span, "RTFS-E101", "a consume clause is no metadata: write a map")
        return prefix[0], (value, span), prefix[2]

    def make_annotated(self, annotation: Token, form: Token) -> Token:
        _, (metadata, place), begin = annotation
        span = begin.to(form[2])
        made = List([Symbol("rtfs/with-meta", None, begin), metadata, form[1]])
        self.spans.put(made, span, (begin, place, form[2]))
        return "FORM", made, span

    def begin_discarded(self, prefix: Token) -> Token:
        """The parameters that a discarded form mentions do not count."""
        return prefix[0], (self._arity, self._rest), prefix[2]

    def drop(self, prefix: Token, form: Token) -> None:
        self._arity, self._rest = prefix[1]

    def _prefixed(self, prefix: Token, head: str, form: Token) -> Token:
        place = prefix[2]
        span = place.to(form[2])
        made = List([Symbol(head, None, place), form[1]])
        self.spans.put(made, span, (place, form[2]))
        return "FORM", made, span

    # ---- maps that are right only inside a template

    def report_loose_maps(self, forms: list[Any]) -> None:
        """A map literal of an odd count may contain `~@` only inside a template (language.md §1.6)."""
        loose = {id(form) for form in self._loose}
        pending: list[tuple[Any, int]] = [(form, 0) for form in forms] if loose else []
        while pending:
            form, level = pending.pop()
            if type(form) is Map:
                pairs = form.pairs if form.pairs is not None else form.entries()
                pending.extend((part, level) for pair in pairs for part in pair)
            elif type(form) is List or type(form) is tuple or type(form) is PVector:
                span = self.spans.of(form)
                if id(form) in loose and level <= 0 and span is not None:
                    note = "only inside a template may ~@ complete a map"
                    self.report.add("map literal with an odd count", span, "RTFS-E105", note)
                if type(form) is List and len(form) == 2 and type(form[0]) is Symbol:
                    level += _LEVELS.get(form[0].name, 0)
                pending.extend((part, level) for part in form)


def _of_tokens(make: Make) -> Callable[[Items, Token], Token]:
    """The rule that makes a collection when its closing bracket comes."""

    def completed(items: Items, closing: Token) -> Token:
        span = items.opening[2].to(closing[2])
        return "FORM", make(items, span), span

    return completed


def _begin(opening: Token) -> Items:
    return items_of(opening)


def _add(items: Items, form: Token) -> Items:
    items.values.append(form[1])
    items.places.append(form[2])
    return items


def _first(first: Any, second: Any = None) -> Any:
    return first


def _check(items: Items, share: int) -> None:
    """MemoryLimitExceeded for a collection of too many elements, each of so many forms."""
    count = len(items.values) // share
    if count > ELEMENTS:
        error = memory_error("collection", count, ELEMENTS)
        error.span = items.opening[2]
        raise error
