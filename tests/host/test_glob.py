"""Globs over capability ids."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.host.glob import matches

IDS = st.text("ab./*", max_size=12)


@pytest.mark.parametrize(
    ("pattern", "id", "expected"),
    [
        ("ccos.io.read-file", "ccos.io.read-file", True),
        ("ccos.io.*", "ccos.io.read-file", True),
        ("ccos.io.*", "ccos.io.sub.read", False),
        ("ccos.io.*", "ccos.io", False),
        ("ccos.io.*", "xccos.io.print", False),
        ("ccos.io.print", "ccos.io.println", False),
        ("ccos.*.get", "ccos.kv.get", True),
        ("ccos.*.get", "ccos.state.kv.get", False),
        ("ccos.**", "ccos.state.kv.get", True),
        ("ccos.**", "ccos.concurrent/parallel", True),
        ("ccos.*", "ccos.concurrent/parallel", False),
        ("ccos.**.get", "ccos.state.kv.get", True),
        ("ccos.state.**", "ccos.state", False),
        ("**", "anything.at/all", True),
        ("*", "a.b", False),
        ("ccos.io.print*", "ccos.io.println", True),
        ("CCOS.io.*", "ccos.io.print", False),
        ("ccos?io.print", "ccos.io.print", False),
        ("ccos.io.[a-z]*", "ccos.io.print", False),
        ("", "", True),
    ],
)
def test_a_glob_matches_the_whole_id_and_one_star_stays_in_its_segment(pattern: str, id: str, expected: bool) -> None:
    assert matches(pattern, id) is expected


@given(IDS)
def test_two_stars_match_every_id(id: str) -> None:
    assert matches("**", id)


@given(st.text("ab./", max_size=12), st.text("ab./", max_size=12))
def test_without_stars_only_equal_ids_match(pattern: str, id: str) -> None:
    assert matches(pattern, id) == (pattern == id)


@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.text("ab./", max_size=8))
def test_one_star_matches_what_holds_no_separator(before: str, after: str, middle: str) -> None:
    plain = not set(middle) & set("./")
    assert not plain or matches(f"{before}*{after}", before + middle + after)
    assert plain or not matches("*", middle)


def test_a_hostile_pattern_takes_no_exponential_time() -> None:
    start = time.perf_counter()
    assert not matches("**a" * 60 + "b", "a" * 200)
    assert time.perf_counter() - start < 2.0
