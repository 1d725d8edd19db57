"""Forms become core forms: macro calls are expanded wherever an expression stands (language.md §9).

The walk (walk.py) knows of each special form which parts are expressions and which names they see, so that a local
hides a macro. Malformed special forms are left as they are; the compiler reports them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from rtfs.lang.collections import List, Map, PVector, map_form, vector
from rtfs.lang.errors import ExpansionError, RtfsError, arity_text, overflow, syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.signal import FLAG, poll
from rtfs.lang.source import Span, SpanTable
from rtfs.lang.values import is_vector
from rtfs.macros.define import annotated_macro
from rtfs.macros.macro import Macro, MalformedForm, Modules
from rtfs.macros.place import NO_TRAIL, Text
from rtfs.macros.result import stranger
from rtfs.macros.walk import WALKERS, Names, own_names

MAX_DEPTH = 1000
MAX_NESTING = 10_000
NOTED = 8  # macros of the expansion stack that a note is written for
NOTHING: Names = frozenset()

# functions that use the macros or types visible where they are called → count of their arguments
_PLACED = {"macroexpand": 1, "macroexpand-1": 1, "validate": 2, "valid?": 2, "explain": 2}
_ATOMS = frozenset({type(None), bool, int, float, str, Keyword, FunctionType})


class Expander:
    """Expands the forms of one session. `modules` finds macros; `invoke(function, args)` runs one purely.

    While a macro's function runs, `running` is above zero and `locals` are the names bound at its call.
    """

    def __init__(self, *, modules: Modules, invoke: Callable[[Any, Any], Any]) -> None:
        self.modules = modules
        self.invoke = invoke
        self.module = "user"
        self.locals: Names = NOTHING
        self.running = 0
        self.entered = 0  # expansions under way, one inside the other: no other program may come between
        self.ahead: Names = NOTHING  # local definitions that function literals see before they are made
        self._text = Text(None)
        self._place: Span | None = None  # of the form that is expanded
        self._own: Names = NOTHING  # what the top-level form defines: inside its functions no macro
        # The macros being expanded, outermost first: their calls, and where the innermost call stands that was written.
        self._stack: list[tuple[Macro, Any, Span | None]] = []
        self._trail = NO_TRAIL
        self._library: set[str] = set()  # homes of the library macros that were called

    # ---- entries ------------------------------------------------------------------------------------------------

    def expand_top(self, form: Any, module: str, spans: SpanTable | None) -> Any:
        """The core form of one top-level form of `module`; `spans` also gets the places of new forms.

        MacroError, SyntaxError; StackOverflow for forms that are nested too deeply.
        """
        with self._entered(module, spans):
            self._place = self.span(form)
            self._own = own_names(form)
            self._trail = self._text.trail(form)
            return self.expand(form, NOTHING)

    def expand_head(self, form: Any, module: str, spans: SpanTable | None) -> Any:
        """The form, expanded until its head is no macro. Metadata before a `defmacro` moves to its name."""
        with self._entered(module, spans):
            self._place = self.span(form)
            self._trail = self._text.trail(form)
            macro = self._macro(form, NOTHING)
            while macro is not None:
                form = self._called(macro, form, NOTHING)
                macro = self._macro(form, NOTHING)
            if type(form) is List and form and self._trail[0]:
                for part in form[1:]:  # forms of a `do` are expanded apart; endless ones must be noticed all the same
                    if type(part) is List and not self._text.written(part):
                        self._text.made[id(part)] = (part, self._trail)
            return self._text.stand(annotated_macro(form), self.span(form))

    def expand_1(self, form: Any, module: str) -> Any:
        """The form with its head macro expanded once; the form itself when it is no macro call."""
        with self._entered(module, None):
            macro = self._macro(form, NOTHING)
            return form if macro is None else self._called(macro, form, NOTHING)

    @contextmanager
    def _entered(self, module: str, spans: SpanTable | None) -> Iterator[None]:
        """A macro may itself ask for an expansion: what the outer one knows is restored afterwards."""
        saved = (self.module, self._text, self._place, self.ahead, self._own, self._stack, self._trail)
        text = self._text if self._text.spans is spans else Text(spans)
        self.module, self._text, self.ahead, self._own = module, text, NOTHING, NOTHING
        self._place, self._stack, self._trail = None, [], NO_TRAIL
        self.entered += 1
        try:
            yield
        except RecursionError:
            raise overflow("nesting", MAX_NESTING) from None
        finally:
            self.entered -= 1
            self.module, self._text, self._place, self.ahead, self._own, self._stack, self._trail = saved
            if not self.running:
                self._text = text  # the next form is probably of the same text

    @property
    def compiling(self) -> bool:
        """Is it the expansion of a text, rather than of data by a running program?"""
        return self._text.spans is not None

    # ---- the walk -----------------------------------------------------------------------------------------------

    def expand(self, form: Any, names: Names) -> Any:
        """The core form of an expression that sees the locals `names`."""
        kind = type(form)
        if kind in _ATOMS:
            return form
        if kind is List:
            if FLAG:
                poll()
            return self._list(form, names) if form else form
        if kind is Symbol:
            return self._symbol(form, names)
        if kind is tuple or kind is PVector:
            return self.each(form, 0, names)
        return self._map(form, names) if kind is Map else form

    def _symbol(self, symbol: Symbol, names: Names) -> Symbol:
        if symbol.name in names:
            return self._free(symbol)
        if self._found(symbol, names) is not None:
            raise syntax_error(symbol.name, "macro used as a value", self.span(symbol) or self._call_span())
        return symbol

    def _free(self, symbol: Symbol) -> Symbol:
        """A symbol of a library template never means a local of the user: its twin cannot be captured."""
        return Symbol(f"rtfs/{symbol.name}", symbol.module) if symbol.module in self._library else symbol

    def _list(self, form: List, names: Names) -> Any:
        head = form[0]
        if type(head) is not Symbol:
            return self.each(form, 0, names)
        macro = self._found(head, names)
        if macro is not None:
            return self._expanded(macro, form, names)
        if head.name[0] == "." and self._found(Symbol(head.name[1:], head.module), names) is not None:
            return self._list(self.rebuilt(form, [Symbol(head.name[1:], head.module, head.span), *form[1:]]), names)
        walker = WALKERS.get(head.name)
        if walker is not None:
            try:
                return walker(self, form, names)
            except ExpansionError as error:
                error.span = error.span or self._wrong_part(error) or self.span(form) or self._call_span()
                raise
        if head.name in names and head.module is not None:
            form = self.rebuilt(form, [self._free(head), *form[1:]])
        spans = self._text.spans
        if spans is not None and head.span is not None and spans.of(form) is None:
            spans.put(form, self._text.headed(head) or head.span, ())
        if head.name in _PLACED:
            form = self._placed(form, names)
        return self.each(form, 1, names)

    def _placed(self, form: List, names: Names) -> List:
        """A call that depends on the module it is written in tells which that is."""
        name = form[0].name
        if self.module == "user" or name in names or self.modules.home(name, self.module):
            return form
        if len(form) != 1 + _PLACED[name]:
            return form
        if len(form) == 2:
            return List((Symbol("rtfs/expand"), form[1], name == "macroexpand-1", self.module))
        return List((Symbol("rtfs/validate"), form[1], form[2], name, self.module))

    def each(self, form: Any, start: int, names: Names) -> Any:
        """A list or vector with its parts from `start` on expanded."""
        parts: list[Any] | None = None
        for index in range(start, len(form)):
            part = form[index]
            new = self.expand(part, names)
            if new is not part:
                if parts is None:
                    parts = list(form)
                parts[index] = new
        return form if parts is None else self.rebuilt(form, parts)

    def rebuilt(self, form: Any, parts: list[Any]) -> Any:
        """The list or vector with as many other parts, in the same place; the form itself when they are its own."""
        for index, part in enumerate(form):
            if parts[index] is not part:
                break
        else:
            return form
        new = List(parts) if type(form) is List else vector(parts)
        self.copy_place(form, new)
        return new

    def _map(self, form: Map, names: Names) -> Map:
        pairs = map_pairs(form)
        new = [(self.expand(key, names), self.expand(value, names)) for key, value in pairs]
        if all(a is c and b is d for (a, b), (c, d) in zip(pairs, new, strict=True)):
            return form
        result = map_form(new)
        self.copy_place(form, result)
        return result

    # ---- macro calls --------------------------------------------------------------------------------------------

    def _macro(self, form: Any, names: Names) -> Macro | None:
        """The macro that the form calls, None when it is no macro call."""
        if type(form) is not List or not form or type(form[0]) is not Symbol:
            return None
        return self._found(form[0], names)

    def _found(self, symbol: Symbol, names: Names) -> Macro | None:
        """The macro that a name means here: special forms and locals come first (language.md §3.3)."""
        name, home = symbol.name, symbol.module
        if name in WALKERS or (name in names and home not in self._library):
            return None
        if home is not None and home != self.module:
            found = self.modules.macro(name, home)
            if found is not None or self.modules.home(name, home) is not None:
                return found
        return None if name in self._own else self.modules.macro(name, self.module)

    def library_macro(self, symbol: Symbol, names: Names) -> Macro | None:
        """The macro of the library that a name means here."""
        found = self._found(symbol, names)
        return found if found is not None and found.library else None

    def _expanded(self, macro: Macro, form: List, names: Names) -> Any:
        """The core form of a macro call."""
        trail, mark = self._trail, len(self._stack)
        if self._text.written(form):
            self._trail = NO_TRAIL
        result: Any = form
        again: Macro | None = macro
        try:
            while again is not None:
                result = self._called(again, result, names)
                again = self._macro(result, names)
            return self.expand(result, names)
        finally:
            self._trail = trail
            del self._stack[mark:]

    def _called(self, macro: Macro, form: List, names: Names) -> Any:
        """One expansion step."""
        self._stack.append(
            (macro, form, self.span(form) or self._text.threaded(form[0], self._place) or self._call_span())
        )
        depth, first = self._trail
        self._trail = (depth + 1, (*first, macro.name) if depth < 3 else first)
        if depth == MAX_DEPTH:
            raise self._endless()
        low, high = macro.params
        count = len(form) - 1
        if count < low or (high is not None and count > high):
            word = "argument" if low == 1 and high in (1, None) else "arguments"
            raise self._failure(f"expected {arity_text(low, high)} {word}, got {count}")
        result = self._run(macro, form, names)
        kind = stranger(result)
        if kind is not None:
            raise self._failure(f"the result is no form: it contains a value of kind {kind}")
        if macro.library:
            self._library.add(macro.module)
        head = result[0] if type(result) is List and result else None
        return self._text.stand(
            result, (self._text.headed(head) if type(head) is Symbol else None) or self._call_span()
        )

    def _run(self, macro: Macro, form: List, names: Names) -> Any:
        outer, self.locals = self.locals, names
        self.running += 1
        try:
            return self.invoke(macro.function, form[1:])
        except MalformedForm as error:
            error.trace = []  # how the macro came to see it is not the concern of who wrote the form
            raise error.with_traceback(None) from None
        except RtfsError as error:
            if not error.catchable:
                raise
            raise self._failure(error.message, error) from error
        finally:
            self.running -= 1
            self.locals = outer

    # ---- errors -------------------------------------------------------------------------------------------------

    def _failure(self, text: str, cause: RtfsError | None = None) -> RtfsError:
        """The macro that was called last failed: MacroError, or SyntaxError for one of the library."""
        macro = self._stack[-1][0]
        span = self._call_span()
        if macro.library:
            error = syntax_error(macro.name, text.removeprefix(f"{macro.name}: "), span)
        else:
            error = ExpansionError("MacroError", f"Macro {macro.name}: {text}", span=span)
        if cause is not None:
            error.notes.append(f"caused by {cause.kind}: {cause.message}{_where(cause.span)}")
        return self._noted(error)

    def _endless(self) -> RtfsError:
        text = f"Macro expansion deeper than {MAX_DEPTH}: {' > '.join(self._trail[1])} …"
        return self._noted(ExpansionError("MacroError", text, code="RTFS-E202", span=self._call_span()))

    def _noted(self, error: RtfsError) -> RtfsError:
        """With the macros around, innermost first."""
        notes: list[tuple[str, int]] = []
        for macro, form, _ in reversed(self._stack):
            span = self.span(form)
            note = f"in macro {macro.name}{'' if span == error.span else _where(span)}"
            if notes and notes[-1][0] == note:
                notes[-1] = (note, notes[-1][1] + 1)
            else:
                notes.append((note, 1))
        error.notes.extend(note if times == 1 else f"{note}, {times} times" for note, times in notes[:NOTED])
        if len(notes) > NOTED:
            error.notes.append(f"in {len(notes) - NOTED} more macros")
        return error

    def malformed(self, form: Any, text: str, code: str) -> MalformedForm:
        """What `(syntax-error form text code)` raises: at the form, or at the macro call if it has no place."""
        span = self.span(form) or self._atom_span(form) or self._call_span()
        return MalformedForm("SyntaxError", text, code=code, span=span)

    def _wrong_part(self, error: ExpansionError) -> Span | None:
        """Where the part of a form stands that an error is about, if it says so."""
        if error.part is None or self._text.spans is None:
            return None
        parent, index = error.part
        return self.span(parent[index]) or self._text.spans.child(parent, index) or self.span(parent)

    def place(self, form: Any, original: Any) -> Any:
        """A form that a macro made, now where a part of the macro call stands; it keeps a place that it has."""
        return self._text.stand(form, self.span(original) or self._atom_span(original))

    def _atom_span(self, atom: Any) -> Span | None:
        """Where a part of the macro call that has no place of its own stands."""
        spans = self._text.spans
        pending = [self._stack[-1][1]] if self._stack and spans is not None and atom is not None else []
        while pending:
            form = pending.pop()
            parts = [part for pair in map_pairs(form) for part in pair] if type(form) is Map else form
            for index, part in enumerate(parts):
                if part is atom:
                    return spans.child(form, index)  # type: ignore[union-attr]
            pending.extend(
                [part for part in reversed(parts) if type(part) is List or is_vector(part) or type(part) is Map]
            )
        return None

    # ---- places -------------------------------------------------------------------------------------------------

    def span(self, form: Any) -> Span | None:
        return None if self._text.spans is None else self._text.spans.of(form)

    def copy_place(self, form: Any, new: Any) -> None:
        """`new` stands, part for part, where `form` stands."""
        if self._text.spans is not None:
            self._text.spans.copy(form, new)

    def stand(self, form: Any, original: Any) -> Any:
        """A form that replaces `original` stands where that stands."""
        return self._text.stand(form, self.span(original))

    def _call_span(self) -> Span | None:
        """The place of the innermost macro call that has one, or of the whole form."""
        return self._stack[-1][2] if self._stack else self._place


def _where(span: Span | None) -> str:
    return "" if span is None else f" at {span.source.name}:{span.line}:{span.column}"
