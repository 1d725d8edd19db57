"""JSON text and values (language.md §14.7)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtfs.lang import json as rtfs_json
from rtfs.lang import json_writer
from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import EvaluationError, LimitError, RtfsError
from rtfs.lang.json import parse_json, to_json
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.spelling import spells_keyword, spells_symbol
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid
from tests.strategies import json_values, keywords, symbols, values


@pytest.fixture(params=["fast", "careful"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways through the reader must give the same."""
    if request.param == "careful":
        monkeypatch.setattr(rtfs_json, "_shallow", lambda text: False)
    return str(request.param)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (" null ", "nil"),
        ("true", "true"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("12", "12"),
        ("1.0", "1.0"),
        ("1e2", "100.0"),
        ("1E+2", "100.0"),
        ("99999999999999999999", "99999999999999999999"),
        ('"a\\u00e9\\n\\/\\"\\\\"', '"aé\\n/\\"\\\\"'),
        ('"\\ud83d\\ude00 \\uD83D\\uDE00"', '"😀 😀"'),
        ("[]", "[]"),
        ("[1, [2, []], {}]", "[1 [2 []] {}]"),
        ('{"z": {"b": 1.0}, "a": null}', '{"z" {"b" 1.0} "a" nil}'),
        ('{"a": 1, "b": 2, "a": 3}', '{"a" 3 "b" 2}'),
        ('\t\r\n{"a"\n:\n[\n]\n}\n', '{"a" []}'),
        ('{"a": [[1], {"b": [2]}]}', '{"a" [[1] {"b" [2]}]}'),
    ],
)
def test_json_becomes_values(text: str, printed: str) -> None:
    assert show(parse_json(text)) == printed


@pytest.mark.usefixtures("path")
def test_keys_become_keywords_where_those_read_back() -> None:
    text = '{"a": 1, "a b": 2, "ns/k": [{"é": 3, "": 4, "1x": 5, "a:b": 6, "x#": 7, "&": 8}]}'
    assert show(parse_json(text, True)) == '{:a 1 "a b" 2 :ns/k [{:é 3 "" 4 :1x 5 "a:b" 6 :x# 7 :& 8}]}'


