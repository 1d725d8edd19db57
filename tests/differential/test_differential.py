"""Compiled code and the evaluator of this folder give the same answers, whatever the program and the way it is run."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rtfs.testing.cases import Case, cases
from tests.differential.compare import Answer, Difference, Way, difference, evaluated, ways
from tests.differential.program import program, text_of
from tests.differential.shrink import shrunk
from tests.spec.run_cases import HERE

SHORT, LONG, PARTS = 500, 20_000, 10


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(PARTS))
def test_compiled_programs_do_what_the_evaluator_says(part: int, fuzz: Any, tell: Any) -> None:
    """In the suite programs are the same each time and take turns in the ways; in `make fuzz` each goes all ways."""
    count = (LONG if fuzz.long else SHORT) // PARTS
    first = fuzz.seed + part * count
    silent = errors = 0
    for seed in range(first, first + count):
        chosen = ways() if fuzz.long else [ways()[seed % 4]]
        forms = program(seed)
        text = text_of(forms, random.Random(seed))
        expected = evaluated(text, seed)
        silent += expected is None
        errors += expected is not None and expected.ending.startswith("!")
        found = difference(text, seed, chosen, expected) if expected is not None else None
        assert found is None, report(seed, forms, chosen, found)
    tell(f"programs {first} to {first + count - 1}: {errors} ended with errors, {silent} not compared")
    assert silent <= count // 20


def report(seed: int, forms: list[Any], chosen: list[Way], found: Difference) -> str:
    """Seed, the smallest program that goes wrong in the same way, and both answers."""

    def fails(smaller: list[Any]) -> bool:
        try:
            other = difference(text_of(smaller), seed, chosen)
        except Exception:  # the evaluator is at a loss with what no program says
            return False
        return other is not None and other[:3] == found[:3]

    if not fails(forms):  # only as it was laid out
        return f"seed {seed}: {text_of(forms, random.Random(seed))}\n{found.way} {found.aspect}\n{found.text}"
    small = shrunk(forms, fails)
    again = difference(text_of(small), seed, chosen)
    assert again is not None
    return f"seed {seed}, made small: {text_of(small)}\n{again.way} {again.aspect}\n{again.text}"


def test_a_wrong_answer_is_found_made_small_and_told_with_both_answers() -> None:
    def wrong(text: str, seed: int) -> Answer:
        right = evaluated(text, seed)
        assert right is not None
        return right._replace(ending="7") if "call" in text else right

    forms = [["(", "let", ["[", "a", "1"], ["(", "+", "a", ["(", "call", ":log.it"]]], ["(", "inc", "0"]]
    chosen: list[Way] = [("broken", wrong)]
    found = difference(text_of(forms), 0, chosen)
    assert found is not None
    told = report(0, forms, chosen, found)
    assert told == "seed 0, made small: call\nbroken ends\n    7\nand not with\n    #<function call>"


STATIC = ("!SyntaxError", "!MacroError", "!ParseError", "!ModuleError", "!ModuleNotFound")  # nothing was evaluated
SPEC = [case for path in sorted(HERE.rglob("*.rtfs")) for case in cases(path)]


@pytest.mark.fuzz
def test_the_evaluator_agrees_with_the_language_cases_that_it_supports(fuzz: Any) -> None:
    """Cases are written by hand, so they tell if the evaluator itself is right."""
    chosen = SPEC if fuzz.long else SPEC[::4]
    answers = {case.text: _supported(case) for case in chosen if not case.ending.startswith(STATIC)}
    supported = {case.text: answers[case.text] for case in chosen if answers.get(case.text) is not None}
    assert len(supported) > len(chosen) // 3
    wrong = [
        (case.text, answer.ending, case.ending)
        for case in chosen
        if (answer := supported.get(case.text)) is not None and first_word(answer.ending) != first_word(case.ending)
    ]
    assert wrong == [], "teach the evaluator what the case says, or let it raise Unsupported there"


def first_word(ending: str) -> str:
    return ending.split()[0].rstrip(":")


def _supported(case: Case) -> Answer | None:
    if case.calls or ":span" in case.text or ":trace" in case.text:  # errors have no places inside of the evaluator
        return None
    try:
        found = evaluated(case.text, 0)
    except Exception:  # malformed programs are not what it is for
        return None
    return None if found is None or found.told or found.ending.startswith("!UndefinedSymbol") else found
