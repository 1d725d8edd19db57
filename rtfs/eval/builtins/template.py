"""What templates become: builders of forms, which are data here (language.md §9.2)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.limits import built
from rtfs.eval.machine import RUN
from rtfs.eval.registry import builtin
from rtfs.lang.access import sequence
from rtfs.lang.collections import List, Map, PVector, map_form, vector
from rtfs.lang.errors import syntax_error
from rtfs.lang.names import Symbol
from rtfs.lang.values import wrong_kind

_SPLICED = frozenset({tuple, PVector, List})


@builtin("rtfs/list", doc="A list of a template.", type="[& a] [:list a]", example=("(rtfs/list 1 2)", "(1 2)"))
def make_list(*items: Any) -> List:
    built(len(items))
    return List(items)


@builtin("rtfs/vector", doc="A vector of a template.", type="[& a] [:vector a]", example=("(rtfs/vector 1 2)", "[1 2]"))
def make_vector(*items: Any) -> Any:
    built(len(items))
    return vector(list(items))


@builtin(
    "rtfs/map",
    doc="A map of a template; as a form it keeps every pair.",
    type="[& :any] :map",
    example=("(rtfs/map :a 1)", "{:a 1}"),
)
def make_map(*flat: Any) -> Map:
    return map_of(flat)


@builtin(
    "rtfs/concat",
    doc="A list of spliced parts.",
    type="[& Items] [:list a]",
    example=("(rtfs/concat '(a) [1 2] nil)", "(a 1 2)"),
)
def concat(*pieces: Any) -> List:
    """Vectors, lists and nil, one after the other."""
    for piece in pieces:
        if piece is not None and type(piece) not in _SPLICED:
            raise wrong_kind("unquote-splicing", "vector, list or nil", piece)
    given = [piece for piece in pieces if piece is not None]
    built(sum([len(piece) for piece in given]))
    return List([item for piece in given for item in piece])


@builtin(
    "rtfs/vector-of",
    doc="A vector of spliced parts.",
    type="[Items] [:vector a]",
    example=("(rtfs/vector-of '(1 2))", "[1 2]"),
)
def vector_of(parts: Any) -> Any:
    items = sequence(parts, "rtfs/vector-of")
    built(len(items))
    return vector(list(items))


@builtin("rtfs/map-of", doc="A map of spliced parts.", type="[Items] :map", example=("(rtfs/map-of '(:a 1))", "{:a 1}"))
def map_of(parts: Any) -> Map:
    flat = sequence(parts, "rtfs/map-of")
    built(len(flat) >> 1)
    if len(flat) % 2:
        raise syntax_error("map", f"expected keys and values in turn, got {len(flat)} forms")
    return map_form(list(zip(flat[::2], flat[1::2], strict=True)))


@builtin(
    "rtfs/gensym",
    doc="The fresh symbol of an `x#`.",
    type="[:string] :symbol",
    example=('(symbol? (rtfs/gensym "x"))', "true"),
)
def fresh(prefix: Any) -> Symbol:
    if type(prefix) is not str:
        raise wrong_kind("rtfs/gensym", "string", prefix)
    run = RUN.get()
    run.gensyms += 1
    return Symbol(f"{prefix}__{run.gensyms}")
