"""JSON as values of a type: what `json_schema.py` says in JSON Schema comes back as what the type means (host.md §3).

A string becomes a keyword, symbol, timestamp or uuid where the type wants one, a list the sequence that it wants, the
keys of an object those of the record. What does not fit stays as plain JSON is read, so that whoever checks it says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.convert import from_python
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.schema import fits
from rtfs.lang.spelling import spells_keyword, spells_symbol
from rtfs.lang.types import (
    Array,
    Enum,
    Intersection,
    MapOf,
    Named,
    Predicate,
    Primitive,
    Record,
    Resource,
    Sequence,
    Tuple,
    Type,
    Union,
)
from rtfs.lang.values import ResourceHandle, Uuid

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def value_of(type: Type, data: Any) -> Any:
    """The value of decoded JSON (dicts, lists, atoms) as the type wants it. HostError for a lone surrogate."""
    make = _MAKERS.get(type.__class__)
    return plain(data) if make is None else make(type, data)


def plain(data: Any) -> Any:
    """Decoded JSON without a type: arrays are vectors, keys keywords where those read back."""
    if isinstance(data, dict):
        return Map.of([(_plain_key(key), plain(item)) for key, item in data.items()])
    if isinstance(data, list):
        return vector([plain(item) for item in data])
    return from_python(data)


def _plain_key(text: str) -> Any:
    return Keyword(text) if spells_keyword(text) else from_python(text)


def _primitive(type: Primitive, data: Any) -> Any:
    if isinstance(data, str):
        make = _ATOMS.get(type.name)
        return from_python(data) if make is None else make(data)
    if type.name in ("int", "integer") and isinstance(data, float) and data.is_integer():
        return int(data)  # JSON has one kind of number
    if type.name == "list" and isinstance(data, list):
        return List([plain(item) for item in data])
    return plain(data)


def _keyword(text: str) -> Any:
    name = text.removeprefix(":")
    return Keyword(name) if spells_keyword(name) else from_python(text)


def _symbol(text: str) -> Any:
    return Symbol(text) if spells_symbol(text) else from_python(text)


def _timestamp(text: str) -> Any:
    import datetime  # deferred: few programs hold a timestamp

    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return from_python(text)
    return from_python(moment if moment.tzinfo is not None else text)


def _uuid(text: str) -> Any:
    return Uuid(text) if _UUID.fullmatch(text) else from_python(text)


def _handle(text: str) -> Any:
    return ResourceHandle(text) if text.startswith("resource://") else from_python(text)


_ATOMS: dict[str, Callable[[str], Any]] = {
    "keyword": _keyword,
    "symbol": _symbol,
    "timestamp": _timestamp,
    "uuid": _uuid,
    "resource": _handle,
}


def _sequence(type: Sequence, data: Any) -> Any:
    if not isinstance(data, list):
        return plain(data)
    items = [value_of(type.item, item) for item in data]
    return List(items) if type.kind == "list" else vector(items)


def _tuple(type: Tuple, data: Any) -> Any:
    if not isinstance(data, list) or len(data) != len(type.items):
        return plain(data)
    return vector([value_of(inner, item) for inner, item in zip(type.items, data, strict=True)])


def _array(type: Array, data: Any) -> Any:
    return _nested(type.item, len(type.dimensions), data)


def _nested(item: Type, depth: int, data: Any) -> Any:
    if depth == 0:
        return value_of(item, data)
    return vector([_nested(item, depth - 1, part) for part in data]) if isinstance(data, list) else plain(data)


def _record(type: Record, data: Any) -> Any:
    if not isinstance(data, dict):
        return plain(data)
    fields = {getattr(field.key, "name", str(field.key)): field for field in type.fields}
    pairs = []
    for text, item in data.items():
        field = fields.get(text)
        if field is not None:
            pairs.append((field.key, value_of(field.type, item)))
        else:
            pairs.append((_plain_key(text), plain(item) if type.others is None else value_of(type.others, item)))
    return Map.of(pairs)


def _map_of(type: MapOf, data: Any) -> Any:
    if not isinstance(data, dict):
        return plain(data)
    return Map.of([(_key(type.key, text), value_of(type.value, item)) for text, item in data.items()])


def _key(type: Type, text: str) -> Any:
    """The key of an object as the type wants it, a keyword where it has no wish."""
    if fits(type, _plain_key(text)):
        return _plain_key(text)
    made = value_of(type, text)
    if not fits(type, made) and re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text) and fits(type, int(text)):
        return int(text)
    return made


def _union(type: Union, data: Any) -> Any:
    for member in type.members:
        made = value_of(member, data)
        if fits(member, made):
            return made
    return plain(data)


def _intersection(type: Intersection, data: Any) -> Any:
    for member in type.members:
        if not isinstance(member, Predicate):
            return value_of(member, data)
    return plain(data)


def _enum(type: Enum, data: Any) -> Any:
    from rtfs.lang.convert import to_python

    for value in type.values:
        try:
            same = to_python(value)
        except RtfsError:
            continue
        if same == data and isinstance(same, bool) == isinstance(data, bool):
            return value
    return plain(data)


_MAKERS: dict[type, Callable[[Any, Any], Any]] = {
    Primitive: _primitive,
    Sequence: _sequence,
    Tuple: _tuple,
    Array: _array,
    Record: _record,
    MapOf: _map_of,
    Union: _union,
    Intersection: _intersection,
    Enum: _enum,
    Named: lambda type, data: plain(data) if type.target is None else value_of(type.target, data),
    Resource: lambda type, data: _handle(data) if isinstance(data, str) else plain(data),
}
