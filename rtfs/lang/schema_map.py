"""Maps in the words of JSON Schema as type expressions: `{:type :map :required [:id] …}` (streaming.md §6.4)."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_brief
from rtfs.lang.schema import parse_type
from rtfs.lang.values import is_vector

_OF_NUMBERS = {"minimum": ">=", "maximum": "<=", "exclusive-minimum": ">", "exclusive-maximum": "<"}
_OF_STRINGS = {"min-length": "min-length", "max-length": "max-length", "pattern": "matches-regex"}
_OF_VECTORS = {"min-items": "min-count", "max-items": "max-count"}
_RULES = {**_OF_NUMBERS, **_OF_STRINGS, **_OF_VECTORS}  # words that become predicates
_RULES_OF = {
    **dict.fromkeys(("int", "integer", "float", "number"), _OF_NUMBERS), "string": _OF_STRINGS, "vector": _OF_VECTORS,
    "nil": {}, "bool": {}, "map": {},
}  # fmt: skip
_TELLING = frozenset({"type", "properties", "required", "items", "enum", "const", "any-of", "all-of", "one-of"})
_WORDS = frozenset({*_RULES, *_TELLING, "nullable", "additional-properties"})
_OTHER_NAMES = {"object": "map", "array": "vector", "boolean": "bool", "null": "nil"}
_ANY = Keyword("any")


def type_form(schema: Any) -> Any:
    """The type expression that a type expression or a map of schema words means. SyntaxError for what is neither."""
    form = _form(schema)
    form = vector([Keyword("map"), form]) if type(form) is Map else form
    parse_type(form)
    return form


def is_schema(schema: Any) -> bool:
    """Does it mean a type?"""
    try:
        type_form(schema)
    except (RtfsError, ValueError):
        return False
    return True


def _word(key: Any) -> str:
    """A key in the one spelling: `:minLength`, `"minLength"` and `:min-length` are one word."""
    text = key.name if type(key) is Keyword else key if type(key) is str else ""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in text)


def _said(schema: Any) -> dict[str, Any] | None:
    """A map of schema words by word. None for any other value: a record may have fields that are called so, but hardly
    only such, and one of them what a schema begins with."""
    if type(schema) is not Map:
        return None
    said = {_word(key): value for key, value in schema.entries()}
    return said if said.keys() <= _WORDS and said.keys() & _TELLING else None


def _form(schema: Any) -> Any:
    said = _said(schema)
    if said is None:
        return _name(schema)
    parts = [_of_kinds(said)]
    if "enum" in said:
        parts.append(vector([Keyword("enum"), *_listed(said, "enum")]))
    if "const" in said:
        parts.append(vector([Keyword("val"), said["const"]]))
    for word in ("any-of", "one-of"):
        if word in said:
            parts.append(vector([Keyword("union"), *map(_form, _listed(said, word))]))
    parts += map(_form, _listed(said, "all-of"))
    form = _all(parts)
    return vector([Keyword("maybe"), form]) if said.get("nullable") is True else form


def _all(parts: list[Any]) -> Any:
    kept = [part for part in parts if part is not _ANY]
    return _ANY if not kept else kept[0] if len(kept) == 1 else vector([Keyword("and"), *kept])


def _of_kinds(said: dict[str, Any]) -> Any:
    given: Any = said.get("type")
    if given is None:
        implied = "map" if said.keys() & {"properties", "required", "additional-properties"} else None
        given = Keyword(implied or ("vector" if "items" in said else "any"))
    several = is_vector(given) and not (given and type(given[0]) is Keyword and _heads(given))
    kinds = [_of_kind(_name(kind), said) for kind in (given if several else [given])]
    return kinds[0] if len(kinds) == 1 else vector([Keyword("union"), *kinds])


def _heads(form: Any) -> bool:
    """Is a vector one type, such as `[:vector :int]`, rather than several: `[:string :nil]`?"""
    try:
        parse_type(form)
    except RtfsError:
        return False
    return True


def _of_kind(kind: Any, said: dict[str, Any]) -> Any:
    """One of the kinds, with the rules for values of that kind."""
    form = kind
    if kind is Keyword("map"):
        form = _record(said)
    elif kind is Keyword("vector") and "items" in said:
        form = vector([kind, _form(said["items"])])
    rules = _RULES_OF.get(kind.name, _RULES) if type(kind) is Keyword else _RULES
    return _all([form, *(vector([Keyword(name), said[word]]) for word, name in rules.items() if word in said)])


def _record(said: dict[str, Any]) -> Any:
    properties = said.get("properties", EMPTY_MAP)
    if type(properties) is not Map:
        raise ValueError(f":properties cannot be {show_brief(properties, 80)}")
    required = {_plain(key): key for key in _listed(said, "required")}
    fields = [
        (key, _form(part)) if required.pop(_plain(key), None) is not None else (key, _form(part), Symbol("?"))
        for key, part in properties.entries()
    ]
    fields += [(key, _ANY) for key in required.values()]
    others = said.get("additional-properties", True)
    if others is not True:
        fields.append((Keyword("*"), Keyword("never") if others is False else _form(others)))
    return vector([Keyword("map"), *map(vector, fields)]) if fields else Keyword("map")


def _plain(key: Any) -> Any:
    return key.name if type(key) is Keyword else key


def _listed(said: dict[str, Any], word: str) -> Any:
    found = said.get(word, ())
    if not is_vector(found):
        raise ValueError(f":{word} cannot be {show_brief(found, 80)}")
    return found


def _name(form: Any) -> Any:
    """A type by the name that JSON Schema has for it, or as it is."""
    text = form.name if type(form) is Keyword else form
    return Keyword(_OTHER_NAMES.get(text, text)) if type(text) is str else form
