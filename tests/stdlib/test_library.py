"""The files of the library as a whole: examples hold, everything is documented, templates cannot be captured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.eval.builtins.twin import TWINS
from rtfs.eval.registry import TOPICS
from rtfs.lang.collections import EMPTY_MAP, List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.source import Source
from rtfs.macros.walk import WALKERS
from rtfs.parser.reader import read

FILES = sorted(Path(__file__).resolve().parents[2].joinpath("stdlib").glob("*.rtfs"))
FORMS = [(path.stem, form) for path in FILES for form in read(Source(path.name, path.read_text())).forms]
PUBLIC = [(stem, form) for stem, form in FORMS if form[0].name in ("defn", "defmacro", "def")]
NAMES = [form[1].name for _, form in PUBLIC]
MACROS = {form[1].name for _, form in PUBLIC if form[0].name == "defmacro"}


def attributes(form: List) -> Map:
    return next((part for part in form[2:4] if type(part) is Map), EMPTY_MAP)


@pytest.mark.parametrize(("stem", "form"), PUBLIC, ids=NAMES)
def test_documented(stem: str, form: List) -> None:
    assert type(form[2]) is str, f"{form[1]} has no docstring"
    assert form[2][0].isupper() or form[2][0] in "`(n", form[2]
    assert form[2].endswith((".", "?")), form[2]


@pytest.mark.parametrize(("stem", "form"), PUBLIC, ids=NAMES)
def test_has_an_example(stem: str, form: List) -> None:
    """tests/documentation runs them."""
    assert attributes(form).get(Keyword("example")) or attributes(form).get(Keyword("alias"))


def test_a_name_is_defined_once() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert not set(NAMES) & set(TOPICS)


def template_symbols(form: Any, level: int = 0) -> Iterator[Symbol]:
    """The symbols that templates in a form insert."""
    if type(form) is Symbol:
        if level:
            yield form
    elif type(form) is Map:
        for pair in map_pairs(form):
            for part in pair:
                yield from template_symbols(part, level)
    elif isinstance(form, tuple):
        name = form[0].name if type(form) is List and form and type(form[0]) is Symbol else ""
        change = {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}.get(name, 0)
        if name == "quote" and level:
            return  # data
        for part in form[1:] if change else form:
            yield from template_symbols(part, level + change)


def test_templates_name_only_what_no_local_can_capture() -> None:
    safe = {*WALKERS, *MACROS, *TWINS, "catch", "finally"}
    loose = {
        f"{stem}: {symbol.name}"
        for stem, form in FORMS
        for symbol in template_symbols(form)
        if symbol.name not in safe and not symbol.name.startswith("rtfs/") and not symbol.name.endswith("#")
    }
    assert not loose


def test_library_code_does_not_show_in_traces() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.evaluate('(sum ["x"])', name="t.rtfs")
    assert str(raised.value.span) == "t.rtfs:1:1-1:12"
    assert [name for name, _ in raised.value.trace] == [None]


def test_an_error_of_a_library_function_is_shown_at_its_argument() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.evaluate('(clamp 1 2 "x")', name="t.rtfs")
    assert str(raised.value.span) == "t.rtfs:1:12-1:15"


@pytest.mark.parametrize("name", ["when", "sum", "map"])
def test_documentation_can_be_asked_for_also_in_a_cached_program(name: str, tmp_path: Path) -> None:
    from rtfs.loader import Cache

    texts = {rtfs.Session(cache=Cache(str(tmp_path))).run(f"(doc {name})") for _ in range(2)}
    assert len(texts) == 1
    assert type(texts.pop()) is str
