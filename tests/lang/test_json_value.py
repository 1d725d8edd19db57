"""JSON as values of a type."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.errors import RtfsError
from rtfs.lang.json import to_json
from rtfs.lang.json_schema import schema_from_type
from rtfs.lang.json_value import value_of
from rtfs.lang.printer import show
from rtfs.lang.schema import fits, parse_type
from rtfs.session import read_forms


def type_of(text: str) -> Any:
    return parse_type(read_forms(text)[0])


@pytest.mark.parametrize(
    ("type", "data", "printed"),
    [
        (":keyword", "a/b", ":a/b"),
        (":keyword", ":a", ":a"),
        (":keyword", "a b", '"a b"'),
        (":symbol", "x", "x"),
        (":uuid", "123E4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        (":timestamp", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        (":timestamp", "2026-01-02", '"2026-01-02"'),
        (":resource", "resource://a/1", "resource://a/1"),
        (":int", 5.0, "5"),
        (":int", 5.5, "5.5"),
        (":float", 5, "5"),
        (":list", [1, [2]], "(1 [2])"),
        ("[:list :keyword]", ["a"], "(:a)"),
        ("[:vector [:list :int]]", [[1]], "[(1)]"),
        ("[:tuple :keyword :string]", ["a", "b"], '[:a "b"]'),
        ("[:array :keyword [2 ?]]", [["a"], ["b"]], "[[:a] [:b]]"),
        ('[:map [:a :keyword] ["b c" :symbol ?] [3 :keyword ?]]', {"a": "x", "b c": "y", "3": "z", "d": {"e": 1}},
         '{:a :x "b c" y 3 :z :d {:e 1}}'),
        ("[:map [:a :int] [:* :keyword]]", {"a": 1, "b": "x"}, "{:a 1 :b :x}"),
        ("[:map-of :string :int]", {"a": 1}, '{"a" 1}'),
        ("[:map-of :keyword :keyword]", {"a": "b"}, "{:a :b}"),
        ("[:map-of :int :any]", {"12": {"x y": 1}}, '{12 {"x y" 1}}'),
        (":map", {"a": {"b": [1]}}, "{:a {:b [1]}}"),
        ("[:enum :a \"a\" 1]", "a", ":a"),
        ("[:enum 1 true]", True, "true"),
        ("[:maybe :keyword]", None, "nil"),
        (":keyword?", "a", ":a"),
        ("[:union :int :keyword]", "a", ":a"),
        ("[:union :uuid :string]", "a", '"a"'),
        ("[:and [:min-length 1] :keyword]", "a", ":a"),
        (":any", {"a": [None, 1.5]}, "{:a [nil 1.5]}"),
        ("[:fn [:int] :int]", "x", '"x"'),
    ],
)  # fmt: skip
def test_data_becomes_what_the_type_wants(type: str, data: Any, printed: str) -> None:
    assert show(value_of(type_of(type), data)) == printed


def test_half_a_character_pair_is_refused() -> None:
    for data in ("\ud800", ["\ud800"], {"\ud800": 1}):
        with pytest.raises(RtfsError, match="lone surrogate"):
            value_of(type_of(":any"), data)


_ATOMS = [":int", ":string", ":keyword", ":bool", ":nil", ":uuid", ":timestamp", ":float", ":keyword?", "[:enum :a 1]"]
types = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.one_of(
        st.builds("[:vector {}]".format, inner),
        st.builds("[:list {}]".format, inner),
        st.builds("[:tuple {} {}]".format, inner, inner),
        st.builds("[:map [:a {}] [:b {} ?]]".format, inner, inner),
        st.builds("[:map-of :keyword {}]".format, inner),
        st.builds("[:union {} {}]".format, inner, inner),
    ),
    max_leaves=5,
)
_SAMPLES = {
    ":int": [0, -3], ":string": ["a"], ":bool": [True, False], ":nil": [None],
    ":uuid": ["123e4567-e89b-12d3-a456-426614174000"], ":timestamp": ["2026-01-02T03:04:05Z"], ":float": [1.5, 2],
    ":keyword?": [None, "b"], "[:enum :a 1]": ["a", 1],
}  # fmt: skip


def samples(schema: Any) -> st.SearchStrategy[Any]:
    """Data that a schema of the types above accepts, mostly."""
    if "anyOf" in schema:
        return st.one_of([samples(part) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return st.tuples(*map(samples, schema["prefixItems"])).map(list)
        return st.lists(samples(schema["items"]), max_size=2)
    if kind == "object":
        if "properties" not in schema:
            return st.dictionaries(st.sampled_from(["k", "l"]), samples(schema["additionalProperties"]), max_size=2)
        needed = {key: samples(part) for key, part in schema["properties"].items() if key in schema.get("required", [])}
        other = {key: samples(part) for key, part in schema["properties"].items() if key not in needed}
        return st.fixed_dictionaries(needed, optional=other)
    formats = {"uuid": ":uuid", "date-time": ":timestamp"}
    names = {"string": ":string", "integer": ":int", "number": ":float", "boolean": ":bool", "null": ":nil"}
    return st.sampled_from(_SAMPLES[formats.get(schema.get("format")) or names[kind]])


@given(st.data(), types)
def test_what_the_schema_accepts_becomes_a_value_of_the_type_and_goes_back(data: Any, text: str) -> None:
    type = type_of(text)
    schema = schema_from_type(type)
    value = data.draw(samples(schema))
    made = value_of(type, value)
    assert fits(type, made), show(made)
    assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(to_json(made)))
