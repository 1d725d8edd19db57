"""The special forms (language.md §5, §8, §9.2, §10, §11), each as one function over its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from tests.differential.evaluator import (
    FORMS,
    Env,
    Evaluator,
    Form,
    Recur,
    Unsupported,
    counts_text,
    is_function_form,
    named,
    truthy,
    wrong_count,
)
from tests.differential.pattern import bind, check, is_vector


def form(*names: str) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        FORMS.update(dict.fromkeys(names, function))
        return function

    return register


# ---- plain ones -------------------------------------------------------------------------------------------------


@form("quote")
def quote(ev: Evaluator, form: List, env: Env) -> Any:
    return as_data(form[1])


def as_data(form: Form) -> Any:
    """A quoted form: without metadata, and a map has each key once (language.md §1.6, §5.9)."""
    if named(form) == "rtfs/with-meta":
        return as_data(form[2])
    if named(form) == "rtfs/map":
        flat = [as_data(part) for part in form[1:]]
        return Map.of(list(zip(flat[::2], flat[1::2], strict=True)))
    if type(form) is List:
        return List([as_data(part) for part in form])
    if is_vector(form):
        return vector([as_data(part) for part in form])
    if type(form) is Map:
        return Map.of([(as_data(key), as_data(value)) for key, value in form.pairs or form.entries()])
    return form


@form("if")
def if_(ev: Evaluator, form: List, env: Env) -> Any:
    if not 3 <= len(form) <= 4:
        raise Unsupported("if")
    if truthy(ev.value(form[1], env)):
        return ev.evaluate(form[2], env)
    return ev.evaluate(form[3], env) if len(form) > 3 else None


@form("do")
def do(ev: Evaluator, form: List, env: Env) -> Any:
    return sequence(ev, form[1:], env)


def sequence(ev: Evaluator, forms: Any, env: Env) -> Any:
    """Forms in order; the value of the last."""
    for one in forms[:-1]:
        ev.value(one, env)
    return ev.evaluate(forms[-1], env) if forms else None


@form("and")
def and_(ev: Evaluator, form: List, env: Env) -> Any:
    for one in form[1:-1]:
        value = ev.value(one, env)
        if not truthy(value):
            return value
    return ev.evaluate(form[-1], env) if len(form) > 1 else True


@form("or")
def or_(ev: Evaluator, form: List, env: Env) -> Any:
    for one in form[1:-1]:
        value = ev.value(one, env)
        if truthy(value):
            return value
    return ev.evaluate(form[-1], env) if len(form) > 1 else None


# ---- bodies and bindings ----------------------------------------------------------------------------------------


def body(ev: Evaluator, forms: Any, env: Env) -> Any:
    """A body scope: what it defines is local, seen by later forms and by every function literal in it."""
    if not forms:
        raise Unsupported("no body")
    inner = Env(env, env.module)
    inner.body = True
    for one in forms:
        if named(one) in ("def", "defn"):
            inner.cells[one[1].name] = []
            inner.pending.add(one[1].name)
    return sequence(ev, forms, inner)


def split(bindings: Any) -> list[tuple[Form, Form, Form]]:
    """Pattern, type or None, value of each binding, by the parity rule (language.md §5.3)."""
    if not is_vector(bindings):
        raise Unsupported("binding vector")
    found: list[tuple[Form, Form, Form]] = []
    rest = list(bindings)
    while rest:
        if len(rest) > 3 and rest[1] == Symbol(":"):
            found.append((rest[0], rest[2], rest[3]))
            del rest[:4]
        elif len(rest) > 2 and type(rest[1]) is Keyword and _splits(rest[3:]) and not _splits(rest[2:]):
            found.append((rest[0], rest[1], rest[2]))
            del rest[:3]
        elif len(rest) > 1:
            found.append((rest[0], None, rest[1]))
            del rest[:2]
        else:
            raise Unsupported("binding vector")
    return found


def _splits(rest: list[Form]) -> bool:
    """Can these forms be complete bindings?"""
    if not rest:
        return True
    pattern = (type(rest[0]) is Symbol and rest[0].name != "&") or is_vector(rest[0]) or type(rest[0]) is Map
    if not pattern or len(rest) < 2:
        return False
    if rest[1] == Symbol(":"):
        return len(rest) > 3 and _splits(rest[4:])
    return _splits(rest[2:]) or (type(rest[1]) is Keyword and len(rest) > 2 and _splits(rest[3:]))


def cast(ev: Evaluator, vector: Form, type_: Form, value: Any, where: str) -> None:
    """A checked cast, which fails in the vector that has the type."""
    try:
        check(type_, value, where)
    except RtfsError as error:
        raise ev.within(vector, error) from None


@form("let")
def let(ev: Evaluator, form: List, env: Env) -> Any:
    functions = Env(env, env.module)  # what function literals of the bindings see of each other
    bindings = split(form[1])
    for pattern, _, literal in bindings:
        if is_function_form(literal) and type(pattern) is Symbol:
            functions.cells.setdefault(pattern.name, [])
    inner, inside = env, functions
    for pattern, type_, literal in bindings:
        if is_function_form(literal) and type(pattern) is Symbol:
            value = function_value(ev, literal, inside, pattern.name if pattern.span is not None else None)
            cell = functions.cells[pattern.name]
            if not cell:
                cell.append(value)
        else:
            value = ev.value(literal, inner)
        if type_ is not None:
            cast(ev, form[1], type_, value, f"let {show(pattern)}")
        bound = bind(ev, pattern, value, inner)
        inside, inner = _also(bound, inner, inside), bound
    return body(ev, form[2:], inner)


def _also(bound: Env, before: Env, inside: Env) -> Env:
    """`inside` with the names that `bound` has more than `before`."""
    if bound is before or bound.outer is None:
        return inside
    copy = Env(_also(bound.outer, before, inside), inside.module)
    copy.cells = bound.cells
    return copy


@form("letrec")
def letrec(ev: Evaluator, form: List, env: Env) -> Any:
    inner = Env(env, env.module)
    bindings = split(form[1])
    inner.cells = {name.name: [] for name, _, _ in bindings}
    for name, type_, literal in bindings:
        named_after = is_function_form(literal)
        value = function_value(ev, literal, inner, name.name) if named_after else ev.value(literal, inner)
        if type_ is not None:
            cast(ev, None, type_, value, f"letrec {name.name}")
        inner.cells[name.name].append(value)
    return body(ev, form[2:], inner)


@form("loop")
def loop(ev: Evaluator, form: List, env: Env) -> Any:
    bindings = split(form[1])
    inner = env
    for pattern, type_, literal in bindings:
        inner = _checked(ev, form[1], (pattern, type_), ev.value(literal, inner), inner)
    while True:
        value = body(ev, form[2:], inner)
        if type(value) is not Recur:
            return value
        if len(value.args) != len(bindings):
            raise Unsupported("recur with another count")
        inner = env
        for (pattern, type_, _), arg in zip(bindings, value.args, strict=True):
            with again(ev, value):
                inner = _checked(ev, form[1], (pattern, type_), arg, inner)


@contextmanager
def again(ev: Evaluator, turn: Recur | None) -> Iterator[None]:
    """What cannot be bound again went wrong at the pattern or at the `recur`."""
    try:
        yield
    except RtfsError as error:
        if turn is not None and hasattr(error, "places"):
            error.places.append(ev.spans.of(turn.form))
        raise


def _checked(ev: Evaluator, vector: Form, binding: tuple[Form, Form], value: Any, env: Env) -> Env:
    pattern, type_ = binding
    if type_ is not None:
        cast(ev, vector, type_, value, f"param {show(pattern)} of loop")
    return bind(ev, pattern, value, env)


@form("recur")
def recur(ev: Evaluator, form: List, env: Env) -> Any:
    return Recur([ev.value(one, env) for one in form[1:]], form)


@form("def")
def def_(ev: Evaluator, form: List, env: Env) -> Any:
    name, rest = form[1].name, list(form[2:])
    if len(rest) > 1 and type(rest[0]) is str:
        rest.pop(0)
    type_ = rest.pop(0) if len(rest) == 2 else None
    if len(rest) != 1:
        raise Unsupported("def")
    value = function_value(ev, rest[0], env, name) if is_function_form(rest[0]) else ev.value(rest[0], env)
    if type_ is not None:
        cast(ev, None, type_, value, f"def {name}")
    return define(name, value, env)


@form("defn")
def defn(ev: Evaluator, form: List, env: Env) -> Any:
    rest = list(form[2:])
    while rest and type(rest[0]) in (str, Map):
        described = rest.pop(0)
        if type(described) is Map and described.get(Keyword("private")):
            env.module.private.add(form[1].name)
    return define(form[1].name, function(ev, rest, env, form[1].name), env)


def define(name: str, value: Any, env: Env) -> Any:
    scope = env.scope()
    if scope is None:
        env.module.names[name] = value
        env.module.macros.pop(name, None)
    else:
        if name not in scope.pending:
            raise Unsupported("a local definition that is not directly in its body")
        scope.pending.discard(name)
        scope.cells[name].append(value)
    return value


# ---- functions --------------------------------------------------------------------------------------------------


@form("fn", "lambda", "λ")
def fn(ev: Evaluator, form: List, env: Env) -> Any:
    return function_value(ev, form, env, None)


def function_value(ev: Evaluator, form: List, env: Env, name: str | None) -> Any:
    """A function literal, which has its own name or takes the written one that it is bound to."""
    if type(form[1]) is Symbol:
        inner = env.with_name(form[1].name, None)
        made = function(ev, list(form[2:]), inner, form[1].name)
        inner.cells[form[1].name] = [made]
        return made
    return function(ev, list(form[1:]), env, name)


class Clause:
    """One arity: patterns with types, `& rest`, its type, the type of the result, the body."""

    def __init__(self, params: Form, rest: list[Form]) -> None:
        self.vector = params
        self.params: list[tuple[Form, Form]] = []
        self.rest: tuple[Form, Form] | None = None
        self.result: Form = None
        parts = list(params)
        while parts:
            variadic = parts[0] == Symbol("&")
            if variadic:
                parts.pop(0)
            pattern, type_ = parts.pop(0), None
            if len(parts) > 1 and parts[0] == Symbol(":"):
                type_ = parts[1]
                del parts[:2]
            elif parts and type(parts[0]) is Keyword:
                type_ = parts.pop(0)
            if variadic:
                self.rest = (pattern, type_)
            else:
                self.params.append((pattern, type_))
        if len(rest) > 2 and rest[0] == Symbol(":"):
            self.result = rest[1]
            rest = rest[2:]
        elif len(rest) > 1 and type(rest[0]) is Keyword:
            self.result = rest[0]
            rest = rest[1:]
        self.body = rest


def function(ev: Evaluator, rest: list[Form], env: Env, name: str | None) -> Any:
    literal = [list(one) for one in rest] if rest and type(rest[0]) is List else [rest]
    if any(not one or not is_vector(one[0]) for one in literal):
        raise Unsupported("fn")
    clauses = [Clause(one[0], list(one[1:])) for one in literal]
    counts = sorted(len(one.params) for one in clauses)
    variadic = any(one.rest for one in clauses)
    title = name or "fn"

    def called(*args: Any) -> Any:
        clause = next((one for one in clauses if one.rest is None and len(one.params) == len(args)), None)
        if clause is None:
            clause = next((one for one in clauses if one.rest is not None and len(one.params) <= len(args)), None)
        if clause is None:
            raise wrong_count(title, counts_text(counts, variadic), len(args))
        return _run(ev, clause, title, list(args), Env(env, env.module, boundary=True))

    if name is not None:
        called.rtfs_name = name  # type: ignore[attr-defined]
    else:
        called.__name__ = ""
    return called


def _run(ev: Evaluator, clause: Clause, title: str, args: list[Any], env: Env) -> Any:
    turn = None
    while True:
        with again(ev, turn):
            inner = _bound(ev, clause, title, args, env)
        value = body(ev, clause.body, inner)
        if type(value) is not Recur:
            if clause.result is not None:
                cast(ev, None, clause.result, value, f"return of {title}")
            return value
        turn, args = value, value.args
        if len(args) != len(clause.params) + (clause.rest is not None):
            raise Unsupported("recur with another count")
        if clause.rest is not None:
            if type(args[-1]) not in (List, tuple):
                raise Unsupported("recur with rest items that are no list")
            args = [*args[:-1], *args[-1]]


def _bound(ev: Evaluator, clause: Clause, title: str, args: list[Any], env: Env) -> Env:
    """The parameters as names."""
    for (pattern, type_), arg in zip(clause.params, args, strict=False):
        if type_ is not None:
            cast(ev, clause.vector, type_, arg, f"param {show(pattern)} of {title}")
        env = bind(ev, pattern, arg, env)
    if clause.rest is None:
        return env
    pattern, type_ = clause.rest
    items = args[len(clause.params) :]
    for item in items if type_ is not None else ():
        cast(ev, clause.vector, type_, item, f"param {show(pattern)} of {title}")
    return bind(ev, pattern, List(items), env)
