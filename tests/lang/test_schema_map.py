"""Maps in the words of JSON Schema as types of items, and values read as a type wants them (streaming.md §6.4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rtfs
from rtfs.lang.coerce import coerced
from rtfs.lang.conform import Run, checker
from rtfs.lang.schema import parse_type
from rtfs.lang.schema_map import is_schema, type_form


def form_of(text: str) -> str:
    return rtfs.show(type_form(rtfs.evaluate(text)))


@pytest.mark.parametrize(
    ("schema", "form"),
    [
        (":int", ":int"),
        ("{:id :int}", "[:map {:id :int}]"),
        ("{:type :string :id :int}", "[:map {:type :string :id :int}]"),
        ("{:type :object}", ":map"),
        ("{:type [:string :null]}", "[:union :string :nil]"),
        ("{:type [:vector :int]}", "[:vector :int]"),
        ("{:enum [:a :b]}", "[:enum :a :b]"),
        ("{:const 1}", "[:val 1]"),
        ("{:minimum 1 :type :integer}", "[:and :integer [:>= 1]]"),
        ('{"type" ["string" "null"] "minLength" 2}', "[:union [:and :string [:min-length 2]] :nil]"),
        ("{:type :array :items {:enum [1]} :max-items 3}", "[:and [:vector [:enum 1]] [:max-count 3]]"),
        ('{:required [:a "b"] :properties {:a :int :c {:nullable true :type :bool}}}',
         '[:map [:a :int] [:c [:maybe :bool] ?] ["b" :any]]'),
        ("{:properties {:a :int} :additional-properties false}", "[:map [:a :int ?] [:* :never]]"),
        ("{:any-of [:int {:type :string :pattern \"^a\"}]}", '[:union :int [:and :string [:matches-regex "^a"]]]'),
    ],
)  # fmt: skip
def test_a_map_of_schema_words_is_a_type(schema: str, form: str) -> None:
    assert form_of(schema) == form


@pytest.mark.parametrize(
    "schema",
    [
        "17",
        ":bogus",
        "{:type :bogus}",
        "{:type :map :properties 5}",
        "{:enum 5}",
        "{:type :int :minimum :a}",
        "[:vector]",
    ],
)
def test_what_means_no_type_is_none(schema: str) -> None:
    assert not is_schema(rtfs.evaluate(schema))


@pytest.mark.parametrize(
    ("form", "value", "found"),
    [
        (":int", '"7"', "7"),
        (":int", '" -12 "', "-12"),
        (":int", "2.0", "2"),
        (":int", "2.5", "2.5"),
        (":int", '"1e3"', '"1e3"'),
        (":float", '"1e3"', "1000.0"),
        (":number", '"1.50"', "1.5"),
        (":bool", '"TRUE"', "true"),
        (":bool", '"yes"', '"yes"'),
        (":keyword", '":a"', ":a"),
        (":string", ":a", '"a"'),
        (":string", "true", '"true"'),
        (":int?", '"7"', "7"),
        (":int?", "nil", "nil"),
        ("[:union :int :string]", '"7"', '"7"'),
        ("[:and :int [:> 1]]", '"7"', "7"),
        ("[:vector :int]", '["1" "x"]', '[1 "x"]'),
        ("[:tuple :int :string]", '["1" 2]', '[1 "2"]'),
        ("[:map [:a :int] [:* :float]]", '{:a "1" :b "2"}', "{:a 1 :b 2.0}"),
        ("[:map-of :keyword :int]", '{:a "1"}', "{:a 1}"),
        (":timestamp", '"7"', '"7"'),
    ],
)
def test_values_are_read_as_the_type_wants(form: str, value: str, found: str) -> None:
    assert rtfs.show(coerced(parse_type(rtfs.evaluate(form)), rtfs.evaluate(value))) == found


FORMS = [
    ":int",
    ":number",
    ":bool",
    ":string",
    ":int?",
    "[:vector :int]",
    "[:map [:a :int] [:b {:optional true} :bool]]",
]
TEXTS = st.sampled_from(["1", "-7", "1.5", "true", "x", "", "nil"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([":a", ":b"]), inner, max_size=2),
    max_leaves=6,
)


@given(st.sampled_from(FORMS), VALUES)
def test_reading_again_changes_nothing_and_what_fits_stays(form: str, value: Any) -> None:
    type_, given_value = parse_type(rtfs.evaluate(form)), rtfs.from_python(value)
    once = coerced(type_, given_value)
    assert coerced(type_, once) == once
    if checker(type_, "standard")(given_value, Run()) is None:
        assert once == given_value