@pytest.mark.usefixtures("path")
def test_long_arrays_and_objects_are_long_vectors_and_maps() -> None:
    value = parse_json(json.dumps({"v": list(range(100)), **{f"k{n}": n for n in range(100)}}))
    assert type(value["v"]) is PVector and len(value) == 101
    assert equal(value, Map.of([("v", vector(range(100))), *((f"k{n}", n) for n in range(100))]))


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a value, got end of text at line 1 column 1"),
        ("x", "expected a value, got 'x' at line 1 column 1"),
        ("[1,]", "expected a value, got ']' at line 1 column 4"),
        ("[1 2]", "expected ',' or ']', got '2' at line 1 column 4"),
        ('{"a": 1,}', "expected a string as key, got '}' at line 1 column 9"),
        ("{a: 1}", "expected a string as key, got 'a' at line 1 column 2"),
        ('{"a" 1}', "expected ':' after a key, got '1' at line 1 column 6"),
        ('{"a":}', "expected a value, got '}' at line 1 column 6"),
        ("[1", "expected ',' or ']', got end of text at line 1 column 3"),
        ("[", "expected a value, got end of text at line 1 column 2"),
        ("1 2", "unexpected '2' after the value at line 1 column 3"),
        ("01", "unexpected '1' after the value at line 1 column 2"),
        ("1.", "unexpected '.' after the value at line 1 column 2"),
        (".5", "expected a value, got '.' at line 1 column 1"),
        ("+1", "expected a value, got '+' at line 1 column 1"),
        ("NaN", "expected a value, got 'N' at line 1 column 1"),
        ("[\n  Infinity]", "expected a value, got 'I' at line 2 column 3"),
        ("-Infinity", "expected a value, got '-' at line 1 column 1"),
        ("'a'", "expected a value, got ''' at line 1 column 1"),
        ('\n"abc', "unterminated string at line 2 column 1"),
        ('"a\nb"', "control character U+000A in a string at line 1 column 3"),
        ('"\\x"', "bad escape \\x at line 1 column 2"),
        ('"\\u12g4"', "bad escape \\u: expected four hexadecimal digits at line 1 column 2"),
        ('"a\\ud800"', "lone surrogate in a string at line 1 column 3"),
        ('"\\ude00"', "lone surrogate in a string at line 1 column 2"),
        ('"\\ud800\\u0041"', "lone surrogate in a string at line 1 column 2"),
        ('"\\\\\\ud83d\\ude00\\\\ud83d\\ude00"', "lone surrogate in a string at line 1 column 23"),
        ('"\ud800"', "lone surrogate U+D800 in a string at line 1 column 2"),
        ("\ufeff1", "expected a value, got U+FEFF at line 1 column 1"),
        ("[1] // c", "unexpected '/' after the value at line 1 column 5"),
    ],
)
def test_anything_but_strict_json_is_an_error_with_its_place(text: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        parse_json(text)
    assert (caught.value.kind, caught.value.message) == ("JsonError", f"JSON error: {message}")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_texts_are_read_up_to_ten_thousand_levels(opening: str, closing: str) -> None:
    value = parse_json(opening * 9_000 + "1" + closing * 9_000)
    assert to_json(value) == opening * 9_000 + "1" + closing * 9_000
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        parse_json(opening * 11_000 + "1" + closing * 11_000)
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        parse_json(opening * 1_000_000)
    for _ in range(1_001):
        value = (value,)
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        to_json(value)


@pytest.fixture(params=[640, 4300, 0])
def allowed_digits(request: pytest.FixtureRequest) -> Iterator[None]:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(request.param)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("allowed_digits")
def test_integers_of_any_size_up_to_the_limit_survive() -> None:
    largest = (1 << 262_144) - 1
    assert parse_json(to_json((largest, -(1 << 9_000)))) == (largest, -(1 << 9_000))
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: integer bits of 262145 exceeds 262144$"):
        parse_json(f"[{to_json(largest + 1)}]")
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: integer bits"):
        parse_json("9" * 1_000_000)


@pytest.mark.usefixtures("path")
def test_a_collection_holds_so_many_elements() -> None:
    assert len(parse_json("[1,2,3]", elements=3)) == 3
    for text in ("[1,2,3,4]", '[{"a":1,"b":2,"c":3,"d":4}]'):
        with pytest.raises(LimitError, match=r"^Memory limit exceeded: elements of 4 exceeds 3$"):
            parse_json(text, elements=3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, True, None, 2.5), "[1,true,null,2.5]"),
        (List((1, ())), "[1,[]]"),
        (Map.of([(Keyword("a"), Keyword("ns/b")), (Symbol("c"), Symbol("d")), ("e", 1)]), '{"a":"ns/b","c":"d","e":1}'),
        (Map.of([(1, 1), (2.0, 2), (True, 3)]), '{"1":1,"2.0":2,"true":3}'),
        ('é"\\\n\x01\x7f\u2028😀', '"é\\"\\\\\\n\\u0001\x7f\u2028😀"'),
        (Timestamp(0), '"1970-01-01T00:00:00Z"'),
        (Uuid("00000000-0000-0000-0000-000000000000"), '"00000000-0000-0000-0000-000000000000"'),
        (ResourceHandle("resource://x"), '"resource://x"'),
        ((1e20, 1e-7, -0.0), "[1e+20,1e-07,-0.0]"),
        (EMPTY_MAP, "{}"),
    ],
)
def test_values_become_compact_json(value: Any, text: str) -> None:
    assert to_json(value) == text


