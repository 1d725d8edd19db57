"""Equality, order and logic (language.md §14.2)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.number import NUMBERS, comparable, ge2, gt2, le2, lt2, number
from rtfs.eval.registry import builtin
from rtfs.lang.equality import equal
from rtfs.lang.order import compare


@builtin(
    "=",
    doc="Are all arguments equal? Kinds count.",
    type="[:any & :any] :bool",
    example=("[(= 1 1 1) (= 1 1.0)]", "[true false]"),
)
def eq(x: Any, *others: Any) -> bool:
    for other in others:  # noqa: SIM110  # a loop is faster than a generator
        if not equal(x, other):
            return False
    return True


@builtin("!=", "not=", doc="Is some argument different?", type="[:any & :any] :bool", example=("(not= 1 2)", "true"))
def ne(x: Any, *others: Any) -> bool:
    for other in others:  # noqa: SIM110  # a loop is faster than a generator
        if not equal(x, other):
            return True
    return False


@builtin("==", doc="Are all numbers equal by value?", type="[:number & :number] :bool", example=("(== 1 1.0)", "true"))
def same_number(x: Any, *others: Any) -> bool:
    number("==", x)
    for index, other in enumerate(others):
        number("==", other, index + 1)
    return all(x == other for other in others)


@builtin(
    "<",
    doc="Does each argument come before the next?",
    type="[:number & :number] :bool [:string & :string] :bool [:timestamp & :timestamp] :bool",
    example=("[(< 1 2 3) (< 1 2 2)]", "[true false]"),
)
def lt(x: Any, *others: Any) -> bool:
    if not others:
        comparable("<", x, x)
    for other in others:
        if not (x < other if type(x) in NUMBERS and type(other) in NUMBERS else lt2(x, other)):
            return False
        x = other
    return True


@builtin(
    "<=",
    doc="Does no argument come after the next?",
    type="[:number & :number] :bool [:string & :string] :bool [:timestamp & :timestamp] :bool",
    example=("(<= 1 2 2)", "true"),
)
def le(x: Any, *others: Any) -> bool:
    if not others:
        comparable("<=", x, x)
    for other in others:
        if not (x <= other if type(x) in NUMBERS and type(other) in NUMBERS else le2(x, other)):
            return False
        x = other
    return True


@builtin(
    ">",
    doc="Does each argument come after the next?",
    type="[:number & :number] :bool [:string & :string] :bool [:timestamp & :timestamp] :bool",
    example=("(> 3 2 1)", "true"),
)
def gt(x: Any, *others: Any) -> bool:
    if not others:
        comparable(">", x, x)
    for other in others:
        if not (x > other if type(x) in NUMBERS and type(other) in NUMBERS else gt2(x, other)):
            return False
        x = other
    return True


@builtin(
    ">=",
    doc="Does no argument come before the next?",
    type="[:number & :number] :bool [:string & :string] :bool [:timestamp & :timestamp] :bool",
    example=("(>= 3 3 4)", "false"),
)
def ge(x: Any, *others: Any) -> bool:
    if not others:
        comparable(">=", x, x)
    for other in others:
        if not (x >= other if type(x) in NUMBERS and type(other) in NUMBERS else ge2(x, other)):
            return False
        x = other
    return True


@builtin(
    "compare",
    doc="-1, 0 or 1 in the total order of all values.",
    type="[:any :any] :int",
    example=('(compare 1 "a")', "-1"),
)
def compare_(a: Any, b: Any) -> int:
    return compare(a, b)


@builtin(
    "and",
    doc="The first falsy argument, else the last; true without any.",
    type="[& :any] :any",
    example=("(apply and [1 2])", "2"),
)
def and_(*values: Any) -> Any:
    value: Any = True
    for value in values:
        if value is None or value is False:
            return value
    return value


@builtin(
    "or",
    doc="The first truthy argument, else the last; nil without any.",
    type="[& :any] :any",
    example=("(apply or [nil 7])", "7"),
)
def or_(*values: Any) -> Any:
    value: Any = None
    for value in values:
        if value is not None and value is not False:
            return value
    return value


@builtin("not", doc="True for nil and false only.", type="[:any] :bool", example=("(not nil)", "true"))
def not_(x: Any) -> bool:
    return x is None or x is False


@builtin("boolean", doc="The truth of a value as a boolean.", type="[:any] :bool", example=("(boolean 0)", "true"))
def boolean(x: Any) -> bool:
    return x is not None and x is not False


@builtin("identity", doc="Its argument.", type="[a] a", example=("(identity 3)", "3"))
def identity(x: Any) -> Any:
    return x
