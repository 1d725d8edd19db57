"""Descriptions of streams: what fluent functions make (streaming.md §2.5)."""

from __future__ import annotations

from math import isfinite
from typing import Any

from rtfs.eval.builtins.validation import type_of
from rtfs.eval.limits import looked
from rtfs.eval.registry import builtin
from rtfs.lang.codec import NotStorable, encode
from rtfs.lang.coerce import coerced
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.errors import StreamError, syntax_error
from rtfs.lang.names import Keyword
from rtfs.lang.operator import build, from_collection, shown, well_formed
from rtfs.lang.schema_map import type_form
from rtfs.lang.values import is_vector, wrong_kind
from rtfs.lang.violation import violations


@builtin(
    "rtfs/node",
    doc="The description of a stream operator, from its table and the arguments of a fluent function.",
    type="[:map :any] :map",
    example=(
        "(:rtfs/node (rtfs/node {:name :take :main :n :params {:n {:kind :int :min 0}}} [[1 2 3] 2]))",
        ":take",
    ),
)
def node(table: Any, arguments: Any) -> Map:
    if not well_formed(table):
        raise wrong_kind("rtfs/node", "map", table)
    if type(arguments) is not List and not is_vector(arguments):
        raise wrong_kind("rtfs/node", "vector", arguments, 1)
    return build(table, tuple(arguments))


@builtin(
    "stream.from",
    "stream/from",
    doc="The description of a stream of the items of a collection; with `{:chunk-size n}` of vectors of them.",
    type="[:any & :any] :map",
    example=("(:rtfs/node (stream.from [1 2 3]))", ":from-collection"),
)
def stream_from(*arguments: Any) -> Map:
    return from_collection(arguments)


@builtin(
    "rtfs/refuse",
    doc="Raises the stream error of a number for a value that a stage cannot take.",
    type="[:int :string :any] :never",
    example=('(try (rtfs/refuse 3 "expected a vector, got" 1) (catch e (:code e)))', '"RTFS-S003"'),
)
def refuse(number: Any, text: Any, value: Any) -> None:
    if type(number) is not int:
        raise wrong_kind("rtfs/refuse", "integer", number)
    if type(text) is not str:
        raise wrong_kind("rtfs/refuse", "string", text, 1)
    raise StreamError(number, f"{text} {shown(value)}", limit=number == 28)


@builtin(
    "rtfs/time",
    doc="The time of an item: a finite number of ms. An infinite one would make everything behind it late.",
    type="[:any] :number",
    example=("(rtfs/time 1500)", "1500"),
)
def time_of(value: Any) -> Any:
    if type(value) is not int and not (type(value) is float and isfinite(value)):
        raise StreamError(3, f"Result of time-fn: expected finite number of ms, got {shown(value)}")
    return value


@builtin(
    "rtfs/size",
    doc="How many bytes a value takes as text in UTF-8, as streams store it.",
    type="[:any] :int",
    example=('(rtfs/size "né")', "5"),
)
def size(value: Any) -> int:
    try:
        text = encode(value)
    except NotStorable as problem:
        raise StreamError(31, f"{shown(value)} holds {problem.kind}, which has no text") from None
    looked(len(text))
    return len(text.encode("utf-8", "surrogatepass"))


@builtin(
    "rtfs/schema",
    doc="The type expression that a schema means: itself, or what a map in the words of JSON Schema says.",
    type="[:any] :any",
    example=("(rtfs/schema {:type :vector :items {:type :integer :minimum 1}})", "[:vector [:and :integer [:>= 1]]]"),
)
def schema(given: Any) -> Any:
    try:
        return type_form(given)
    except ValueError as problem:
        raise syntax_error("type", str(problem)) from None


@builtin(
    "rtfs/coerced",
    doc="A value whose parts are read as the type wants them, where they say it in another kind.",
    type="[:any :any] :any",
    example=('(rtfs/coerced {:n :int} {:n "7"})', "{:n 7}"),
)
def coerce(form: Any, value: Any) -> Any:
    return coerced(type_of(form, "user")[0], value)


@builtin(
    "rtfs/violations",
    doc="All that is wrong with a value by a type: maps of :path, :message, :expected and :actual.",
    type="[:any :any] [:vector :map]",
    example=("(map :path (rtfs/violations {:a :int} {:a nil}))", "[[:a]]"),
)
def wrong(form: Any, value: Any) -> Any:
    found = violations(type_of(form, "user")[0], value, most=1_000)
    return vector([_told(violation) for violation in found])


def _told(violation: Any) -> Map:
    return Map.of([(key, vector(part) if key is _PATH else part) for key, part in zip(_KEYS, violation, strict=True)])


_PATH = Keyword("path")
_KEYS = (_PATH, Keyword("message"), Keyword("expected"), Keyword("actual"))
