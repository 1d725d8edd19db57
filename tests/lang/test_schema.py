"""Types: reading type expressions and checking values against them (language.md §12)."""

from __future__ import annotations

import re
from ast import literal_eval
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import EMPTY_MAP, List, Map, vector
from rtfs.lang.errors import EvaluationError, ExpansionError, LimitError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.schema import check, fits, parse_type, problem, show_type, unknown_names
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid
from tests.strategies import values

NAN = float("nan")
ERROR = ErrorValue(RtfsError("TypeError", "x"))


_TOKEN = re.compile(r'"[^"]*"|[\[\]{}]|[^\s\[\]{}"]+')


def form(text: str) -> Any:
    """A type expression from its text, for a room that knows no reader."""
    tokens = _TOKEN.findall(text)[::-1]
    return _form(tokens.pop(), tokens)


def _form(token: str, rest: list[str]) -> Any:
    if token in "[{":
        parts = []
        while (following := rest.pop()) not in "]}":
            parts.append(_form(following, rest))
        return vector(parts) if token == "[" else Map.of(zip(parts[::2], parts[1::2], strict=True))
    words = {"nil": None, "true": True, "false": False}
    if token in words:
        return words[token]
    if token[0] == ":":
        return Keyword(token[1:])
    return literal_eval(token) if token[0] in '"-0123456789' else Symbol(token)


def m(**entries: Any) -> Map:
    return Map.of([(Keyword(key.replace("_", "-")), value) for key, value in entries.items()])


SAMPLES: dict[str, Any] = {
    "nil": None,
    "bool": True,
    "int": 1,
    "float": 1.5,
    "string": "s",
    "keyword": Keyword("k"),
    "symbol": Symbol("s"),
    "vector": (1,),
    "list": List((1,)),
    "map": EMPTY_MAP,
    "function": lambda: 1,
    "error": ERROR,
    "timestamp": Timestamp(0),
    "uuid": Uuid("00000000-0000-0000-0000-000000000000"),
    "resource": ResourceHandle("resource://db"),
}


@pytest.mark.parametrize(
    ("type", "accepted"),
    [
        (":int", "int"),
        (":integer", "int"),
        (":float", "int float"),
        (":number", "int float"),
        (":string", "string"),
        (":bool", "bool"),
        (":boolean", "bool"),
        (":nil", "nil"),
        (":keyword", "keyword"),
        (":symbol", "symbol"),
        (":timestamp", "timestamp"),
        (":uuid", "uuid"),
        (":error", "error"),
        (":vector", "vector"),
        (":list", "list"),
        (":map", "map"),
        (":seq", "vector list"),
        (":function", "function keyword map vector"),
        (":fn", "function keyword map vector"),
        (":resource", "resource"),
        (":any", " ".join(SAMPLES)),
        (":never", ""),
        (":int?", "int nil"),
        ("Int?", "int nil"),
        ("[:maybe :string]", "string nil"),
        ("int", "int"),
        ("String", "string"),
        ("[:fn [:int & :int] :int]", "function keyword map vector"),
        ("[:union :int [:vector :int] :nil]", "int vector nil"),
        ("[:resource db]", "resource"),
        ("[:resource other]", ""),
        ("[:map]", "map"),
    ],
)
def test_a_type_accepts_its_kinds_and_no_others(type: str, accepted: str) -> None:
    parsed = parse_type(form(type))
    assert [name for name, value in SAMPLES.items() if fits(parsed, value)] == [
        name for name in SAMPLES if name in accepted.split()
    ]


