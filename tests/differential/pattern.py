"""What patterns mean: destructuring (language.md §6), match (§7) and the types they and annotations name (§12)."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector
from rtfs.lang.equality import equal
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import ErrorValue, type_name
from tests.differential.evaluator import Env, Evaluator, Form, Unsupported, fail, wrong

_NOTHING: Any = object()
_OF_PATTERNS = ("Type error in vector destructuring", "Type error in map destructuring")
_AMPERSAND = Symbol("&")


def is_vector(value: Any) -> bool:
    return type(value) is tuple or type(value) is PVector


def bind(ev: Evaluator, pattern: Form, value: Any, env: Env) -> Env:
    """The names of a destructuring pattern, each bound inside of those before it."""
    if type(pattern) is Symbol:
        return env if pattern.name == "_" else env.with_name(pattern.name, value)
    if not is_vector(pattern) and type(pattern) is not Map:
        raise Unsupported(f"pattern {show(pattern)}")
    try:
        return (_bind_vector if is_vector(pattern) else _bind_map)(ev, pattern, value, env)
    except RtfsError as error:
        if error.message.startswith(_OF_PATTERNS) and hasattr(error, "places"):
            error.places.append(ev.spans.of(pattern))  # a pattern inside a pattern: both places are right
        raise ev.at(pattern, error) from None


def _bind_vector(ev: Evaluator, pattern: Any, value: Any, env: Env) -> Env:
    if value is None:
        value = ()
    elif not is_vector(value) and type(value) not in (List, str):
        raise wrong("vector destructuring", "vector, list or string", value)
    items, parts, place = list(value), list(pattern), 0
    while parts:
        part = parts.pop(0)
        if part == _AMPERSAND:
            env = bind(ev, parts.pop(0), List(items[place:]), env)
        elif part is Keyword("as"):
            env = bind(ev, parts.pop(0), value, env)
        else:
            env = bind(ev, part, items[place] if place < len(items) else None, env)
            place += 1
    return env


def _bind_map(ev: Evaluator, pattern: Map, value: Any, env: Env) -> Env:
    if value is not None and type(value) not in (Map, ErrorValue):
        raise wrong("map destructuring", "map", value)
    source = EMPTY_MAP if value is None else value.as_map() if type(value) is ErrorValue else value
    defaults = pattern.get(Keyword("or"), EMPTY_MAP)
    whole = pattern.get(Keyword("as"))
    if whole is not None:
        env = bind(ev, whole, value, env)
    taken = []
    for key, part in _entries(pattern):
        taken.append(key)
        found = source.get(key, _NOTHING)
        if found is _NOTHING:
            default = defaults.get(part, _NOTHING) if type(part) is Symbol else _NOTHING
            found = None if default is _NOTHING else ev.value(default, env)
        env = bind(ev, part, found, env)
    rest = pattern.get(_AMPERSAND)
    if rest is not None:
        for key in taken:
            source = source.dissoc(key)
        env = bind(ev, rest, source, env)
    return env


def _entries(pattern: Map) -> list[tuple[Any, Form]]:
    """Key and pattern of everything that a map pattern names, in order."""
    found: list[tuple[Any, Form]] = []
    for left, right in pattern.pairs or pattern.entries():
        if left is Keyword("keys"):
            for one in right:
                found.append((Keyword(one.name), Symbol(one.name.rpartition("/")[2])))
        elif left is Keyword("strs"):
            found.extend((one.name, one) for one in right)
        elif left in (Keyword("or"), Keyword("as"), _AMPERSAND):
            continue
        elif type(left) in (Symbol, Map) or is_vector(left):
            found.append((right, left))
        else:
            found.append((left, right))
    return found


# ---- match ------------------------------------------------------------------------------------------------------


def match(pattern: Form, value: Any, env: Env) -> Env | None:
    """The names that a match pattern binds, None when it does not fit."""
    kind = type(pattern)
    if kind is Symbol:
        return env if pattern.name == "_" else env.with_name(pattern.name, value)
    if kind is List and pattern:
        return _match_list(pattern, value, env)
    if is_vector(pattern):
        return _match_vector(list(pattern), value, env)
    if kind is Map:
        return _match_map(pattern, value, env)
    return env if equal(pattern, value) else None


def _match_list(pattern: List, value: Any, env: Env) -> Env | None:
    head, *rest = pattern
    if head == Symbol("quote"):
        return env if equal(rest[0], value) else None
    if head is Keyword("as"):
        return match(rest[1], value, env.with_name(rest[0].name, value))
    if head is Keyword("or"):
        return next((found for one in rest if (found := match(one, value, env)) is not None), None)
    if head is Keyword("type"):
        head, *rest = rest
    if fault(head, value) is not None:
        return None
    return match(rest[0], value, env) if rest else env


def _match_vector(parts: list[Form], value: Any, env: Env | None) -> Env | None:
    if not is_vector(value) and type(value) is not List:
        return None
    rest = parts[-1] if len(parts) > 1 and parts[-2] == _AMPERSAND else None
    parts = parts[:-2] if rest is not None else parts
    if len(value) < len(parts) or (rest is None and len(value) > len(parts)):
        return None
    for part, item in zip(parts, value, strict=False):
        env = None if env is None else match(part, item, env)
    if env is not None and rest is not None:
        env = match(rest, List(list(value)[len(parts) :]), env)
    return env


def _match_map(pattern: Map, value: Any, env: Env | None) -> Env | None:
    if type(value) is not Map or (not len(pattern) and len(value)):
        return None
    rest = value
    for key, part in _entries(pattern):
        found = value.get(key, _NOTHING)
        env = None if found is _NOTHING or env is None else match(part, found, env)
        rest = rest.dissoc(key)
    name = pattern.get(_AMPERSAND)
    return match(name, rest, env) if env is not None and name is not None else env


# ---- types ------------------------------------------------------------------------------------------------------

_KINDS: dict[str, tuple[str, ...]] = {
    "int": ("integer",),
    "integer": ("integer",),
    "float": ("float", "integer"),
    "number": ("float", "integer"),
    "string": ("string",),
    "bool": ("boolean",),
    "boolean": ("boolean",),
    "nil": ("nil",),
    "keyword": ("keyword",),
    "symbol": ("symbol",),
    "vector": ("vector",),
    "list": ("list",),
    "map": ("map",),
    "seq": ("vector", "list"),
    "function": ("function", "keyword", "map", "vector"),
    "fn": ("function", "keyword", "map", "vector"),
    "error": ("error",),
}
_LIMITS = {">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b}


def check(type_: Form, value: Any, where: str) -> None:
    """A checked cast (language.md §12.1)."""
    found = fault(type_, value)
    if found is not None:
        error = fail("TypeValidationError", f"Type validation error: {where}: {found}")
        error.data = Map.of([(Keyword("value"), value)])
        raise error


def fault(type_: Form, value: Any) -> str | None:
    """What is wrong with a value, None when it has the type."""
    return None if _has(type_, value) else _fault_text(type_, value)


def _fault_text(type_: Form, value: Any) -> str:
    if is_vector(type_) and type_[0] is Keyword("and"):
        first = next(one for one in type_[1:] if not _has(one, value))
        return _fault_text(first, value)
    if is_vector(type_) and type_[0].name in _LIMITS:
        return f"Predicate violation: {show(type_)} failed for value {show(value)}"
    if type(type_) is Symbol:  # `int` and `Int` are names of `:int`
        type_ = Keyword(type_.name[:1].lower() + type_.name[1:])
    return f"Type mismatch: expected {show(type_)}, got {type_name(value)}"


def _has(type_: Form, value: Any) -> bool:
    if type(type_) in (Keyword, Symbol):
        name = type_.name
        if name.endswith("?"):
            return value is None or _has(Keyword(name[:-1]), value)
        if name in ("any", "never"):
            return name == "any"
        if name not in _KINDS:
            raise Unsupported(f"type {show(type_)}")
        return type_name(value) in _KINDS[name]
    if not is_vector(type_) or type(type_[0]) is not Keyword:
        raise Unsupported(f"type {show(type_)}")
    head, *parts = type_[0].name, *type_[1:]
    if head == "maybe":
        return value is None or _has(parts[0], value)
    if head in ("union", "or"):
        return any(_has(one, value) for one in parts)
    if head == "and":
        return all(_has(one, value) for one in parts)
    if head == "enum":
        return any(equal(one, value) for one in parts)
    if head in ("vector", "list", "seq") and len(parts) == 1:
        return _has(Keyword(head), value) and all(_has(parts[0], item) for item in value)
    if head in _LIMITS:
        return type(value) in (int, float) and _LIMITS[head](value, parts[0])
    raise Unsupported(f"type {show(type_)}")
