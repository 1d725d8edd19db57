"""The type of every expression, and what is wrong with it (language.md §13): the walk over core forms.

Special forms are handled by the files of the folder `special`, a function for each; everything else is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rtfs.check.blame import Blame
from rtfs.check.call import Calls, Outcome
from rtfs.check.kind import (
    ANY,
    MAP,
    NEVER,
    NIL,
    VECTOR,
    exact,
    kind_of,
    literal,
    map_of,
    sequence,
    type_of,
)
from rtfs.check.message import argument, call_fault
from rtfs.check.narrow import Narrowing
from rtfs.check.program import Part, Program, head, is_literal
from rtfs.check.report import Reporter, Want
from rtfs.check.scope import Scope, Use
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.source import Span
from rtfs.lang.suggest import nearest
from rtfs.lang.types import Type, unknown_names
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid

DEEP = 16  # levels of nested literals whose contents are known
WIDE = 64  # items of a literal that are known one by one

_CONSTANTS = frozenset({type(None), bool, int, float, str, Keyword})
_ATOMS = frozenset({Timestamp, Uuid, ResourceHandle, Symbol})
_KEYS = frozenset({Keyword, str, int})

Form = Callable[["Inference", List, Scope, "Want | None"], Type]
FORMS: dict[str, Form] = {}
Native = Callable[["Inference", List, list[Type]], Outcome | None]
NATIVE: dict[str, Native] = {}


def native(*names: str) -> Callable[[Native], Native]:
    """Register what is known of calls of library functions beyond their types; None leaves it to the type."""

    def register(function: Native) -> Native:
        for name in names:
            NATIVE[name] = function
        return function

    return register


class Malformed(Exception):
    """A special form that does not have its shape: the compiler said so, and nothing more is known."""


def form(*names: str) -> Callable[[Form], Form]:
    """Register how a special form is inferred."""

    def register(function: Form) -> Form:
        for name in names:
            FORMS[name] = function
        return function

    return register


class Inference(Reporter):
    """Infers the parts of a program and collects findings. `targets` are what `recur` may go to."""

    def __init__(self, program: Program) -> None:
        self.calls = Calls()
        super().__init__(self.calls.overlap)
        self.program = program
        self.joining = self.calls.joining
        self.narrowing = Narrowing(self.overlap)
        self.uses: dict[tuple[str, Span], Use] = {}
        self.used_imports: set[tuple[str, str]] = set()  # module and visible name
        self.targets: list[Any] = []
        self.loops = 0
        self.level = 0  # of nested literals
        self.given: list[Type] = []  # what the function literal at hand is called with
        from rtfs.check import special  # deferred: its files register themselves here

        special.load()

    # ---- parts ---------------------------------------------------------------------------------------------------

    def run(self, part: Part) -> Type:
        """Infer one top-level form."""
        if part.broken:
            return ANY
        self.part, self.at = part, None
        self.at = self.place(part.form) or part.spans.of(part.raw)
        self.targets, self.tolerated, self.level, self.loops = [], frozenset(), 0, 0
        return self.infer(part.form, Scope())

    @property
    def module(self) -> str:
        assert self.part is not None
        return self.part.module

    # ---- expressions ---------------------------------------------------------------------------------------------

    def sub(self, parent: Any, index: int, scope: Scope, want: Want | None = None) -> Type:
        """The type of the n-th part of a form."""
        part = parent[index]
        outer, self.at = self.at, self.place(part, parent, index)
        try:
            return self.infer(part, scope, want)
        finally:
            self.at = outer

    def body(self, form: Any, start: int, scope: Scope, want: Want | None = None) -> Type:
        """The type of the last of the forms from `start`; nil when there is none."""
        last = len(form) - 1
        if start > last:
            return self.wanted(NIL, want)
        for index in range(start, last):
            self.sub(form, index, scope)
        return self.sub(form, last, scope, want)

    def infer(self, form: Any, scope: Scope, want: Want | None = None) -> Type:
        """The type of an expression; `want` is what the place of its value asks for."""
        kind = type(form)
        if kind is List and form:
            head = form[0]
            handler = FORMS.get(head.name) if type(head) is Symbol else None
            if handler is None:
                return self.wanted(self.call(form, scope), want)
            try:
                return handler(self, form, scope, want)
            except (Malformed, RtfsError):
                return ANY  # the compiler reported what is wrong with the form
        return self.wanted(self.atom(form, scope), want, form)

    def wanted(self, found: Type, want: Want | None, form: Any = None) -> Type:
        """Note an expression that may give the value of a place; `form` is a literal that it is."""
        if want is not None:
            want.tails.append((form, self.at, found))
        return found

    def expect(self, parent: Any, index: int, scope: Scope, want: Want) -> Type:
        """The type of the n-th part of a form, which stands where something is wanted."""
        found = self.sub(parent, index, scope, want)
        self.settle(want)
        return found

    def atom(self, form: Any, scope: Scope) -> Type:
        kind = type(form)
        if kind is Symbol:
            return self.symbol(form, scope)
        if kind is str:
            self._named_import(form)
        if kind in _CONSTANTS or kind in _ATOMS:
            return type_of(form) if kind in _CONSTANTS else kind_of(form)
        if kind is tuple or kind is PVector:
            return self._collection(form, scope, self.vector, VECTOR)
        if kind is Map:
            return self._collection(form, scope, self.map, MAP)
        return sequence("list", NEVER) if kind is List else ANY

    def _collection(self, form: Any, scope: Scope, infer: Callable[[Any, Scope], Type], bare: Type) -> Type:
        self.level += 1
        found = infer(form, scope)
        self.level -= 1
        return found if self.level < DEEP else bare

    def vector(self, form: Any, scope: Scope) -> Type:
        items = [self.sub(form, index, scope) for index in range(len(form))]
        return exact(items) if len(items) <= WIDE else sequence("vector", self.joining.all(items))

    def map(self, form: Map, scope: Scope) -> Type:
        pairs = map_pairs(form)
        types: list[Type] = []
        outer = self.at
        for index, part in enumerate([part for pair in pairs for part in pair]):
            self.at = outer
            self.at = self.place(part, form, index)
            types.append(self.infer(part, scope))
        self.at = outer
        keys, values = types[::2], types[1::2]
        self._repeated_keys(form, pairs)
        if all(type(key) in _KEYS for key, _ in pairs) and len(pairs) <= WIDE:
            return literal({key: value for (key, _), value in zip(pairs, values, strict=True)}.items())
        return map_of(self.joining.all(keys), self.joining.all(values))

    def _repeated_keys(self, form: Map, pairs: list[tuple[Any, Any]]) -> None:
        if form.pairs is None:
            return
        seen: set[Any] = set()
        for index, (key, _) in enumerate(pairs):
            if type(key) in _CONSTANTS:
                mark = (type(key), key)
                if mark in seen:
                    self.report("RTFS-W306", f"key {describe_value(key)} stands twice: the later value counts",
                                self.place(key, form, 2 * index))  # fmt: skip
                seen.add(mark)

    # ---- names ---------------------------------------------------------------------------------------------------

    def symbol(self, symbol: Symbol, scope: Scope) -> Type:
        """The type of a name (language.md §3.4)."""
        found = scope.find(symbol.name)
        if found is not None:
            found_type, use = found
            if use is not None:
                use.used = True
            return found_type
        return self.global_(symbol, scope)

    def global_(self, symbol: Symbol, scope: Scope) -> Type:
        name = symbol.name
        kind, what = self.program.meaning(symbol, self.module)
        if kind == "nothing":
            self._undefined(symbol)
            return ANY
        self.used_imports.add((self.module, name))
        if kind == "definition":
            self._early(symbol, what, scope)
            return what.type  # type: ignore[no-any-return]
        if kind == "library":
            return self.program.library.type(what) or ANY
        return ANY

    def _early(self, symbol: Symbol, definition: Any, scope: Scope) -> None:
        """A name that code outside of any function uses must be defined before."""
        part = self.part
        assert part is not None
        if symbol.name in self.program.library.names:
            return  # until then it is the library's
        if scope.depth == 0 and definition.module == part.module and definition.part.number > part.number:
            span = self.place(definition.part.form)
            line = "" if span is None else f" on line {span.line}"
            self.report("RTFS-W205", f"{symbol.name} is defined only later{line}", self.written(symbol))

    def _undefined(self, symbol: Symbol) -> None:
        name = symbol.name
        special = self.program.library.special
        if name in special or name[:1] == "." < name or (name[:1] == "<" and name[-1:] == ">" and len(name) > 2):
            return  # a syntax error, which is reported, or a lookup in the context
        space = self.program.spaces[self.module]
        known = [*space.definitions, *space.macros, *space.imported, *self.program.library.names, *special]
        notes = tuple(f"did you mean `{near}`?" for near in nearest(name, known))
        prefix = name.rpartition("/")[0]
        if prefix in {each for one in space.imports for each in one.prefixes}:
            notes = (f"module {prefix} does not export it", *notes)
        self.report("RTFS-W104", f"undefined symbol {name}", self.written(symbol), notes)

    def _named_import(self, text: str) -> None:
        """Stream macros turn the name of a processor into text, which is looked up when the stream starts."""
        space = self.program.spaces.get(self.module)
        if space is not None and text in space.imported:
            self.used_imports.add((self.module, text))

    # ---- calls ---------------------------------------------------------------------------------------------------

    def call(self, form: List, scope: Scope) -> Type:
        head = form[0]
        if type(head) is Symbol and head.name.startswith(".") and len(head.name) > 1:
            head = Symbol(head.name[1:], head.module, head.span)
        callee = self._head(head, scope) if type(head) is Symbol else self.sub(form, 0, scope)
        arguments = self._arguments(form, callee, scope)
        name = _shown_name(head, form)
        outcome = self._native(form, head, arguments, scope) or self.calls.call(callee, arguments)
        self.faults(outcome, form, name)
        return outcome.result

    def faults(self, outcome: Outcome, form: List, name: str, first: int = 1) -> None:
        """Report what is wrong with a call; the first argument is part `first` of the form."""
        for fault in outcome.faults:
            index = fault.place + first if fault.kind == "argument" else 0
            span = self.place(form) if fault.kind == "arity" else self.place(form[index], form, index)
            if fault.kind == "argument" and fault.certain:
                self.wrong(Blame(form[index], span, fault.actual, fault.expected), argument(fault, name), True)
            else:
                self.report(*call_fault(fault, name), span)

    def _head(self, head: Symbol, scope: Scope) -> Type:
        """The type of what is called; a local that has the name of a library function may be called by mistake."""
        found = scope.find(head.name)
        use = None if found is None else found[1]
        if use is not None and head.name in self.program.library.names:
            self.report("RTFS-W304", f"{head.name} hides the library's own, and is called in its place", use.span)
        return self.symbol(head, scope)

    def _arguments(self, form: List, callee: Type, scope: Scope) -> list[Type]:
        """The types of the arguments; function literals last, for the others tell what they are called with."""
        literals = {index for index in range(1, len(form)) if is_literal(form[index])}
        found = {index: self.sub(form, index, scope) for index in range(1, len(form)) if index not in literals}
        if literals:
            hints = self.calls.hints(callee, [found.get(index) for index in range(1, len(form))])
            for index in sorted(literals):
                outer, self.given = self.given, hints[index - 1]
                found[index] = self.sub(form, index, scope)
                self.given = outer
        return [found[index] for index in range(1, len(form))]

    def _native(self, form: List, head: Any, arguments: list[Type], scope: Scope) -> Outcome | None:
        """A library function of which more is known than its declared type says."""
        if type(head) is not Symbol or head.name not in NATIVE or scope.find(head.name) is not None:
            return None
        if self.program.meaning(head, self.module) != ("library", head.name):
            return None
        return NATIVE[head.name](self, form, arguments)

    def metadata(self, form: Any, scope: Scope) -> None:
        """What stands before a name that is defined: its values are expressions."""
        while head(form) == "rtfs/with-meta" and len(form) == 3 and type(form[1]) is Map:
            outer, self.at = self.at, self.place(form[1], form, 1)
            self.map(form[1], scope)
            self.at, form = outer, form[2]

    # ---- types in the text ---------------------------------------------------------------------------------------

    def annotation(self, parent: Any, index: int) -> Type:
        """The type that the n-th part of a form says; anything for a malformed one."""
        written = parent[index]
        try:
            found = self.program.type(written, self.module)
        except RtfsError:
            return ANY
        for name in unknown_names(found):
            near = nearest(name, [*self.program.spaces[self.module].types, *_TYPE_NAMES])
            notes = tuple(f"did you mean `{each}`?" for each in near)
            span = next((one.span for one in _symbols(written) if one.name == name and one.span is not None), None)
            span = span or self.place(written, parent, index)
            self.report("RTFS-W203", f"{name} names no type: any value is accepted", span, notes)
        return found


_TYPE_NAMES = ("Int", "Float", "Number", "String", "Bool", "Keyword", "Symbol", "Vector", "List", "Map", "Any", "Fn")


def _symbols(form: Any) -> Iterator[Symbol]:
    pending = [form]
    while pending:
        part = pending.pop()
        if type(part) is Symbol:
            yield part
        elif type(part) in (tuple, PVector, List):
            pending.extend(part)
        elif type(part) is Map:
            pending.extend(each for pair in map_pairs(part) for each in pair)


def _shown_name(head: Any, form: List) -> str:
    """How a call's function is called in messages: for what a macro calls, by the macro's name."""
    if type(head) is not Symbol:
        return f":{head.name}" if type(head) is Keyword else "function"
    name = head.name
    if name.startswith("rtfs/"):
        return form[1] if len(form) > 1 and type(form[1]) is str else {"rtfs/integer": "dotimes"}.get(name, name[5:])
    return name


def describe_value(value: Any) -> str:
    from rtfs.lang.printer import show_brief  # deferred: only for messages

    return show_brief(value, 60)
