"""Random calls of every library function with extreme arguments: under limits each ends, and ends as the language says.

The seed is told when one fails; in `make fuzz` there are many more, and others each time.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtfs.eval.library import NAMES
from rtfs.session import Session
from tests.hostile.conftest import Contained

SHORT, LONG = 120, 10_000
PORTION = 1_000  # programs of one process

VALUES = [
    "nil", "true", "0", "1", "-1", "3", "2.5", "-0.0", "##Inf", "##NaN", "1e308", ":k", '""', '"abc"', "[]", "{}",
    "'()", "[1 2 3]", "{:a 1 :b {:c 2}}", "'(1 x \"y\")", "inc", "+", "map", "str", "(fn [x] [x x])",
    "(fn [& xs] xs)", "(fn [a b] (< a b))", "(comp inc inc)", ":a", "many", "(range 70)", "text", "deep", "laughs",
    "table", "huge", "(- huge)", "9223372036854775807", "100000000000000000000", "1000000",
    "(ex-info text {:a laughs})", "2031-02-03T04:05:06Z", "0f8fad5b-d9cb-469f-a165-70867728950e", "resource://r",
    "'sym", "[:vector :any]", "[laughs deep]", '"(a*)*b"', '"%s %d"', "(repeat 2000 text)", "{many laughs}",
    "(fn f [x] (f [x]))", "(fn [x] (loop [] (recur)))", "(list 'inc laughs)",
]  # fmt: skip
PRELUDE = """
(def many (range 3000))
(def text (string/repeat "abc " 2000))
(def deep (reduce (fn [a i] [a]) [] (range 9000)))
(def laughs (reduce (fn [a i] [a a a a a a a a]) 1 (range 40)))
(def table (zipmap many many))
(def huge (pow 7 2000))
"""
AROUND = ("{}", "(try {} (catch e (str e)))", "(str {})", "(= {0} {0})", "{{{} 1}}", "(sort [{0} {0}])")
UNTOUCHED = {"rtfs/define"}


def names() -> list[str]:
    """Every name of the library; loading it is what fills the table."""
    Session().run("1")
    return sorted(name for name in NAMES if name not in UNTOUCHED)


def program(choose: random.Random, known: list[str]) -> str:
    def argument(depth: int) -> str:
        return call(depth - 1) if depth and choose.random() < 0.4 else choose.choice(VALUES)

    def call(depth: int) -> str:
        parts = [argument(depth) for _ in range(choose.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 7)))]
        return f"({' '.join([choose.choice(known), *parts])})"

    body = call(2)
    wrapped = choose.choice(
        ("{}", "(try {} (catch e (str e)))", "(str {})", "(= {0} {0})", "{{{} 1}}", "(sort [{0} {0}])")
    )
    return PRELUDE + wrapped.format(body)


@pytest.mark.fuzz
def test_any_call_ends_within_its_limits(contained: Contained, fuzz: Any) -> None:
    known = names()
    for start in range(0, LONG if fuzz.long else SHORT, PORTION):
        count = PORTION if fuzz.long else SHORT
        seeds = range(fuzz.seed + start, fuzz.seed + start + count)
        scripts = {str(seed): program(random.Random(seed), known) for seed in seeds}
        endings = contained(scripts, variant="small")
        wrong = {
            seed: ending for seed, ending in endings.items() if ending.startswith("Internal") or ": " in ending[:30]
        }
        strange = {seed: ending for seed, ending in wrong.items() if ending.split(":")[0].isidentifier()}
        assert {scripts[seed].removeprefix(PRELUDE): ending for seed, ending in strange.items()} == {}
