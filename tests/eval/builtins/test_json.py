"""JSON from programs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.limits import LIMITS
from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import EMPTY_MAP, List, Map, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show

load_topic("json")


def call(name: str, *args: Any) -> Any:
    return BUILTINS[name](*args)


def failure(name: str, *args: Any) -> tuple[str, str]:
    with pytest.raises(RtfsError) as raised:
        BUILTINS[name](*args)
    return raised.value.kind, raised.value.message


def options(value: Any) -> Map:
    return Map.of([(Keyword("keywords"), value)])


def test_objects_become_maps_with_string_keys_in_order() -> None:
    assert show(call("parse-json", '{"z": {"b": 1.0}, "a": null, "z": [1]}')) == '{"z" [1] "a" nil}'


def test_keys_become_keywords_on_demand() -> None:
    text = '{"a": 1, "not a name": {"b": true}}'
    for wanted in (True, 0):
        assert show(call("json/parse", text, options(wanted))) == '{:a 1 "not a name" {:b true}}'
    for unwanted in (options(False), options(None), EMPTY_MAP):
        assert show(call("tool/parse-json", '{"a": 1}', unwanted)) == '{"a" 1}'


def test_what_is_no_json_says_where() -> None:
    kind, message = failure("parse-json", '{"a":\n NaN}')
    assert kind == "JsonError"
    assert message.startswith("JSON error: ")
    assert message.endswith(" at line 2 column 2")


def test_other_kinds_are_refused() -> None:
    assert failure("parse-json", None)[0] == failure("parse-json", "1", None)[0] == "TypeError"
    assert failure("parse-json", "1", Keyword("keywords"))[1] == "Type error in parse-json: expected map, got keyword"


def test_values_become_compact_text() -> None:
    value = Map.of([(Keyword("a"), vector([1, None, 2.5, "é"])), (1, List([Keyword("x/y")]))])
    assert call("serialize-json", value) == '{"a":[1,null,2.5,"é"],"1":["x/y"]}'
    assert call("json/stringify", True) == "true"


def test_pretty_text_is_indented_by_two() -> None:
    assert call("json/pretty", Map.of([("a", (1,))])) == '{\n  "a": [\n    1\n  ]\n}'


def test_functions_and_special_floats_have_no_json() -> None:
    assert failure("serialize-json", call)[0] == failure("serialize-json", float("nan"))[0] == "JsonError"


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
atoms = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), text)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(vector, st.lists(inner, max_size=4)), st.builds(Map.of, st.lists(st.tuples(text, inner), max_size=4))
    ),
    max_leaves=15,
)


@given(values)
def test_json_values_come_back_from_their_text(value: Any) -> None:
    assert equal(call("parse-json", call("serialize-json", value)), value)
    assert equal(call("parse-json", call("serialize-json-pretty", value)), value)


def test_sizes_of_the_embedder_hold() -> None:
    token = LIMITS.set(Limits(characters=10, elements=3))
    try:
        assert failure("parse-json", "[1,2,3,4]")[0] == "MemoryLimitExceeded"
        assert failure("serialize-json", "a" * 20)[0] == "MemoryLimitExceeded"
    finally:
        LIMITS.reset(token)
