"""The obvious twin of compiled code: walks forms as language.md describes them, one rule after the other.

It shares with rtfs what reads text and what values are. It knows nothing of expander, compiler, machine or builtins.
Host calls and steps are told to `host`; what it does not speak about is `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector, vector
from rtfs.lang.errors import EvaluationError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, Span
from rtfs.lang.values import ErrorValue, type_name
from rtfs.parser.reader import read

BUDGET = 60_000  # forms evaluated in one program
ELEMENTS, BITS = 3_000, 4_000  # of one value: more is no matter for this comparison

Form = Any
FORMS: dict[str, Callable[..., Any]] = {}  # special forms: (evaluator, form, env) → value
MACROS: dict[str, Callable[..., Any]] = {}  # macros of the library, which a program may shadow
LIBRARY: dict[str, Any] = {}  # functions of the library


class Unsupported(Exception):
    """The program is malformed, endless or outside of what this evaluator speaks about."""


class Recur:
    """What `recur` gives to the loop or function around it."""

    def __init__(self, args: list[Any], form: Form) -> None:
        self.args = args
        self.form = form


class Module:
    def __init__(self, name: str) -> None:
        self.name = name
        self.names: dict[str, Any] = {}  # definitions
        self.imported: dict[str, Any] = {}
        self.macros: dict[str, FunctionType] = {}
        self.private: set[str] = set()
        self.exports: list[str] | None = None


class Env:
    """Local names, innermost first. `pending` names are seen only by function literals inside (`boundary`)."""

    def __init__(self, outer: Env | None, module: Module, *, boundary: bool = False) -> None:
        self.outer = outer
        self.module = module
        # what is expanded when a top-level form begins: later macros do not change its functions (language.md §3.1)
        self.macros: dict[str, FunctionType] = dict(module.macros) if outer is None else outer.macros
        self.boundary = boundary
        self.body = False  # where `def` is local
        self.cells: dict[str, list[Any]] = {}  # name → [value], or [] before it has one
        self.pending: set[str] = set()

    def find(self, name: str) -> list[Any] | None:
        env: Env | None = self
        late = False
        while env is not None:
            if name in env.cells and (late or name not in env.pending):
                return env.cells[name]
            late = late or env.boundary
            env = env.outer
        return None

    def with_name(self, name: str, value: Any) -> Env:
        inner = Env(self, self.module)
        inner.cells[name] = [value]
        return inner

    def scope(self) -> Env | None:
        """The innermost body scope of this function or program."""
        env: Env | None = self
        while env is not None and not env.body:
            env = env.outer
        return env


def fail(kind: str, message: str, **more: Any) -> EvaluationError:
    return EvaluationError(kind, message, **more)


def wrong(operation: str, expected: str, value: Any, operand: int | None = None) -> EvaluationError:
    """A TypeError, about that argument of the call if the place of one is known."""
    error = fail("TypeError", f"Type error in {operation}: expected {expected}, got {type_name(value)}")
    error.operand = None if operand is None else (operation, operand)
    return error


def wrong_count(name: str, expected: str, count: int) -> EvaluationError:
    return fail("ArityMismatch", f"Arity mismatch in {name}: expected {expected}, got {count}")


def counts_text(counts: list[int], variadic: bool) -> str:
    """`2`, `at least 1`, `between 1 and 3`, `0 or 1` (language.md §4.2)."""
    if variadic:
        return f"at least {counts[0]}"
    if len(counts) == 1:
        return str(counts[0])
    if len(counts) > 2 and counts == list(range(counts[0], counts[-1] + 1)):
        return f"between {counts[0]} and {counts[-1]}"
    return " or ".join([", ".join(map(str, counts[:-1])), str(counts[-1])])


def truthy(value: Any) -> bool:
    return value is not None and value is not False


def named(form: Form) -> str | None:
    """The name at the head of a list form."""
    return form[0].name if type(form) is List and form and type(form[0]) is Symbol else None


def is_function_form(form: Form) -> bool:
    return named(form) in ("fn", "lambda", "λ")


def invoke(function: Any, args: list[Any] | tuple[Any, ...]) -> Any:
    """Call what can be called (language.md §4.1)."""
    kind = type(function)
    if kind is FunctionType:
        return function(*args)
    if kind not in (Keyword, Map, tuple, PVector):
        raise wrong("function call", "function", function)
    title = f":{function.name}" if kind is Keyword else "map" if kind is Map else "vector"
    if not 1 <= len(args) <= 2:
        raise wrong_count(title, "1 or 2", len(args))
    if kind is Map:
        return function.get(*args)
    if kind is Keyword:
        if args[0] is not None and type(args[0]) not in (Map, ErrorValue):
            raise wrong("keyword lookup", "map", args[0])
        return (EMPTY_MAP if args[0] is None else args[0]).get(function, *args[1:])
    return LIBRARY["nth"](function, *args)


class Evaluator:
    """One program. `host(number, id, args)` answers a call or raises; `told` lists calls and steps in order.

    `known`: is this the name of a library function? Those that are not in `LIBRARY` are unsupported.
    """

    def __init__(
        self,
        host: Callable[[int, str, tuple[Any, ...]], Any],
        values: dict[str, Any],
        known: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self.host = host
        self.known = known
        self.values = values
        self.calls = 0
        self.hints: dict[str, Any] = {}
        self.path: tuple[str, ...] = ()
        self.told: list[Any] = []
        self.modules = {"user": Module("user")}
        self.work = 0
        self.fresh = [0, 0]  # numbers of fresh symbols: of the program, of expansions
        self.expanding = False
        self.spans: Any = None

        def call(*args: Any) -> Any:
            return self.host_call(args)

        def gensym(*prefix: Any) -> Any:
            if len(prefix) > 1 or any(type(text) is not str or not text.isalpha() for text in prefix):
                raise Unsupported("gensym of other things")
            return self.gensym(*(prefix or ("G",)))

        self.functions: dict[str, Any] = {"call": call, "gensym": gensym}
        for name, function in self.functions.items():
            function.rtfs_name = name

    # ---- programs

    def run(self, text: str) -> Any:
        reading = read(Source("program", text))
        self.spans = reading.spans
        return self.top(reading.forms, self.modules["user"])

    def top(self, forms: Any, module: Module) -> Any:
        """Top-level forms of a module one after the other, also those of a `do` (language.md §3.1)."""
        value = None
        for form in forms:
            value = self.top(form[1:], module) if named(form) == "do" else self.value(form, Env(None, module))
        return value

    # ---- forms

    def value(self, form: Form, env: Env) -> Any:
        """The value of a form that is not in tail position."""
        value = self.evaluate(form, env)
        if type(value) is Recur:
            raise Unsupported("recur that is not in tail position")
        return value

    def evaluate(self, form: Form, env: Env) -> Any:
        """The value of a form, or what `recur` gives."""
        self.work += 1
        if self.work > BUDGET:
            raise Unsupported("too much work")
        kind = type(form)
        if kind is List and form:
            return self.list_form(form, env)
        if kind is Symbol:
            return self.symbol(form, env)
        if kind is tuple or kind is PVector:
            return vector([self.value(part, env) for part in form])
        if kind is Map:
            pairs = form.pairs if form.pairs is not None else form.entries()
            return Map.of([(self.value(key, env), self.value(part, env)) for key, part in pairs])
        return form

    def list_form(self, form: List, env: Env) -> Any:
        name = named(form)
        if name is not None:
            if name in FORMS:
                return FORMS[name](self, form, env)
            if name[0] == "." and len(name) > 1:
                return self.list_form(List((Symbol(name[1:], span=form[0].span), *form[1:])), env)
            if env.find(name) is None:
                macro = self.macro(form[0], env)
                if macro is not None:
                    return self.evaluate(self.expanded(macro, form), env)
                if name in MACROS and name not in env.module.names and name not in env.module.imported:
                    return MACROS[name](self, form, env)
        function = self.value(form[0], env)
        return self.call(form, function, [self.value(part, env) for part in form[1:]])

    def call(self, form: Form, function: Any, args: list[Any]) -> Any:
        """A call written as `form`: what goes wrong in a library function went wrong here."""
        try:
            value = invoke(function, args)
        except RtfsError as error:
            raise self.at(form, error) from None
        if type(value) in (str, tuple, PVector, List, Map) and len(value) > ELEMENTS:
            raise Unsupported("a large collection")
        if type(value) is int and value.bit_length() > BITS:
            raise Unsupported("a large integer")
        return value

    def at(self, form: Form, error: RtfsError) -> RtfsError:
        """The error, placed at a form or directly at one of its parts, unless it has a place."""
        if not hasattr(error, "places"):
            span = self.spans.of(form)
            parts = [self.spans.child(form, n) for n in range(2 * len(form))] if span is not None and form else []
            error.places = [span, *filter(None, parts), *self._threaded(form)]  # type: ignore[attr-defined]
        return error

    def _threaded(self, form: Any) -> list[Span]:
        """The places in parts like `(-> {})`, which stand for one of their own parts."""
        found: list[Span] = []
        for part in form if type(form) is List else ():
            if type(part) is List and part and type(part[0]) is Symbol and part[0].name in ("->", "->>"):
                inner = [self.spans.child(part, n) for n in range(2 * len(part))] if self.spans.of(part) else []
                found += [*filter(None, inner), *self._threaded(part)]
        return found

    def within(self, form: Form, error: RtfsError) -> RtfsError:
        """The error, placed somewhere in a form."""
        if not hasattr(error, "places"):
            error.places = []  # type: ignore[attr-defined]
            error.around = self.spans.of(form)  # type: ignore[attr-defined]
        return error

    def symbol(self, symbol: Symbol, env: Env) -> Any:
        """Local, then the module (for a template's symbol first the macro's), then the library (language.md §3.4)."""
        cell = env.find(symbol.name)
        if cell is not None:
            if cell:
                return cell[0]
        else:
            for module in (self.modules.get(symbol.module or ""), env.module):
                for names in (module.names, module.imported) if module is not None else ():
                    if symbol.name in names:
                        return names[symbol.name]
            if symbol.name in LIBRARY:
                return LIBRARY[symbol.name]
            if symbol.name in self.functions:
                return self.functions[symbol.name]
            if symbol.name in MACROS or symbol.name in FORMS or self.known(symbol.name):
                raise Unsupported(f"{symbol.name} as a value")
        error = fail("UndefinedSymbol", f"Undefined symbol: {symbol.name}")
        error.places = [symbol.span]  # type: ignore[attr-defined]
        raise error

    def macro(self, symbol: Symbol, env: Env) -> FunctionType | None:
        home = self.modules.get(symbol.module or "")
        for macros in (home.macros if home is not None and home is not env.module else {}, env.macros):
            if symbol.name in macros:
                return macros[symbol.name]
        return None

    def expanded(self, macro: FunctionType, form: List) -> Form:
        outer, self.expanding = self.expanding, True
        try:
            return macro(*form[1:])
        except RtfsError:
            raise Unsupported("an error inside a macro") from None
        finally:
            self.expanding = outer

    def gensym(self, prefix: str) -> Symbol:
        self.fresh[self.expanding] += 1
        return Symbol(f"{prefix}__{self.fresh[self.expanding]}")

    # ---- the host

    def host_call(self, args: tuple[Any, ...] | list[Any]) -> Any:
        if not args:
            raise wrong_count("call", "at least 1", 0)
        id, *given = args
        if type(id) is Keyword:
            id = id.name
        elif type(id) is not str:
            raise wrong("call", "string or keyword", id)
        if not id:
            raise Unsupported("a call without a capability")
        if self.expanding:
            raise Unsupported("a host call during expansion")
        self.told.append(("call", id, tuple(given), dict(self.hints), self.path))
        self.calls += 1
        return self.host(self.calls - 1, id, tuple(given))

    def step(self, kind: str, name: str, value: Any) -> None:
        self.told.append((kind, name, self.path, value))


def is_right_place(error: RtfsError, span: Span | None) -> bool:
    """May an error that the evaluator raised stand there? Where it has no opinion, anywhere."""
    places: list[Span | None] = getattr(error, "places", [None])
    around: Span | None = getattr(error, "around", None)
    if around is not None and span is not None and places == []:
        begin, end = (span.line, span.column), (span.end_line, span.end_column)
        return (around.line, around.column) <= begin and end <= (around.end_line, around.end_column)
    return places == [] or None in places or (span is not None and key(span) in map(key, filter(None, places)))


def key(span: Span) -> tuple[int, ...]:
    return (span.line, span.column, span.end_line, span.end_column)
