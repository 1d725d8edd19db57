"""Elements and parts of sequences (language.md §2.4, §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import List, PVector, vector
from rtfs.lang.equality import equal

load_topic("sequence")

items = st.lists(st.integers(), max_size=100)


def test_elements_are_nil_when_missing(agree: Callable[..., None]) -> None:
    agree('(map first [[1 2] \'(1) "xyz" {:a 1} [] nil ""]) ;=> [1 1 "x" [:a 1] nil nil nil]')
    agree('(map second [[1 2] \'(1) "xyz" [] nil]) ;=> [2 nil "y" nil nil]')
    agree('(map last [[1 2] \'(1) "xyz" {:a 1 :b 2} [] nil]) ;=> [2 1 "z" [:b 2] nil nil]')
    agree('(map ffirst [[[1 2]] [[]] [] nil ["ab"] {:a 1} [nil]]) ;=> [1 nil nil nil "a" :a nil]')


def test_rest_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree(
        "(rest [1 2 3]) ;=> [2 3]",
        "(rest '(1 2 3)) ;=> (2 3)",
        '(rest "xyz") ;=> "yz"',
        "(rest {:a 1 :b 2}) ;=> [[:b 2]]",
    )
    agree("(rest nil) ;=> []", "(rest []) ;=> []", "(rest '()) ;=> ()", '(rest "") ;=> ""', "(rest [1]) ;=> []")


def test_next_is_nil_when_nothing_is_left(agree: Callable[..., None]) -> None:
    agree(
        "(next [1 2]) ;=> [2]",
        "(next '(1 2)) ;=> (2)",
        '(next "xy") ;=> "y"',
        "(next [1]) ;=> nil",
        "(next nil) ;=> nil",
    )
    agree('(next "x") ;=> nil', "(next {:a 1 :b 2}) ;=> [[:b 2]]", "(next {}) ;=> nil")


def test_butlast_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree("(butlast [1 2]) ;=> [1]", "(butlast '(1 2)) ;=> (1)", '(butlast "xy") ;=> "x"', "(butlast []) ;=> []")
    agree("(butlast nil) ;=> []", "(butlast {:a 1 :b 2}) ;=> [[:a 1]]", '(butlast "") ;=> ""')


def test_reverse_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree(
        "(reverse [1 2]) ;=> [2 1]", "(reverse '(1 2)) ;=> (2 1)", '(reverse "abc") ;=> "cba"', "(reverse nil) ;=> []"
    )
    agree("(reverse {:a 1 :b 2}) ;=> [[:b 2] [:a 1]]", "(first (reverse (range 100))) ;=> 99")


def test_empty_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree('(map empty [[1] \'(1) "a" {:a 1} nil]) ;=> [[] () "" {} []]', "(empty 5) ;=> !TypeError")


def test_nth_gives_the_default_only_outside(agree: Callable[..., None]) -> None:
    agree("(nth [4 5] 1) ;=> 5", '(nth "xyz" 1) ;=> "y"', "(nth '(1 2) 0) ;=> 1", "(nth {:a 1} 0) ;=> [:a 1]")
    agree("(nth [nil] 0 :d) ;=> nil", "(nth [4] 3 :d) ;=> :d", "(nth nil 0 :d) ;=> :d", "(nth [4] -1 nil) ;=> nil")


def test_nth_outside_is_an_error(agree: Callable[..., None]) -> None:
    error = "!IndexOutOfBounds: Index out of bounds: index"
    agree(f"(nth [4 5] 3) ;=> {error} 3 is not in range [0, 2)", f"(nth [4] -1) ;=> {error} -1 is not in range [0, 1)")
    agree(f"(nth nil 0) ;=> {error} 0 is not in range [0, 0)", "(nth [1] (pow 10 5000)) ;=> !IndexOutOfBounds")
    agree(
        "(nth [1] 0.0) ;=> !TypeError: Type error in nth: expected integer, got float", "(nth [1] nil) ;=> !TypeError"
    )


def test_count_counts_elements_entries_and_characters(agree: Callable[..., None]) -> None:
    agree(
        '(map count [[1 2] \'(1) "h\u00e9𝔞" {:a 1} nil [] (range 100)]) ;=> [2 1 3 1 0 0 100]',
        "(count 5) ;=> !TypeError",
    )
    agree("(count :abc) ;=> !TypeError: Type error in count: expected collection, got keyword")


def test_emptiness(agree: Callable[..., None]) -> None:
    agree('(map empty? [[] \'() "" {} nil [nil] " " {:a 1}]) ;=> [true true true true true false false false]')
    agree('(map not-empty [[] \'() "" {} nil [nil] " " {:a 1}]) ;=> [nil nil nil nil nil [nil] " " {:a 1}]')
    agree("(empty? 0) ;=> !TypeError: Type error in empty?: expected sequence, got integer")


def test_seq_is_a_list_or_vector_or_nil(agree: Callable[..., None]) -> None:
    agree('(map seq [\'(1) [1] "ab" {:a 1} [] \'() "" {} nil]) ;=> [(1) [1] ["a" "b"] [[:a 1]] nil nil nil nil nil]')


def test_parts_are_vectors(agree: Callable[..., None]) -> None:
    agree(
        "(take 2 '(1 2 3)) ;=> [1 2]",
        "(drop 2 '(1 2 3)) ;=> [3]",
        '(take 2 "abc") ;=> ["a" "b"]',
        "(drop 1 {:a 1 :b 2}) ;=> [[:b 2]]",
    )
    agree("(take-last 2 '(1 2 3)) ;=> [2 3]", "(drop-last '(1 2 3)) ;=> [1 2]", "(drop-last 2 [1 2 3]) ;=> [1]")
    agree("(take 9 [1]) ;=> [1]", "(drop 9 [1]) ;=> []", "(take-last 9 [1]) ;=> [1]", "(drop-last 9 [1]) ;=> []")


def test_a_negative_size_counts_as_zero(agree: Callable[..., None]) -> None:
    agree(
        "(take -1 [1 2]) ;=> []",
        "(drop -1 [1 2]) ;=> [1 2]",
        "(take-last -1 [1 2]) ;=> []",
        "(drop-last -1 [1 2]) ;=> [1 2]",
    )
    agree("(split-at -1 [1 2]) ;=> [[] [1 2]]", "(take (- (pow 10 50)) [1]) ;=> []", "(take (pow 10 50) [1]) ;=> [1]")


@pytest.mark.parametrize("name", ["take", "drop", "take-last", "drop-last", "split-at", "take-nth"])
def test_sizes_are_integers(name: str, agree: Callable[..., None]) -> None:
    agree(f"({name} 1.0 [1]) ;=> !TypeError: Type error in {name}: expected integer, got float")
    agree(
        f"({name} 1 5) ;=> !TypeError: Type error in {name}: expected sequence, got integer",
        f"({name} 1 nil) ;=> " + ("[[] []]" if name == "split-at" else "[]"),
    )


def test_parts_up_to_an_element(agree: Callable[..., None]) -> None:
    agree(
        "(take-while pos? [1 2 0 3]) ;=> [1 2]", "(drop-while pos? [1 2 0 3]) ;=> [0 3]", "(take-while pos? nil) ;=> []"
    )
    agree(
        "(split-with pos? '(1 0 2)) ;=> [[1] [0 2]]",
        "(split-at 1 '(1 2)) ;=> [[1] [2]]",
        "(drop-while :a [{:a 1} {}]) ;=> [{}]",
    )
    agree("(take-while 5 [1]) ;=> !TypeError: Type error in take-while: expected function, got integer")


def test_take_nth_includes_the_first(agree: Callable[..., None]) -> None:
    agree(
        "(take-nth 2 [1 2 3]) ;=> [1 3]",
        "(take-nth 1 '(1 2)) ;=> [1 2]",
        "(take-nth 9 [1 2]) ;=> [1]",
        "(take-nth (pow 10 50) [1 2]) ;=> [1]",
    )
    agree("(take-nth 0 [1]) ;=> !InvalidArgument", "(count (take-nth 3 (range 100))) ;=> 34")


def test_subvec_checks_its_bounds(agree: Callable[..., None]) -> None:
    agree(
        "(subvec [1 2 3] 1) ;=> [2 3]",
        "(subvec '(1 2 3) 1 2) ;=> [2]",
        "(subvec [1] 1) ;=> []",
        "(subvec [1 2] 1 1) ;=> []",
    )
    for source in ("(subvec [1 2] 3)", "(subvec [1 2] -1)", "(subvec [1 2] 0 3)", "(subvec [1 2] 2 1)"):
        agree(f"{source} ;=> !IndexOutOfBounds")
    agree(
        '(subvec "abc" 1) ;=> !TypeError: Type error in subvec: expected vector or list, got string',
        "(subvec nil 0) ;=> []",
    )


def test_peek_and_pop_are_about_the_last_element(agree: Callable[..., None]) -> None:
    agree(
        "(peek [1 2]) ;=> 2",
        "(peek '(1 2)) ;=> 2",
        "(peek []) ;=> nil",
        "(peek nil) ;=> nil",
        "(pop [1 2]) ;=> [1]",
        "(pop '(1 2)) ;=> (1)",
    )
    agree(
        "(pop []) ;=> !IndexOutOfBounds",
        "(pop nil) ;=> !IndexOutOfBounds",
        "(pop {:a 1}) ;=> !TypeError",
        '(peek "ab") ;=> !TypeError',
    )


# ---- laws -------------------------------------------------------------------------------------------------------


def call(name: str, *args: Any) -> Any:
    value = BUILTINS[name](*args)
    if type(value) is tuple:
        assert len(value) <= 64
    if type(value) is PVector:
        assert len(value) > 64
    return value


@given(items, st.integers(-3, 110))
def test_take_and_drop_share_the_elements(values: list[int], n: int) -> None:
    for coll in (vector(values), List(values)):
        assert [*call("take", n, coll), *call("drop", n, coll)] == values
        assert [*call("drop-last", n, coll), *call("take-last", n, coll)] == values
        left, right = call("split-at", n, coll)
        assert equal(left, call("take", n, coll))
        assert equal(right, call("drop", n, coll))
        assert list(left) == values[: max(n, 0)]


@given(items)
def test_vectors_are_made_of_first_and_rest_or_butlast_and_last(values: list[int]) -> None:
    for coll in (vector(values), List(values)):
        assert list(call("rest", coll)) == values[1:]
        assert list(call("butlast", coll)) == values[:-1]
        assert list(call("reverse", coll)) == values[::-1]
        assert type(call("rest", List(values))) is List
        if values:
            assert (call("first", coll), call("last", coll), call("peek", coll)) == (values[0], values[-1], values[-1])
            assert equal(call("pop", coll), call("butlast", coll))


@given(items, st.integers(0, 110), st.integers(0, 110))
def test_subvec_is_a_slice(values: list[int], start: int, end: int) -> None:
    if start <= end <= len(values):
        assert list(call("subvec", vector(values), start, end)) == values[start:end]


@given(items, st.integers(1, 12))
def test_take_nth_is_a_slice(values: list[int], n: int) -> None:
    assert list(call("take-nth", n, vector(values))) == values[::n]
