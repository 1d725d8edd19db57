"""Forms become core forms: macro calls are expanded wherever an expression stands (language.md §9).

The walk knows of each special form which parts are expressions and which names they see, so that a local hides a macro.
Malformed special forms are left as they are; the compiler reports them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.errors import ExpansionError, RtfsError, arity_text, syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.source import Span, SpanTable
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid, is_vector
from rtfs.macros.quasiquote import head, lower
from rtfs.macros.walk import WALKERS

MAX_DEPTH = 1000


class Modules(Protocol):
    def macro(self, name: str, module: str) -> Any: ...


class Expander:
    """Expands the forms of one session. `modules` finds macros, `invoke(function, args)` runs one purely."""

    def __init__(self, *, modules: Modules, invoke: Callable[[Any, Any], Any]) -> None:
        self.modules = modules
        self.invoke = invoke
        self.module = "user"
        self.spans: SpanTable | None = None
        self.stack: list[tuple[str, Any]] = []  # macros being expanded: name and call, outermost first
        self.locals: frozenset[str] = frozenset()
        self.running = 0  # macro functions that run now

    # ---- entries

    def expand_top(self, form: Any, module: str, spans: SpanTable | None) -> Any:
        """The core form of one top-level form."""
        self.module, self.spans = module, spans
        return self.expand(form, frozenset())

    def expand_head(self, form: Any, module: str, spans: SpanTable | None) -> Any:
        """The form, expanded until its head is no macro."""
        self.module, self.spans = module, spans
        depth = len(self.stack)
        try:
            while True:
                macro = self._macro(form, frozenset())
                if macro is None:
                    return form
                form = self._call(macro, form, frozenset())
        finally:
            del self.stack[depth:]

    def expand_1(self, form: Any, module: str) -> Any:
        """The form with its head macro expanded once."""
        self.module = module
        macro = self._macro(form, frozenset())
        return form if macro is None else self._once(macro, form)

    def _once(self, macro: Any, form: Any) -> Any:
        depth = len(self.stack)
        try:
            return self._call(macro, form, frozenset())
        finally:
            del self.stack[depth:]

    # ---- the walk

    def expand(self, form: Any, names: frozenset[str]) -> Any:
        """The core form of an expression that sees the locals `names`."""
        kind = type(form)
        if kind is List and form:
            return self._list(form, names)
        if kind is tuple or kind is PVector or kind is List:
            return self.each(form, 0, names)
        if kind is Map:
            return self._map(form, names)
        if kind is Symbol and form.name not in names and self.modules.macro(form.name, self._home(form)) is not None:
            raise syntax_error(form.name, "macro used as a value", self.span(form))
        return form

    def _list(self, form: List, names: frozenset[str]) -> Any:
        depth = len(self.stack)
        try:
            while type(form) is List and form:
                macro = self._macro(form, names)
                if macro is None:
                    break
                form = self._call(macro, form, names)
            if type(form) is not List or not form:
                return self.expand(form, names)
            return self._plain(form, names)
        finally:
            del self.stack[depth:]

    def _plain(self, form: List, names: frozenset[str]) -> Any:
        name = head(form)
        if name == "quasiquote" and len(form) == 2:
            code = lower(form[1], self.module)
            self.place(code, self.span(form))
            return self.expand(code, names)
        walker = WALKERS.get(name or "")
        if walker is not None:
            return walker(self, form, names)
        if name is not None:
            return self.each(form, 1, names)
        return self.each(form, 0, names)

    def each(self, form: Any, start: int, names: frozenset[str], stop: int | None = None) -> Any:
        """The form with its parts from `start` expanded."""
        stop = len(form) if stop is None else stop
        return self.rebuilt(form, [self.expand(p, names) if start <= i < stop else p for i, p in enumerate(form)])

    def rebuilt(self, form: Any, parts: list[Any]) -> Any:
        """The form with other parts; the same form when they are the same. It keeps its place."""
        if len(parts) == len(form) and all(new is old for new, old in zip(parts, form, strict=True)):
            return form
        new = List(parts) if type(form) is List else vector(parts)
        if self.spans is not None:
            span = self.spans.of(form)
            if span is not None:
                children = tuple(self.spans.child(form, i) or span for i in range(len(form)))
                self.spans.put(new, span, children if len(parts) == len(form) else ())
        return new

    def _map(self, form: Map, names: frozenset[str]) -> Map:
        pairs = map_pairs(form)
        new = [(self.expand(key, names), self.expand(value, names)) for key, value in pairs]
        if all(a is c and b is d for (a, b), (c, d) in zip(pairs, new, strict=True)):
            return form
        return self.remap(form, new)

    def remap(self, form: Map, pairs: list[tuple[Any, Any]]) -> Map:
        """A map form with other pairs, every pair kept."""
        result = Map.of(pairs)
        if len(result) != len(pairs):
            result.pairs = tuple(pairs)
        if self.spans is not None:
            span = self.spans.of(form)
            if span is not None:
                children = tuple(self.spans.child(form, i) or span for i in range(2 * len(pairs)))
                self.spans.put(result, span, children)
        return result

    # ---- macro calls

    def _home(self, symbol: Symbol) -> str:
        return symbol.module or self.module

    def _macro(self, form: Any, names: frozenset[str]) -> Any:
        """The macro that the form calls, None when it is no macro call."""
        if type(form) is not List or not form or type(form[0]) is not Symbol:
            return None
        name = form[0].name
        if name in WALKERS or name in names:
            return None
        found = self.modules.macro(name, self._home(form[0]))
        if found is None and form[0].module not in (None, self.module):
            found = self.modules.macro(name, self.module)
        return found

    def _call(self, macro: Any, form: List, names: frozenset[str]) -> Any:
        """One expansion step."""
        self.stack.append((macro.name, form))
        if len(self.stack) > MAX_DEPTH:
            chain = " > ".join(name for name, _ in self.stack[:3])
            raise ExpansionError(
                "MacroError",
                f"Macro expansion deeper than {MAX_DEPTH}: {chain} …",
                code="RTFS-E202",
                span=self.call_span(),
            )
        low, high = macro.params
        count = len(form) - 1
        if count < low or (high is not None and count > high):
            raise self._failure(macro, f"expected {arity_text(low, high)} arguments, got {count}")
        outer, self.locals = self.locals, names
        self.running += 1
        try:
            result = self.invoke(macro.function, form[1:])
        except RtfsError as error:
            raise self._wrapped(macro, error) from error
        finally:
            self.running -= 1
            self.locals = outer
        bad = not_a_form(result)
        if bad is not None:
            raise self._failure(macro, f"the expansion contains a value that is no form ({bad})")
        self.place(result, self.span(form) or self.call_span())
        return result

    def _failure(self, macro: Any, text: str) -> RtfsError:
        if macro.library:
            return syntax_error(macro.name, text, self.call_span())
        error = ExpansionError("MacroError", f"Macro {macro.name}: {text}", span=self.call_span())
        error.notes.extend(self.chain())
        return error

    def _wrapped(self, macro: Any, error: RtfsError) -> RtfsError:
        """An error inside a macro's body, as an error of the macro call."""
        if getattr(error, "from_macro", False) or (not error.catchable and error.kind != "InternalError"):
            return error
        if (
            isinstance(error, ExpansionError)
            and error.kind in ("MacroError",)
            and not error.message.startswith("host call")
        ):
            return error
        failure = self._failure(macro, error.message)
        failure.from_macro = True  # type: ignore[attr-defined]
        failure.notes.append(f"caused by {error.kind}: {error.message}")
        return failure

    def malformed(self, form: Any, text: str, code: str) -> RtfsError:
        """What `(syntax-error form text code)` raises."""
        span = (self.span(form) if form is not None else None) or self.call_span()
        error = ExpansionError("SyntaxError", text, code=code, span=span)
        error.from_macro = True  # type: ignore[attr-defined]
        return error

    def chain(self) -> list[str]:
        return [f"in macro {name}" for name, _ in reversed(self.stack[-5:])]

    # ---- places

    def span(self, form: Any) -> Span | None:
        return self.spans.of(form) if self.spans is not None else None

    def call_span(self) -> Span | None:
        """The place of the innermost macro call that has one."""
        for _, form in reversed(self.stack):
            span = self.span(form)
            if span is not None:
                return span
        return None

    def place(self, form: Any, span: Span | None) -> None:
        """A form that a macro built stands where the macro call stands."""
        if (
            self.spans is not None
            and span is not None
            and type(form) in (List, tuple, PVector, Map)
            and self.spans.of(form) is None
        ):
            self.spans.put(form, span, ())


_ATOMS = frozenset({type(None), bool, int, float, str, Keyword, Symbol, Timestamp, Uuid, ResourceHandle})


def not_a_form(value: Any) -> str | None:
    """The kind of something inside that cannot be code, None when all of it can."""
    stack = [value]
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind in _ATOMS:
            continue
        if kind is List or is_vector(part):
            stack.extend(part)
        elif kind is Map:
            for key, item in part.entries():
                stack.append(key)
                stack.append(item)
        elif kind is ErrorValue or not callable(part):
            return "error" if kind is ErrorValue else kind.__name__
    return None
