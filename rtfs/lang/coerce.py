"""Values brought into the kind that a type wants, where they say it in another one (streaming.md §6.4, `:coerce`)."""

from __future__ import annotations

import math
import re
from typing import Any

from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.types import Intersection, MapOf, Named, Predicate, Primitive, Record, Sequence, Tuple, Type, Union
from rtfs.lang.values import is_vector

_WHOLE = re.compile(r"[+-]?\d{1,1000}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TRUTHS = {"true": True, "false": False}
DEEPEST = 100


def coerced(type_: Type, value: Any, depth: int = 0) -> Any:
    """The value with its parts as the type wants them; what does not read as that stays as it is.

    Strings become integers, floats, booleans and keywords, whole floats integers, keywords, numbers and booleans
    strings.
    """
    if depth > DEEPEST:
        return value
    if isinstance(type_, Primitive):
        return _primitive(type_.name, value)
    if isinstance(type_, Named) and type_.target is not None:
        return coerced(type_.target, value, depth + 1)
    if isinstance(type_, Intersection):
        first = next((member for member in type_.members if not isinstance(member, Predicate)), None)
        return value if first is None else coerced(first, value, depth + 1)
    if isinstance(type_, Union):
        return _of_union(type_, value, depth)
    return _parts(type_, value, depth)


def _of_union(type_: Union, value: Any, depth: int) -> Any:
    """Of a choice only one that leaves no doubt: `T` or nil."""
    others = [member for member in type_.members if not (isinstance(member, Primitive) and member.name == "nil")]
    return coerced(others[0], value, depth + 1) if value is not None and len(others) == 1 else value


def _parts(type_: Type, value: Any, depth: int) -> Any:
    if type(value) is Map and isinstance(type_, Record):
        wanted: dict[Any, Type] = {field.key: field.type for field in type_.fields}
        types = [(key, wanted.get(key, type_.others), part) for key, part in value.entries()]
        return Map.of([(key, part if of is None else coerced(of, part, depth + 1)) for key, of, part in types])
    if type(value) is Map and isinstance(type_, MapOf):
        return Map.of([(key, coerced(type_.value, part, depth + 1)) for key, part in value.entries()])
    if is_vector(value) and isinstance(type_, Sequence):
        return vector([coerced(type_.item, part, depth + 1) for part in value])
    if is_vector(value) and isinstance(type_, Tuple) and len(value) == len(type_.items):
        return vector([coerced(item, part, depth + 1) for item, part in zip(type_.items, value, strict=True)])
    return value


def _primitive(name: str, value: Any) -> Any:
    kind = type(value)
    if name == "string":
        return _as_text(value)
    if kind is float and name in ("int", "integer") and math.isfinite(value) and value == int(value):
        return int(value)
    if kind is not str:
        return value
    text = value.strip()
    if name in ("int", "integer", "number") and _WHOLE.fullmatch(text):
        return int(text)
    if name in ("float", "number") and _NUMBER.fullmatch(text):
        return float(text)
    if name in ("bool", "boolean"):
        return _TRUTHS.get(text.lower(), value)
    return Keyword(text.removeprefix(":")) if name == "keyword" and text.removeprefix(":") else value


def _as_text(value: Any) -> Any:
    if type(value) is Keyword:
        return value.name
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, float):
        return show(value)
    return value
