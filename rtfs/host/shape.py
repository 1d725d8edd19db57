"""Types at the boundary: from what a provider declares to a function that finds fault with a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.values import type_name

_WORD = re.compile(r":[^\s\[\](){}\",;]+")
Problem = Callable[[Any], "str | None"]


def type_form(declared: Any, read: Callable[[str], Any] | None) -> Any:
    """A type expression as an RTFS form. `":int"` and `[":vector", ":int"]` need no reader, any other text does.

    ValueError when there is no reader for it.
    """
    if type(declared) is str and not _WORD.fullmatch(declared):
        if read is None or not declared.strip():
            raise ValueError(f"a type written as text needs a host with a reader: {declared!r}")
        return read(declared)
    return _data(declared)


def _data(part: Any) -> Any:
    """Python data as a form: texts with a colon in front are keywords, lists vectors, dicts maps."""
    if type(part) is str:
        return Keyword(part[1:]) if _WORD.fullmatch(part) else part
    if type(part) is list:
        return tuple(_data(inner) for inner in part)
    if type(part) is dict:
        return Map.of([(_data(key), _data(inner)) for key, inner in part.items()])
    return part


# The kinds that built-in capabilities use most, tested without loading the schema compiler.
_SIMPLE: dict[str, tuple[str, ...]] = {
    "string": ("string",),
    "int": ("integer",),
    "integer": ("integer",),
    "float": ("float", "integer"),
    "number": ("integer", "float"),
    "bool": ("boolean",),
    "boolean": ("boolean",),
    "nil": ("nil",),
    "keyword": ("keyword",),
    "map": ("map",),
    "timestamp": ("timestamp",),
    "uuid": ("uuid",),
}


def problem_finder(form: Any) -> Problem | None:
    """A function from a value to what is wrong with it (None: nothing); None instead of a function for `:any`."""
    if form is None or form is Keyword("any"):
        return None
    if type(form) is Keyword:
        optional = form.name.endswith("?")
        kinds = _SIMPLE.get(form.name.removesuffix("?"))
        if kinds is not None:
            return _of_kind(form.name, (*kinds, "nil") if optional else kinds)
    return _of_schema(form)


def _of_kind(name: str, kinds: tuple[str, ...]) -> Problem:
    def problem(value: Any) -> str | None:
        kind = type_name(value)
        return None if kind in kinds else f"Type mismatch: expected :{name}, got {kind}"

    return problem


def _of_schema(form: Any) -> Problem:
    from rtfs.lang import schema  # deferred: the commonest types need no compiler

    compiled = schema.parse_type(form, strict=True)
    return lambda value: schema.problem(compiled, value)


def record_fields(form: Any) -> list[tuple[Any, Any, bool]] | None:
    """(key, type form, required) of each entry of a record type; None when the type is no record with entries."""
    from rtfs.lang import schema, types

    record = schema.parse_type(form, strict=True)
    if type(record) is not types.Record or not record.fields:
        return None
    return [(field.key, field.type.form, not field.optional) for field in record.fields]