# (type, value, what explain says or None)
CASES: list[tuple[str, Any, str | None]] = [
    (":int", "x", "Type mismatch: expected :int, got string"),
    ("Int", True, "Type mismatch: expected :int, got boolean"),
    ("[:vector :int]", (1, 2), None),
    ("[:vector :int]", vector(range(100)), None),
    ("[:vector :int]", vector([*range(100), 1.5]), "Type mismatch at [100]: expected :int, got float"),
    ("[:vector :int]", List((1,)), "Type mismatch: expected [:vector :int], got list"),
    ("[:list :int]", List((1, "2")), "Type mismatch at [1]: expected :int, got string"),
    ("[:seq [:vector :any]]", List(((1,),)), None),
    ("[:tuple :int :string]", (1, "a"), None),
    ("[:tuple :int :string]", (1, "a", 2), "Shape violation: expected 2 elements, got 3"),
    ("[:tuple :int :string]", (1, 2), "Type mismatch at [1]: expected :string, got integer"),
    ("[:tuple :int]", 5, "Type mismatch: expected [:tuple :int], got integer"),
    ("[:map [:a :int] [:b :string ?]]", m(a=1), None),
    ("[:map [:a :int] [:b :string ?]]", m(a=1, c=2), None),
    ("[:map [:a :int] [:b :string ?]]", m(b="x"), "Missing required key :a"),
    ("[:map [:a :int] [:b :string ?]]", m(a=1, b=None), "Type mismatch at .b: expected :string, got nil"),
    ("[:map [:a {:optional true} :int]]", m(), None),
    ("[:map [:a {:optional false} :int]]", m(), "Missing required key :a"),
    ("[:map {:a :int :b [:optional :int?]}]", m(a=1, b=None), None),
    ("[:map [:a :int?]]", m(), "Missing required key :a"),
    ("[:record [:a :int]]", 1, "Type mismatch: expected [:record [:a :int]], got integer"),
    ('[:map ["s" :int] [7 :int]]', Map.of([("s", 1), (7, 2)]), None),
    ('[:map ["s" :int] [7 :int]]', Map.of([("s", 1), (7, "2")]), "Type mismatch at [7]: expected :int, got string"),
    ('[:map ["s" :int]]', Map.of([("s", "t")]), 'Type mismatch at ["s"]: expected :int, got string'),
    ('[:map ["s" :int]]', m(s=1), 'Missing required key "s"'),
    ("[:map [1 :int]]", Map.of([(True, 1), (1.0, 1)]), "Missing required key 1"),
    ("[:map [:a :int] [:* :string]]", m(a=1, b="x"), None),
    ("[:map [:a :int] [:* :string]]", m(a=1, b=2), "Type mismatch at .b: expected :string, got integer"),
    ("[:map [:a :int] [:* :never]]", m(a=1), None),
    ("[:map [:a :int] [:* :never]]", m(a=1, z=0), "Unexpected key :z"),
    ("{:a {:b [:vector :int]}}", m(a=m(b=(1, "x"))), "Type mismatch at .a.b[1]: expected :int, got string"),
    ("{:a {:b :int}}", m(a=m()), "Missing required key :b at .a"),
    ("{:a [:map [:* :never]]}", m(a=m(x=1)), "Unexpected key :x at .a"),
    ("[:map-of :keyword :int]", m(a=1), None),
    ("[:map-of :keyword :int]", m(a="x"), "Type mismatch at .a: expected :int, got string"),
    ("[:dict :string :int]", m(k=5), "Type mismatch at .k: expected :string, got keyword"),
    ("[:union :int :string]", Keyword("u"), "Type mismatch: expected [:union :int :string], got keyword"),
    ("[:or {:a :int} {:b :int}]", m(b=1), None),
    ("[:enum :red 1 nil]", Keyword("red"), None),
    ("[:enum :red 1 nil]", None, None),
    ("[:enum :red 1 nil]", 1.0, "Type mismatch: expected [:enum :red 1 nil], got float"),
    ("[:val 7]", 8, "Type mismatch: expected [:val 7], got integer"),
    ("[:and :int [:> 0]]", 5, None),
    ("[:and :int [:> 0]]", -3, "Predicate violation: [:> 0] failed for value -3"),
    ("[:and :int [:> 0]]", "x", "Type mismatch: expected :int, got string"),
    ("[:vector [:and :int [:>= 1] [:<= 5]]]", (1, 9), "Predicate violation at [1]: [:<= 5] failed for value 9"),
    ("[:array :int [2 ?]]", ((1,), (2, 3)), None),
    ("[:array :int [2 ?]]", ((1,),), "Shape violation: expected 2 elements, got 1"),
    ("[:array :int [2 1]]", ((1,), (2, 3)), "Shape violation at [1]: expected 1 elements, got 2"),
    ("[:array :int [1 1]]", (("x",),), "Type mismatch at [0][0]: expected :int, got string"),
    ("[:array :int [1 1]]", (1,), "Type mismatch at [0]: expected [:array :int [1 1]], got integer"),
    ("[:array :int [0]]", (), None),
    ("Unknown", 5, None),
]


