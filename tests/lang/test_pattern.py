"""Binding vectors, parameter vectors and destructuring patterns as data (language.md §5.3, §6)."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import EMPTY_MAP, MISSING, List, Map, map_form, vector
from rtfs.lang.default import rewrite_defaults
from rtfs.lang.errors import ExpansionError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import (
    PMap,
    PVec,
    is_pattern,
    parse_pattern,
    pattern_names,
    split_bindings,
    split_params,
)
from rtfs.lang.printer import show, show_form

K, S = Keyword, Symbol
MARK = S(":")


def split(*forms: Any) -> list[str]:
    return [
        f"{show(b.pattern)} {show(b.value)}"
        if b.type is MISSING
        else f"{show(b.pattern)}:{show(b.type)} {show(b.value)}"
        for b in split_bindings(vector(forms), "let")
    ]


@pytest.mark.parametrize(
    ("forms", "bindings"),
    [
        ((), []),
        ((S("v"), K("speed")), ["v :speed"]),
        ((S("a"), K("x"), S("b"), K("y")), ["a :x", "b :y"]),
        ((S("n"), K("int"), 5), ["n::int 5"]),
        ((S("n"), K("int"), 5, S("m"), K("fast")), ["n::int 5", "m :fast"]),
        ((S("x"), MARK, (K("vector"), K("int")), (1,)), ["x:[:vector :int] [1]"]),
        ((S("x"), MARK, S("Item"), K("v")), ["x:Item :v"]),
        (((S("a"), S("b")), (1, 2), Map.of([(K("keys"), (S("c"),))]), S("m")), ["[a b] [1 2]", "{:keys [c]} m"]),
        ((S("a"), K("k"), (S("b"),)), ["a::k [b]"]),
        ((S("a"), K("k"), (S("b"),), 1), ["a :k", "[b] 1"]),
        ((List((S("rtfs/with-meta"), EMPTY_MAP, S("a"))), 1), ["a 1"]),
    ],
)
def test_a_keyword_is_a_value_if_the_rest_can_still_be_split(forms: tuple[Any, ...], bindings: list[str]) -> None:
    assert split(*forms) == bindings


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ((S("a"),), "let: binding a has no value"),
        ((S("a"), 1, S("b")), "let: binding b has no value"),
        ((S("a"), K("int"), 5, S("b")), "let: binding b has no value"),
        ((S("a"), MARK, K("int")), "let: binding a has no value"),
        ((1, 2), "let: expected a name or pattern to bind, got 1"),
        ((S("&"), 2), "let: expected a name or pattern to bind, got &"),
        (List((S("a"), 1)), "let: expected a binding vector, got (a 1)"),
    ],
)
def test_a_binding_vector_that_cannot_be_split_is_a_syntax_error(form: Any, message: str) -> None:
    with pytest.raises(ExpansionError) as caught:
        split_bindings(form, "let")
    assert caught.value.message == message


_FORMS = st.sampled_from([S("a"), S("b"), K("k"), 1, MARK, (S("c"),)])


def _splits(forms: tuple[Any, ...]) -> bool:
    """The parity rule read as a grammar: the definition that the table in `split_bindings` must agree with."""
    if not forms:
        return True
    if not is_pattern(forms[0]) or len(forms) < 2:
        return False
    if forms[1] == MARK:
        return len(forms) >= 4 and _splits(forms[4:])
    return _splits(forms[2:]) or (type(forms[1]) is K and len(forms) >= 3 and _splits(forms[3:]))


@given(st.lists(_FORMS, max_size=9).map(tuple))
def test_every_vector_that_can_be_split_is_split_completely(forms: tuple[Any, ...]) -> None:
    if not _splits(forms):
        return
    bindings = split_bindings(forms, "let")
    parts = []
    for b in bindings:
        marked = b.type_index is not None and forms[b.type_index - 1] == MARK
        parts += [b.pattern, *([MARK] if marked else []), *([] if b.type is MISSING else [b.type]), b.value]
    assert tuple(parts) == forms


def test_positions_lead_back_to_the_vector() -> None:
    forms = (S("a"), K("int"), 5, S("b"), MARK, (K("x"),), 6)
    found = [(b.pattern_index, b.type_index, b.value_index) for b in split_bindings(forms, "let")]
    assert found == [(0, 1, 2), (3, 5, 6)]


def test_in_a_parameter_vector_a_keyword_is_always_a_type() -> None:
    params = split_params(
        (S("a"), K("int"), (S("b"),), MARK, (K("tuple"), K("int")), S("&"), S("r"), K("string")), "fn"
    )
    assert [(show(p.pattern), p.type) for p in params.fixed] == [("a", K("int")), ("[b]", (K("tuple"), K("int")))]
    assert params.rest is not None and (params.rest.pattern, params.rest.type) == (S("r"), K("string"))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ((S("&"),), "fn: expected a name after &"),
        ((S("&"), (S("a"),)), "fn: expected a name after &, got [a]"),
        ((S("&"), S("a"), S("b")), "fn: unexpected b after the rest parameter"),
        ((S("a"), MARK), "fn: expected a type after ':' of a"),
        ((K("a"),), "fn: expected a parameter, got :a"),
        (5, "fn: expected a parameter vector, got 5"),
    ],
)
def test_a_malformed_parameter_vector_is_a_syntax_error(form: Any, message: str) -> None:
    with pytest.raises(ExpansionError) as caught:
        split_params(form, "fn")
    assert caught.value.message == message


def test_a_vector_pattern_has_items_a_rest_and_a_whole() -> None:
    pattern = parse_pattern((S("a"), (S("b"),), S("_"), S("&"), S("r"), K("as"), S("w")))
    assert isinstance(pattern, PVec)
    assert (len(pattern.items), pattern.rest, pattern.whole) == (3, S("r"), S("w"))
    assert [name.name for name in pattern_names(pattern)] == ["a", "b", "r", "w"]


def test_a_map_pattern_has_entries_in_either_direction_with_defaults() -> None:
    default = List((S("f"),))
    pattern = parse_pattern(
        map_form(
            [
                (K("keys"), (S("a"), S("ns/b"), K("c"), K("m/d"))),
                (K("strs"), (S("e"),)),
                (K("f"), S("x")),
                ((S("y"), S("z")), "g"),
                (42, S("n")),
                (K("or"), Map.of([(S("a"), default), (S("x"), 5)])),
                (S("&"), S("others")),
                (K("as"), S("whole")),
            ]
        )
    )
    assert isinstance(pattern, PMap)
    found = [(entry.key, [name.name for name in pattern_names(entry.pattern)]) for entry in pattern.entries]
    assert found == [
        (K("a"), ["a"]),
        (K("ns/b"), ["b"]),
        (K("c"), ["c"]),
        (K("m/d"), ["d"]),
        ("e", ["e"]),
        (K("f"), ["x"]),
        ("g", ["y", "z"]),
        (42, ["n"]),
    ]
    assert [entry.default for entry in pattern.entries][:1] == [default]
    assert sum(entry.default is not MISSING for entry in pattern.entries) == 2
    assert (pattern.rest, pattern.whole) == (S("others"), S("whole"))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (1, "let: 1 is not a name or pattern to bind"),
        ((K("a"),), "let: :a is not a name or pattern to bind"),
        ((S("a"), S("&")), "let: expected a name after & in pattern [a &]"),
        ((S("&"), (S("a"),)), "let: expected a name after &, got [a]"),
        ((S("&"), S("a"), S("b")), "let: unexpected b at the end of pattern [& a b]"),
        ((K("as"), S("a"), S("&"), S("b")), "let: unexpected & at the end of pattern [:as a & b]"),
        (Map.of([(1, 2)]), "let: nothing to bind in 1 2 of a map pattern"),
        (Map.of([(S("a"), S("b"))]), "let: no key in a b of a map pattern"),
        (Map.of([(K("keys"), S("a"))]), "let: expected a vector of names after :keys, got a"),
        (Map.of([(K("keys"), (1,))]), "let: expected a name in :keys, got 1"),
        (Map.of([(K("strs"), (K("a"),))]), "let: expected a name in :strs, got :a"),
        (Map.of([(K("as"), 1)]), "let: expected a name after :as, got 1"),
        (Map.of([(K("or"), 1)]), "let: expected a map of defaults after :or, got 1"),
        (Map.of([(K("or"), Map.of([(K("a"), 1)]))]), "let: expected a name in :or, got :a"),
        (
            Map.of([(K("or"), Map.of([(S("a"), 1)]))]),
            "let: :or gives a default for a, which the map pattern does not bind",
        ),
    ],
)
def test_what_is_no_pattern_is_a_syntax_error(form: Any, message: str) -> None:
    with pytest.raises(ExpansionError) as caught:
        parse_pattern(form)
    assert caught.value.message == message


def test_a_pattern_nested_too_deeply_is_a_syntax_error() -> None:
    form: Any = S("a")
    for _ in range(501):
        form = (form,)
    room = sys.getrecursionlimit()
    sys.setrecursionlimit(3_000)  # what a running program has anyway
    with pytest.raises(ExpansionError, match="nested deeper than 500"):
        parse_pattern(form)
    assert pattern_names(parse_pattern(form[0])) == [S("a")]
    sys.setrecursionlimit(room)


def test_defaults_are_rewritten_knowing_the_names_bound_before_them() -> None:
    inner = Map.of([(K("keys"), (S("b"),)), (K("or"), Map.of([(S("b"), S("e2"))]))])
    form = (
        S("x"),
        Map.of([(K("a"), S("a")), (K("or"), Map.of([(S("a"), S("e1"))])), (inner, K("in")), (K("as"), S("w"))]),
    )
    seen: list[str] = []

    def rewrite(expression: Any, names: list[Symbol]) -> Any:
        seen.append(f"{show(expression)} after {' '.join(name.name for name in names)}")
        return List((S("f"), expression))

    assert show_form(rewrite_defaults(form, rewrite)) == (
        "[x {:a a :or {a (f e1)} {:keys [b] :or {b (f e2)}} :in :as w}]"
    )
    assert seen == ["e1 after x w", "e2 after x w a"]


def test_a_pattern_whose_defaults_stay_is_returned_as_it_is() -> None:
    form = (S("x"), map_form([(K("keys"), (S("a"),)), (K("keys"), (S("b"),)), (K("or"), Map.of([(S("a"), 1)]))]))
    assert rewrite_defaults(form, lambda expression, names: expression) is form
