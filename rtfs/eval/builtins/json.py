"""JSON text to values and back (language.md §14.7)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.string import string
from rtfs.eval.limits import LIMITS, wrote
from rtfs.eval.registry import builtin
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import EvaluationError, about
from rtfs.lang.json import parse_json as parse
from rtfs.lang.json import to_json
from rtfs.lang.names import Keyword
from rtfs.lang.values import wrong_kind

_KEYWORDS = Keyword("keywords")


@builtin(
    "parse-json",
    "json/parse",
    "tool/parse-json",
    doc="(parse-json text {:keywords true}): the value of a JSON text; keys stay strings unless keywords are wanted.",
    type="[:string] :any [:string :map?] :any",
    example=('(parse-json "{\\"n\\": [1, 2.0]}")', '{"n" [1 2.0]}'),
)
def parse_json(text: Any, options: Any = EMPTY_MAP) -> Any:
    string("parse-json", text)
    if type(options) is not Map:
        raise wrong_kind("parse-json", "map", options, 1)
    wrote(len(text))  # its strings together are no longer
    keywords = options.get(_KEYWORDS)
    try:
        return parse(text, keywords is not None and keywords is not False, elements=LIMITS.get().elements)
    except EvaluationError as error:
        raise about(error, text) from None


@builtin(
    "serialize-json",
    "json/stringify",
    "tool/serialize-json",
    doc="The value as compact JSON text.",
    type="[:any] :string",
    example=("(serialize-json {:a [1 nil]})", '"{\\"a\\":[1,null]}"'),
)
def serialize_json(value: Any) -> str:
    return _written(value)


@builtin(
    "serialize-json-pretty",
    "json/pretty",
    "tool/serialize-json-pretty",
    doc="The value as JSON text, indented by two spaces.",
    type="[:any] :string",
    example=("(serialize-json-pretty [1])", '"[\\n  1\\n]"'),
)
def serialize_json_pretty(value: Any) -> str:
    return _written(value, 2)


def _written(value: Any, *indentation: int) -> str:
    try:
        text = to_json(value, *indentation, limit=LIMITS.get().characters)
    except EvaluationError as error:
        raise about(error, value) from None
    wrote(len(text))
    return text
