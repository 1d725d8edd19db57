"""What holds for one value (language.md §14.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

# one value of each kind, and what its kind is called
SAMPLES = {
    "nil": "nil",
    "true": "boolean",
    "-3": "integer",
    "2.5": "float",
    '"s"': "string",
    ":k": "keyword",
    "'s": "symbol",
    "[1]": "vector",
    "'(1)": "list",
    "{:a 1}": "map",
    "inc": "function",
    '(ex-info "e")': "error",
    "2031-02-03T04:05:06Z": "timestamp",
    "0f8fad5b-d9cb-469f-a165-70867728950e": "uuid",
    "resource://db/main": "resource-handle",
}

HOLDS_FOR = {
    "int?": "integer",
    "integer?": "integer",
    "float?": "float",
    "number?": "integer float",
    "string?": "string",
    "string-p": "string",
    "bool?": "boolean",
    "boolean?": "boolean",
    "nil?": "nil",
    "keyword?": "keyword",
    "symbol?": "symbol",
    "vector?": "vector",
    "list?": "list",
    "map?": "map",
    "fn?": "function",
    "function?": "function",
    "error?": "error",
    "timestamp?": "timestamp",
    "uuid?": "uuid",
    "resource?": "resource-handle",
    "ifn?": "function keyword map vector",
    "coll?": "vector list map",
    "sequential?": "vector list",
    "associative?": "vector map",
    "seqable?": "vector list map string nil",
    "true?": "boolean",
    "false?": "",
    "some?": " ".join(kind for kind in SAMPLES.values() if kind != "nil"),
}


@pytest.mark.parametrize("name", sorted(HOLDS_FOR))
def test_a_kind_predicate_holds_for_its_kinds_only(name: str, agree: Callable[..., None]) -> None:
    kinds = HOLDS_FOR[name].split()
    agree(*[f"({name} {sample}) ;=> {str(kind in kinds).lower()}" for sample, kind in SAMPLES.items()])
    agree(*[f"(map {name} [{sample}]) ;=> [{str(kind in kinds).lower()}]" for sample, kind in SAMPLES.items()])


def test_kinds_have_names(agree: Callable[..., None]) -> None:
    agree(*[f'(type-name {sample}) ;=> "{kind}"' for sample, kind in SAMPLES.items()])
    agree(*[f"(type {sample}) ;=> :{kind}" for sample, kind in SAMPLES.items()])


def test_long_vectors_are_vectors(agree: Callable[..., None]) -> None:
    agree("(every? #(% (range 100)) [vector? coll? sequential? associative? ifn? seqable?]) ;=> true")


def test_signs(agree: Callable[..., None]) -> None:
    agree(
        "(map zero? [0 0.0 -0.0 1]) ;=> [true true true false]",
        "(map pos? [1 0 -1 ##NaN]) ;=> [true false false false]",
    )
    agree("(map neg? [-0.5 0 1]) ;=> [true false false]")


def test_special_floats(agree: Callable[..., None]) -> None:
    agree("(map nan? [##NaN 1 1.0]) ;=> [true false false]")
    agree("(map infinite? [##Inf ##-Inf ##NaN 1 1.0]) ;=> [true true false false false]")


def test_parity_of_integers_and_whole_floats(agree: Callable[..., None]) -> None:
    agree(
        "(map even? [10 7 0 4.0 -2]) ;=> [true false true true true]",
        "(map odd? [10 7 -3 3.0]) ;=> [false true true true]",
    )
    agree("(odd? (inc (pow 10 50))) ;=> true")


def test_what_is_not_whole_has_no_parity(agree: Callable[..., None]) -> None:
    agree("(even? 2.5) ;=> !InvalidArgument: Invalid argument: even? of 2.5, which is not whole")
    agree("(odd? ##NaN) ;=> !InvalidArgument", "(even? ##Inf) ;=> !InvalidArgument")


@pytest.mark.parametrize("name", ["zero?", "pos?", "neg?", "nan?", "infinite?", "even?", "odd?"])
def test_predicates_of_numbers_refuse_everything_else(name: str, agree: Callable[..., None]) -> None:
    for sample, kind in SAMPLES.items():
        if kind not in ("integer", "float"):
            agree(f"({name} {sample}) ;=> !TypeError: Type error in {name}: expected number, got {kind}")


def test_some_with_a_collection_asks_every_element(agree: Callable[..., None]) -> None:
    agree(
        "(some? even? [1 2]) ;=> true",
        "(some? even? [1 3]) ;=> false",
        "(some? nil? []) ;=> false",
        "(some? :a nil) ;=> false",
    )
    agree(
        "(some? {1 :one} [2 1]) ;=> true",
        "(some? even? 5) ;=> !TypeError: Type error in some?: expected sequence, got integer",
    )
