"""Hypothesis strategies for RTFS values: `values()` gives any value that prints and reads back."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid

LONG = settings.default is not None and settings.default.max_examples > 100  # as in `make fuzz`


def examples(count: int) -> settings:
    """The settings of an expensive property: so many examples in the suite, twenty times as many in `make fuzz`."""
    return settings(max_examples=20 * count if LONG else count)


_FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäλж_$+-*=<>!?%."
_LATER = _FIRST + "0123456789'@"
_LITERALS = ("nil", "true", "false", "λ")

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
integers = st.one_of(st.integers(-9, 9), st.integers(), st.integers(-(1 << 200), 1 << 200))
floats = st.one_of(st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 1.0, 1e20, 1e-7]))
nan = st.just(float("nan"))


def _is_name(name: str) -> bool:
    number_like = name[0] in "+-" and len(name) > 1 and name[1].isdigit()
    return name not in _LITERALS and name[0] != "." and not number_like and "%" not in name and "<" not in name


names = st.builds(str.__add__, st.sampled_from(_FIRST), st.text(_LATER, max_size=6)).filter(_is_name)
qualified = st.one_of(names, st.builds("{}/{}".format, names, names))
keywords = st.builds(Keyword, qualified)
symbols = st.builds(Symbol, qualified)
timestamps = st.builds(Timestamp, st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
uuids = st.builds(lambda given: Uuid(str(given)), st.uuids())
handles = st.builds(lambda path: ResourceHandle("resource://" + path), st.text("abc/.-", min_size=1, max_size=8))

numbers = st.one_of(integers, floats)
scalars = st.one_of(st.none(), st.booleans(), integers, floats, text, keywords, symbols, timestamps, uuids, handles)
keys = st.one_of(keywords, text, st.integers(-3, 3), st.booleans(), st.none(), floats)


def collections(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Vectors, lists and maps of such parts: mostly small ones, some around 64 items, where the storage changes."""
    few, size = st.lists(parts, max_size=5), st.integers(62, 67)
    pairs = st.lists(st.tuples(st.one_of(keys, parts), parts), max_size=5)
    small = [st.builds(vector, few), st.builds(List, few), st.builds(Map.of, pairs)]
    return st.one_of(*small * 3, st.builds(_long_vector, size, parts), st.builds(_large_map, size, parts, parts))


def _long_vector(size: int, last: Any) -> Any:
    return vector([*range(size), last])


def _large_map(size: int, key: Any, value: Any) -> Map:
    return Map.of([*((n, n) for n in range(size)), (key, value)])


def values(*, with_nan: bool = False) -> st.SearchStrategy[Any]:
    """Any value but functions and errors."""
    leaves = st.one_of(scalars, nan) if with_nan else scalars
    return st.recursive(leaves, collections, max_leaves=20)


def few_values() -> st.SearchStrategy[Any]:
    """Values of a small stock, so that two of them are often equal or nearly so."""
    stock = [
        None,
        True,
        False,
        0,
        1,
        -1,
        0.0,
        -0.0,
        1.0,
        "",
        "a",
        Keyword("a"),
        Symbol("a"),
        float("nan"),
        float("inf"),
    ]
    return st.recursive(st.sampled_from(stock), collections, max_leaves=6)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), integers, floats.filter(lambda x: x - x == 0), text),
    lambda parts: st.one_of(
        st.builds(vector, st.lists(parts, max_size=5)),
        st.builds(Map.of, st.lists(st.tuples(text, parts), max_size=5)),
    ),
    max_leaves=20,
)