@pytest.mark.parametrize(("type", "value", "expected"), CASES)
def test_explain_says_what_is_wrong_and_where(type: str, value: Any, expected: str | None) -> None:
    parsed = parse_type(form(type))
    assert problem(parsed, value) == expected
    assert fits(parsed, value) == (expected is None)


@pytest.mark.parametrize(
    ("predicate", "holding", "failing"),
    [
        ("[:> 1]", [2, 1.5, 2**70], [1, 1.0, NAN, "2", None, True]),
        ("[:>= 1]", [1, 1.0], [0.5, True]),
        ("[:< 1]", [0, -0.5], [1, "0"]),
        ("[:<= 1]", [1, 1.0], [2]),
        ("[:in-range 1 3]", [1, 3.0, 2], [0, 3.5, "2"]),
        ("[:= 1]", [1, 1.0], [2, "1", True]),
        ("[:!= 1]", [2, "1", None], [1, 1.0]),
        ("[:= [1]]", [(1,)], [(1.0,), 1]),
        ("[:min-length 2]", ["ab"], ["a", (1, 2)]),
        ("[:max-length 2]", ["ab", ""], ["abc", ()]),
        ("[:length 2]", ["äö"], ["a"]),
        ("[:min-count 1]", ["a", (1,), List((1,)), m(a=1)], ["", (), None, 5]),
        ("[:max-count 1]", ["a", ()], [(1, 2)]),
        ("[:count 2]", [(1, 2), "ab"], [(1,), 2]),
        ("[:non-empty]", ["a", (1,), m(a=1)], ["", (), EMPTY_MAP, None]),
        ('[:matches-regex "^[A-Z]{2}$"]', ["OK"], ["ok", "OKK", "OK\n", 5]),
        ('[:matches-regex "b+"]', ["abbc"], ["ac"]),
        ("[:has-key :a]", [m(a=None)], [m(b=1), None]),
        ('[:required-keys [:a "b"]]', [Map.of([(Keyword("a"), 1), ("b", 2)])], [m(a=1), ()]),
        ("[:is-url]", ["http://a.b/c?d", "x-y://h"], ["http:/a", "a.b", "1x://h", "http:// a", 5]),
        ("[:is-email]", ["a.b@c.de"], ["a@b", "a@@b.c", "@b.c", "a b@c.de", None]),
    ],
)
def test_a_predicate_holds_for_what_it_speaks_about(predicate: str, holding: list[Any], failing: list[Any]) -> None:
    parsed = parse_type(form(predicate))
    assert [v for v in holding if not fits(parsed, v)] == []
    assert [v for v in failing if fits(parsed, v)] == []


