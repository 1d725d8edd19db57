"""Whatever a builtin is given, it answers a value of the language or an error of the language."""

from __future__ import annotations

from types import FunctionType, NoneType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.eval import registry
from rtfs.eval.registry import BUILTINS, DOCS, arity_of
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.errors import EvaluationError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid

registry.load_all()

# calls of `call` leave the program, and what needs a program's text is tested with one
NAMES = sorted(name for name in DOCS if type(BUILTINS[name]) is FunctionType and name != "call")

ATOMS = (NoneType, bool, int, float, str, Keyword, Symbol, Timestamp, Uuid, ResourceHandle, ErrorValue, FunctionType)


def is_value(value: Any) -> bool:
    """One of the kinds of language.md §2.1 through and through, each vector in the representation of its size."""
    if type(value) in ATOMS:
        return True
    if type(value) is Map:
        return all(is_value(part) for entry in value.entries() for part in entry)
    if (type(value) is tuple and len(value) > 64) or (type(value) is PVector and len(value) <= 64):
        return False
    return type(value) in (tuple, PVector, List) and all(map(is_value, value))


def _numbers() -> st.SearchStrategy[Any]:
    special = [0, 1, -1, 2, 3, 64, 65, 0.0, -0.0, 0.5, -2.5, 1e308, float("inf"), float("-inf"), float("nan")]
    return st.sampled_from([*special, 10**20, -(10**400), 1 << 13_000, 2**53 + 1])


scalars = st.one_of(
    _numbers(),
    st.sampled_from([None, True, False, "", "a", "a b", "(", "[a-z]+", "%d %s", "12", "{}", "é𝔞\n", ":int"]),
    st.sampled_from(
        [Keyword("a"), Keyword("int"), Symbol("x"), Timestamp(0), Uuid("0f8fad5b-d9cb-469f-a165-70867728950e")]
    ),
    st.sampled_from([ResourceHandle("resource://db"), ErrorValue.of(EvaluationError("TypeError", "text"))]),
)
functions = st.sampled_from(
    [BUILTINS[name] for name in ("inc", "vector", "first", "get", "+", "<", "identity", "str", "not")]
)
values = st.recursive(
    st.one_of(scalars, functions),
    lambda part: st.one_of(
        st.lists(part, max_size=4).map(vector),
        st.lists(part, max_size=4).map(List),
        st.lists(st.tuples(part, part), max_size=3).map(Map.of),
        st.integers(60, 70).map(lambda n: vector(list(range(n)))),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_builtin_gives_a_value_or_an_error(name: str, session: rtfs.Session, data: st.DataObject) -> None:
    low, high = arity_of(name)
    args = data.draw(st.lists(values, min_size=low, max_size=low + 2 if high is None else high))
    try:
        value = session.call(BUILTINS[name], *args)
    except rtfs.RtfsError as error:
        assert error.kind != "InternalError", error.message
        return
    assert is_value(value)
