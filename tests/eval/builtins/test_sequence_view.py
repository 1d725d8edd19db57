"""What holds of every function that takes a sequence: all kinds of sequences are one (language.md §2.4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtfs.eval import registry
from rtfs.eval.registry import BUILTINS
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

registry.load_all()

F = {name: BUILTINS[name] for name in ("identity", "vector", "str", "type", "nil?", "type-name")}

# a function and its arguments; SEQ is the sequence. Those of KEEPS give the kind they take.
SEQ = object()
KEEPS = [
    ("rest", SEQ),
    ("next", SEQ),
    ("butlast", SEQ),
    ("reverse", SEQ),
    ("cons", 1, SEQ),
]
VECTORS = [
    ("take", 3, SEQ),
    ("drop", 3, SEQ),
    ("take-last", 3, SEQ),
    ("drop-last", SEQ),
    ("drop-last", 65, SEQ),
    ("take-while", F["nil?"], SEQ),
    ("drop-while", F["nil?"], SEQ),
    ("split-with", F["nil?"], SEQ),
    ("split-at", 64, SEQ),
    ("take-nth", 2, SEQ),
    ("map", F["vector"], SEQ),
    ("map", F["vector"], SEQ, SEQ),
    ("map-indexed", F["vector"], SEQ),
    ("keep-indexed", F["vector"], SEQ),
    ("mapcat", F["vector"], SEQ),
    ("filter", F["identity"], SEQ),
    ("remove", F["identity"], SEQ),
    ("keep", F["identity"], SEQ),
    ("reductions", F["str"], SEQ),
    ("concat", SEQ, SEQ),
    ("into", (), SEQ),
    ("vec", SEQ),
    ("sort", SEQ),
    ("sort-by", F["str"], SEQ),
    ("distinct", SEQ),
    ("dedupe", SEQ),
    ("distinct-by", F["type"], SEQ),
    ("partition", 2, SEQ),
    ("partition", 3, 2, (0,), SEQ),
    ("partition-all", 65, SEQ),
    ("partition-by", F["type"], SEQ),
    ("interleave", SEQ, SEQ),
    ("zip", SEQ, SEQ),
    ("interpose", 0, SEQ),
]
VALUES = [
    ("first", SEQ),
    ("second", SEQ),
    ("last", SEQ),
    ("nth", SEQ, 2, None),
    ("count", SEQ),
    ("empty?", SEQ),
    ("reduce", F["vector"], SEQ),
    ("reduce", F["str"], "", SEQ),
    ("some", F["identity"], SEQ),
    ("every?", F["identity"], SEQ),
    ("any?", F["nil?"], SEQ),
    ("not-any?", F["nil?"], SEQ),
    ("not-every?", F["identity"], SEQ),
    ("frequencies", SEQ),
    ("group-by", F["type-name"], SEQ),
    ("zipmap", SEQ, SEQ),
    ("min-by", F["str"], SEQ),
    ("max-by", F["str"], SEQ),
    ("apply", F["vector"], SEQ),
    ("join", ",", SEQ),
    ("some?", F["nil?"], SEQ),
]
CALLS = [*KEEPS, *VECTORS, *VALUES]

atoms = st.one_of(st.integers(-2, 3), st.sampled_from([None, True, False, 1.0, "a", "b", Keyword("k"), (1, 2)]))
# of every size around the one where a vector is stored in another way
items = st.one_of(
    st.lists(atoms, max_size=6), st.builds(lambda one, n: one * n, st.lists(atoms, min_size=1), st.just(66))
)


def called(call: tuple[Any, ...], coll: Any) -> Any:
    name, *arguments = call
    try:
        return BUILTINS[name](*[coll if one is SEQ else one for one in arguments])
    except RtfsError as error:
        return f"{error.kind}: {error.message}"


def as_vector(value: Any) -> Any:
    return vector(list(value)) if type(value) is List else value


@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(items)
def test_a_list_gives_what_the_vector_of_its_elements_gives(call: tuple[Any, ...], parts: list[Any]) -> None:
    of_vector, of_list = called(call, vector(parts)), called(call, List(parts))
    assert equal(of_vector, as_vector(of_list))
    if call in KEEPS:
        assert type(of_list) is List or of_list is None
    if call in VECTORS:
        assert type(of_vector) is type(of_list)
        assert type(of_list) in (tuple, PVector)


@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(atoms, atoms), max_size=6))
def test_a_map_gives_what_the_vector_of_its_pairs_gives(call: tuple[Any, ...], pairs: list[tuple[Any, Any]]) -> None:
    coll = Map.of(pairs)
    assert equal(called(call, coll), called(call, vector(list(coll.entries()))))


@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(st.text("abé😀", max_size=70))
def test_a_string_gives_what_the_vector_of_its_characters_gives(call: tuple[Any, ...], text: str) -> None:
    of_string, of_vector = called(call, text), called(call, vector(list(text)))
    if call in KEEPS and call[0] != "cons" and type(of_string) is str:
        assert equal(vector(list(of_string)), of_vector)
    else:
        assert equal(of_string, of_vector)


@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
def test_nil_gives_what_the_empty_vector_gives(call: tuple[Any, ...]) -> None:
    assert equal(called(call, None), called(call, ()))
