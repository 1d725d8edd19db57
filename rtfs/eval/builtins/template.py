"""What templates and library macros expand into: builders of data, and failures with exact texts."""

from __future__ import annotations

from typing import Any

from rtfs.eval.registry import builtin
from rtfs.lang.access import sequence
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.errors import EvaluationError, syntax_error, type_error
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.values import type_name


@builtin("rtfs/list", doc="A list form of a template.", example=("(rtfs/list 1 2)", "(1 2)"))
def make_list(*items: Any) -> List:
    return List(items)


@builtin("rtfs/vector", doc="A vector form of a template.", example=("(rtfs/vector 1 2)", "[1 2]"))
def make_vector(*items: Any) -> Any:
    return vector(list(items))


@builtin("rtfs/vector-of", doc="The items of a spliced template as a vector.", example=("(rtfs/vector-of '(1))", "[1]"))
def vector_of(items: List) -> Any:
    return vector(list(items))


@builtin("rtfs/map", doc="A map form of a template: every pair is kept.", example=("(rtfs/map :a 1)", "{:a 1}"))
def make_map(*flat: Any) -> Map:
    return map_of(flat)


@builtin(
    "rtfs/map-of", doc="The items of a spliced template as a map form.", example=("(rtfs/map-of '(:a 1))", "{:a 1}")
)
def map_of(flat: Any) -> Map:
    if len(flat) % 2:
        raise syntax_error("map", f"expected keys and values in turn, got {len(flat)} forms after splicing")
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    result = Map.of(pairs)
    if len(result) != len(pairs):
        result.pairs = tuple(pairs)
    return result


@builtin("rtfs/concat", doc="Joins the pieces of a template.", example=("(rtfs/concat '(a) [1 2] nil)", "(a 1 2)"))
def concat(*pieces: Any) -> List:
    items: list[Any] = []
    for piece in pieces:
        if piece is None:
            continue
        if type(piece) not in (tuple, PVector, List):
            raise type_error("unquote-splicing", "vector, list or nil", type_name(piece))
        items.extend(piece)
    return List(items)


@builtin(
    "rtfs/items",
    doc="The sequence view of a collection as a vector, for loops.",
    example=('(rtfs/items "ab")', '["a" "b"]'),
)
def items(coll: Any) -> Any:
    if type(coll) in (tuple, PVector):
        return coll
    return vector(list(sequence(coll, "for")))


@builtin("rtfs/integer", doc="The count of a dotimes.", example=("(rtfs/integer 3)", "3"))
def integer(value: Any) -> int:
    if type(value) is not int:
        raise type_error("dotimes", "integer", type_name(value))
    return value


@builtin(
    "rtfs/no-match",
    doc="Raises the MatchError of a case or condp.",
    example=("(try (rtfs/no-match 1) (catch MatchError e 0))", "0"),
)
def no_match(value: Any) -> None:
    error = EvaluationError("MatchError", f"Match error: No matching clause for {show(value)}")
    error.data = Map.of([(Keyword("value"), value)])
    raise error


@builtin(
    "rtfs/failed-assertion",
    doc="Raises AssertionError.",
    example=('(try (rtfs/failed-assertion "t") (catch AssertionError e 0))', "0"),
)
def failed_assertion(text: Any) -> None:
    shown = text if type(text) is str else show(text)
    raise EvaluationError("AssertionError", f"Assertion failed: {shown}")


@builtin(
    "rtfs/parallel-values", doc="Checks the answer of a parallel call.", example=("(rtfs/parallel-values [1] 1)", "[1]")
)
def parallel_values(answer: Any, count: int) -> Any:
    if type(answer) not in (tuple, PVector):
        raise type_error("parallel", f"vector of {count} values", type_name(answer))
    if len(answer) != count:
        raise type_error("parallel", f"vector of {count} values", f"vector of {len(answer)}")
    return answer
