"""Equality, order, logic and predicates (language.md §14.2)."""

from __future__ import annotations

import math
from types import FunctionType
from typing import Any

from rtfs.eval.builtins.number import as_float, compared, number
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.equality import equal
from rtfs.lang.errors import invalid_argument, type_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.order import compare
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid, type_name


@builtin("=", doc="Are all arguments equal? Kinds count.", example=("(= 1 1.0)", "false"))
def eq(first: Any, *others: Any) -> bool:
    return all(equal(first, other) for other in others)


@builtin("!=", "not=", doc="Is some argument different?", example=("(not= 1 2)", "true"))
def ne(first: Any, *others: Any) -> bool:
    return not all(equal(first, other) for other in others)


@builtin("==", doc="Are all numbers equal by value?", example=("(== 1 1.0)", "true"))
def same_number(first: Any, *others: Any) -> bool:
    number("==", first)
    for index, other in enumerate(others):
        number("==", other, index + 1)
    return all(first == other for other in others)


def _ordered(operation: str, example: tuple[str, str], doc: str) -> None:
    def check(first: Any, *others: Any) -> bool:
        if not others and type(first) not in (int, float, str, Timestamp):
            raise type_error(operation, "comparable types", type_name(first))
        for other in others:
            if not compared(operation, first, other):
                return False
            first = other
        return True

    builtin(operation, doc=doc, example=example)(check)


_ordered("<", ("(< 1 2 3)", "true"), "Does each argument come before the next?")
_ordered("<=", ("(<= 1 1 2)", "true"), "Does no argument come after the next?")
_ordered(">", ("(> 3 2 1)", "true"), "Does each argument come after the next?")
_ordered(">=", ("(>= 3 3 4)", "false"), "Does no argument come before the next?")


@builtin("compare", doc="-1, 0 or 1 in the total order of all values.", example=("(compare 1 2)", "-1"))
def compare_(a: Any, b: Any) -> int:
    return compare(a, b)


@builtin("and", doc="The first falsy argument, else the last; true without any.", example=("(apply and [1 2])", "2"))
def and_(*values: Any) -> Any:
    result: Any = True
    for result in values:
        if result is None or result is False:
            return result
    return result


@builtin("or", doc="The first truthy argument, else the last; nil without any.", example=("(apply or [nil 7])", "7"))
def or_(*values: Any) -> Any:
    result: Any = None
    for result in values:
        if result is not None and result is not False:
            return result
    return result


@builtin("not", doc="True for nil and false only.", example=("(not nil)", "true"))
def not_(x: Any) -> bool:
    return x is None or x is False


@builtin("boolean", doc="The truth of a value as a boolean.", example=("(boolean 0)", "true"))
def boolean(x: Any) -> bool:
    return x is not None and x is not False


@builtin("identity", doc="Its argument.", example=("(identity 3)", "3"))
def identity(x: Any) -> Any:
    return x


# ---- numbers ----------------------------------------------------------------------------------------------------


@builtin("zero?", doc="Is the number zero?", example=("(zero? 0.0)", "true"))
def is_zero(x: Any) -> bool:
    return bool(number("zero?", x) == 0)


@builtin("pos?", doc="Is the number above zero?", example=("(pos? 3)", "true"))
def is_pos(x: Any) -> bool:
    return bool(number("pos?", x) > 0)


@builtin("neg?", doc="Is the number below zero?", example=("(neg? 3)", "false"))
def is_neg(x: Any) -> bool:
    return bool(number("neg?", x) < 0)


@builtin("nan?", doc="Is it ##NaN?", example=("(nan? ##NaN)", "true"))
def is_nan(x: Any) -> bool:
    return bool(number("nan?", x) != x)


@builtin("infinite?", doc="Is it ##Inf or ##-Inf?", example=("(infinite? ##Inf)", "true"))
def is_infinite(x: Any) -> bool:
    return type(number("infinite?", x)) is float and math.isinf(x)


