"""More special forms: errors and match (language.md §7, §8), templates (§9.2), modules (§10), the host (§11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.errors import RtfsError, kebab
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import ErrorValue
from tests.differential.evaluator import Env, Evaluator, Form, Module, Recur, Unsupported, fail, named, truthy, wrong
from tests.differential.pattern import bind, is_vector, match
from tests.differential.special import body, form, function, if_, sequence

# ---- errors -----------------------------------------------------------------------------------------------------


@form("throw")
def throw(ev: Evaluator, form: List, env: Env) -> Any:
    raise ev.at(form, thrown(ev.value(form[1], env)))


def thrown(value: Any) -> RtfsError:
    if type(value) is ErrorValue:
        return value.error
    message, kind = show(value), None
    if type(value) is str:
        message = value
    elif type(value) is Map:
        if type(value.get(Keyword("message"))) is str:
            message = value.get(Keyword("message"))
        if type(value.get(Keyword("type"))) is Keyword:
            kind = value.get(Keyword("type")).name
    return fail("ApplicationError", message, data=value, type=kind)


@form("try")
def try_(ev: Evaluator, form: List, env: Env) -> Any:
    clauses = [one for one in form[1:] if named(one) in ("catch", "finally")]
    forms = form[1 : len(form) - len(clauses)]
    cleanup = clauses.pop() if clauses and named(clauses[-1]) == "finally" else None
    if any(named(one) != "catch" for one in clauses) or not (clauses or cleanup):
        raise Unsupported("try")
    try:
        value = _caught(ev, forms, clauses, env)
        if cleanup is not None and type(value) is Recur:
            raise Unsupported("recur that is not in tail position")
    except RtfsError as error:
        if not error.catchable:
            raise Unsupported("a limit") from None
        if cleanup is not None:
            ev.value(List((Symbol("do"), *cleanup[1:])), env)
        raise
    if cleanup is not None:
        ev.value(List((Symbol("do"), *cleanup[1:])), env)
    return value


def _caught(ev: Evaluator, forms: Any, clauses: list[List], env: Env) -> Any:
    try:
        value = sequence(ev, forms, env)
        if type(value) is Recur:
            raise Unsupported("recur that is not in tail position")
        return value
    except RtfsError as error:
        if not error.catchable:
            raise Unsupported("a limit") from None
        for clause in clauses:
            kind, name, forms = _catch_parts(clause)
            if kind is None or _takes(kind, error):
                return body(ev, forms, bind(ev, name, ErrorValue.of(error), env))
        raise


def _catch_parts(clause: List) -> tuple[Form, Symbol, Any]:
    first = clause[1]
    is_kind = type(first) is Keyword or (type(first) is Symbol and (first.name == "_" or first.name[0].isupper()))
    if is_kind and len(clause) > 2 and type(clause[2]) is Symbol:
        return first, clause[2], clause[3:]
    if type(first) is not Symbol:
        raise Unsupported("catch")
    return None, first, clause[2:]


def _takes(kind: Form, error: RtfsError) -> bool:
    if kind.name in ("Exception", "Throwable", "_", "exception", "throwable"):
        return True
    name = kind.name if type(kind) is Keyword else kebab(kind.name)
    return name in (error.type, kebab(error.kind)) or (bool(error.base) and name == kebab(error.base))


@form("match")
def match_(ev: Evaluator, form: List, env: Env) -> Any:
    value = ev.value(form[1], env)
    rest = list(form[2:])
    while rest:
        pattern = rest.pop(0)
        guard: Form = True
        if len(rest) > 2 and rest[0] == Symbol("when"):
            guard = rest[1]
            del rest[:2]
        if not rest:
            raise Unsupported("match")
        result = rest.pop(0)
        inner = match(pattern, value, env)
        if inner is not None and truthy(ev.value(guard, inner)):
            return ev.evaluate(result, inner)
    raise ev.at(form, no_match(value))


def no_match(value: Any) -> RtfsError:
    data = Map.of([(Keyword("value"), value)])
    return fail("MatchError", f"Match error: No matching clause for {show(value)}", data=data)


# ---- templates and macros ---------------------------------------------------------------------------------------

_LEVELS = {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}


@form("quasiquote")
def quasiquote(ev: Evaluator, form: List, env: Env) -> Any:
    return _template(ev, form[1], env, 1, {})


def _template(ev: Evaluator, form: Form, env: Env, level: int, fresh: dict[str, Symbol]) -> Any:
    if type(form) is Symbol:
        if level == 1 and form.name.endswith("#") and len(form.name) > 1:
            if form.name not in fresh:
                fresh[form.name] = ev.gensym(form.name[:-1])
            return fresh[form.name]
        return Symbol(form.name, form.module or env.module.name)
    if type(form) is List:
        name = named(form)
        if name == "rtfs/map":
            parts = _parts(ev, form[1:], env, level, fresh)
            return Map.of(list(zip(parts[::2], parts[1::2], strict=True)))
        if name in ("unquote", "unquote-splicing") and level == 1:
            if name == "unquote-splicing":
                raise Unsupported("splicing into nothing")
            return ev.value(form[1], env)
        return List(_parts(ev, form, env, level + _LEVELS.get(name or "", 0), fresh))
    if is_vector(form):
        return vector(_parts(ev, form, env, level, fresh))
    if type(form) is Map:
        flat = [part for pair in (form.pairs or form.entries()) for part in pair]
        parts = _parts(ev, flat, env, level, fresh)
        return Map.of(list(zip(parts[::2], parts[1::2], strict=True)))
    return form


def _parts(ev: Evaluator, forms: Any, env: Env, level: int, fresh: dict[str, Symbol]) -> list[Any]:
    parts: list[Any] = []
    for one in forms:
        if level == 1 and named(one) == "unquote-splicing":
            value = ev.value(one[1], env)
            if value is not None and not is_vector(value) and type(value) is not List:
                raise Unsupported("splicing what is no vector or list")
            parts.extend(value or ())
        else:
            parts.append(_template(ev, one, env, level, fresh))
    return parts


@form("defmacro")
def defmacro(ev: Evaluator, form: List, env: Env) -> Any:
    rest = [one for one in form[2:] if type(one) not in (str,)]
    env.module.macros[form[1].name] = function(ev, rest, env, form[1].name)
    return None


# ---- modules ----------------------------------------------------------------------------------------------------


@form("module")
def module(ev: Evaluator, form: List, env: Env) -> Any:
    made = ev.modules[form[1].name] = Module(form[1].name)
    forms = [one for one in form[2:] if type(one) is not str]
    if forms and type(forms[0]) is List and forms[0][0] is Keyword("exports"):
        made.exports = [one.name for one in forms.pop(0)[1]]
    ev.top(forms, made)
    return None


@form("import")
def import_(ev: Evaluator, form: List, env: Env) -> Any:
    home = ev.modules[form[1].name]
    options = dict(zip(form[2::2], form[3::2], strict=True))
    visible = [name for name in (*home.names, *home.macros) if name not in home.private]
    exported = home.exports if home.exports is not None else visible
    prefixes = [home.name]
    if Keyword("as") in options:
        prefixes.append(options[Keyword("as")].name)
    names = {f"{prefix}/{name}": name for prefix in prefixes for name in exported}
    names.update({one.name: one.name for one in options.get(Keyword("only"), ())})
    for shown, name in names.items():
        if name in home.macros:
            env.module.macros[shown] = home.macros[name]
        else:
            env.module.imported[shown] = home.names[name]
    return None


# ---- the host ---------------------------------------------------------------------------------------------------


@form("call")
def call(ev: Evaluator, form: List, env: Env) -> Any:
    args = [ev.value(one, env) for one in form[1:]]
    try:
        return ev.host_call(args)
    except RtfsError as error:
        raise ev.at(form, error) from None


@form("rtfs/with-meta")
def with_meta(ev: Evaluator, form: List, env: Env) -> Any:
    pairs = [(key.name, ev.value(value, env)) for key, value in form[1].pairs or form[1].entries()]
    added = {name: value for name, value in pairs if name.startswith("runtime.")}
    if not added:
        return ev.evaluate(form[2], env)
    outer, ev.hints = ev.hints, {**ev.hints, **added}
    try:
        return ev.value(form[2], env)
    finally:
        ev.hints = outer


@form("context/get")
def context(ev: Evaluator, form: List, env: Env) -> Any:
    key, *default = [ev.value(one, env) for one in form[1:]]
    name = key if type(key) is str else getattr(key, "name", None)
    if name is None:
        raise ev.at(form, wrong("context/get", "string, keyword or symbol", key))
    return ev.values.get(name, default[0] if default else None)


@form("step")
def step(ev: Evaluator, form: List, env: Env) -> Any:
    name, rest = form[1] if type(form[1]) is str else form[1].name, list(form[2:])
    inner = env
    params = None
    if rest and rest[0] is Keyword("params"):
        params = ev.value(rest[1], env)
        inner = env.with_name("%params", params)
        del rest[:2]
    return stepped(ev, name, params, lambda: body(ev, rest, inner))


def stepped(ev: Evaluator, name: str, params: Any, run: Callable[[], Any]) -> Any:
    outer = ev.path
    ev.path = (*outer, name)
    ev.step("start", name, params)
    try:
        value = run()
        if type(value) is Recur:
            raise Unsupported("recur that is not in tail position")
    except RtfsError as error:
        ev.path = (*outer, name)
        ev.step("fail", name, error.message)
        ev.path = outer
        raise
    ev.step("complete", name, value)
    ev.path = outer
    return value


@form("step-if")
def step_if(ev: Evaluator, form: List, env: Env) -> Any:
    return stepped(ev, "step-if", None, lambda: if_(ev, form, env))


@form("step-loop")
def step_loop(ev: Evaluator, form: List, env: Env) -> Any:
    def rounds() -> Any:
        value = None
        while truthy(ev.value(form[1], env)):
            value = body(ev, form[2:], env)
        return value

    return stepped(ev, "step-loop", None, rounds)
