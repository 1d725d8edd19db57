"""Parameters of stream operators: one table checks the fluent function and the capability (streaming.md §2.6, §6.10).

A table is the map of an `(operator {…})` form: `:name`, `:main`, `:operand` (the key of the stream, where a map may
hold it), `:params` (key → `:kind`, `:min`, `:max`, `:above`, `:one-of`, `:required`, `:default`, `:text`) and `:slots`
(key → `:pure` or `:effect` with the documented arguments, `:required`, `:default`, `:text`). An effect slot is called
`:when` an item leaves (`:each`, which is meant without it), for items that leave aside and for what the source tells
(`:side`, which may `:sets` parameters), with the last state (`:state`), at the `:end`, on `:failure`, once the run is
over however it ended (`:over`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Set
from typing import Any

from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.schema_map import is_schema
from rtfs.lang.values import function_name, is_vector, type_name

NODE, INPUTS, PARAMS, STREAM_ID = Keyword("rtfs/node"), Keyword("inputs"), Keyword("params"), Keyword("stream-id")
NAME, MAIN, SLOTS, KIND = Keyword("name"), Keyword("main"), Keyword("slots"), Keyword("kind")
PURE, EFFECT, REQUIRED, DEFAULT = Keyword("pure"), Keyword("effect"), Keyword("required"), Keyword("default")
EFFECTS = Keyword("effects")
WHEN, SETS, SIDE = Keyword("when"), Keyword("sets"), Keyword("rtfs/side")
COLLECTION, FROM_COLLECTION = Keyword("collection"), Keyword("from-collection")
UNIQUE, OF = Keyword("unique"), Keyword("of")
MANY, NAMES, LIFTED, OPERAND = Keyword("many"), Keyword("names"), Keyword("lifted"), Keyword("operand")
MIN, MAX, ONE_OF, META = Keyword("min"), Keyword("max"), Keyword("one-of"), Keyword("meta")
ABOVE = Keyword("above")

COMMON = Map.of([
    (Keyword("on-complete"), Map.of([(EFFECT, ()), (WHEN, Keyword("end"))])),
    (Keyword("on-error"), Map.of([(EFFECT, (Symbol("error"), Symbol("chunk"))), (WHEN, Keyword("failure"))])),
])  # fmt: skip
"""Slots that every run has."""

_CALLABLE = frozenset({"function", "keyword", "map", "vector", "set"})


def parameter_table(
    name: str, *, main: str | None, params: dict[str, dict[str, Any]], operand: str | None = None,
    slots: dict[str, list[str]] | None = None, pure: dict[str, list[str]] | None = None,
    lifted: dict[str, list[str]] | None = None, when: dict[str, str] | None = None,
) -> Map:  # fmt: skip
    """The table of a source or sink written in Python. slots: effect slots and what they are called with; when: at
    what, where that is not each item.

    pure: pure slots likewise, all of them required; lifted: effect slots that belong to the node itself.
    """
    rows = {
        Keyword(key): Map.of([(Keyword(fact), _fact(fact, value)) for fact, value in row.items()])
        for key, row in params.items()
    }
    effects = {
        Keyword(key): Map.of([(EFFECT, vector([Symbol(argument) for argument in arguments]))])
        for key, arguments in (slots or {}).items()
    }
    effects |= {
        Keyword(key): effects[Keyword(key)].assoc(WHEN, Keyword(moment)) for key, moment in (when or {}).items()
    }
    effects |= {
        Keyword(key): Map.of([(PURE, vector([Symbol(argument) for argument in arguments])), (REQUIRED, True)])
        for key, arguments in (pure or {}).items()
    }
    effects |= {
        Keyword(key): Map.of([(LIFTED, vector([Symbol(argument) for argument in arguments]))])
        for key, arguments in (lifted or {}).items()
    }
    entries: dict[Any, Any] = {NAME: Keyword(name), PARAMS: Map.of(rows.items()), SLOTS: Map.of(effects.items())}
    entries |= {key: Keyword(value) for key, value in ((MAIN, main), (OPERAND, operand)) if value is not None}
    return Map.of(entries.items())


def _fact(name: str, value: Any) -> Any:
    if name == "kind":
        return Keyword(value)
    return vector([Keyword(option) for option in value]) if name == "one-of" else value


def node(operator: Keyword, inputs: Any, params: Map) -> Map:
    """The description of a source or operator: pure data, never running."""
    return Map.of([(NODE, operator), (INPUTS, inputs), (PARAMS, params)])


def is_node(value: Any) -> bool:
    """Is it a description of a source or operator, or a handle of something that runs?"""
    return type(value) is Map and (NODE in value or STREAM_ID in value)


def operand(value: Any) -> Any:
    """A stream operand (§0): a node, a run handle, a stream id, or a collection. S004 for anything else."""
    if is_node(value) or type(value) is str:
        return value
    if is_vector(value) or type_name(value) == "list":
        return node(FROM_COLLECTION, (), Map.of([(COLLECTION, value)]))
    raise StreamError(4, f"Not a stream: {shown(value)}")


def well_formed(table: Any) -> bool:
    """Is it the table of an operator? Those of the library are."""
    if type(table) is not Map or type(table.get(NAME)) is not Keyword:
        return False
    main, params, slots = table.get(MAIN), table.get(PARAMS, EMPTY_MAP), table.get(SLOTS, EMPTY_MAP)
    rows = [part for part in (params, slots) if type(part) is Map]
    if len(rows) != 2 or not (main is None or type(main) is Keyword):
        return False
    keyed = all(type(key) is Keyword and type(row) is Map for part in rows for key, row in part.entries())
    return keyed and all(_fit(row) for row in params.values())


def _fit(row: Map) -> bool:
    kind, bounds, options = row.get(KIND), (row.get(MIN), row.get(MAX)), row.get(ONE_OF)
    numbers = all(bound is None or type(bound) in (int, float) for bound in bounds)
    return type(kind) is Keyword and kind.name in _KINDS and numbers and (options is None or is_vector(options))


def build(table: Map, arguments: tuple[Any, ...]) -> Map:
    """The node of `(stream.X in)`, `(stream.X in main)`, `(stream.X in {…})` or `(stream.X in main {…})`."""
    name, arguments = table.get(NAME), with_operand(table, arguments)
    fluent = f"stream.{name.name}"
    if not 1 <= len(arguments) <= 3:
        raise StreamError(3, f"{fluent} takes 1 to 3 arguments, got {len(arguments)}")
    inputs, named = operands(table, arguments[0])
    given = checked(table, _given(table, arguments[1:], fluent), fluent)
    return node(name, inputs, given.merge(named))


def with_operand(table: Map, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, the stream first: it may stand under the key `:operand` of a map that is the only one."""
    key, given = table.get(OPERAND), arguments[0] if len(arguments) == 1 else None
    if key is None or type(given) is not Map:
        return arguments
    found = [entry for entry in given.entries() if type(entry[0]) in (str, Keyword) and normal(entry[0]) == key.name]
    if found:  # also where the map has the `:stream-id` of the run, as a handle has
        return found[0][1], given.dissoc(found[0][0])
    if is_node(given):
        return arguments
    raise StreamError(2, f"Missing required field '{key.name}' of stream.{table.get(NAME).name}")


