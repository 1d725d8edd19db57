"""JSON Schema and type expressions (host.md §3)."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.convert import from_python
from rtfs.lang.json_schema import schema_from_type, type_from_schema
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.schema import fits, parse_type


@pytest.mark.parametrize(
    ("schema", "printed"),
    [
        (True, ":any"),
        (False, ":never"),
        ({}, ":any"),
        ({"type": "string"}, ":string"),
        ({"type": "integer", "minimum": 1, "exclusiveMaximum": 9}, "[:and :int [:>= 1] [:< 9]]"),
        ({"type": "number"}, ":number"),
        ({"type": ["string", "null"]}, ":string?"),
        ({"type": ["string", "integer"]}, "[:union :string :int]"),
        ({"type": "string", "nullable": True}, "[:maybe :string]"),
        ({"type": "string", "minLength": 1.0, "maxLength": 5}, "[:and :string [:min-length 1] [:max-length 5]]"),
        ({"type": "string", "pattern": "^a+$"}, '[:and :string [:matches-regex "^a+$"]]'),
        ({"type": "string", "pattern": "(?=a)"}, ":string"),
        ({"enum": ["a", 1, None]}, '[:enum "a" 1 nil]'),
        ({"const": {"a": [1]}}, '[:val {"a" [1]}]'),
        ({"type": "array", "items": {"type": "integer"}}, "[:vector :int]"),
        ({"items": {"type": "integer"}, "minItems": 1}, "[:and [:vector :int] [:min-count 1]]"),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {}], "items": False, "minItems": 2},
            "[:and [:tuple :int :any] [:min-count 2]]",
        ),
        ({"type": "object"}, ":map"),
        ({"type": "object", "additionalProperties": False}, "[:map [:* :never]]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "[:map-of :any :int]"),
        (
            {"properties": {"city": {"type": "string"}, "a b": {}}, "required": ["city"]},
            '[:map [:city :string] ["a b" :any ?]]',
        ),
        (
            {"type": "object", "properties": {}, "required": ["x"], "additionalProperties": False},
            "[:map [:x :any] [:* :never]]",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ":string?"),
        ({"oneOf": [{"type": "array", "items": {}}, {"type": "null"}]}, "[:maybe [:vector :any]]"),
        ({"anyOf": [{"type": "string"}, {}]}, ":any"),
        ({"allOf": [{"type": "integer"}, {"minimum": 1}]}, ":int"),
        (
            {"$ref": "#/$defs/p", "$defs": {"p": {"type": "object", "properties": {"next": {"$ref": "#/$defs/p"}}}}},
            "[:map [:next :any ?]]",
        ),
        ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "string"}}}, ":string"),
        ({"$ref": "https://example.org/x.json"}, ":any"),
        ({"type": "unheard-of"}, ":any"),
    ],
)
def test_a_schema_becomes_a_type(schema: Any, printed: str) -> None:
    form = type_from_schema(schema)
    assert show(form) == printed
    parse_type(form)


def test_keys_stay_strings_where_asked() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"type": "integer"}}}}, "required": ["a"]}
    assert show(type_from_schema(schema, keywords=False)) == '[:map ["a" [:map ["b" :int ?]]]]'


def test_a_type_becomes_a_schema() -> None:
    k = Keyword
    form = (
        k("map"),
        (k("city"), (k("and"), k("string"), (k("min-length"), 1))),
        (k("tags"), (k("vector"), k("keyword?")), {"optional": True}),
    )
    record = (*form[:2], (form[2][0], from_python({}).assoc(k("optional"), True), form[2][1]), (k("*"), k("never")))
    assert schema_from_type(record) == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1},
            "tags": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    assert schema_from_type((k("and"), (k(">"), 0), (k(">"), 1))) == {
        "allOf": [{"exclusiveMinimum": 0}, {"exclusiveMinimum": 1}]
    }
    assert schema_from_type((k("array"), k("int"), (2, 3)))["maxItems"] == 2
    assert schema_from_type(k("function")) == {}


_KIND = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer"},
        {"type": "boolean"},
        {"type": "null"},
        {"type": "integer", "minimum": 1},
        {"type": "string", "maxLength": 1},
        {"enum": ["a", 1]},
        {},
    ]
)
schemas = st.recursive(
    _KIND,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda a: {"type": "array", "prefixItems": [a], "items": False, "minItems": 1}, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(lambda a, b: {"allOf": [a, b]}, inner, inner),
        st.builds(lambda a: {"type": "object", "properties": {"a": a}, "required": ["a"]}, inner),
        st.builds(
            lambda a, b: {"type": "object", "properties": {"a": a}, "additionalProperties": b},
            inner,
            st.one_of(inner, st.just(False)),
        ),
    ),
    max_leaves=5,
)
data = st.recursive(
    st.sampled_from([None, True, 0, 1, 2, "", "a", "abc"]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["a", "b"]), inner)),
    max_leaves=6,
)


def valid(schema: Any, value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@given(schemas, data)
def test_the_type_accepts_what_the_schema_accepts_and_nothing_else(schema: Any, value: Any) -> None:
    form = type_from_schema(schema, keywords=False)
    assert fits(parse_type(form), from_python(value)) == valid(schema, value)


@given(schemas, data)
def test_a_schema_made_of_the_type_again_means_the_same(schema: Any, value: Any) -> None:
    again = schema_from_type(type_from_schema(schema, keywords=False))
    assert valid(again, value) == valid(schema, value)