def _parity(operation: str, x: Any) -> Any:
    number(operation, x)
    if type(x) is float:
        if x != x or math.isinf(x) or x != math.floor(x):
            raise invalid_argument(f"{operation} of {x!r}, which is not whole")
        as_float(operation, x)
    return x % 2


@builtin("even?", doc="Is the whole number even?", example=("(even? 4)", "true"))
def is_even(x: Any) -> bool:
    return bool(_parity("even?", x) == 0)


@builtin("odd?", doc="Is the whole number odd?", example=("(odd? -3)", "true"))
def is_odd(x: Any) -> bool:
    return bool(_parity("odd?", x) != 0)


# ---- kinds ------------------------------------------------------------------------------------------------------

_KINDS: tuple[tuple[tuple[str, ...], tuple[type, ...], str, str], ...] = (
    (("int?", "integer?"), (int,), "an integer", "3"),
    (("float?",), (float,), "a float", "3.5"),
    (("number?",), (int, float), "a number", "3"),
    (("string?", "string-p"), (str,), "a string", '"a"'),
    (("bool?", "boolean?"), (bool,), "a boolean", "true"),
    (("nil?",), (type(None),), "nil", "nil"),
    (("keyword?",), (Keyword,), "a keyword", ":a"),
    (("symbol?",), (Symbol,), "a symbol", "'a"),
    (("vector?",), (tuple, PVector), "a vector", "[1]"),
    (("list?",), (List,), "a list", "'(1)"),
    (("map?",), (Map,), "a map", "{}"),
    (("fn?", "function?"), (FunctionType,), "a function", "inc"),
    (("error?",), (ErrorValue,), "an error", '(ex-info "e")'),
    (("timestamp?",), (Timestamp,), "a timestamp", "2031-02-03T04:05:06Z"),
    (("uuid?",), (Uuid,), "a UUID", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    (("resource?",), (ResourceHandle,), "a resource handle", "resource://db"),
    (("ifn?",), (FunctionType, Keyword, Map, tuple, PVector), "something that can be called", ":a"),
    (("coll?",), (tuple, PVector, List, Map), "a vector, list or map", "[1]"),
    (("sequential?",), (tuple, PVector, List), "a vector or list", "[1]"),
    (("associative?",), (tuple, PVector, Map), "a vector or map", "{}"),
    (("seqable?",), (tuple, PVector, List, Map, str, type(None)), "something with elements", '"ab"'),
)


def _kind_predicate(names: tuple[str, ...], kinds: tuple[type, ...], what: str, sample: str) -> None:
    members = frozenset(kinds)

    def check(x: Any) -> bool:
        return type(x) in members

    builtin(*names, doc=f"Is it {what}?", example=(f"({names[0]} {sample})", "true"))(check)


for _names, _types, _what, _sample in _KINDS:
    _kind_predicate(_names, _types, _what, _sample)


@builtin("true?", doc="Is it true itself?", example=("(true? 1)", "false"))
def is_true(x: Any) -> bool:
    return x is True


@builtin("false?", doc="Is it false itself?", example=("(false? nil)", "false"))
def is_false(x: Any) -> bool:
    return x is False


@builtin("some?", doc="Is it not nil? With a collection: does some element satisfy f?", example=("(some? even? [1 2])", "true"))
def is_some(x: Any, coll: Any = MISSING) -> bool:
    if coll is MISSING:
        return x is not None
    f = callee(x, "some?")
    for item in sequence(coll, "some?"):
        found = f(item)
        if found is not None and found is not False:
            return True
    return False


@builtin("type-name", doc="The kind of a value as text.", example=("(type-name 1)", '"integer"'))
def type_name_(x: Any) -> str:
    return type_name(x)


@builtin("type", doc="The kind of a value as a keyword.", example=("(type 1)", ":integer"))
def type_(x: Any) -> Keyword:
    return Keyword(type_name(x))
