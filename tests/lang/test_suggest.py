"""Did you mean."""

from __future__ import annotations

import pytest

from rtfs.lang.suggest import nearest

NAMES = ["map", "mapv", "filter", "string-upper", "string-lower", "reduce", "max", "+", "-", "nth", "first"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fliter", ["filter"]),
        ("fitler", ["filter"]),
        ("filtr", ["filter"]),
        ("string_upper", ["string-upper"]),
        ("stringUpper", ["string-upper"]),
        ("redcue", ["reduce"]),
        ("mapp", ["map", "mapv"]),
        ("ma", ["map", "max"]),
        ("MAP", ["map", "max", "mapv"]),
        ("zzzzzz", []),
        ("*", []),
        ("map", ["mapv", "max"]),
    ],
)
def test_only_near_names_are_suggested_best_first(name: str, found: list[str]) -> None:
    assert nearest(name, NAMES) == found


def test_three_suggestions_are_enough() -> None:
    assert nearest("item", [f"item{n}" for n in range(9)]) == ["item0", "item1", "item2"]