def test_pretty_json_is_indented_as_the_standard_library_does() -> None:
    data: Any = {"a": [1, {"b": []}, {}], "c": {"d": None}, "e": []}
    value = parse_json(json.dumps(data))
    assert to_json(value, 2) == json.dumps(data, indent=2)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((lambda: 1,), "a value of kind function has no JSON"),
        (ErrorValue(RtfsError("TypeError", "x")), "a value of kind error has no JSON"),
        (float("nan"), "##NaN has no JSON"),
        ((float("-inf"),), "##-Inf has no JSON"),
        (Map.of([(float("inf"), 1)]), "##Inf has no JSON"),
        (Map.of([(None, 1)]), "a key of kind nil has no JSON"),
        (Map.of([((1,), 1)]), "a key of kind vector has no JSON"),
        (Map.of([(Timestamp(0), 1)]), "a key of kind timestamp has no JSON"),
        (Map.of([(Keyword("a"), 1), ("a", 2)]), 'two keys have the text "a"'),
        (Map.of([(1, 1), ("1", 2)]), 'two keys have the text "1"'),
    ],
)
def test_what_json_cannot_say_is_an_error(value: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        to_json(value)
    assert (caught.value.kind, caught.value.message) == ("JsonError", f"JSON error: {message}")


def test_writing_stops_at_the_limit_also_for_values_that_share_parts() -> None:
    assert to_json("abc", limit=5) == '"abc"'
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: characters of 5 exceeds 4$"):
        to_json("abc", limit=4)
    shared: Any = 1
    for _ in range(100):
        shared = (shared, shared)
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: characters of \d+ exceeds 100000$"):
        to_json(shared, 2, limit=100_000)


@given(json_values, st.sampled_from([None, 0, 2]))
def test_writing_and_reading_is_identity(value: Any, indent: int | None) -> None:
    text = to_json(value, indent)
    again = parse_json(text)
    assert equal(again, value)
    assert show(again) == show(value)


@given(json_values)
def test_the_standard_library_reads_the_same(value: Any) -> None:
    text = to_json(value)
    assert json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) == text
    assert equal(parse_json(json.dumps(json.loads(text))), value)


_FRAGMENTS = [
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    '"a"',
    '"',
    "\\",
    "\\ud83d",
    "\\ude00",
    "1",
    "-",
    "0",
    ".5",
    "e1",
    " ",
    "\n",
]
_TEXTS = st.lists(st.sampled_from([*_FRAGMENTS, "null", "true", "NaN", "é", "\x01"]), max_size=8).map("".join)


@given(_TEXTS)
@example('"\\\\ud83d\\ude00"')
@example("[[],[],{}]")
def test_both_ways_through_the_reader_agree(text: str) -> None:
    def outcome(read: Any) -> str:
        try:
            return show(read())
        except EvaluationError as error:
            return error.message

    builder = rtfs_json._Builder(False, 100)
    assert outcome(lambda: parse_json(text)) == outcome(lambda: rtfs_json._Reader(text, builder).read())


@pytest.mark.parametrize(
    ("name", "keyword", "symbol"),
    [
        ("a", True, True),
        ("a/b/c", True, True),
        ("com.acme:v1.2/api", True, True),
        ("x#", True, True),
        ("a'b@c", True, True),
        ("/", True, True),
        (".name", True, True),
        ("1a", True, False),
        ("nil", True, False),
        ("-5", True, False),
        ("-x", True, True),
        ("abcdef00-0000-0000-0000-000000000000", True, False),
        ("", False, False),
        ("a b", False, False),
        ("a//b", False, False),
        ("/a", False, False),
        ("a/", False, False),
        ("a#b", False, False),
        ("a&b", False, False),
        ("a:b", False, False),
        ("²", False, False),
        ("aé", True, True),
        ("a\u0301", False, False),
    ],
)
def test_only_what_reads_back_spells_a_name(name: str, keyword: bool, symbol: bool) -> None:
    assert (spells_keyword(name), spells_symbol(name)) == (keyword, symbol)


@given(keywords, symbols)
def test_the_names_of_the_strategies_spell_names(keyword: Keyword, symbol: Symbol) -> None:
    assert spells_keyword(keyword.name)
    assert spells_symbol(symbol.name)


@given(values(with_nan=True) | json_values)
def test_both_ways_of_writing_give_the_same(value: Any) -> None:
    found = []
    for written in (to_json, lambda value: to_json(value, None, limit=None)):
        with pytest.MonkeyPatch.context() as patched:
            if found:
                patched.setattr(json_writer, "_is_small", lambda value: False)
            try:
                found.append(written(value))
            except RtfsError as error:
                found.append(error.message)
    assert found[0] == found[1]


def test_shared_parts_count_as_often_as_they_are_written() -> None:
    value: Any = "x" * 100
    for _ in range(60):
        value = (value, value)
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: characters of \d+ exceeds 1000000$"):
        to_json(value, limit=1_000_000)