@pytest.mark.parametrize(
    ("type", "message", "notes"),
    [
        (":integr", "type: unknown type :integr", ["did you mean `:integer`?"]),
        (":stirng?", "type: unknown type :stirng?", ["did you mean `:string?`?"]),
        (":tuple", "type: unknown type :tuple", ["it is written in brackets: [:tuple …]"]),
        ("[:vectr :int]", "type: unknown type [:vectr …]", ["did you mean `[:vector …]`?"]),
        ("[:in-rnge 1 2]", "type: unknown type [:in-rnge …]", ["did you mean `[:in-range …]`?"]),
        ("[]", "type: [] is not a type", []),
        ("5", "type: 5 is not a type", []),
        ("[5 :int]", "type: [5 :int] is not a type: its head must be a keyword", []),
        ("[:vector]", "type: [:vector] expects 1 part, got 0", []),
        ("[:map-of :int]", "type: [:map-of] expects 2 parts, got 1", []),
        ("[:union]", "type: [:union] expects at least 1 part, got 0", []),
        ("[:val 1 2]", "type: [:val] expects 1 part, got 2", []),
        ("[:fn :int :int]", "type: [:fn] expects a vector of parameter types, got :int", []),
        ("[:array :int 2]", "type: [:array] expects a vector of dimensions, got 2", []),
        ("[:array :int [-1]]", "type: a dimension of [:array] is a size or ?, got -1", []),
        ("[:map [nil :int]]", "type: a key of [:map] is a keyword, string or integer, got nil", []),
        ("[:map [:a :int] [:a :int]]", "type: key :a stands twice in [:map]", []),
        ("[:map :a]", "type: an entry of [:map] is [:k T], [:k T ?] or [:k {:optional true} T], got :a", []),
        ("[:> :a]", "type: [:>] expects a number, got :a", []),
        ("[:in-range 1]", "type: [:in-range] expects two numbers, got 1", []),
        ("[:min-length -1]", "type: [:min-length] expects a size, got -1", []),
        ("[:non-empty 1]", "type: [:non-empty] expects nothing, got 1", []),
        ('[:matches-regex "(a"]', "type: Invalid regex pattern '(a': missing ): (a", []),
        ('[:matches-regex "(?=a)"]', "type: Invalid regex pattern '(?=a)': invalid perl operator: (?=", []),
    ],
)
def test_a_malformed_type_is_a_syntax_error_with_suggestions(type: str, message: str, notes: list[str]) -> None:
    with pytest.raises(ExpansionError) as caught:
        parse_type(form(type))
    assert (caught.value.kind, caught.value.message, caught.value.notes) == ("SyntaxError", message, notes)


def test_check_raises_a_validation_error_that_names_the_place_and_keeps_the_value() -> None:
    with pytest.raises(EvaluationError) as caught:
        check(parse_type(form("[:vector :int]")), (1, "a"), "param x of f")
    error = caught.value
    assert error.kind == "TypeValidationError"
    assert error.message == "Type validation error: param x of f: Type mismatch at [1]: expected :int, got string"
    assert error.data == m(value="a")


def test_levels_check_less_or_more() -> None:
    refined, number, record = (parse_type(form(t)) for t in ("[:and :int [:> 0]]", ":float", "[:map [:a :int]]"))
    found = {
        level: [problem(t, v, level) for t, v in ((refined, -1), (refined, "x"), (number, 1), (record, m(a=1, b=2)))]
        for level in ("off", "basic", "standard", "strict")
    }
    mismatch = "Type mismatch: expected :int, got string"
    predicate = "Predicate violation: [:> 0] failed for value -1"
    assert found == {
        "off": [None, None, None, None],
        "basic": [None, mismatch, None, None],
        "standard": [predicate, mismatch, None, None],
        "strict": [predicate, mismatch, "Type mismatch: expected :float, got integer", "Unexpected key :b"],
    }


def resolver(**types: str) -> Any:
    return {name: form(text) for name, text in types.items()}.get


def test_names_resolve_and_errors_speak_of_them() -> None:
    resolve = resolver(Item="{:sku :string}", Items="[:vector Item]")
    parsed = parse_type(Symbol("Items"), resolve)
    assert fits(parsed, (m(sku="a"),))
    assert problem(parsed, (5,)) == "Type mismatch at [0]: expected Item, got integer"
    assert problem(parsed, (m(sku=1),)) == "Type mismatch at [0].sku: expected :string, got integer"
    assert fits(parse_type(Symbol("Item?"), resolve), None)
    assert unknown_names(parse_type(form("[:tuple Item Nope [:vector Other] Nope]"), resolve)) == ["Nope", "Other"]


def test_an_unknown_name_is_an_error_only_if_strict() -> None:
    with pytest.raises(ExpansionError) as caught:
        parse_type(Symbol("Strng"), strict=True)
    assert (caught.value.message, caught.value.notes) == ("type: unknown type Strng", ["did you mean `:string`?"])


def tree(levels: int, leaf: Any = None) -> Any:
    for _ in range(levels):
        leaf = m(kids=(leaf,))
    return leaf


