"""Lookup in collections, and maps (language.md §14.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import Map, vector
from rtfs.lang.equality import equal

load_topic("map")

keys = st.one_of(st.integers(0, 90), st.sampled_from(["a", "b", 1.0, True, None, (1,), (1.0,)]))
maps = st.dictionaries(keys, st.integers(), max_size=80).map(lambda made: Map.of(made.items()))


def test_hash_map_takes_keys_and_values_in_turn(agree: Callable[..., None]) -> None:
    agree(
        "(hash-map) ;=> {}",
        "(hash-map :a 1 :b 2 :a 3) ;=> {:a 3 :b 2}",
        "(array-map :z 1 :a 2) ;=> {:z 1 :a 2}",
        "(hash-map :a) ;=> !ArityMismatch: Arity mismatch in hash-map: expected an even number, got 1",
    )


def test_get_looks_in_maps_errors_and_indexed_collections(agree: Callable[..., None]) -> None:
    agree(
        "(let [k :a] (get {:a 1} k)) ;=> 1",
        "(let [k 1.0] (get {1 :i 1.0 :f} k)) ;=> :f",
        "(let [k [1]] (get {[1] :v} k)) ;=> :v",
        '(get "xyz" 1) ;=> "y"',
        "(get '(4 5) 1) ;=> 5",
        "(get [7] 3) ;=> nil",
        "(get [7] -1 :d) ;=> :d",
        "(get {:x nil} :x 3) ;=> nil",
        "(get nil :a 3) ;=> 3",
        '(get (ex-info "m") :message) ;=> "m"',
    )


def test_get_refuses_other_kinds(agree: Callable[..., None]) -> None:
    agree(
        "(get [7] :a) ;=> !TypeError: Type error in get: expected integer, got keyword",
        "(get 5 :a) ;=> !TypeError: Type error in get: expected collection, got integer",
        "(let [k :a] (get :k k)) ;=> !TypeError: Type error in get: expected collection, got keyword",
    )


def test_get_in_gives_the_default_wherever_the_path_ends(agree: Callable[..., None]) -> None:
    agree(
        "(get-in {:a [{:b 7}]} [:a 0 :b]) ;=> 7",
        "(get-in {:a {}} [:a :z] :none) ;=> :none",
        "(get-in {:a 5} [:a :b] :none) ;=> :none",
        "(get-in {:a [1]} [:a :b] :none) ;=> :none",
        "(get-in {:a nil} [:a] :none) ;=> nil",
        "(get-in {:a 1} []) ;=> {:a 1}",
        "(get-in {:a 1} nil) ;=> {:a 1}",
        "(get-in nil [:a] 3) ;=> 3",
        '(get-in {"a" "xyz"} \'("a" 2)) ;=> "z"',
        "(get-in {:a 1} 5) ;=> !TypeError: Type error in get-in: expected sequence, got integer",
    )


def test_contains_asks_for_keys_elements_or_parts(agree: Callable[..., None]) -> None:
    agree(
        "(contains? {:a nil} :a) ;=> true",
        "(contains? {1 :x} 1.0) ;=> false",
        "(contains? [5 6] 6) ;=> true",
        "(contains? [5 6] 0) ;=> false",
        "(contains? '([1]) [1]) ;=> true",
        '(contains? "meadow" "ado") ;=> true',
        "(contains? nil :a) ;=> false",
        '(contains? (ex-info "m") :span) ;=> true',
        '(contains? "a" 1) ;=> !TypeError: Type error in contains?: expected string, got integer',
        "(contains? 5 1) ;=> !TypeError: Type error in contains?: expected collection, got integer",
    )


def test_find_keys_and_vals(agree: Callable[..., None]) -> None:
    agree(
        "(find {:a nil} :a) ;=> [:a nil]",
        "(find {:a 1} :b) ;=> nil",
        "(find nil :a) ;=> nil",
        "(keys {:b 1 :a 2}) ;=> [:b :a]",
        "(vals {:b 1 :a 2}) ;=> [1 2]",
        "(keys nil) ;=> []",
        '(first (keys (ex-info "m"))) ;=> :type',
        '(count (vals (ex-info "m"))) ;=> 7',
        "(keys [1]) ;=> !TypeError: Type error in keys: expected map, got vector",
        "(vals 5) ;=> !TypeError: Type error in vals: expected map, got integer",
        "(find [1] 0) ;=> !TypeError: Type error in find: expected map, got vector",
    )


def test_assoc_keeps_places_and_appends_new_keys(agree: Callable[..., None]) -> None:
    agree(
        "(assoc {:a 1 :b 2} :a 9 :c 3) ;=> {:a 9 :b 2 :c 3}",
        "(assoc nil :a 1) ;=> {:a 1}",
        "(assoc (dissoc {:a 1 :b 2} :a) :a 1) ;=> {:b 2 :a 1}",
        "(assoc {1 :i} 1.0 :f) ;=> {1 :i 1.0 :f}",
    )


def test_assoc_on_a_vector_replaces_or_appends(agree: Callable[..., None]) -> None:
    agree(
        "(assoc [1 2 3] 1 :m) ;=> [1 :m 3]",
        "(assoc [1 2] 2 3 3 4) ;=> [1 2 3 4]",
        "(last (assoc (range 64) 64 :end)) ;=> :end",
        "(nth (assoc (range 100) 70 :x) 70) ;=> :x",
        "(assoc [1 2] 3 0) ;=> !IndexOutOfBounds: Index out of bounds: index 3 is not in range [0, 3)",
        "(assoc [1 2] -1 0) ;=> !IndexOutOfBounds",
        "(assoc [1 2] :a 0) ;=> !TypeError: Type error in assoc: expected integer, got keyword",
    )


def test_assoc_takes_pairs_and_maps_or_vectors(agree: Callable[..., None]) -> None:
    agree(
        "(assoc {} :a 1 :b) ;=> !ArityMismatch: Arity mismatch in assoc: expected an odd number, at least 3, got 4",
        "(assoc '(1) 0 1) ;=> !TypeError: Type error in assoc: expected map or vector, got list",
        '(assoc "a" 0 1) ;=> !TypeError: Type error in assoc: expected map or vector, got string',
        '(assoc (ex-info "m") :a 1) ;=> !TypeError',
    )


def test_dissoc_removes_keys(agree: Callable[..., None]) -> None:
    agree(
        "(dissoc {:p 1 :q 2 :r 3} :p :r :zz) ;=> {:q 2}",
        "(dissoc {:a 1}) ;=> {:a 1}",
        "(dissoc nil :a) ;=> nil",
        "(dissoc [1] 0) ;=> !TypeError: Type error in dissoc: expected map, got vector",
    )


def test_update_gives_nil_for_a_missing_key(agree: Callable[..., None]) -> None:
    agree(
        "(update {:n 4} :n + 1 2) ;=> {:n 7}",
        "(update {} :n (fn [v] [v])) ;=> {:n [nil]}",
        "(update nil :n (fn [v] [v])) ;=> {:n [nil]}",
        "(update [1 2] 1 dec) ;=> [1 1]",
        "(update [1] 1 (fn [v] v)) ;=> [1 nil]",
        "(update [1] 2 inc) ;=> !IndexOutOfBounds",
        "(update {:a 1} :a :k) ;=> !TypeError: Type error in keyword lookup: expected map, got integer",
        "(update '(1) 0 inc) ;=> !TypeError: Type error in update: expected map or vector, got list",
        "(update {:a 1} :a 5) ;=> !TypeError: Type error in update: expected function, got integer",
    )


def test_paths_create_maps_on_the_way(agree: Callable[..., None]) -> None:
    agree(
        "(assoc-in {} [:a :b] 1) ;=> {:a {:b 1}}",
        "(assoc-in nil [:a :b] 1) ;=> {:a {:b 1}}",
        "(assoc-in {:a [1 {:b 2}]} [:a 1 :b] 9) ;=> {:a [1 {:b 9}]}",
        "(assoc-in [] [0 :a] 1) ;=> [{:a 1}]",
        "(update-in {:a {:n 1}} [:a :n] + 5) ;=> {:a {:n 6}}",
        "(update-in {} [:a :n] (fn [v] [v])) ;=> {:a {:n [nil]}}",
        "(assoc-in {:a {:x 1}} '(:a :y) 2) ;=> {:a {:x 1 :y 2}}",
    )


def test_paths_end_at_what_is_no_map_or_vector(agree: Callable[..., None]) -> None:
    agree(
        "(assoc-in {:a 5} [:a :b] 1) ;=> !TypeError: Type error in assoc-in: expected map or vector, got integer",
        "(update-in {:a '(1)} [:a 0] inc) ;=> !TypeError: Type error in update-in: expected map or vector, got list",
        "(assoc-in {:a [1]} [:a 5] 1) ;=> !IndexOutOfBounds",
        "(dissoc-in {:a [1]} [:a 0]) ;=> !TypeError: Type error in dissoc-in: expected map, got vector",
    )


@pytest.mark.parametrize(
    "source", ["(assoc-in {} [] 1)", "(update-in {} [] inc)", "(dissoc-in {} [])", "(assoc-in {} nil 1)"]
)
def test_an_empty_path_is_an_invalid_argument(source: str, agree: Callable[..., None]) -> None:
    agree(f"{source} ;=> !InvalidArgument")


def test_dissoc_in_removes_at_the_end_of_the_path(agree: Callable[..., None]) -> None:
    agree(
        "(dissoc-in {:a {:b 1 :c 2}} [:a :b]) ;=> {:a {:c 2}}",
        "(dissoc-in {:a {:b 1}} [:a :b]) ;=> {:a {}}",
        "(dissoc-in {:a 1} [:x :y]) ;=> {:a 1}",
        "(dissoc-in {:a nil} [:a :y]) ;=> {:a nil}",
        "(dissoc-in nil [:a]) ;=> nil",
        "(dissoc-in {:a 1 :b 2} [:a]) ;=> {:b 2}",
    )


def test_merge_lets_later_values_win(agree: Callable[..., None]) -> None:
    agree(
        "(merge) ;=> {}",
        "(merge nil) ;=> {}",
        "(merge {:a 1 :b 2} nil {:a 3 :c 4}) ;=> {:a 3 :b 2 :c 4}",
        "(merge {:a 1} [1]) ;=> !TypeError: Type error in merge: expected map, got vector",
        "(count (merge (zipmap (range 100) (range 100)) {:a 1})) ;=> 101",
    )


def test_merge_with_joins_values(agree: Callable[..., None]) -> None:
    agree(
        "(merge-with + {:a 1} nil {:a 2 :b 3} {:a 4}) ;=> {:a 7 :b 3}",
        "(merge-with vector {:a nil} {:a false}) ;=> {:a [nil false]}",
        "(merge-with +) ;=> {}",
        "(merge-with 5 {:a 1}) ;=> !TypeError: Type error in merge-with: expected function, got integer",
        "(merge-with + 5) ;=> !TypeError: Type error in merge-with: expected map, got integer",
    )


def test_deep_merge_merges_maps_under_one_key(agree: Callable[..., None]) -> None:
    agree(
        "(deep-merge {:a {:b 1 :x [1]}} {:a {:b {:c 2} :x [2]}} nil) ;=> {:a {:b {:c 2} :x [2]}}",
        "(deep-merge {:a {:b {:c 1}}} {:a {:b {:d 2}}}) ;=> {:a {:b {:c 1 :d 2}}}",
        "(deep-merge) ;=> {}",
        "(deep-merge {:a 1} 5) ;=> !TypeError: Type error in deep-merge: expected map, got integer",
    )


def test_deep_merge_survives_depth_and_sharing(agree: Callable[..., None]) -> None:
    agree(
        "(let [m (reduce (fn [m _] {:k m}) {} (range 3000))] (= m (deep-merge m m))) ;=> true",
        "(let [m (reduce (fn [m _] {:a m :b m}) {} (range 60))] (= m (deep-merge m m))) ;=> true",
    )


def test_selecting_and_renaming(agree: Callable[..., None]) -> None:
    agree(
        "(select-keys {:a 1 :b 2 :c 3} [:c :a :z :c]) ;=> {:c 3 :a 1}",
        "(select-keys nil [:a]) ;=> {}",
        "(select-keys {:a 1} nil) ;=> {}",
        "(rename-keys {:a 1 :b 2 :c 3} {:b :x :z :y}) ;=> {:a 1 :x 2 :c 3}",
        "(rename-keys {:a 1 :b 2} {:a :b :b :a}) ;=> {:b 1 :a 2}",
        "(rename-keys {:a 1 :b 2} {:a :b}) ;=> {:b 2}",
        "(rename-keys nil {:a :b}) ;=> {}",
        "(rename-keys {:a 1} [1]) ;=> !TypeError: Type error in rename-keys: expected map, got vector",
    )


def test_changing_all_values_or_keys(agree: Callable[..., None]) -> None:
    agree(
        "(update-vals {:a 1 :b 2} inc) ;=> {:a 2 :b 3}",
        "(map-vals {[1] 1} inc) ;=> {[1] 2}",
        '(update-keys {:a 1 :b 2} name) ;=> {"a" 1 "b" 2}',
        "(map-keys {1 :a -1 :b} abs) ;=> {1 :b}",
        "(update-vals nil inc) ;=> {}",
        "(update-vals [1] inc) ;=> !TypeError: Type error in update-vals: expected map, got vector",
        "(update-keys {:a 1} 5) ;=> !TypeError: Type error in update-keys: expected function, got integer",
    )


# ---- laws -------------------------------------------------------------------------------------------------------


@given(maps, keys, st.integers())
def test_what_was_put_is_found(coll: Map, key: Any, value: int) -> None:
    put = BUILTINS["assoc"](coll, key, value)
    assert BUILTINS["get"](put, key) == value
    assert BUILTINS["contains?"](put, key)
    assert len(put) == len(coll) + (key not in coll)
    gone = BUILTINS["dissoc"](put, key)
    assert not BUILTINS["contains?"](gone, key)
    assert [k for k in gone if k in coll] == [k for k in coll if k in gone]


@given(maps, maps)
def test_merge_is_a_sequence_of_assocs(a: Map, b: Map) -> None:
    expected = a
    for key, value in b.entries():
        expected = expected.assoc(key, value)
    merged = BUILTINS["merge"](a, b)
    assert repr(merged.entries()) == repr(expected.entries())
    assert type(merged.raw) is type(expected.raw)
    assert equal(BUILTINS["deep-merge"](a, b), merged)
    assert equal(BUILTINS["merge-with"](lambda old, new: new, a, b), merged)


@given(maps)
def test_a_map_is_its_keys_and_values(coll: Map) -> None:
    pairs = list(zip(BUILTINS["keys"](coll), BUILTINS["vals"](coll), strict=True))
    assert repr(pairs) == repr(coll.entries())
    assert equal(BUILTINS["select-keys"](coll, BUILTINS["keys"](coll)), coll)
    assert equal(BUILTINS["update-vals"](coll, lambda value: value), coll)
    assert equal(BUILTINS["update-keys"](coll, lambda key: key), coll)


@given(maps, st.lists(keys, min_size=1, max_size=4), st.integers())
def test_what_was_put_at_a_path_is_found_there(coll: Map, path: list[Any], value: int) -> None:
    cleared = BUILTINS["dissoc"](coll, path[0])
    put = BUILTINS["assoc-in"](cleared, vector(path), value)
    assert BUILTINS["get-in"](put, vector(path)) == value
    assert BUILTINS["get-in"](BUILTINS["dissoc-in"](put, vector(path)), vector(path), "gone") == "gone"