def operands(table: Map, given: Any) -> tuple[Any, Map]:
    """The inputs of a node, and what names them: `:many` operators take a vector of streams, or a map from names."""
    if not table.get(MANY):
        return vector([operand(given)]), EMPTY_MAP
    if type(given) is Map and not is_node(given):
        return vector([operand(value) for value in given.values()]), Map.of([(NAMES, vector(list(given.keys())))])
    if is_vector(given):
        return vector([operand(value) for value in given]), EMPTY_MAP
    raise StreamError(3, f"Parameter 'streams': expected vector of streams or map of them, got {shown(given)}")


def _given(table: Map, more: tuple[Any, ...], fluent: str) -> Map:
    """The parameters of a fluent call: a map of options, with the main argument before it or not."""
    main = table.get(MAIN)
    if not more:
        return EMPTY_MAP
    last = more[-1]
    if len(more) == 1 and not are_options(table, last):
        if main is None:
            raise StreamError(3, f"Parameter 'options': expected map, got {shown(last)}")
        return Map.of([(main, last)])
    if len(more) == 1:
        options: Map = last
        return options
    if type(last) is not Map:
        raise StreamError(3, f"Parameter 'options' of {fluent}: expected map, got {shown(last)}")
    if main is None:
        raise StreamError(3, f"{fluent} takes a stream and a map of options")
    return Map.of([*last.entries(), (main, more[0])])


