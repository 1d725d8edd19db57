"""Core forms become Python syntax: expressions where they can, statements where they must, places kept on every node.

An expression that needs statements appends them to the current `block` first; operands to its left are then spilled
into temporaries, so the order of evaluation is exactly left to right. A `Dest` says what becomes of a form's value.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from typing import Any

from rtfs.eval import emit
from rtfs.eval.constant import ModuleGlobals
from rtfs.eval.literal import literal
from rtfs.eval.place import Places
from rtfs.eval.scope import (
    ANY,
    FUNCTION,
    NIL,
    Binding,
    Frame,
    Scope,
    Value,
)
from rtfs.eval.storage import count_lookups
from rtfs.eval.target import DISCARD, RETURN, WANT, Dest, Target
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.errors import ExpansionError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.signal import FLAG, poll
from rtfs.lang.source import SpanTable

MAX_DEPTH = 4_000  # nested forms in one top-level form
MAX_NESTED = 1_000  # blocks of statements inside each other: CPython's own compiler recurses in C
SHALLOW = 20  # nested forms whose values stay one Python expression


Special = Callable[["Compiler", List, Scope, "Dest | None"], "Value | None"]
Inline = Callable[["Compiler", List, Scope], "Value | None"]


class Compiler(Places):
    """Compiles one top-level form to a Python function body. See `compile_top`."""

    def __init__(
        self, target: Target, spans: SpanTable | None, special: dict[str, Special], inline: dict[str, Inline]
    ) -> None:
        super().__init__(target, spans)
        self.special = special
        self.inline = inline
        self.block: list[ast.stmt] = []
        self.frame = Frame(None, None)
        self.depth = 0
        self.nesting = 0
        self.varying: set[int] = set()  # literals that are known to be evaluated each time
        self.counter = 0
        self.metered = target.variant == "metered"
        self.lookups: Counter[str] = Counter()  # name → how often the form asks a local of that name for a key
        self.fitted: dict[tuple[str, int, bool], str] = {}  # what a clause of a match found out, for the next one
        self.collects = 0  # folds around that collect into a container
        self.fuses = True  # not while a chain is compiled as it is written
        self.pending_metadata: list[tuple[Any, Any]] = []  # of `^{…}` before a definition
        self.loop_kinds: dict[int, list[int]] = {}  # loop form → kinds assumed so far, so that recompiling converges

    # ---- names --------------------------------------------------------------------------------------------------

    def fresh(self, name: str = "t") -> str:
        self.counter += 1
        return f"{name}~{self.counter}"

    def bind(
        self, scope: Scope, name: str, kind: int = ANY, *, function: bool = False, loops: int | None = None
    ) -> Binding:
        """A new local in `scope`."""
        binding = Binding(name, self.fresh(name), self.frame, self.frame.loops if loops is None else loops, function)
        scope.names[name] = binding
        if kind != ANY:
            self.frame.facts[binding.python] = kind
        return binding

    def load(self, binding: Binding) -> Value:
        """Read a local, noting the capture in every function between here and its owner."""
        frame = self.frame
        if binding.container is not None:
            from rtfs.eval.builder import value_of

            return value_of(self, binding)
        if binding.frame is not frame:
            walk: Frame | None = frame
            while walk is not None and walk is not binding.frame:
                walk.captured[binding.python] = binding
                walk = walk.parent
        node = emit.name(binding.python, self.at)
        if binding.boxed:
            return Value(emit.call("#unbox", [node, emit.constant(binding.name, self.at)], self.at), ANY, False)
        kind = frame.facts.get(binding.python, FUNCTION if binding.function else ANY)
        return Value(node, kind, True)

    def constant(self, value: Any) -> ast.expr:
        """A value that Python code cannot hold, as a global of the module set when the code is loaded."""
        key = f"#k:{value.name}" if type(value) is Keyword else f"#c{self.target.uid}.{len(self.target.constants)}"
        self.target.constants[key] = value
        return emit.name(key, self.at)

    # ---- destinations -------------------------------------------------------------------------------------------

    def deliver(self, value: Value, dest: Dest | None) -> Value | None:
        """Send a value to its destination; the value itself when it is wanted."""
        if dest is WANT:
            return value
        assert dest.kind != "collect"  # what goes there is no value
        dest.note(value.kind)
        if dest.kind == "return":
            if dest.check is not None:
                value = dest.check(value)
            elif dest.parts is not None:
                from rtfs.eval.step import whole

                value = whole(self, value)
            self.block.append(emit.returns(value.node, self.at))
            return None
        if dest.kind == "assign":
            self.block.append(emit.assign(dest.name, value.node, self.at))
            self.know(dest.name, value.kind)
        elif not value.stable:
            self.block.append(emit.does(value.node, self.at))
        if dest.breaks:
            self.block.append(emit.placed(ast.Break(), self.at))
        return None

    def know(self, python: str, kind: int) -> None:
        """Record the kinds a Python local may have from here on."""
        if kind == ANY:
            self.frame.facts.pop(python, None)
        else:
            self.frame.facts[python] = kind

    def temp(self, value: Value) -> Value:
        """The value in a temporary unless it can be read again anyway."""
        if value.stable:
            return value
        name = self.fresh()
        self.block.append(emit.assign(name, value.node, self.at))
        return Value(emit.name(name, self.at), value.kind, True)

    def local(self, value: Value) -> str:
        """The Python local that holds a value."""
        if value.stable and isinstance(value.node, ast.Name) and "~" in value.node.id:
            return value.node.id
        name = self.fresh()
        self.block.append(emit.assign(name, value.node, self.at))
        self.know(name, value.kind)
        return name

    def twice(self, value: Value) -> tuple[ast.expr, ast.expr]:
        """Nodes for the first and for every later read of a value, evaluating it once."""
        if value.stable:
            return value.node, value.node
        name = self.fresh()
        return emit.walrus(name, value.node, self.at), emit.name(name, self.at)

    def nested(self, action: Callable[[], Any]) -> tuple[Any, list[ast.stmt]]:
        """Run an emission into a block of its own; facts it finds stay."""
        outer, self.block = self.block, []
        self.deepen(1)
        try:
            result = action()
            return result, self.block
        finally:
            self.block = outer
            self.nesting -= 1

    def deepen(self, levels: int) -> None:
        """What is compiled now stands inside so many more blocks of statements."""
        self.nesting += levels
        if self.nesting > MAX_NESTED:
            raise self.fail("form", f"more than {MAX_NESTED} blocks inside each other")

    # ---- forms --------------------------------------------------------------------------------------------------

    def sub(self, parent: Any, index: int, scope: Scope) -> Value:
        """The value of the n-th part of a form."""
        form = parent[index]
        outer, self.at = self.at, self.place_of(form, parent, index)
        try:
            return self.expr(form, scope)
        finally:
            self.at = outer

    def sub_emit(self, parent: Any, index: int, scope: Scope, dest: Dest | None) -> Value | None:
        """The n-th part of a form, delivered to `dest`."""
        form = parent[index]
        outer, self.at = self.at, self.place_of(form, parent, index)
        try:
            return self.emit(form, scope, dest)
        finally:
            self.at = outer

    def expr(self, form: Any, scope: Scope) -> Value:
        value = self.emit(form, scope, WANT)
        assert value is not None
        return value

    def emit(self, form: Any, scope: Scope, dest: Dest | None) -> Value | None:
        """Compile a form for a destination; gives a Value exactly when `dest` is WANT."""
        kind = type(form)
        if dest is not WANT and dest.kind == "collect":
            from rtfs.eval.builder import collect

            if collect(self, form, scope, dest):
                return None
        if kind is Symbol:
            return self.deliver(self.symbol(form, scope), dest)
        if kind not in _NESTING or not len(form):
            return self.deliver(literal(self, form, scope), dest)
        if FLAG:
            poll()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail("form", f"nested deeper than {MAX_DEPTH}", form)
        try:
            if kind is Map and dest is not WANT and dest.parts is not None:
                from rtfs.eval.step import hand_over

                hand_over(self, form, scope, dest)
                return None
            if kind is not List:
                value = self.deliver(literal(self, form, scope), dest)
            else:
                value = self._list(form, scope, dest)
            return value if value is None or self.depth % SHALLOW else self.temp(value)
        finally:
            self.depth -= 1

    def _list(self, form: List, scope: Scope, dest: Dest | None) -> Value | None:
        head = form[0]
        if type(head) is Symbol:
            special = self.special.get(head.name)
            if special is not None:
                return self._special(special, form, scope, dest)
        from rtfs.eval.call import compile_call

        return self.deliver(compile_call(self, form, scope), dest)

    def _special(self, special: Special, form: List, scope: Scope, dest: Dest | None) -> Value | None:
        try:
            if dest is WANT and getattr(special, "statement", False):
                return self._through_temp(special, form, scope)
            return special(self, form, scope, dest)
        except ExpansionError as error:
            if error.span is None:
                error.span = self.wrong_part(error)
            raise

    def _through_temp(self, special: Special, form: List, scope: Scope) -> Value:
        name = self.fresh()
        special(self, form, scope, Dest("assign", name))
        return Value(emit.name(name, self.at), self.frame.facts.get(name, ANY), True)

    def body(self, form: Any, start: int, scope: Scope, dest: Dest | None) -> Value | None:
        """The forms from `start` in order; the last one goes to `dest` (nil when there is none)."""
        last = len(form) - 1
        if start > last:
            return self.deliver(Value(emit.constant(None, self.at), NIL, True), dest)
        for index in range(start, last):
            self.sub_emit(form, index, scope, DISCARD)
        return self.sub_emit(form, last, scope, dest)

    def values(self, form: Any, start: int, scope: Scope, stop: int | None = None) -> list[Value]:
        """The parts of a form, evaluated left to right whatever statements they need."""
        parts = []
        for index in range(start, stop or len(form)):
            outer, self.block = self.block, []
            parts.append((self.sub(form, index, scope), self.block))
            self.block = outer
        return self.in_order(parts)

    def in_order(self, parts: list[tuple[Value, list[ast.stmt]]]) -> list[Value]:
        """Join blocks and their values, spilling each value that a later block would otherwise overtake."""
        last = max((n for n, (_, block) in enumerate(parts) if block), default=-1)
        values = []
        for n, (value, block) in enumerate(parts):
            self.block.extend(block)
            values.append(self.temp(value) if n < last else value)
        return values

    def facts_after(self, *branches: dict[str, int]) -> None:
        """What is still known when one of several paths was taken."""
        first, *others = branches
        joined = {}
        for name, kind in first.items():
            for other in others:
                kind |= other.get(name, ANY)
            if kind != ANY:
                joined[name] = kind
        self.frame.facts = joined

    # ---- symbols -----------------------------------------------------------------------------------------------

    def symbol(self, symbol: Symbol, scope: Scope) -> Value:
        """The value of a name (language.md §3.4)."""
        name = symbol.name
        binding = scope.find(name, self.frame)
        if binding is not None:
            return self.load(binding)
        if name in self.special and name not in _ALSO_FUNCTIONS and not self.target.shadowed(name):
            raise self.fail(name, "special form used as a value")
        if name.startswith(".") and len(name) > 1:
            raise self.fail(name, "a name with a leading dot stands only at the head of a call")
        if len(name) > 2 and name[0] == "<" and name[-1] == ">" and not self.known(name):
            return Value(emit.call("#context", [emit.constant(name[1:-1], self.at)], self.at))
        return Value(self.global_node(symbol, ":"))

    def known(self, name: str) -> bool:
        return self.target.shadowed(name) or self.target.library(name)

    def global_node(self, symbol: Symbol, view: str) -> ast.expr:
        """A global by name: view `:` is its value, `(` what a call uses.

        A symbol from a macro's template is looked up in the macro's module first (language.md §9.2).
        """
        name = symbol.name
        if symbol.module is not None and symbol.module != self.target.module:
            home = self.target.home(name, symbol.module)
            if home == "library":
                self.target.used.add(name)
                return emit.name(f"={name}", self.at)
            if home is not None:
                namespace = emit.name(f"#ns:{home}", self.at)
                self.target.constants[f"#ns:{home}"] = ModuleGlobals(home)
                return emit.index(namespace, view + name, self.at)
        if not self.target.shadowed(name):
            self.target.used.add(name)
        return emit.name(view + name, self.at)

    def library_call(self, name: str, arguments: list[ast.expr]) -> ast.expr:
        """A call of the library function, whatever the module defines under that name."""
        self.target.used.add(name)
        return emit.call(f"={name}", arguments, self.at)

    def is_builtin(self, symbol: Any, scope: Scope) -> bool:
        """Does this head mean the library function of that name?"""
        if type(symbol) is not Symbol or scope.find(symbol.name, self.frame) is not None:
            return False
        if symbol.module is not None and symbol.module != self.target.module:
            return self.target.home(symbol.name, symbol.module) == "library"
        if self.target.shadowed(symbol.name) or not self.target.library(symbol.name):
            return False
        self.target.assumed.add(symbol.name)
        return True

    def entry(self) -> None:
        """What the variant wants at the head of a function or loop turn; metered code gets its charges at the end."""
        if self.target.variant == "interruptible":
            poll = emit.does(emit.call("#poll", [], self.at), self.at)
            self.block.append(emit.branch(emit.name("#flag", self.at), [poll], [], self.at))

    def tick(self, ticks: int) -> None:
        """Note in metered code that so many ticks are due here."""
        if ticks:
            self.count(Value(emit.constant(None, self.at), NIL, True), ticks)

    def count(self, value: Value, ticks: int, cells: int = 0) -> Value:
        """Note in metered code what evaluating the value costs."""
        if self.metered:
            from rtfs.eval.cost import mark

            node: Any = value.node
            if value.stable:  # it may be read in several places, and it was computed here
                node = emit.placed(ast.Pass(), self.at)
                self.block.append(node)
            mark(node, ticks, cells)
        return value

    # ---- whole pieces -------------------------------------------------------------------------------------------

    def compile_top(self, form: Any) -> ast.Module:
        """A module that defines one function `#top` whose call runs the form and gives its value."""
        self.at = self.place_of(form)
        self.lookups = count_lookups(form)
        scope = Scope(frame=self.frame)
        self.emit(form, scope, RETURN)
        top = emit.function("#top", emit.arguments([], None, self.at), self.block, self.at)
        if self.metered:
            from rtfs.eval.metering import metered

            top = metered(top, shared=self.target.shared)
        return ast.Module([top], [])


_ALSO_FUNCTIONS = frozenset({"and", "or", "call", "meta", "doc", "throw"})
_NESTING = frozenset({List, tuple, PVector, Map})
