"""Functions about functions (language.md §14.6)."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from rtfs.eval.limits import reentry
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.errors import type_error
from rtfs.lang.values import type_name


def call_with(f: Any, args: Any) -> Any:
    """Call with a sequence of arguments: few of them without going through C, which would use its stack."""
    count = len(args)
    if count == 1:
        return f(args[0])
    if count == 2:
        return f(args[0], args[1])
    if count == 3:
        return f(args[0], args[1], args[2])
    if count == 0:
        return f()
    with reentry():
        return f(*args)


@builtin("apply", doc="Calls f with the arguments, the last of which is spread.", example=("(apply + 1 [2 3])", "6"))
def apply(f: Any, first: Any, *others: Any) -> Any:
    given = (first, *others)
    last = given[-1]
    if type(last) in (int, float, bool) or isinstance(last, FunctionType):
        raise type_error("apply", "sequence", type_name(last))
    return call_with(callee(f, "apply"), [*given[:-1], *sequence(last, "apply")])


@builtin("comp", doc="The composition of functions, right to left.", example=("((comp inc abs) -3)", "4"))
def comp(*functions: Any) -> Any:
    if not functions:
        return lambda x: x
    chain = [callee(f, "comp") for f in reversed(functions)]

    def composed(*args: Any) -> Any:
        value = call_with(chain[0], args)
        for f in chain[1:]:
            value = f(value)
        return value

    return composed


@builtin("partial", doc="The function with its first arguments given.", example=("((partial + 1) 2)", "3"))
def partial(f: Any, *given: Any) -> Any:
    target = callee(f, "partial")

    def bound(*args: Any) -> Any:
        return call_with(target, (*given, *args))

    return bound


@builtin(
    "juxt", doc="A function giving the vector of what each function gives.", example=("((juxt inc dec) 1)", "[2 0]")
)
def juxt(first: Any, *others: Any) -> Any:
    targets = [callee(f, "juxt") for f in (first, *others)]

    def beside(*args: Any) -> Any:
        from rtfs.lang.collections import vector

        return vector([call_with(f, args) for f in targets])

    return beside


@builtin("complement", doc="The predicate that holds when f does not.", example=("((complement nil?) 1)", "true"))
def complement(f: Any) -> Any:
    target = callee(f, "complement")

    def opposite(*args: Any) -> bool:
        value = call_with(target, args)
        return value is None or value is False

    return opposite


@builtin("constantly", doc="A function that always gives x.", example=("((constantly 5) 1 2)", "5"))
def constantly(x: Any) -> Any:
    return lambda *args: x


@builtin("fnil", doc="The function with defaults for nil arguments.", example=("((fnil inc 0) nil)", "1"))
def fnil(f: Any, first: Any, *others: Any) -> Any:
    from rtfs.lang.errors import arity_error

    if len(others) > 2:
        raise arity_error("fnil", "between 2 and 4", len(others) + 2)
    target, defaults = callee(f, "fnil"), (first, *others)

    def filled(*args: Any) -> Any:
        given = [d if a is None else a for a, d in zip(args, defaults, strict=False)]
        return call_with(target, [*given, *args[len(given) :]])

    return filled


@builtin(
    "validate", doc="The value, if it has the type; otherwise TypeValidationError.", example=("(validate :int 3)", "3")
)
def validate(type_form: Any, value: Any) -> Any:
    from rtfs.lang.conform import check

    check(_type(type_form), value, "value", "standard")
    return value


@builtin("valid?", doc="Does the value have the type?", example=("(valid? :int 3.5)", "false"))
def is_valid(type_form: Any, value: Any) -> bool:
    from rtfs.lang.conform import fits

    return bool(fits(_type(type_form), value))


@builtin("explain", doc="What is wrong with the value for the type, or nil.", example=("(explain :int 3)", "nil"))
def explain(type_form: Any, value: Any) -> Any:
    from rtfs.lang.conform import problem

    return problem(_type(type_form), value)


def _type(form: Any) -> Any:
    from rtfs.eval.machine import RUN
    from rtfs.lang.collections import Map
    from rtfs.lang.names import Keyword
    from rtfs.lang.schema import parse_type

    if type(form) is Map:
        form = (Keyword("map"), form)
    tools = RUN.get().tools if RUN.get(None) is not None else None
    return parse_type(form, (lambda name: None) if tools is None else tools.find_type)
