"""Types at the boundary: from what a provider declares to a function that finds fault with a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.values import type_name

Problem = Callable[[Any], "str | None"]


def type_form(declared: Any, read: Callable[[str], Any] | None) -> Any:
    """A type expression as an RTFS form. `":int"` and lists of such words need no reader."""
    if type(declared) is str:
        if declared.startswith(":") and declared[1:].replace("-", "").replace("?", "").isalnum():
            return Keyword(declared[1:])
        if read is None:
            raise ValueError(f"a type written as text needs a host with a reader: {declared}")
        return read(declared)
    if type(declared) is list:
        return tuple(type_form(part, read) for part in declared)
    if type(declared) is dict:
        return Map.of([(type_form(key, read), type_form(part, read)) for key, part in declared.items()])
    return declared


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
    from rtfs.lang import schema

    compiled = schema.parse_type(form)
    return lambda value: schema.problem(compiled, value)
