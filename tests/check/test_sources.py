"""The sources of this repository are found faultless, and faults that are put into them are found where they stand."""

from __future__ import annotations

import random

import pytest

from rtfs.testing.cases import cases
from tests.check.mutation import CASES, FILES, ROOT, SOWERS, Seed, missed, show, sow
from tests.check.site import findings

# Language cases that end with a value although something in them is wrong: what is wrong is never reached there.
WRONG_ON_PURPOSE = {
    "a-missing-name-is-undefined:7": "W104",
    "a-missing-name-is-undefined:8": "W104",
    "a-missing-name-is-undefined:10": "W104",
    "a-local-hides-a-macro:16": "W102",
    "neighbours-are-compared-until-one-pair-fails:4": "W101",
    "order-is-checked-left-to-right-until-it-fails:23": "W101",
    "what-is-no-type-is-a-syntax-error:32": "W203",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_source_has_no_error_and_no_warning(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert [each for each in findings(text, str(path)) if each.severity != "note"] == []


def test_language_cases_that_end_with_a_value_are_right() -> None:
    """Clauses of constants that do not fit are shown in many of them: that such a clause is never chosen is true."""
    rng = random.Random(3)
    programs = [case for path in CASES for case in cases(path) if not case.ending.startswith("!")]
    shown = [case for case in programs if case.name in WRONG_ON_PURPOSE]
    assert len(shown) == len(WRONG_ON_PURPOSE)
    found: dict[str, set[str]] = {}
    for case in [*rng.sample(programs, 200), *shown]:
        codes = {each.code[5:] for each in findings(case.text, case.name) if each.severity != "note"}
        if codes - {"W201", "W202"}:
            found[case.name] = codes
    assert found == {name: {code} for name, code in WRONG_ON_PURPOSE.items()}


@pytest.fixture(scope="module")
def seeds() -> list[Seed]:
    return sow(random.Random(11), 200, 60)


def test_two_hundred_faults_of_every_kind_are_seeded(seeds: list[Seed]) -> None:
    assert len(seeds) == 200
    assert {seed.kind for seed in seeds} == set(SOWERS)
    assert len({seed.name for seed in seeds}) > 30


def test_nearly_all_seeded_faults_are_found_where_they_stand(seeds: list[Seed]) -> None:
    lost = missed(seeds)
    print(f"{len(seeds) - len(lost)} of {len(seeds)} faults found", *map(show, lost), sep="\n")
    assert len(lost) <= 10
