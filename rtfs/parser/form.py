"""What each rule of rtfs.lark makes of its parts: forms, which are plain values, with their spans. Tag: LITERAL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import SMALL, List, Map, PVector, map_form, vector
from rtfs.lang.errors import memory_error
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, Span, SpanTable
from rtfs.parser.lexer import Report, Token

ELEMENTS = Limits().elements
HIGHEST_PARAMETER = 20

_QUOTES = {"QUOTE": "quote", "BACKQUOTE": "quasiquote", "UNQUOTE": "unquote", "SPLICE": "unquote-splicing"}
_LEVELS = {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}

Items = list[Token]  # an opening bracket and the forms behind it


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
            "list": self.make_list,
            "vector": self.make_vector,
            "map": self.make_map,
            "anonymous": self.begin_function,
            "function": self.make_function,
            "quoted": self.make_quoted,
            "context": self.make_context,
            "annotation": self.make_annotation,
            "annotated": self.make_annotated,
            "discard": self.begin_discarded,
            "discarded": self.drop,
        }

    # ---- collections

    def make_list(self, items: Items, closing: Token) -> Token:
        values, places, span = _gathered(items, closing)
        form = List(values)
        self.spans.put(form, span, places)
        return "FORM", form, span

    def make_vector(self, items: Items, closing: Token) -> Token:
        values, places, span = _gathered(items, closing)
        form = values if len(values) <= SMALL else vector(values)
        if values:  # Python has only one empty tuple, which cannot be found by identity
            self.spans.put(form, span, places)
        return "FORM", form, span

    def make_map(self, items: Items, closing: Token) -> Token:
        """A map, the clause `{p => e}`, or a map with `~@` in it."""
        opening, *forms = items
        if len(forms) == 3 and type(forms[1][1]) is Symbol and forms[1][1].name == "=>":
            return self.make_list([opening, forms[1], forms[0], forms[2]], closing)
        if self._spliced and any(id(value) in self._spliced for _, value, _ in forms):
            return self._make_spliced_map(opening, forms, closing)
        if len(forms) % 2:
            last = forms.pop()[2]
            if opening[1] == len(self.report.errors):  # else it may be odd because something was dropped
                note = f"the last key, at {last.line}:{last.column}, has no value"
                self.report.add("map literal with an odd count", opening[2].to(closing[2]), "RTFS-E105", note)
        values, places, span = _gathered([opening, *forms], closing, 2)
        form = map_form(list(zip(values[::2], values[1::2], strict=True)))
        self.spans.put(form, span, places)
        return "FORM", form, span

    def _make_spliced_map(self, opening: Token, forms: list[Token], closing: Token) -> Token:
        place = opening[2]
        made = self.make_list([opening, ("SYMBOL", Symbol("rtfs/map", None, place), place), *forms], closing)
        if len(forms) % 2:
            self._loose.append(made[1])
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
        place = items[0][2]
        body = self.make_list(items, closing)
        names: list[str] = []
        if self._function is place:
            names = [f"%{number}" for number in range(1, self._arity + 1)] + ["&", "%&"] * self._rest
            self._function = None
        parameters = tuple([Symbol(name, None, place) for name in names])
        if names:
            self.spans.put(parameters, place, (place,) * len(names))
        form = List([Symbol("fn", None, place), parameters, body[1]])
        self.spans.put(form, body[2], (place, place, body[2]))
        return "FORM", form, body[2]

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


def _begin(opening: Token) -> Items:
    return [opening]


def _add(items: Items, form: Token) -> Items:
    items.append(form)
    return items


def _first(first: Any, second: Any = None) -> Any:
    return first


def _gathered(items: Items, closing: Token, share: int = 1) -> tuple[tuple[Any, ...], tuple[Span, ...], Span]:
    """Values and places of the forms between two brackets, and the place of the whole.

    MemoryLimitExceeded if there are too many; `share`: how many forms make one element.
    """
    begin, end = items[0][2], closing[2]
    if len(items) <= SMALL:  # `zip` makes an iterator for every item
        _, values, places = zip(*items, strict=True)
    else:
        count = (len(items) - 1) // share
        if count > ELEMENTS:
            error = memory_error("collection", count, ELEMENTS)
            error.span = begin
            raise error
        values, places = tuple([value for _, value, _ in items]), tuple([place for _, _, place in items])
    span = Span(begin.source, begin.line, begin.column, end.end_line, end.end_column)
    return values[1:], places[1:], span
