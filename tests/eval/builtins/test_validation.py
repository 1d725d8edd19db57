"""Types as values (language.md §12.5)."""

from __future__ import annotations

from collections.abc import Callable


def test_validate_gives_the_value_unchanged(agree: Callable[..., None]) -> None:
    agree(
        "(validate [:vector :int] [1 2]) ;=> [1 2]",
        "(validate :float 2) ;=> 2",
        "(validate {:a :int} {:a 1 :b 2}) ;=> {:a 1 :b 2}",
        "(validate [:enum :a :b] :b) ;=> :b",
    )


def test_validate_raises_what_explain_says(agree: Callable[..., None]) -> None:
    message = "Type validation error: value: Type mismatch at .a: expected :int, got string"
    agree(
        f'(validate {{:a :int}} {{:a "x"}}) ;=> !TypeValidationError: {message}',
        '(= (explain {:a :int} {:a "x"}) (try (validate {:a :int} {:a "x"}) (catch e (ex-message e)))) ;=> true',
        "(explain :int 3) ;=> nil",
        "(valid? {:a :int} {:a 1}) ;=> true",
        "(valid? [:and :int [:> 5]] 3) ;=> false",
    )


def test_named_types_are_those_of_the_program(agree: Callable[..., None]) -> None:
    agree(
        "(do (deftype Age [:and :int [:>= 0]]) (map #(valid? 'Age %) [3 -3])) ;=> [true false]",
        "(do (defstruct Point :x :int) (valid? 'Point {:x 1.5})) ;=> false",
    )


def test_what_is_no_type_is_a_syntax_error(agree: Callable[..., None]) -> None:
    agree(
        "(valid? :no-such-type 1) ;=> !SyntaxError",
        "(validate [:vektor :int] 1) ;=> !SyntaxError",
        "(explain 5 1) ;=> !SyntaxError",
    )
