"""Functions applied to every element (language.md §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_all, load_topic
from rtfs.lang.collections import List, vector

load_topic("transform")

items = st.lists(st.integers(-20, 20), max_size=100)


def test_map_gives_a_vector_of_any_sequence(agree: Callable[..., None]) -> None:
    agree(
        "(map inc '(1 2)) ;=> [2 3]",
        '(map identity "ab") ;=> ["a" "b"]',
        "(map first {:a 1 :b 2}) ;=> [:a :b]",
        "(map inc nil) ;=> []",
        "(mapv inc [1]) ;=> [2]",
        "(count (map inc (range 1000))) ;=> 1000",
    )


def test_map_of_several_collections_ends_with_the_shortest(agree: Callable[..., None]) -> None:
    agree(
        "(map + [1 2 3] [10 20]) ;=> [11 22]",
        '(map vector [1 2] \'(3 4) "ab" [5 6] [7 8]) ;=> [[1 3 "a" 5 7] [2 4 "b" 6 8]]',
        "(map + [1 2] nil) ;=> []",
        "(map + [1 2] [3 4] [5 6]) ;=> [9 12]",
    )


def test_anything_that_can_be_called_is_a_callback(agree: Callable[..., None]) -> None:
    agree(
        "(map :id [{:id 3} nil]) ;=> [3 nil]",
        "(map {1 :one} [1 2]) ;=> [:one nil]",
        "(map [:zero :one :two] [2 0]) ;=> [:two :zero]",
        "(filter {:x true} [:x :y]) ;=> [:x]",
        "(map [1] [5]) ;=> !IndexOutOfBounds",
        "(map :id [5]) ;=> !TypeError: Type error in keyword lookup: expected map, got integer",
    )


@pytest.mark.parametrize(
    "name", ["map", "mapcat", "filter", "remove", "keep", "map-indexed", "keep-indexed", "reduce", "reductions"]
)
def test_what_cannot_be_called_or_walked_is_a_type_error(name: str, agree: Callable[..., None]) -> None:
    agree(f"({name} 5 [1]) ;=> !TypeError: Type error in {name}: expected function, got integer")
    agree(f"({name} nil []) ;=> !TypeError: Type error in {name}: expected function, got nil")
    agree(f"({name} inc 5) ;=> !TypeError: Type error in {name}: expected sequence, got integer")
    agree(f"({name} inc :k) ;=> !TypeError: Type error in {name}: expected sequence, got keyword")


def test_indexed_functions_get_index_and_element(agree: Callable[..., None]) -> None:
    agree(
        "(map-indexed vector [:a :b]) ;=> [[0 :a] [1 :b]]",
        "(map-indexed + nil) ;=> []",
        "(keep-indexed (fn [i x] (if (odd? i) x)) '(:a :b :c :d)) ;=> [:b :d]",
        "(keep-indexed (fn [i x] false) [1]) ;=> [false]",
    )


def test_mapcat_joins_sequences(agree: Callable[..., None]) -> None:
    agree(
        "(mapcat (fn [x] [x x]) [1 2]) ;=> [1 1 2 2]",
        '(mapcat identity ["ab" nil {:c 1} \'(2)]) ;=> ["a" "b" [:c 1] 2]',
        "(mapcat list [1 2] [3 4]) ;=> [1 3 2 4]",
        "(mapcat inc [1]) ;=> !TypeError: Type error in mapcat: expected sequence, got integer",
        "(let [big (range 100000)] (count (mapcat (fn [i] big) (range 30)))) ;=> !MemoryLimitExceeded",
    )


def test_filters_keep_by_truth(agree: Callable[..., None]) -> None:
    agree(
        '(filter identity [0 nil "" false []]) ;=> [0 "" []]',
        '(remove identity [0 nil "" false []]) ;=> [nil false]',
        "(filterv even? '(1 2)) ;=> [2]",
        "(filter even? nil) ;=> []",
        "(filter (fn [[k v]] (odd? v)) {:a 1 :b 2}) ;=> [[:a 1]]",
        "(keep :a [{:a 1} {} {:a false}]) ;=> [1 false]",
    )


def test_reduce_folds_from_the_left(agree: Callable[..., None]) -> None:
    agree(
        "(reduce - [10 1 2]) ;=> 7",
        "(reduce - 100 [10 1 2]) ;=> 87",
        '(reduce str "" "abc") ;=> "abc"',
        "(reduce (fn [m [k v]] (assoc m v k)) {} {:a 1 :b 2}) ;=> {1 :a 2 :b}",
    )


def test_reduce_of_few_elements(agree: Callable[..., None]) -> None:
    agree(
        "(reduce + []) ;=> 0",
        "(reduce * nil) ;=> 1",
        "(reduce (fn [a b] 9) []) ;=> !ArityMismatch",
        "(reduce + [5]) ;=> 5",
        "(reduce + 7 []) ;=> 7",
        "(reduce (fn [] 3) []) ;=> 3",
    )


def test_reductions_are_the_steps_of_reduce(agree: Callable[..., None]) -> None:
    agree(
        "(reductions + [1 2 3]) ;=> [1 3 6]",
        "(reductions + 10 [1 2]) ;=> [10 11 13]",
        "(reductions + []) ;=> [0]",
        "(reductions conj [] '(1 2)) ;=> [[] [1] [1 2]]",
    )


def test_reduce_kv_folds_entries(agree: Callable[..., None]) -> None:
    agree(
        "(reduce-kv (fn [acc k v] (conj acc [v k])) [] {:a 1 :b 2}) ;=> [[1 :a] [2 :b]]",
        "(reduce-kv (fn [acc i x] (+ acc (* i x))) 0 [5 6]) ;=> 6",
        "(reduce-kv + 7 nil) ;=> 7",
        "(reduce-kv + 0 '(1)) ;=> !TypeError: Type error in reduce-kv: expected map or vector, got list",
    )


@pytest.mark.parametrize(
    "name", ["map", "filter", "remove", "keep", "mapcat", "take-while", "every?", "group-by", "sort-by"]
)
def test_callbacks_are_called_in_order_once_per_element(name: str) -> None:
    load_all()
    seen: list[Any] = []

    def note(x: Any) -> Any:
        seen.append(x)
        return (x,)

    BUILTINS[name](note, vector([3, 1, 2]))
    assert seen == [3, 1, 2]


def test_callbacks_nest_ten_thousand_deep(agree: Callable[..., None]) -> None:
    for call in (
        "(first (map down [(dec n)]))",
        "(reduce (fn [a x] (down x)) 0 [(dec n)])",
        "(some down [(dec n)])",
        "(count (filter down [(dec n)]))",
        "(every? down [(dec n)])",
        "(first (mapcat (fn [x] [(down x)]) [(dec n)]))",
        "((comp inc down) (dec n))",
        "(apply down [(dec n)])",
        "(update {:n (dec n)} :n down)",
        "(first (sort-by down [(dec n)]))",
    ):
        agree(f"(do (defn down [n] (if (< n 1) 0 (do {call} 0))) (down 10000)) ;=> 0")


# ---- laws -------------------------------------------------------------------------------------------------------


@given(items)
def test_filter_and_remove_share_the_elements(values: list[int]) -> None:
    def odd(x: int) -> bool:
        return x % 2 == 1

    for coll in (vector(values), List(values)):
        assert list(BUILTINS["filter"](odd, coll)) == [x for x in values if odd(x)]
        assert list(BUILTINS["remove"](odd, coll)) == [x for x in values if not odd(x)]
        assert list(BUILTINS["map"](odd, coll)) == [odd(x) for x in values]


@given(items, st.integers())
def test_the_last_reduction_is_the_reduction(values: list[int], start: int) -> None:
    def f(a: int, b: int) -> int:
        return 2 * a - b

    steps = list(accumulate(values, f, initial=start))
    assert list(BUILTINS["reductions"](f, start, vector(values))) == steps
    assert BUILTINS["reduce"](f, start, vector(values)) == steps[-1]
    if values:
        assert BUILTINS["reduce"](f, vector(values)) == list(accumulate(values, f))[-1]
