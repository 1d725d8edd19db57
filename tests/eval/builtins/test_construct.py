"""Sequences made of elements and of other sequences (language.md §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import List, Map, PVector, vector

load_topic("construct")


def test_constructors(agree: Callable[..., None]) -> None:
    agree(
        "(vector) ;=> []",
        "(vector 1 nil) ;=> [1 nil]",
        "(list) ;=> ()",
        "(list 1 2) ;=> (1 2)",
        "(vec '(1 2)) ;=> [1 2]",
        '(vec "ab") ;=> ["a" "b"]',
        "(vec {:a 1}) ;=> [[:a 1]]",
        "(vec nil) ;=> []",
        "(vec 5) ;=> !TypeError",
        "(count (apply vector (range 100))) ;=> 100",
        "(= (apply vector (range 100)) (vec (apply list (range 100))) (range 100)) ;=> true",
    )


def test_cons_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree(
        "(cons 0 [1]) ;=> [0 1]",
        "(cons 0 '(1)) ;=> (0 1)",
        '(cons 0 "ab") ;=> [0 "a" "b"]',
        "(cons 0 nil) ;=> [0]",
        "(cons 0 {:a 1}) ;=> [0 [:a 1]]",
        "(cons 0 5) ;=> !TypeError: Type error in cons: expected sequence, got integer",
    )


def test_conj_appends_and_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree(
        "(conj [1] 2 3) ;=> [1 2 3]",
        "(conj '(1 2) 3) ;=> (1 2 3)",
        "(conj nil 1) ;=> [1]",
        "(conj nil) ;=> []",
        "(conj [1]) ;=> [1]",
        "(last (conj (range 64) :end)) ;=> :end",
        "(let [v (range 70) a (conj v 1) b (conj v 2)] [(last a) (last b) (count v)]) ;=> [1 2 70]",
    )


def test_conj_adds_pairs_and_maps_to_a_map(agree: Callable[..., None]) -> None:
    agree(
        "(conj {:a 1} [:b 2]) ;=> {:a 1 :b 2}",
        "(conj {:a 1} '(:b 2) {:a 3 :c 4}) ;=> {:a 3 :b 2 :c 4}",
        "(conj {} {}) ;=> {}",
        "(conj {:a 1} [1]) ;=> !TypeError: Type error in conj: expected [key value] or map, got vector",
        "(conj {:a 1} :b) ;=> !TypeError",
    )


@pytest.mark.parametrize("bad", ["5", '"ab"', ":k", "true"])
def test_only_collections_grow(bad: str, agree: Callable[..., None]) -> None:
    for source in (f"(conj {bad} 1)", f"(conj {bad})", f"(into {bad} [1])", f"(into {bad} [])"):
        agree(f"{source} ;=> !TypeError")


def test_concat_takes_any_sequences(agree: Callable[..., None]) -> None:
    agree(
        "(concat) ;=> []",
        "(concat [1] '(2 3) nil [4]) ;=> [1 2 3 4]",
        '(concat "ab" {:a 1}) ;=> ["a" "b" [:a 1]]',
        "(concat [1] 2) ;=> !TypeError: Type error in concat: expected sequence, got integer",
    )


def test_into_conjes_all(agree: Callable[..., None]) -> None:
    agree(
        "(into [1] '(2 3)) ;=> [1 2 3]",
        "(into '(1) [2]) ;=> (1 2)",
        "(into nil [1]) ;=> [1]",
        "(into [] {:a 1}) ;=> [[:a 1]]",
        "(into {:a 1} [[:b 2] {:c 3} '(:a 4)]) ;=> {:a 4 :b 2 :c 3}",
        "(into {:a 1} {:a 2 :b 3}) ;=> {:a 2 :b 3}",
        "(into {} nil) ;=> {}",
        '(into [] "ab") ;=> ["a" "b"]',
        "(into {} [1]) ;=> !TypeError: Type error in into: expected [key value] or map, got integer",
    )


def test_interleaving_ends_with_the_shortest(agree: Callable[..., None]) -> None:
    agree(
        "(interleave [1 2 3] [:a :b]) ;=> [1 :a 2 :b]",
        "(interleave [1 2]) ;=> [1 2]",
        '(interleave "ab" \'(1 2) [:x :y]) ;=> ["a" 1 :x "b" 2 :y]',
        "(interleave [1] nil) ;=> []",
        '(zip [1 2] ["a" "b" "c"]) ;=> [[1 "a"] [2 "b"]]',
        "(zip [1 2]) ;=> [[1] [2]]",
        "(zip [1] nil) ;=> []",
    )


def test_interpose_puts_the_separator_between(agree: Callable[..., None]) -> None:
    agree("(interpose 0 [1 2 3]) ;=> [1 0 2 0 3]", "(interpose 0 [1]) ;=> [1]", "(interpose 0 nil) ;=> []")
    agree('(interpose nil "ab") ;=> ["a" nil "b"]')


def test_zipmap_pairs_keys_and_values(agree: Callable[..., None]) -> None:
    agree(
        "(zipmap [:a :b] [1 2 3]) ;=> {:a 1 :b 2}",
        "(zipmap [:a :b :a] [1 2 3]) ;=> {:a 3 :b 2}",
        "(zipmap nil [1]) ;=> {}",
        '(zipmap "ab" \'(1 2)) ;=> {"a" 1 "b" 2}',
    )


def test_flatten_opens_vectors_and_lists(agree: Callable[..., None]) -> None:
    agree(
        '(flatten [1 [2 \'(3 [4])] "ab" {:a [5]} nil []]) ;=> [1 2 3 4 "ab" {:a [5]} nil]',
        "(flatten nil) ;=> []",
        "(flatten '(1 (2))) ;=> [1 2]",
        "(flatten {:a 1}) ;=> [:a 1]",
        "(flatten 5) ;=> !TypeError: Type error in flatten: expected sequence, got integer",
    )


def test_flattening_survives_depth_and_sharing(agree: Callable[..., None]) -> None:
    agree(
        "(count (flatten (reduce (fn [v _] [v]) 1 (range 9000)))) ;=> 1",
        "(flatten (reduce (fn [v _] [v]) 1 (range 20000))) ;=> !StackOverflow",
        "(flatten (reduce (fn [v _] [v v]) [1] (range 60))) ;=> !MemoryLimitExceeded",
    )


def test_sizes_are_checked_before_anything_is_built(agree: Callable[..., None]) -> None:
    for call in (
        "(concat big big)",
        "(into big big)",
        "(interleave big big)",
        "(interpose 0 big)",
        "(zip big big)",
        "(conj big 1 2)",
    ):
        agree(f"(let [big (range 1999999)] {call}) ;=> !MemoryLimitExceeded")


# ---- laws -------------------------------------------------------------------------------------------------------

items = st.lists(st.integers(), max_size=140)


def representation(value: Any) -> type:
    assert type(value) is not tuple or len(value) <= 64
    assert type(value) is not PVector or len(value) > 64
    return type(value)


@given(items, items)
def test_concat_into_and_conj_agree(a: list[int], b: list[int]) -> None:
    joined = BUILTINS["concat"](vector(a), List(b))
    assert list(joined) == a + b
    assert list(BUILTINS["into"](vector(a), vector(b))) == a + b
    assert list(BUILTINS["conj"](vector(a), *b)) == a + b
    assert list(BUILTINS["into"](List(a), vector(b))) == a + b
    one_by_one: Any = vector(a)
    for item in b:
        one_by_one = BUILTINS["conj"](one_by_one, item)
    assert list(one_by_one) == a + b
    for value in (joined, one_by_one, BUILTINS["into"](vector(a), vector(b)), BUILTINS["conj"](vector(a), *b)):
        representation(value)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers()), max_size=150),
    st.dictionaries(st.integers(0, 90), st.integers()),
)
def test_into_a_map_is_a_sequence_of_assocs(pairs: list[tuple[int, int]], start: dict[int, int]) -> None:
    expected = Map.of(start.items())
    for key, value in pairs:
        expected = expected.assoc(key, value)
    made = BUILTINS["into"](Map.of(start.items()), vector(pairs))
    assert made.entries() == expected.entries()
    assert type(made.raw) is type(expected.raw)


nested = st.recursive(
    st.integers(),
    lambda part: st.lists(part, max_size=4).map(vector) | st.lists(part, max_size=4).map(List),
    max_leaves=12,
)


@given(st.lists(nested, max_size=5))
def test_flatten_leaves_the_leaves_in_order(parts: list[Any]) -> None:
    def leaves(value: Any) -> list[int]:
        return [value] if type(value) is int else [leaf for part in value for leaf in leaves(part)]

    assert list(BUILTINS["flatten"](vector(parts))) == leaves(vector(parts))