def are_options(table: Map, value: Any, more: frozenset[str] = frozenset()) -> bool:
    """Is the only argument a map of options, rather than the main one? more: further keys of options, `:stream-id`
    among them, which a handle has as well.

    A map that the main argument cannot be, as where that is a function, is options even when no key of it is known.
    """
    main = table.get(MAIN)
    if type(value) is not Map or NODE in value or (STREAM_ID in value and KIND in value):  # as handles have both
        return False
    if main is None or main in slots_of(table):
        return True
    row = table.get(PARAMS, EMPTY_MAP).get(main)
    kind = row.get(KIND).name
    if _KINDS[kind](value, row) is not None and not (kind == "cadence" and _names_one(value, _CADENCE)):
        return True
    known = {key.name for key in (*table.get(PARAMS, EMPTY_MAP), *slots_of(table))} | {"name", "meta"} | more
    return _names_one(value, known)


def _names_one(value: Map, known: Set[str]) -> bool:
    """Is one of its keys such a name?"""
    return any(type(key) in (str, Keyword) and normal(key) in known for key in value)


def checked(table: Map, given: Map, shown_as: str, *, callbacks: bool = False) -> Map:
    """The parameters by their keys, defaults filled in. S002, S003, S006 for what is wrong with them.

    callbacks: are effect slots admitted? A fluent function builds a description and never starts anything.
    """
    params, slots = table.get(PARAMS, EMPTY_MAP), slots_of(table)
    found: dict[Keyword, Any] = {}
    for key, value in given.entries():
        name = Keyword(normal(key))
        if name in found:
            raise StreamError(3, f"Parameter '{name.name}': expected one spelling of the key, got two")
        found[name] = _checked(name, value, table, shown_as, callbacks)
    for name, row in (*params.entries(), *slots.entries()):
        if found.get(name) is None and row.get(REQUIRED):
            raise StreamError(2, f"Missing required field '{name.name}' of {shown_as}")
        if name not in found and row.get(DEFAULT) is not None:
            found[name] = row.get(DEFAULT)
    return Map.of(found.items())


def _checked(name: Keyword, value: Any, table: Map, shown_as: str, callbacks: bool) -> Any:
    row = table.get(PARAMS, EMPTY_MAP).get(name)
    if row is not None:
        return _param(name.name, value, row)
    slot = slots_of(table).get(name)
    if slot is None:
        if name in (NAME, META):
            return value
        raise unknown(name.name, table, shown_as)
    if EFFECT in slot and not callbacks:
        hint = f"{shown_as} only describes: use the capability form, (call :{shown_as} … {{:{name.name} f}})"
        raise StreamError(6, f"Unknown option ':{name.name}' for {shown_as}; {hint}")
    if value is not None and type_name(value) not in _CALLABLE:
        raise StreamError(3, f"Parameter '{name.name}': expected function, got {shown(value)}")
    return value


def slots_of(table: Map) -> Map:
    """The slots of an operator, those included that every run has."""
    return COMMON.merge(table.get(SLOTS, EMPTY_MAP))


def unknown(name: str, table: Map, shown_as: str) -> StreamError:
    """S006 with the nearest known key."""
    known = [key.name for key in (*table.get(PARAMS, EMPTY_MAP), *table.get(SLOTS, EMPTY_MAP))] + ["name"]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return StreamError(6, f"Unknown option ':{name}' for {shown_as}; did you mean ':{near}'?")


def _param(name: str, value: Any, row: Map) -> Any:
    kind = row.get(KIND).name
    if value is None and not row.get(REQUIRED):
        return None
    problem = _KINDS[kind](value, row)
    if problem is not None:
        raise StreamError(3, f"Parameter '{name}': expected {problem}, got {shown(value)}")
    return _each(name, value, row) if kind == "maps" else value


def _each(name: str, value: Any, row: Map) -> Any:
    """Maps that are each checked by the table under `:of`; none may have the value under `:unique` of another."""
    table, unique = row.get(OF), row.get(UNIQUE)
    found = [checked(table, each, f":{name}") for each in value]
    seen = [each.get(unique) for each in found]
    for at, known in enumerate(seen):
        if known in seen[:at]:
            raise StreamError(3, f"Parameter '{name}': expected one with :{unique.name} {shown(known)}, got two")
    return vector(found)


def _number(types: tuple[type, ...], called: str) -> Callable[[Any, Map], str | None]:
    def check(value: Any, row: Map) -> str | None:
        low, high, above = row.get(MIN), row.get(MAX), row.get(ABOVE)
        if (
            type(value) in types
            and (low is None or value >= low)
            and (high is None or value <= high)
            and (above is None or above < value < float("inf"))
        ):
            return None
        if above is not None:
            return f"{called} above {above}"
        bounds = "" if low is None else f" >= {low}" if high is None else f" from {low} to {high}"
        return called + bounds

    return check


