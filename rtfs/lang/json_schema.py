"""JSON Schema ↔ type expressions (host.md §3): tools of MCP servers and OpenAPI documents as typed capabilities.

What one side cannot say is left out, never guessed: a type made from a schema accepts at least what the schema accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import vector
from rtfs.lang.convert import from_python, to_python
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.regex import compile_regex
from rtfs.lang.schema import parse_type
from rtfs.lang.spelling import spells_keyword
from rtfs.lang.types import (
    Array,
    Enum,
    Intersection,
    MapOf,
    Named,
    Predicate,
    Primitive,
    Record,
    Sequence,
    Tuple,
    Type,
    Union,
)

NESTING_LIMIT = 100
_ANY = Keyword("any")


def _bracket(head: str, *parts: Any) -> Any:
    return vector([Keyword(head), *parts])


# ---- from JSON Schema


def type_from_schema(schema: Any, *, keywords: bool = True, document: Any = None, optional: str | None = None) -> Any:
    """The type expression of a JSON Schema (parsed: dicts, lists, booleans), drafts 4 to 2020-12 as tools use them.

    Property names become keywords where those read back, or strings with `keywords=False`. `$ref` is followed inside
    the document (the schema itself unless given); recursion and unknown parts are `:any`. optional: properties whose
    schema says true to this word, such as `readOnly`, may be missing whatever the schema requires.
    """
    return _FromSchema(schema if document is None else document, keywords, optional).type(schema, 0)


class _FromSchema:
    """Reads one schema document."""

    def __init__(self, document: Any, keywords: bool, optional: str | None) -> None:
        self.document = document
        self.keywords = keywords
        self.optional = optional
        self.following: list[str] = []

    def type(self, schema: Any, depth: int) -> Any:
        if schema is False:
            return Keyword("never")
        if not isinstance(schema, dict) or depth > NESTING_LIMIT:
            return _ANY
        if "$ref" in schema:
            return self.reference(schema["$ref"], depth)
        parts = [self.kinds(schema, depth)]
        parts += [self.any_of(schema[word], depth) for word in ("anyOf", "oneOf") if isinstance(schema.get(word), list)]
        parts += [self.type(part, depth + 1) for part in _list(schema.get("allOf"))]
        form = _all(parts)
        if schema.get("nullable") is True:
            form = _bracket("maybe", form)
        return form

    def reference(self, reference: Any, depth: int) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#") or reference in self.following:
            return _ANY
        found = self.document
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or step not in found:
                return _ANY
            found = found[step]
        self.following.append(reference)
        form = self.type(found, depth + 1)
        self.following.pop()
        return form

    def any_of(self, schemas: list[Any], depth: int) -> Any:
        members = [self.type(schema, depth + 1) for schema in schemas]
        return _any_of(members)

    def kinds(self, schema: dict[str, Any], depth: int) -> Any:
        if "const" in schema:
            return _literals("val", [schema["const"]])
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return _literals("enum", schema["enum"])
        kinds = schema.get("type")
        if kinds is None:
            kinds = [kind for kind, words in _IMPLIED.items() if any(word in schema for word in words)][:1]
        return _any_of([self.kind(kind, schema, depth) for kind in _list(kinds)]) if kinds else _ANY

    def kind(self, kind: Any, schema: dict[str, Any], depth: int) -> Any:
        if kind == "array":
            return self.array(schema, depth)
        if kind == "object":
            return self.object(schema, depth)
        name = {"string": "string", "integer": "int", "number": "number", "boolean": "bool", "null": "nil"}.get(kind)
        if name is None:
            return _ANY
        rules = _STRING_RULES if kind == "string" else _NUMBER_RULES if kind in ("integer", "number") else {}
        return _all([Keyword(name), *_predicates(rules, schema)])

    def array(self, schema: dict[str, Any], depth: int) -> Any:
        first = schema.get("prefixItems", schema.get("items") if isinstance(schema.get("items"), list) else None)
        if isinstance(first, list):
            after = schema.get("items") if "prefixItems" in schema else schema.get("additionalItems")
            exact = after is False and schema.get("minItems") == len(first)
            items = [self.type(part, depth + 1) for part in first]
            form = _bracket("tuple", *items) if exact else Keyword("vector")
        else:
            form = _bracket("vector", self.type(schema.get("items", True), depth + 1))
        return _all([form, *_predicates(_ARRAY_RULES, schema)])

    def object(self, schema: dict[str, Any], depth: int) -> Any:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        others = schema.get("additionalProperties", True)
        if not properties and not _list(schema.get("required")):
            if others is True or "patternProperties" in schema:
                return Keyword("map")
            return _bracket("map-of", _ANY, self.type(others, depth + 1)) if others else _bracket("map", _STAR_NEVER)
        required = set(_list(schema.get("required")))
        entries = []
        for name in dict.fromkeys([*properties, *sorted(required - set(properties))]):
            part = properties.get(name, True)
            form = self.type(part, depth + 1)
            if self.optional is not None and isinstance(part, dict) and part.get(self.optional) is True:
                required.discard(name)
            key = Keyword(name) if self.keywords and spells_keyword(name) else name
            entries.append((key, form) if name in required else (key, form, Symbol("?")))
        if others is not True and "patternProperties" not in schema:
            entries.append((Keyword("*"), self.type(others, depth + 1)))
        return _bracket("map", *entries)


_STAR_NEVER = (Keyword("*"), Keyword("never"))
_IMPLIED = {"object": ("properties", "required", "additionalProperties"), "array": ("items", "prefixItems")}
_STRING_RULES = {"minLength": "min-length", "maxLength": "max-length", "pattern": "matches-regex"}
_NUMBER_RULES = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
_ARRAY_RULES = {"minItems": "min-count", "maxItems": "max-count"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _predicates(rules: dict[str, str], schema: dict[str, Any]) -> list[Any]:
    """The rules of a schema as predicates; a rule that our dialect lacks is left out."""
    found = []
    for word, name in rules.items():
        bound = schema.get(word)
        if word == "pattern" and isinstance(bound, str):
            try:
                compile_regex(bound)
            except ValueError:
                continue
            found.append(_bracket(name, bound))
        elif isinstance(bound, (int, float)) and not isinstance(bound, bool):
            whole = rules is not _NUMBER_RULES and bound == int(bound)
            found.append(_bracket(name, int(bound) if whole else bound))
    return found


def _literals(head: str, values: list[Any]) -> Any:
    return _bracket(head, *[from_python(value) for value in values])


def _all(parts: list[Any]) -> Any:
    kept = [part for part in parts if part is not _ANY]
    return _ANY if not kept else kept[0] if len(kept) == 1 else _bracket("and", *kept)


def _any_of(members: list[Any]) -> Any:
    if _ANY in members:
        return _ANY
    if len(members) == 2 and Keyword("nil") in members:
        other = members[0] if members[1] is Keyword("nil") else members[1]
        return Keyword(f"{other.name}?") if type(other) is Keyword else _bracket("maybe", other)
    return members[0] if len(members) == 1 else _bracket("union", *members)


# ---- to JSON Schema


def schema_from_type(type_: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type expression or Type. What JSON cannot say is left open: `{}`."""
    return _schema(type_ if isinstance(type_, Type) else parse_type(type_), ())


