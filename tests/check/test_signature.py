"""The declared types of the library say the truth: about every name, its arity, its examples and any call of it."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.analysis import library_type
from rtfs.bundled import load_all
from rtfs.check.call import Calls, Fault
from rtfs.check.join import Joining
from rtfs.check.kind import ANY, describe, kinds, type_of
from rtfs.check.signature import filled
from rtfs.eval.library import NAMES as HOMES
from rtfs.eval.library import library_of
from rtfs.eval.registry import BUILTINS, arity_of
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.conform import fits
from rtfs.lang.names import Keyword
from rtfs.lang.types import Function, Intersection, Type
from rtfs.lang.values import ErrorValue, function_name
from tests.eval.builtins.test_total import NAMES, values
from tests.stdlib.test_table import ROWS

load_all(library_of("interruptible"))
LIBRARY = sorted(HOMES)
HOSTED = {"call", "pmap", "rand-nth"}
# endless with `identity`; arguments after the one that decides are not looked at
UNFIT = HOSTED | {"tree-seq", "<", "<=", ">", ">="}


def shapes(type: Type) -> list[Function]:
    members = type.members if isinstance(type, Intersection) else (type,)
    return [member for member in members if isinstance(member, Function)]


def test_every_library_function_has_a_declared_type() -> None:
    assert [name for name in LIBRARY if library_type(name) is None] == []


def test_a_declared_type_has_the_arity_of_the_function() -> None:
    for row, name in [(each, name) for each in ROWS for name in each.names]:
        found = library_type(name)
        assert found is not None
        counts = {len(shape.params) for shape in shapes(found)}
        variadic = any(shape.rest is not None for shape in shapes(found))
        assert (min(counts), None if variadic else max(counts)) == (row.low, row.high), name
        assert variadic or counts == set(range(row.low, (row.high or row.low) + 1)), name


def argument_type(value: Any) -> Type:
    """As inference knows it: a literal exactly, a library function by its declaration."""
    if isinstance(value, FunctionType):
        declared = library_type(function_name(value) or "")
        return ANY if declared is None else filled(declared, {}, Joining())
    return ANY if isinstance(value, ErrorValue) else type_of(value)


def agrees(session: rtfs.Session, name: str, arguments: list[Any]) -> bool:
    """A call that succeeds is not reported, and its value is of the type it was said to have. Did it succeed?"""
    declared = library_type(name)
    assert declared is not None
    outcome = Calls().call(declared, [argument_type(value) for value in arguments])
    try:
        value = session.call(session.lookup(name), *arguments)
    except rtfs.RtfsError:
        return False
    certain = [fault for fault in outcome.faults if fault.certain and not (_idle(fault) and _small(arguments))]
    assert not certain, (name, arguments, describe(certain[0].expected))
    assert fits(outcome.result, value), (name, arguments, value, describe(outcome.result))
    return True


def _idle(fault: Fault) -> bool:
    return isinstance(fault.expected, Function) and kinds(fault.actual) is not None


def _small(arguments: list[Any]) -> bool:
    """Is there too little to call a function with? Then a function that fails whenever it is called does no harm."""
    sized = [len(value) for value in arguments if isinstance(value, (str, tuple, PVector, Map))]
    few = any(type(value) is int and value < 2 for value in arguments)
    return few or None in arguments or min(sized, default=0) < 2


@pytest.fixture(scope="module")
def session() -> rtfs.Session:
    return rtfs.Session(cache=False)


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([name for name in NAMES if name not in UNFIT]), st.data())
def test_what_a_builtin_does_agrees_with_its_declared_type(
    session: rtfs.Session, name: str, data: st.DataObject
) -> None:
    low, high = arity_of(name)
    arguments = data.draw(st.lists(values, min_size=low, max_size=low + 2 if high is None else high))
    agrees(session, name, arguments)


numbers = st.sampled_from([0, 1, 2, -3, 2.5, -0.5])
items = st.one_of(numbers, st.sampled_from([None, True, "a", "bc", Keyword("a"), (1, 2), ("x",)]))
sequences = st.one_of(
    st.lists(numbers, max_size=4).map(vector), st.lists(items, max_size=4).map(List),
    st.sampled_from([None, "abc", ""]), st.lists(items, max_size=3).map(vector),
    st.lists(st.tuples(items, items), max_size=3).map(Map.of),
)  # fmt: skip
maps = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from([Keyword("a"), Keyword("b"), "a"]), items).map(lambda d: Map.of(d.items())),
    st.lists(st.tuples(items, items), max_size=3).map(Map.of),
)  # fmt: skip
_CALLED = ("inc", "+", "<", "=", "vector", "first", "str", "identity", "even?", "count", "compare", "list")
functions = st.sampled_from(
    [Keyword("a"), *[BUILTINS[name] for name in _CALLED]]
)  # fmt: skip
FITTING = {
    "n": numbers, "i": st.integers(-1, 3), "s": st.sampled_from(["", "a", "b a", "12"]), "q": sequences, "m": maps,
    "f": functions, "a": st.one_of(items, sequences, maps, st.integers(0, 2), functions),
}  # fmt: skip
PURE = [row for row in ROWS if not set(row.names) & UNFIT and HOMES[row.names[0]] != "stdlib:host"]


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PURE), st.data())
def test_what_a_function_does_to_fitting_arguments_agrees_with_its_declared_type(
    session: rtfs.Session, row: Any, data: st.DataObject
) -> None:
    count = data.draw(st.integers(row.low, row.low + 2 if row.high is None else row.high))
    agrees(session, row.names[0], [data.draw(FITTING[row.kind(place)]) for place in range(count)])