def test_recursive_types_check_deep_values() -> None:
    parsed = parse_type(Symbol("Tree"), resolver(Tree="[:union :nil [:map [:kids [:vector Tree]]]]"))
    assert fits(parsed, tree(50))
    assert not fits(parsed, tree(50, 1))


def test_a_value_too_deep_for_a_recursive_type_is_a_stack_overflow() -> None:
    parsed = parse_type(Symbol("Tree"), resolver(Tree="[:union :nil [:map [:kids [:vector Tree]]]]"))
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        fits(parsed, tree(11_000))


@pytest.mark.parametrize("text", ["A", "[:maybe A]", "[:union :int A]", "B"])
def test_a_type_that_is_nothing_but_itself_is_a_syntax_error(text: str) -> None:
    with pytest.raises(ExpansionError, match="defined by itself alone"):
        parse_type(Symbol("A"), resolver(A=text, B="[:maybe A]"))


def test_parts_that_a_value_shares_are_checked_once() -> None:
    resolve = resolver(
        T="[:union :nil [:tuple T T]]", U="[:union :nil [:map [:n U] [:k :int]] [:map [:n U] [:k :nil]]]"
    )
    pair: Any = None
    chain: Any = None
    for _ in range(100):
        pair = (pair, pair)
        chain = Map.of([(Keyword("n"), chain), (Keyword("k"), None)])
    assert fits(parse_type(Symbol("T"), resolve), pair)
    assert fits(parse_type(Symbol("U"), resolve), chain)


def test_a_long_value_in_a_message_is_cut() -> None:
    text = problem(parse_type(form("[:max-count 1]")), vector(range(1_000_000)))
    assert text is not None and len(text) < 300 and text.endswith("…")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Int", ":int"),
        ("[Vector string?]", "[:vector :string?]"),
        ("{:a [:optional Int] :b Item}", "[:map [:a :int ?] [:b Item]]"),
        ("[:fn [Int & String] Any]", "[:fn [:int & :string] :any]"),
        ("[:array Int [2 ?]]", "[:array :int [2 ?]]"),
        ("[:map [:a :int] [:* :never]]", "[:map [:a :int] [:* :never]]"),
    ],
)
def test_a_type_shows_its_names_as_keywords_and_reads_back(written: str, shown: str) -> None:
    parsed = parse_type(form(written))
    assert show_type(parsed) == shown
    assert show_type(parse_type(parsed.form)) == shown


@given(values())
def test_every_value_fits_exactly_the_primitive_of_its_kind(value: Any) -> None:
    names = [":nil", ":bool", ":int", ":string", ":keyword", ":symbol", ":vector", ":list", ":map"]
    found = [name for name in names if fits(parse_type(form(name)), value)]
    assert len(found) == (0 if isinstance(value, (float, Timestamp, Uuid, ResourceHandle)) else 1), show(value)


type_texts = st.recursive(
    st.sampled_from([":int", ":string?", ":any", ":never", "[:> 0]", "[:enum :a 1]", ":map"]),
    lambda inner: st.one_of(
        st.builds("[:vector {}]".format, inner),
        st.builds("[:union {} {}]".format, inner, inner),
        st.builds("[:and {} {}]".format, inner, inner),
        st.builds("[:tuple {} {}]".format, inner, inner),
        st.builds("[:map [:a {}] [:* {}]]".format, inner, inner),
        st.builds("[:map-of {} {}]".format, inner, inner),
    ),
    max_leaves=6,
)


@given(type_texts, values())
def test_union_with_any_accepts_and_intersection_with_never_refuses(text: str, value: Any) -> None:
    inner = parse_type(form(text))
    assert fits(parse_type((Keyword("union"), inner, Keyword("any"))), value)
    assert not fits(parse_type((Keyword("and"), inner, Keyword("never"))), value)
    assert fits(parse_type((Keyword("tuple"), inner)), (value,)) == fits(inner, value)
    if fits(inner, value, "strict"):
        assert fits(inner, value, "standard")
    if fits(inner, value, "standard"):
        assert fits(inner, value, "basic")
