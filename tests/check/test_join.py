"""The join of types is a type above all of them, whatever their order, and does not grow without end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.check.join import MOST, join
from rtfs.check.kind import NEVER, describe, type_of
from rtfs.check.subtype import subtype
from rtfs.lang.schema import parse_type
from rtfs.lang.types import Type, Union
from tests.check.strategies import HALF, declared
from tests.check.test_subtype import typed, types, values


@settings(max_examples=HALF)
@given(types, types)
def test_a_join_is_above_both(s: Type, t: Type) -> None:
    both = join(s, t)
    assert subtype(s, both)
    assert subtype(t, both)


@settings(max_examples=HALF)
@given(types, types)
def test_the_order_of_a_join_does_not_matter(s: Type, t: Type) -> None:
    assert subtype(join(s, t), join(t, s))


@settings(max_examples=HALF)
@given(types)
def test_a_type_joined_with_itself_or_nothing_is_itself(s: Type) -> None:
    for same in (join(s, s), join(s, NEVER), join(NEVER, s)):
        assert subtype(same, s) and subtype(s, same)


@settings(max_examples=HALF)
@given(st.lists(declared, max_size=9))
def test_a_union_has_few_members(pool: list[Type]) -> None:
    made = join(*pool)
    assert not isinstance(made, Union) or len(made.members) <= MOST or made in pool


@settings(max_examples=HALF)
@given(st.lists(values, min_size=1, max_size=5))
def test_every_value_fits_the_join_of_their_types(found: list[Any]) -> None:
    above = join(*map(type_of, found))
    assert all(subtype(type_of(value), above) for value in found)


@pytest.mark.parametrize(
    ("types", "joined"),
    [
        (":int :int", ":int"), (":int :float", ":number"), (":float :number", ":number"), (":int :nil", ":int?"),
        (":string :int", "[:union :string :int]"), (":int :any", ":any"), (":never :int", ":int"),
        ("[:vector :int] [:vector :float]", "[:vector :float]"), ("[:union :int :nil] [:union :nil :int]", ":int?"),
        ("[:vector :never] [:vector :int]", "[:vector :int]"), (":int :string :nil :keyword :symbol", None),
        (":int :string :nil :keyword :symbol :bool", ":any"),
        ("[:union :int :string] :float", "[:union :number :string]"),
        ("[:map [:a :int] [:b :int]] [:map [:a :int]]", "[:map [:a :int]]"),
    ],
)  # fmt: skip
def test_a_join(types: str, joined: str | None) -> None:
    made = join(*[parse_type(form) for form in rtfs.read(types)])
    expected = joined or f"[:union {types}]"
    assert subtype(made, typed(expected)) and subtype(typed(expected), made), describe(made)
