"""Did you mean."""

from __future__ import annotations

import pytest

from rtfs.lang.suggest import nearest, nearest_id

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


IDS = ["ccos.io.read-file", "ccos.io.write-file", "ccos.json.parse", "ccos.yaml.parse", "shop/price"]


@pytest.mark.parametrize(
    ("id", "found"),
    [
        ("ccos.io.raed-file", ["ccos.io.read-file", "ccos.io.write-file"]),
        ("io.read-file", ["ccos.io.read-file"]),
        ("ccos/read_file", ["ccos.io.read-file"]),
        ("text.parse", ["ccos.json.parse", "ccos.yaml.parse"]),
        ("price", ["shop/price"]),
        ("ccos.io", []),
        ("shop.", []),
    ],
)
def test_ids_of_another_family_are_suggested_by_their_last_part(id: str, found: list[str]) -> None:
    assert nearest_id(id, IDS) == found