def _of_type(*names: str) -> Callable[[Any, Map], str | None]:
    return lambda value, row: None if type_name(value) in names else " or ".join(names)


def _is_size(value: Any) -> bool:
    if type(value) is int:
        return value > 0
    return type(value) is str and re.fullmatch(r"0*[1-9]\d*\s*([KMG]i?)?B?", value) is not None


def _are_maps(value: Any) -> bool:
    return is_vector(value) and all(type(each) is Map for each in value)


def _are_labels(value: Any) -> bool:
    names = [each.name if type(each) is Keyword else each for each in value] if is_vector(value) else [None]
    return all(type(name) is str and name.strip(":") for name in names)


def _keyword(value: Any, row: Map) -> str | None:
    allowed = row.get(ONE_OF)
    if type(value) is Keyword and (allowed is None or value in allowed):
        return None
    return "keyword" if allowed is None else "one of " + " ".join(show(option) for option in allowed)


_CADENCE = frozenset({"every-chunks", "every-ms"})


def _is_cadence(value: Any) -> bool:
    """Whole numbers from 1 on, by themselves or under one or both keys of a map."""
    if type(value) is not Map:
        return type(value) is int and value >= 1
    return len(value) > 0 and all(normal(key) in _CADENCE and type(n) is int and n >= 1 for key, n in value.entries())


_STORES = "memory", "sqlite", "redis", "postgres"


def _is_store(value: Any) -> bool:
    return value.name in _STORES if type(value) is Keyword else type(value) is str and ":" in value


_KINDS: dict[str, Callable[[Any, Map], str | None]] = {
    "any": lambda value, row: None,
    "int": _number((int,), "integer"),
    "number": _number((int, float), "number"),
    "boolean": _of_type("boolean"),
    "string": _of_type("string"),
    "map": _of_type("map"),
    "vector": _of_type("vector"),
    "keyword": _keyword,
    "items": _of_type("vector", "list", "map", "string"),
    "size": lambda value, row: None if _is_size(value) else 'size in bytes or a string such as "64MiB"',
    "cadence": lambda value, row: None if _is_cadence(value) else "integer >= 1, or map of :every-chunks and :every-ms",
    "store": lambda value, row: (
        None if _is_store(value) else f"URL of a store, or one of {' '.join(f':{name}' for name in _STORES)}"
    ),
    "maps": lambda value, row: (
        None
        if is_vector(value) and len(value) and all(type(each) is Map for each in value)
        else "vector of at least one map"
    ),
    "labels": lambda value, row: None if _are_labels(value) else "vector of effect labels such as :network",
    "schema": lambda value, row: None if is_schema(value) else "type, or map of schema words such as :type",
    "path": lambda value, row: None if is_vector(value) or type(value) in (str, Keyword, int) else "path vector",
}


COLLECTION_TABLE = parameter_table(
    "from-collection",
    main="collection",
    params={
        "collection": {"kind": "items", "required": True, "text": "a vector, list, map or string"},
        "chunk-size": {"kind": "int", "min": 1, "text": "how many items make a chunk, a vector then"},
    },
    slots={"on-chunk": ["chunk"]},
)
"""Of the source that fluent forms begin with."""


def from_collection(arguments: tuple[Any, ...]) -> Map:
    """The node of `(stream.from collection)` and `(stream.from collection {…})`."""
    if not 1 <= len(arguments) <= 2:
        raise StreamError(3, f"stream.from takes 1 to 2 arguments, got {len(arguments)}")
    options = arguments[1] if len(arguments) == 2 else EMPTY_MAP
    if type(options) is not Map:
        raise StreamError(3, f"Parameter 'options' of stream.from: expected map, got {shown(options)}")
    given = Map.of([*options.entries(), (COLLECTION, arguments[0])])
    return node(FROM_COLLECTION, (), checked(COLLECTION_TABLE, given, "stream.from"))


def normal(key: Any) -> str:
    """The one spelling of a parameter key: no colon, `_` as `-`."""
    return (key.name if type(key) is Keyword else key if type(key) is str else shown(key)).replace("_", "-")


def shown(value: Any, limit: int = 200) -> str:
    """A value as people read it, cut to `limit` characters."""
    if type_name(value) == "function":
        return f"#<function {function_name(value) or 'fn'}>"
    printed = show(value)
    return printed if len(printed) <= limit else printed[: limit - 1] + "…"
