"""Functions about functions (language.md §14.6)."""

from __future__ import annotations

from collections.abc import Callable


def test_apply_spreads_its_last_argument(agree: Callable[..., None]) -> None:
    agree(
        "(apply + [1 2 3]) ;=> 6",
        "(apply + 1 2 '(3 4)) ;=> 10",
        "(apply vector {:a 1 :b 2}) ;=> [[:a 1] [:b 2]]",
        '(apply str "abc") ;=> "abc"',
        "(apply + nil) ;=> 0",
        "(apply vector 1 nil) ;=> [1]",
        "(apply vector (range 10)) ;=> [0 1 2 3 4 5 6 7 8 9]",
        "(count (apply list (range 100000))) ;=> 100000",
        "(apply :a [{:a 5}]) ;=> 5",
    )


def test_apply_checks_function_and_arguments(agree: Callable[..., None]) -> None:
    agree(
        "(apply + 5) ;=> !TypeError: Type error in apply: expected sequence, got integer",
        "(apply + 1 inc) ;=> !TypeError: Type error in apply: expected sequence, got function",
        "(apply 5 [1]) ;=> !TypeError: Type error in apply: expected function, got integer",
        "(apply (fn [a b] a) [1]) ;=> !ArityMismatch: Arity mismatch in fn: expected 2, got 1",
        "(apply inc (range 9)) ;=> !ArityMismatch: Arity mismatch in inc: expected 1, got 9",
    )


def test_composition_is_right_to_left(agree: Callable[..., None]) -> None:
    agree(
        "((comp inc (partial * 2)) 5) ;=> 11",
        '((comp str +) 1 2 3) ;=> "6"',
        "((comp :b :a) {:a {:b 7}}) ;=> 7",
        "((comp) 5) ;=> 5",
        "((comp) 1 2) ;=> !ArityMismatch: Arity mismatch in identity: expected 1, got 2",
        "(comp inc 5) ;=> !TypeError: Type error in comp: expected function, got integer",
        "((comp inc) 1 2) ;=> !ArityMismatch: Arity mismatch in inc: expected 1, got 2",
    )


def test_partial_gives_the_first_arguments(agree: Callable[..., None]) -> None:
    agree(
        "((partial - 10) 3 2) ;=> 5",
        "((partial +)) ;=> 0",
        "((partial vector 1 2 3) 4 5 6) ;=> [1 2 3 4 5 6]",
        "((partial get {:a 1}) :a) ;=> 1",
        "(partial 5) ;=> !TypeError: Type error in partial: expected function, got integer",
    )


def test_juxt_gives_a_vector_of_results(agree: Callable[..., None]) -> None:
    agree("((juxt inc dec) 1) ;=> [2 0]", "((juxt + - * max) 7 2) ;=> [9 5 14 7]", "((juxt :a :b) {:a 1}) ;=> [1 nil]")
    agree("(juxt inc 5) ;=> !TypeError: Type error in juxt: expected function, got integer")


def test_complement_and_constantly(agree: Callable[..., None]) -> None:
    agree(
        "(filter (complement nil?) [1 nil]) ;=> [1]",
        "((complement =) 1 2 3 4 5 6) ;=> true",
        "((complement :a) {:a false}) ;=> true",
        "((constantly 5)) ;=> 5",
        "((constantly nil) 1 2 3) ;=> nil",
        "(complement 5) ;=> !TypeError: Type error in complement: expected function, got integer",
    )


def test_fnil_replaces_nil_arguments(agree: Callable[..., None]) -> None:
    agree(
        "((fnil inc 0) nil) ;=> 1",
        "((fnil inc 0) 5) ;=> 6",
        "((fnil vector 1 2) nil nil nil) ;=> [1 2 nil]",
        "((fnil vector 1 2 3) nil false nil 4) ;=> [1 false 3 4]",
        "((fnil vector nil 2) nil nil) ;=> [nil 2]",
        "(update {} :n (fnil inc 0)) ;=> {:n 1}",
        "((fnil vector 1 2)) ;=> []",
        "(fnil 5 1) ;=> !TypeError: Type error in fnil: expected function, got integer",
    )


def test_made_functions_are_functions_without_a_name(agree: Callable[..., None]) -> None:
    agree(
        "(map fn? [(comp inc dec) (partial +) (juxt inc) (complement not) (constantly 1) (fnil inc 0)]) ;=> "
        "[true true true true true true]",
        '(str (partial + 1)) ;=> "#<function>"',
        "(= (partial + 1) (partial + 1)) ;=> false",
    )


def test_calls_with_many_arguments_nest_a_few_hundred_times_only(agree: Callable[..., None]) -> None:
    deep = "(do (defn down [n & more] (if (= n 0) 0 (inc (apply down (dec n) [1 2 3 4])))) (down %d))"
    agree(f"{deep % 300} ;=> 300", f"{deep % 5000} ;=> !StackOverflow: Stack overflow: call depth exceeded 400")
