"""What holds for one value: signs, parity, kinds (language.md §14.2)."""

from __future__ import annotations

from types import FunctionType, NoneType
from typing import Any

from rtfs.eval.builtins.number import number
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.errors import invalid_argument
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.signal import METERS, charge
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid, type_name

# ---- numbers ----------------------------------------------------------------------------------------------------


@builtin("zero?", doc="Is the number zero?", type="[:number] :bool", example=("(zero? 0.0)", "true"))
def is_zero(x: Any) -> bool:
    return bool(number("zero?", x) == 0)


@builtin("pos?", doc="Is the number above zero?", type="[:number] :bool", example=("(pos? 3)", "true"))
def is_pos(x: Any) -> bool:
    return bool(number("pos?", x) > 0)


@builtin("neg?", doc="Is the number below zero?", type="[:number] :bool", example=("(neg? 3)", "false"))
def is_neg(x: Any) -> bool:
    return bool(number("neg?", x) < 0)


@builtin("nan?", doc="Is it ##NaN?", type="[:number] :bool", example=("(nan? ##NaN)", "true"))
def is_nan(x: Any) -> bool:
    return bool(number("nan?", x) != x)


@builtin("infinite?", doc="Is it ##Inf or ##-Inf?", type="[:number] :bool", example=("(infinite? ##-Inf)", "true"))
def is_infinite(x: Any) -> bool:
    return type(number("infinite?", x)) is float and x == x and x - x != 0.0


def _whole(operation: str, x: Any) -> Any:
    """An integer or a whole float."""
    if type(number(operation, x)) is float and not x.is_integer():
        raise invalid_argument(f"{operation} of {show(x)}, which is not whole", x)
    return x


@builtin("even?", doc="Is the whole number even?", type="[:number] :bool", example=("(even? 4.0)", "true"))
def is_even(x: Any) -> bool:
    return bool(_whole("even?", x) % 2 == 0)


@builtin("odd?", doc="Is the whole number odd?", type="[:number] :bool", example=("(odd? -3)", "true"))
def is_odd(x: Any) -> bool:
    return bool(_whole("odd?", x) % 2 != 0)


# ---- kinds ------------------------------------------------------------------------------------------------------

# names, the first of which errors show; Python types; what they are; one of them
_KINDS: tuple[tuple[str, tuple[type, ...], str, str], ...] = (
    ("int? integer?", (int,), "an integer", "3"),
    ("float?", (float,), "a float", "3.5"),
    ("number?", (int, float), "a number", "3"),
    ("string? string-p", (str,), "a string", '"a"'),
    ("bool? boolean?", (bool,), "a boolean", "false"),
    ("nil?", (NoneType,), "nil", "nil"),
    ("keyword?", (Keyword,), "a keyword", ":a"),
    ("symbol?", (Symbol,), "a symbol", "'a"),
    ("vector?", (tuple, PVector), "a vector", "[1]"),
    ("list?", (List,), "a list", "'(1)"),
    ("map?", (Map,), "a map", "{}"),
    ("fn? function?", (FunctionType,), "a function", "inc"),
    ("error?", (ErrorValue,), "an error", '(ex-info "e")'),
    ("timestamp?", (Timestamp,), "a timestamp", "2031-02-03T04:05:06Z"),
    ("uuid?", (Uuid,), "a UUID", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ("resource?", (ResourceHandle,), "a resource handle", "resource://db"),
    ("ifn?", (FunctionType, Keyword, Map, tuple, PVector), "something that can be called", ":a"),
    ("coll?", (tuple, PVector, List, Map), "a vector, list or map", "[1]"),
    ("sequential?", (tuple, PVector, List), "a vector or list", "[1]"),
    ("associative?", (tuple, PVector, Map), "a vector or map", "{}"),
    ("seqable?", (tuple, PVector, List, Map, str, NoneType), "something with a sequence view", '"ab"'),
)


def _kind_predicate(names: str, kinds: tuple[type, ...], what: str, sample: str) -> None:
    members = frozenset(kinds)
    primary, *aliases = names.split()

    def holds(x: Any) -> bool:
        return type(x) in members

    builtin(primary, *aliases, doc=f"Is it {what}?", type="[:any] :bool", example=(f"({primary} {sample})", "true"))(
        holds
    )


for _row in _KINDS:
    _kind_predicate(*_row)


@builtin("true?", doc="Is it true itself?", type="[:any] :bool", example=("(true? 1)", "false"))
def is_true(x: Any) -> bool:
    return x is True


@builtin("false?", doc="Is it false itself?", type="[:any] :bool", example=("(false? nil)", "false"))
def is_false(x: Any) -> bool:
    return x is False


@builtin(
    "some?",
    doc="(some? x): is it not nil? (some? f coll): does some element satisfy f?",
    type="[:any] :bool [[:fn [a] :any] Items] :bool",
    example=("[(some? nil) (some? even? [1 2])]", "[false true]"),
)
def is_some(x: Any, coll: Any = MISSING) -> bool:
    if coll is MISSING:
        return x is not None
    f = callee(x, "some?")
    for item in sequence(coll, "some?"):
        if METERS:
            charge(1)
        found = f(item)
        if found is not None and found is not False:
            return True
    return False


@builtin("type-name", doc="The kind of a value as text.", type="[:any] :string", example=("(type-name 1)", '"integer"'))
def type_name_(x: Any) -> str:
    return type_name(x)


@builtin("type", doc="The kind of a value as a keyword.", type="[:any] :keyword", example=("(type 1)", ":integer"))
def type_(x: Any) -> Keyword:
    return Keyword(type_name(x))
