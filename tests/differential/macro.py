"""What the macros of the library mean (language.md §5, §8.2, §11.4), said directly and not by expansion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from tests.differential.evaluator import (
    MACROS,
    Env,
    Evaluator,
    Form,
    Unsupported,
    fail,
    is_function_form,
    named,
    truthy,
    wrong,
)
from tests.differential.library import items_of
from tests.differential.pattern import bind, check, is_vector
from tests.differential.special import body, form, function_value, sequence, split
from tests.differential.special_effect import no_match, stepped


def macro(*names: str) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        MACROS.update(dict.fromkeys(names, function))
        return function

    return register


# ---- conditionals -----------------------------------------------------------------------------------------------


@macro("when", "when-not", "unless")
def when(ev: Evaluator, form: List, env: Env) -> Any:
    taken = truthy(ev.value(form[1], env)) == (form[0].name == "when")
    return sequence(ev, form[2:], env) if taken else None


@macro("if-not")
def if_not(ev: Evaluator, form: List, env: Env) -> Any:
    if not truthy(ev.value(form[1], env)):
        return ev.evaluate(form[2], env)
    return ev.evaluate(form[3], env) if len(form) > 3 else None


@macro("if-let", "if-some")
def if_let(ev: Evaluator, form: List, env: Env) -> Any:
    pattern, literal = form[1]
    value = ev.value(literal, env)
    if truthy(value) if form[0].name == "if-let" else value is not None:
        return body(ev, [form[2]], bind(ev, pattern, value, env))
    return ev.evaluate(form[3], env) if len(form) > 3 else None


@macro("when-let", "when-some")
def when_let(ev: Evaluator, form: List, env: Env) -> Any:
    pattern, literal = form[1]
    value = ev.value(literal, env)
    if truthy(value) if form[0].name == "when-let" else value is not None:
        return sequence(ev, form[2:], bind(ev, pattern, value, env))
    return None


@macro("cond")
def cond(ev: Evaluator, form: List, env: Env) -> Any:
    for test, result in zip(form[1::2], form[2::2], strict=True):
        if truthy(ev.value(test, env)):
            return ev.evaluate(result, env)
    return None


@macro("condp")
def condp(ev: Evaluator, form: List, env: Env) -> Any:
    test, value = ev.value(form[1], env), ev.value(form[2], env)
    for constant, result in zip(form[3::2], form[4::2], strict=False):
        if truthy(ev.call(form, test, [ev.value(constant, env), value])):
            return ev.evaluate(result, env)
    return _otherwise(ev, form, form[3:], value, env)


@macro("case")
def case(ev: Evaluator, form: List, env: Env) -> Any:
    value = ev.value(form[1], env)
    for constant, result in zip(form[2::2], form[3::2], strict=False):
        if any(equal(one, value) for one in (constant if type(constant) is List else [constant])):
            return ev.evaluate(result, env)
    return _otherwise(ev, form, form[2:], value, env)


def _otherwise(ev: Evaluator, form: Form, clauses: Any, value: Any, env: Env) -> Any:
    if len(clauses) % 2:
        return ev.evaluate(clauses[-1], env)
    raise ev.at(form, no_match(value))


# ---- threading --------------------------------------------------------------------------------------------------


def threaded(form: Form, value: Form, *, last: bool) -> Form:
    """The call that one step of a threading macro is, with the form of the value in its place."""
    if named(form) == "rtfs/with-meta":
        return List((form[0], form[1], threaded(form[2], value, last=last)))
    if type(form) is not List or is_function_form(form):
        return List((form, value))
    return List((*form, value) if last else (form[0], value, *form[1:]))


def held(value: Any) -> Form:
    """A form whose value is `value`."""
    return List((Symbol("quote"), value))


@macro("->", "->>")
def thread(ev: Evaluator, form: List, env: Env) -> Any:
    """The steps are nested in each other, so `(->> x (f a))` evaluates a before x."""
    nested = form[1]
    for one in form[2:]:
        nested = threaded(one, nested, last=form[0].name == "->>")
    return ev.evaluate(nested, env)


@macro("some->", "some->>")
def some_thread(ev: Evaluator, form: List, env: Env) -> Any:
    value = ev.value(form[1], env)
    for one in form[2:]:
        if value is None:
            return None
        value = ev.value(threaded(one, held(value), last=form[0].name == "some->>"), env)
    return value


@macro("cond->", "cond->>")
def cond_thread(ev: Evaluator, form: List, env: Env) -> Any:
    value = ev.value(form[1], env)
    for test, one in zip(form[2::2], form[3::2], strict=True):
        if truthy(ev.value(test, env)):
            value = ev.value(threaded(one, held(value), last=form[0].name == "cond->>"), env)
    return value


@macro("as->")
def as_thread(ev: Evaluator, form: List, env: Env) -> Any:
    inner = env
    for one in (form[1], *form[3:]):
        named_after = is_function_form(one) and form[2].span is not None
        value = function_value(ev, one, inner, form[2].name) if named_after else ev.value(one, inner)
        inner = env.with_name(form[2].name, value)
    return value


# ---- iteration --------------------------------------------------------------------------------------------------


def turns(ev: Evaluator, name: str, levels: list[Any], env: Env) -> Iterator[Env]:
    """The locals of every turn; later bindings vary fastest. Bodies of turns are function literals."""
    if not levels:
        yield env
        return
    pattern, coll, modifiers = levels[0]
    for item in items_of(name, ev.value(coll, env)):
        inner = bind(ev, pattern, item, Env(env, env.module, boundary=True))
        kept = True
        for kind, condition in modifiers:
            if kind == "let":
                for part, type_, literal in split(condition):
                    value = ev.value(literal, inner)
                    if type_ is not None:
                        check(type_, value, f"let {show(part)}")
                    inner = bind(ev, part, value, inner)
            elif not truthy(ev.value(condition, inner)):
                if kind == "while":
                    return
                kept = False
                break
        if kept:
            yield from turns(ev, name, levels[1:], inner)


def levels_of(bindings: Any) -> list[Any]:
    if not is_vector(bindings) or len(bindings) % 2 or not bindings:
        raise Unsupported("binding vector")
    found: list[Any] = []
    for pattern, part in zip(bindings[::2], bindings[1::2], strict=True):
        if type(pattern) is Keyword:
            found[-1][2].append((pattern.name, part))
        else:
            found.append((pattern, part, []))
    return found


def walked(ev: Evaluator, form: List, env: Env) -> Iterator[Env]:
    try:
        yield from turns(ev, form[0].name, levels_of(form[1]), env)
    except RtfsError as error:
        raise ev.within(form, error) from None


@macro("for")
def for_(ev: Evaluator, form: List, env: Env) -> Any:
    if len(form) != 3:
        raise Unsupported("for")
    return vector([ev.value(form[2], inner) for inner in walked(ev, form, env)])


@macro("doseq")
def doseq(ev: Evaluator, form: List, env: Env) -> Any:
    for inner in walked(ev, form, env):
        for one in form[2:]:
            ev.value(one, inner)
    return None


@macro("dotimes")
def dotimes(ev: Evaluator, form: List, env: Env) -> Any:
    name, count = form[1][0], ev.value(form[1][1], env)
    if type(count) is not int:
        raise ev.within(form, wrong("dotimes", "integer", count))
    for n in range(count):
        inner = env.with_name(name.name, n)
        for one in form[2:]:
            ev.value(one, inner)
    return None


# ---- the rest ---------------------------------------------------------------------------------------------------


@macro("declare", "comment")
def comment(ev: Evaluator, form: List, env: Env) -> Any:
    return None


@macro("assert")
def assert_(ev: Evaluator, form: List, env: Env) -> Any:
    if truthy(ev.value(form[1], env)):
        return None
    text = ev.value(form[2], env) if len(form) > 2 else show(form[1])
    raise ev.at(form, fail("AssertionError", f"Assertion failed: {text if type(text) is str else show(text)}"))


@macro("with-resource")
def with_resource(ev: Evaluator, form: List, env: Env) -> Any:
    bindings = split(form[1])

    def opened(index: int, env: Env) -> Any:
        if index == len(bindings):
            return body(ev, form[2:], env)
        name, type_, literal = bindings[index]
        value = ev.value(literal, env)
        if type_ is not None:
            check(type_, value, f"let {show(name)}")
        try:
            result = opened(index + 1, bind(ev, name, value, env))
        except RtfsError:
            ev.host_call(["ccos.resource.close", value])
            raise
        ev.host_call(["ccos.resource.close", value])
        return result

    return opened(0, env)


@macro("parallel")
def parallel(ev: Evaluator, form: List, env: Env) -> Any:
    names = [name.name for name in form[1][::2]]
    values = _parallel(ev, form, "parallel", len(names))
    return Map.of(list(zip(map(Keyword, names), values, strict=True)))


@form("step-parallel")
def step_parallel(ev: Evaluator, form: List, env: Env) -> Any:
    return stepped(ev, "step-parallel", None, lambda: _parallel(ev, form, "step-parallel", len(form) - 1))


def _parallel(ev: Evaluator, form: List, name: str, count: int) -> Any:
    """One host call with a function for each expression; the scripted host answers without calling them."""

    def branch() -> None:
        raise Unsupported("a branch that runs")

    branch.__name__ = ""
    try:
        answer = ev.host_call(["ccos.concurrent/parallel", *[branch] * count])
    except RtfsError as error:
        raise ev.at(form, error) from None
    if not is_vector(answer):
        raise ev.at(form, wrong(name, f"vector of {count} values", answer))
    if len(answer) != count:
        text = f"Type error in {name}: expected vector of {count} values, got vector of {len(answer)}"
        raise ev.at(form, fail("TypeError", text))
    return answer
