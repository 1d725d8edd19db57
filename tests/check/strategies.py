"""Hypothesis strategies for types: `types()` gives any that a program can write and inference can make."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from rtfs.check import kind
from rtfs.lang.collections import vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.schema import parse_type
from rtfs.lang.types import Type

HALF = settings().max_examples // 2  # one example compares many types

_NAMES = [
    "any",
    "never",
    "nil",
    "int",
    "integer",
    "float",
    "number",
    "string",
    "bool",
    "boolean",
    "keyword",
    "symbol",
    "timestamp",
    "uuid",
    "error",
    "vector",
    "list",
    "map",
    "seq",
    "function",
    "fn",
    "resource",
]
_PREDICATES = [
    [">", 0], [">=", 1], ["<", 3], ["in-range", 0, 2], ["=", 1], ["!=", 1], ["min-length", 1], ["length", 1],
    ["max-count", 1], ["non-empty"], ["matches-regex", "a"], ["has-key", Keyword("a")], ["is-url"],
]  # fmt: skip
_KEYS = [Keyword("a"), Keyword("b"), "a", 1]
_VALUES = [None, True, 0, 1, 1.0, "a", Keyword("a"), (), (1, "a"), (Keyword("a"),)]


def _named(name: str) -> Any:
    """Recursive types, and a name that names nothing."""
    tree = (Keyword("union"), Keyword("int"), (Keyword("vector"), Symbol("Tree")))
    chain = (Keyword("map"), (Keyword("a"), Keyword("int")), (Keyword("b"), Symbol("Chain"), Symbol("?")))
    return {"Tree": tree, "Chain": chain}.get(name)


def bracket(head: str, *parts: Any) -> Any:
    return vector([Keyword(head), *parts])


def _compound(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=3)
    entry = st.builds(
        lambda key, part, optional: (key, part, Symbol("?")) if optional else (key, part),
        st.sampled_from(_KEYS), parts, st.booleans(),
    )  # fmt: skip
    entries = st.lists(entry, max_size=3, unique_by=lambda each: each[0])
    others = st.one_of(
        st.just([]), parts.map(lambda part: [(Keyword("*"), part)]), st.just([(Keyword("*"), Keyword("never"))])
    )
    return st.one_of(
        st.builds(bracket, st.sampled_from(["maybe", "vector", "list", "seq"]), parts),
        several.map(lambda items: bracket("tuple", *items)),
        several.map(lambda items: bracket("union", *items)),
        several.map(lambda items: bracket("and", *items)),
        st.builds(bracket, st.just("map-of"), parts, parts),
        st.builds(lambda own, rest: bracket("map", *own, *rest), entries, others),
        st.builds(
            lambda params, rest, result: bracket("fn", vector([*params, *rest]), result),
            st.lists(parts, max_size=2), st.one_of(st.just([]), parts.map(lambda part: [Symbol("&"), part])), parts,
        ),
        st.builds(
            lambda part, size: bracket("array", part, size), parts, st.sampled_from([(2,), (Symbol("?"), 1), (1, 1)])
        ),
    )  # fmt: skip


forms: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.sampled_from([Keyword(name) for name in _NAMES]),
        st.sampled_from([bracket(*each) for each in _PREDICATES]),
        st.lists(st.sampled_from(_VALUES), min_size=1, max_size=3).map(lambda values: bracket("enum", *values)),
        st.sampled_from([Symbol("Tree"), Symbol("Chain"), Symbol("Nothing"), bracket("resource", Symbol("db"))]),
    ),
    _compound,
    max_leaves=5,
)

declared: st.SearchStrategy[Type] = forms.map(lambda form: parse_type(form, _named))


def inferred(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Type]:
    """The types of literals."""
    return values.map(kind.type_of)
