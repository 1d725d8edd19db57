"""Error values: making, raising and reading them (language.md §8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.parametrize("name", ["ex-info", "Exception.", "RuntimeError.", "HostError.", "ValidationError."])
def test_constructors_make_errors_without_raising_them(name: str, agree: Callable[..., None]) -> None:
    agree(
        f'({name} "bad") ;=> #<error :application-error "bad">',
        f'({name} "bad" {{:type :odd :n 1}}) ;=> #<error :odd "bad">',
        f'(:data ({name} "bad" {{:n 1}})) ;=> {{:n 1}}',
        f'(:data ({name} "bad")) ;=> nil',
        f'[(:kind ({name} "bad")) (:code ({name} "bad"))] ;=> [:application-error "RTFS-E409"]',
        f'({name} "bad" {{:type "text"}}) ;=> #<error :application-error "bad">',
        f'({name} [1 nil]) ;=> #<error :application-error "[1 nil]">',
        f'(error? ({name} "bad")) ;=> true',
    )


def test_constructors_choose_the_base_kind(agree: Callable[..., None]) -> None:
    agree(
        '(try (throw (HostError. "x")) (catch RuntimeError e 1) (catch HostError e 2)) ;=> 2',
        '(try (throw (ValidationError. "x")) (catch ValidationError e 1)) ;=> 1',
        '(try (throw (RuntimeError. "x")) (catch HostError e 1) (catch RuntimeError e 2)) ;=> 2',
        '(try (throw (ex-info "x")) (catch RuntimeError e 1)) ;=> 1',
        '(try (throw (Exception. "x")) (catch Exception e 1)) ;=> 1',
        '(throw (HostError. "x")) ;=> !ApplicationError: x',
    )


def test_error_raises(agree: Callable[..., None]) -> None:
    agree(
        '(error "bad") ;=> !ApplicationError: bad',
        '(try (error "bad" {:n 1}) (catch e (:data e))) ;=> {:n 1}',
        '(try (error "bad" {:type :odd}) (catch :odd e (ex-message e))) ;=> "bad"',
    )


def test_parts_of_an_error(agree: Callable[..., None]) -> None:
    agree(
        '(try (/ 1 0) (catch e [(ex-message e) (ex-data e)])) ;=> ["Division by zero" nil]',
        "(try (/ 1 0) (catch e (ex-type e))) ;=> :division-by-zero",
        '(try (throw {:type :odd :message "m"}) (catch e [(ex-message e) (ex-data e) (ex-type e)])) ;=> '
        '["m" {:type :odd :message "m"} :odd]',
        '(getMessage (ex-info "m")) ;=> "m"',
        '(.getMessage (Exception. "m")) ;=> "m"',
    )


def test_what_is_no_error_has_no_parts(agree: Callable[..., None]) -> None:
    agree(
        "(map #(% 5) [ex-message ex-data ex-type]) ;=> [nil nil nil]",
        '(ex-message {:message "m"}) ;=> nil',
        "(getMessage 5) ;=> !TypeError: Type error in getMessage: expected error, got integer",
        "(.getMessage nil) ;=> !TypeError: Type error in getMessage: expected error, got nil",
    )
