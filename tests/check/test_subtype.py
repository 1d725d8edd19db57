"""Subtyping is an order, and what it says is true of values; types that share no value have none in common."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.check.kind import type_of
from rtfs.check.overlap import FITS, NEVER, Overlap
from rtfs.check.subtype import Subtyping, subtype
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.conform import fits
from rtfs.lang.names import Keyword
from rtfs.lang.schema import parse_type
from rtfs.lang.types import Function, Type
from rtfs.lang.values import ResourceHandle
from tests.check.strategies import HALF, declared


def typed(text: str) -> Type:
    return parse_type(rtfs.read(text)[0])


atoms = st.sampled_from(
    [None, True, False, 0, 1, 2, -1, 0.5, 1.0, "", "a", "ab", Keyword("a"), Keyword("b"), ResourceHandle("resource://db/x")]
)  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    atoms,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(vector),
        st.lists(parts, max_size=3).map(List),
        st.dictionaries(st.sampled_from([Keyword("a"), Keyword("b"), "a", 1]), parts, max_size=3).map(
            lambda entries: Map.of(entries.items())
        ),
    ),
    max_leaves=5,
)  # fmt: skip
types = st.one_of(declared, values.map(type_of))


pools = st.lists(types, min_size=2, max_size=7)  # all pairs and triples are compared: most single ones say nothing


@settings(max_examples=HALF)
@given(pools)
def test_subtyping_is_reflexive_and_transitive(pool: list[Type]) -> None:
    order = Subtyping()
    below = {(i, j) for i, s in enumerate(pool) for j, t in enumerate(pool) if order.holds(s, t)}
    assert all((i, i) in below for i in range(len(pool)))
    assert all((i, k) in below for i, j in below for jj, k in below if j == jj)


@settings(max_examples=HALF)
@given(pools)
def test_what_is_compared_before_changes_no_answer(pool: list[Type]) -> None:
    order = Subtyping()
    pairs = [(s, t) for s in pool for t in pool]
    assert [order.holds(s, t) for s, t in pairs] == [subtype(s, t) for s, t in pairs]


@settings(max_examples=HALF)
@given(pools)
def test_a_subtype_is_compatible(pool: list[Type]) -> None:
    order = Overlap()
    assert all(order.verdict(s, t) == FITS for s in pool for t in pool if order.strict.holds(s, t))


@settings(max_examples=HALF)
@given(st.lists(values, min_size=1, max_size=6), st.lists(declared, min_size=2, max_size=6))
def test_a_value_of_a_subtype_is_a_value_of_the_type(found: list[Any], pool: list[Type]) -> None:
    order = Subtyping()
    for value in found:
        fitting = {id(t) for t in pool if fits(t, value)}
        exact = type_of(value)
        assert all(id(t) in fitting for t in pool if order.holds(exact, t))
        assert all(id(t) in fitting for s in pool if id(s) in fitting for t in pool if order.holds(s, t))


@settings(max_examples=HALF)
@given(st.lists(values, min_size=1, max_size=6), st.lists(declared, min_size=2, max_size=6))
def test_types_without_a_common_value_have_none(found: list[Any], pool: list[Type]) -> None:
    order = Overlap()
    pool = [t for t in pool if not has_functions(t)]  # as a type of functions, a keyword is what it does
    for value in found:
        exact, fitting = type_of(value), [t for t in pool if fits(t, value)]
        assert all(order.verdict(exact, t) != NEVER for t in fitting)
        assert not any(order.disjoint(s, t) for s in fitting for t in fitting)


@settings(max_examples=HALF)
@given(pools)
def test_disjointness_is_symmetric(pool: list[Type]) -> None:
    order = Overlap()
    assert all(order.disjoint(s, t) == order.disjoint(t, s) for s in pool for t in pool)


def has_functions(type: Type) -> bool:
    pending, seen = [type], set[int]()
    while pending:
        node = pending.pop()
        if isinstance(node, Function):
            return True
        if id(node) not in seen:
            seen.add(id(node))
            pending.extend(node.parts)
    return False


@pytest.mark.parametrize(
    ("s", "t"),
    [
        (":int", ":float"), (":float", ":number"), (":int", ":int?"), (":never", ":int"), (":int", ":any"),
        ("[:union :int :nil]", "[:union :nil :int :string]"), ("[:union :int :int]", ":int"),
        ("[:and :int [:> 0]]", ":int"), ("[:and [:> 0] :int]", "[:and :int [:> 0]]"), ("[:> 0]", ":number"),
        ("[:tuple :int :int]", "[:vector :float]"), ("[:vector :int]", "[:seq :number]"), ("[:vector :int]", ":vector"),
        (":vector", "[:vector :any]"), ("[:array :int [2 ?]]", "[:vector [:vector :int]]"),
        ("[:array :int [2]]", "[:tuple :int :int]"), ("[:enum 1 2]", "[:enum 2 1 3]"), ("[:enum :a :b]", ":keyword"),
        ("[:val [1 2]]", "[:vector :int]"), ("[:map [:a :int] [:b :int]]", "[:map [:a :number]]"),
        ("[:map [:a :int] [:* :never]]", "[:map [:a :int] [:b :int ?]]"),
        ("[:map [:a :int] [:* :never]]", "[:map-of :keyword :int]"), ("[:map-of :keyword :int]", "[:map [:a :int ?]]"),
        ("[:fn [:number] :int]", "[:fn [:int] :number]"), ("[:fn [& :number] :int]", "[:fn [:int :int] :int]"),
        ("[:fn [:int] :int]", ":function"), (":keyword", ":function"), ("[:vector :int]", ":fn"),
        ("[:resource db/x]", "[:resource db]"), ("[:resource db]", ":resource"),
    ],
)  # fmt: skip
def test_a_subtype(s: str, t: str) -> None:
    assert subtype(typed(s), typed(t))


@pytest.mark.parametrize(
    ("s", "t"),
    [
        (":float", ":int"), (":number", ":float"), (":int?", ":int"), (":any", ":int"), (":int", ":never"),
        (":bool", ":int"), ("[:vector :number]", "[:vector :int]"), ("[:vector :int]", "[:list :int]"),
        ("[:vector :int]", "[:tuple :int]"), ("[:tuple :int]", "[:tuple :int :int]"), (":int", "[:and :int [:> 0]]"),
        ("[:and :int [:> 1]]", "[:and :int [:> 0]]"), ("[:map [:a :int]]", "[:map [:a :int] [:b :int ?]]"),
        ("[:map [:a :int ?]]", "[:map [:a :int]]"), ("[:map [:a :int]]", "[:map [:a :int] [:* :never]]"),
        ("[:map-of :keyword :int]", "[:map [:a :int]]"), ("[:fn [:int] :int]", "[:fn [:number] :int]"),
        ("[:fn [:int] :int]", "[:fn [:int :int] :int]"), ("[:fn [:int] :int]", "[:fn [& :int] :int]"),
        ("[:map [:a :int]]", "[:map-of :keyword :int]"), ("[:enum 1 2]", "[:enum 1]"),
    ],
)  # fmt: skip
def test_no_subtype(s: str, t: str) -> None:
    assert not subtype(typed(s), typed(t))


@pytest.mark.parametrize(
    ("s", "t"),
    [
        ("[:vector :any]", "[:vector :int]"), (":map", "[:map [:a :int]]"), (":function", "[:fn [:int] :int]"),
        ("[:fn [:any] :any]", "[:fn [:int] :string]"), ("[:union :any :int]", ":string"), ("Nobody", ":int"),
    ],
)  # fmt: skip
def test_what_is_not_known_fits_everything(s: str, t: str) -> None:
    assert Overlap().verdict(typed(s), typed(t)) == FITS
    assert not subtype(typed(s), typed(t))


@pytest.mark.parametrize(
    ("s", "t"),
    [
        (":int", ":string"), ("[:union :int :nil]", "[:union :string :keyword]"), ("[:enum :a]", "[:enum :b]"),
        ("[:tuple :int]", "[:tuple :int :int]"), ("[:tuple :int]", "[:vector :string]"), ("[:vector :int]", ":list"),
        ("[:map [:a :int]]", "[:map [:a :string]]"), ("[:map [:a :int]]", "[:map [:* :never]]"),
        ("[:map [:a :int]]", "[:map [:a :string ?]]"), ("[:fn [:int] :int]", "[:fn [:int :int] :int]"),
        ("[:map [:a :int]]", "[:map-of :string :any]"), ("[:val 0]", "[:and :int [:> 0]]"),
        ("[:array :int [2]]", "[:tuple :int]"),
        ("[:fn [:int] :int]", ":int"), ("[:resource db]", "[:resource queue]"), (":keyword", "[:fn [:int] :any]"),
    ],
)  # fmt: skip
def test_what_can_never_fit(s: str, t: str) -> None:
    assert Overlap().verdict(typed(s), typed(t)) == NEVER


@pytest.mark.parametrize(
    ("s", "t"),
    [
        (":int?", ":int"), ("[:vector :int]", "[:vector :string]"), (":number", ":int"), (":keyword", "[:enum :a]"),
        ("[:map [:a :int ?]]", "[:map [:a :string ?]]"), (":seq", ":vector"), (":int", "[:and :int [:> 0]]"),
    ],
)  # fmt: skip
def test_what_may_fit(s: str, t: str) -> None:
    assert Overlap().verdict(typed(s), typed(t)) not in (FITS, NEVER)


def test_deep_types_are_compared_once() -> None:
    """Each level mentions the one below four times: without memory this takes 4 to the 40 steps."""
    s: Any = Keyword("int")
    for _ in range(40):
        s = (Keyword("union"), (Keyword("vector"), s), (Keyword("map"), (Keyword("a"), s), (Keyword("b"), s)))
    deep, other = parse_type_shared(s), parse_type_shared(s)
    assert subtype(deep, other)
    assert not Overlap().disjoint(deep, other)


def parse_type_shared(form: Any) -> Type:
    """The type of a form whose equal parts are one object."""
    known: dict[int, Type] = {}

    def resolve(part: Any) -> Any:
        if id(part) in known:
            return known[id(part)]
        built = tuple(resolve(each) if isinstance(each, tuple) else each for each in part)
        known[id(part)] = found = parse_type(built) if part[0] in _HEADS else built  # type: ignore[assignment]
        return found

    _HEADS = (Keyword("union"), Keyword("vector"), Keyword("map"))
    return resolve(form)  # type: ignore[no-any-return]