def _schema(node: Type, inside: tuple[Named, ...]) -> dict[str, Any]:
    make = _MAKERS.get(type(node))
    if isinstance(node, Named):
        endless = node.target is None or node in inside
        return {} if endless or node.target is None else _schema(node.target, (*inside, node))
    return {} if make is None else make(node, inside)


_NAMES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "integer": {"type": "integer"},
    "float": {"type": "number"},
    "number": {"type": "number"},
    "string": {"type": "string"},
    "keyword": {"type": "string"},
    "symbol": {"type": "string"},
    "bool": {"type": "boolean"},
    "boolean": {"type": "boolean"},
    "nil": {"type": "null"},
    "timestamp": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "resource": {"type": "string", "format": "uri"},
    "vector": {"type": "array"},
    "list": {"type": "array"},
    "seq": {"type": "array"},
    "map": {"type": "object"},
    "never": {"not": {}},
}


def _of_record(node: Record, inside: tuple[Named, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {str(to_python(field.key)): _schema(field.type, inside) for field in node.fields},
    }
    required = [str(to_python(field.key)) for field in node.fields if not field.optional]
    if required:
        schema["required"] = required
    if node.others is not None:
        never = isinstance(node.others, Primitive) and node.others.name == "never"
        schema["additionalProperties"] = False if never else _schema(node.others, inside)
    return schema


def _of_tuple(node: Tuple, inside: tuple[Named, ...]) -> dict[str, Any]:
    size = len(node.items)
    if not size:
        return {"type": "array", "maxItems": 0}
    items = [_schema(item, inside) for item in node.items]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": size}


def _of_array(node: Array, inside: tuple[Named, ...]) -> dict[str, Any]:
    schema = _schema(node.item, inside)
    for size in reversed(node.dimensions):
        bounds = {} if size is None else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def _of_enum(node: Enum, inside: tuple[Named, ...]) -> dict[str, Any]:
    try:
        return {"enum": [to_python(value) for value in node.values]}
    except RtfsError:
        return {}


def _of_intersection(node: Intersection, inside: tuple[Named, ...]) -> dict[str, Any]:
    """Predicates beside their type in one schema where nothing is said twice, else `allOf`."""
    schemas = [schema for schema in (_schema(member, inside) for member in node.members) if schema]
    words = [word for schema in schemas for word in schema]
    if len(set(words)) == len(words):
        return {word: part for schema in schemas for word, part in schema.items()}
    return {"allOf": schemas}


_PREDICATE_WORDS = {
    ">": "exclusiveMinimum",
    ">=": "minimum",
    "<": "exclusiveMaximum",
    "<=": "maximum",
    "min-length": "minLength",
    "max-length": "maxLength",
    "matches-regex": "pattern",
    "min-count": "minItems",
    "max-count": "maxItems",
}


def _of_predicate(node: Predicate, inside: tuple[Named, ...]) -> dict[str, Any]:
    """Written for the kind they are used with: a `min-count` of a string or map is left out by JSON Schema itself."""
    if node.name in _PREDICATE_WORDS:
        return {_PREDICATE_WORDS[node.name]: node.arguments[0]}
    if node.name == "in-range":
        return {"minimum": node.arguments[0], "maximum": node.arguments[1]}
    if node.name == "length":
        return {"minLength": node.arguments[0], "maxLength": node.arguments[0]}
    if node.name == "count":
        return {"minItems": node.arguments[0], "maxItems": node.arguments[0]}
    return {"is-url": {"format": "uri"}, "is-email": {"format": "email"}}.get(node.name, {})


def _of_map(node: MapOf, inside: tuple[Named, ...]) -> dict[str, Any]:
    others = _schema(node.value, inside)
    return {"type": "object", "additionalProperties": others} if others else {"type": "object"}


def _of_sequence(node: Sequence, inside: tuple[Named, ...]) -> dict[str, Any]:
    items = _schema(node.item, inside)
    return {"type": "array", "items": items} if items else {"type": "array"}


_MAKERS: dict[type, Callable[[Any, tuple[Named, ...]], dict[str, Any]]] = {
    Primitive: lambda node, inside: dict(_NAMES.get(node.name, {})),
    Sequence: _of_sequence,
    Tuple: _of_tuple,
    Record: _of_record,
    MapOf: _of_map,
    Union: lambda node, inside: {"anyOf": [_schema(member, inside) for member in node.members]},
    Intersection: _of_intersection,
    Enum: _of_enum,
    Array: _of_array,
    Predicate: _of_predicate,
}
