"""Checks values against types (language.md §12.4, §12.5): each type is compiled once per level into a function.

A check gives None or the first fault. Only recursive types recurse with the value: in plain Python calls, counted, so
that a value nested too deeply is a StackOverflow.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.equality import equal
from rtfs.lang.errors import EvaluationError, about, overflow
from rtfs.lang.misfit import Fault, Index
from rtfs.lang.names import Keyword
from rtfs.lang.signal import FLAG, METERS, visited
from rtfs.lang.types import (
    Array,
    Enum,
    Function,
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
from rtfs.lang.values import ResourceHandle

NESTING_LIMIT = 10_000
SHARING = 1_000

_VECTORS = frozenset({tuple, PVector})
_EXPRESSIONS = ("let ", "letrec ", "def ", "return ")  # such a check stands where the value's expression stands
_KINDS: dict[str, frozenset[type]] = {
    "vector": _VECTORS,
    "list": frozenset({List}),
    "seq": frozenset({List, *_VECTORS}),
}


class Run:
    """One check: how deep in a recursive type it is, and which parts have been found right or wrong."""

    __slots__ = ("depth", "known", "visits")

    def __init__(self) -> None:
        self.depth = 0
        self.visits = 0
        self.known: dict[tuple[int, int], tuple[Fault | None, int]] = {}  # with the length of the fault's way


Checker = Callable[[Any, Run], "Fault | None"]


def check(type: Type, value: Any, where: str, level: str = "standard") -> None:
    """Raises TypeValidationError, naming `where` (such as `param x of f`), unless the value has the type."""
    fault = _fault(type, value, level)
    if fault is not None:
        text = f"Type validation error: {where}: {fault.text()}"
        error = EvaluationError("TypeValidationError", text, data=Map.of([(Keyword("value"), fault.value)]))
        error.exact = fault.value is value and where.startswith(_EXPRESSIONS)
        raise about(error, fault.value)


def fits(type: Type, value: Any, level: str = "standard") -> bool:
    """Does the value have the type?"""
    return _fault(type, value, level) is None


def problem(type: Type, value: Any, level: str = "standard") -> str | None:
    """What is wrong with the value, as `explain` says it, or None."""
    fault = _fault(type, value, level)
    return None if fault is None else fault.text()


def _fault(type: Type, value: Any, level: str) -> Fault | None:
    if level == "off":
        return None
    try:
        return checker(type, level)(value, Run())
    except RecursionError:
        raise overflow("nesting", NESTING_LIMIT) from None


def checker(type_: Type, level: str) -> Checker:
    """The compiled check of a type at level `basic`, `standard` or `strict`."""
    found: Checker | None = type_.checkers.get(level)
    if found is None:
        compile_ = next(_COMPILERS[each] for each in type(type_).__mro__ if each in _COMPILERS)
        found = type_.checkers[level] = compile_(type_, level)
    return found


def _primitive(node: Primitive, level: str) -> Checker:
    kinds = frozenset({float}) if node.name == "float" and level == "strict" else node.kinds
    if kinds is None:
        return lambda value, run: None
    return _holds("mismatch", node, lambda value: type(value) in kinds)


def _holds(kind: str, node: Type, test: Callable[[Any], bool]) -> Checker:
    return lambda value, run: None if test(value) else Fault(kind, node, value)


def _kinds_only(node: Type, level: str) -> frozenset[type] | None:
    """The kinds that are the whole meaning of a type, or None."""
    if isinstance(node, Primitive):
        return frozenset({float}) if node.name == "float" and level == "strict" else node.kinds
    if isinstance(node, Union):
        members = [_kinds_only(member, level) for member in node.members]
        return frozenset().union(*[m for m in members if m is not None]) if None not in members else None
    return None


def _shared(node: Type, test: Checker) -> Checker:
    """`test`, but in a large check no part is checked twice: values share parts, unions try one part several times."""

    def once(value: Any, run: Run) -> Fault | None:
        run.visits += 1
        if run.visits <= SHARING:
            return test(value, run)
        key = (id(node), id(value))
        if key in run.known:
            fault, steps = run.known[key]
            return None if fault is None else fault.again(steps)
        fault = test(value, run)
        run.known[key] = (fault, 0 if fault is None else len(fault.way))
        return fault

    return once


def _sequence(node: Sequence, level: str) -> Checker:
    kinds = _KINDS[node.kind]
    item = checker(node.item, level)
    items = _kinds_only(node.item, level)
    free = isinstance(node.item, Primitive) and items is None

    def test(value: Any, run: Run) -> Fault | None:
        if type(value) not in kinds:
            return Fault("mismatch", node, value)
        if FLAG or METERS:
            visited(len(value))
        if free or (items is not None and items.issuperset(map(type, value))):
            return None
        for index, part in enumerate(value):
            fault = item(part, run)
            if fault is not None:
                return fault.below(Index(index))
        return None

    return _shared(node, test)


def _tuple(node: Tuple, level: str) -> Checker:
    items = [checker(item, level) for item in node.items]

    def test(value: Any, run: Run) -> Fault | None:
        if type(value) not in _VECTORS:
            return Fault("mismatch", node, value)
        if len(value) != len(items):
            return Fault("shape", len(items), value)
        if FLAG or METERS:
            visited(len(items))
        for index, item in enumerate(items):
            fault = item(value[index], run)
            if fault is not None:
                return fault.below(Index(index))
        return None

    return _shared(node, test)


def _record(node: Record, level: str) -> Checker:
    fields = [(field.key, checker(field.type, level), field.optional) for field in node.fields]
    named = {field.key for field in node.fields}
    others = None if node.others is None else checker(node.others, level)
    closed = (node.others is None and level == "strict") or (
        isinstance(node.others, Primitive) and node.others.name == "never"
    )

    def test(value: Any, run: Run) -> Fault | None:
        if type(value) is not Map:
            return Fault("mismatch", node, value)
        raw = value.raw
        if FLAG or METERS:
            visited(len(fields) + len(raw))
        for key, field, optional in fields:
            part = raw.get(key, MISSING)
            if part is not MISSING:
                fault = field(part, run)
                if fault is not None:
                    return fault.below(key)
            elif not optional:
                return Fault("missing", key, value)
        return rest(value, run) if others is not None or closed else None

    def rest(value: Map, run: Run) -> Fault | None:
        for key, part in value.entries():
            if type(key) in _RAW and key in named:
                continue
            if closed or others is None:
                return Fault("unexpected", key, value)
            fault = others(part, run)
            if fault is not None:
                return fault.below(key)
        return None

    return _shared(node, test)


_RAW = frozenset({Keyword, str, int})


def _map_of(node: MapOf, level: str) -> Checker:
    key_type, part_type = checker(node.key, level), checker(node.value, level)

    def test(value: Any, run: Run) -> Fault | None:
        if type(value) is not Map:
            return Fault("mismatch", node, value)
        if FLAG or METERS:
            visited(len(value))
        for key, part in value.entries():
            fault = key_type(key, run) or part_type(part, run)
            if fault is not None:
                return fault.below(key)
        return None

    return _shared(node, test)


def _function(node: Function, level: str) -> Checker:
    kinds = frozenset({FunctionType, Keyword, Map, *_VECTORS})
    return _holds("mismatch", node, lambda value: type(value) in kinds)


def _union(node: Union, level: str) -> Checker:
    kinds = frozenset().union(*[_kinds_only(member, level) or () for member in node.members])
    members = [checker(member, level) for member in node.members if _kinds_only(member, level) is None]

    def test(value: Any, run: Run) -> Fault | None:
        if type(value) in kinds:
            return None
        for member in members:
            if member(value, run) is None:
                return None
        return Fault("mismatch", node, value)

    return test


def _intersection(node: Intersection, level: str) -> Checker:
    members = [checker(member, level) for member in node.members]

    def test(value: Any, run: Run) -> Fault | None:
        for member in members:
            fault = member(value, run)
            if fault is not None:
                return fault
        return None

    return test


def _enum(node: Enum, level: str) -> Checker:
    plain = {value for value in node.values if type(value) is Keyword}
    literals = [value for value in node.values if type(value) is not Keyword]

    def test(value: Any, run: Run) -> Fault | None:
        if type(value) is Keyword:
            return None if value in plain else Fault("mismatch", node, value)
        for literal in literals:
            if equal(value, literal):
                return None
        return Fault("mismatch", node, value)

    return test


def _array(node: Array, level: str) -> Checker:
    inner = checker(node.item, level)
    for size in reversed(node.dimensions):
        inner = _dimension(node, size, inner)
    return inner


def _dimension(node: Array, size: int | None, inner: Checker) -> Checker:
    def test(value: Any, run: Run) -> Fault | None:
        if type(value) not in _VECTORS:
            return Fault("mismatch", node, value)
        if size is not None and len(value) != size:
            return Fault("shape", size, value)
        for index, part in enumerate(value):
            fault = inner(part, run)
            if fault is not None:
                return fault.below(Index(index))
        return None

    return test


def _resource(node: Resource, level: str) -> Checker:
    start = f"resource://{node.name}"

    return _holds("mismatch", node, lambda value: type(value) is ResourceHandle and value.text.startswith(start))


def _predicate(node: Predicate, level: str) -> Checker:
    if level == "basic":
        return lambda value, run: None

    return _holds("predicate", node, node.holds)


def _named(node: Named, level: str) -> Checker:
    target = node.target
    if target is None:
        return lambda value, run: None
    inner: list[Checker] = []  # compiled at first use: the type may lead back here

    def test(value: Any, run: Run) -> Fault | None:
        if not inner:
            inner.append(checker(target, level))
        run.depth += 1
        if run.depth > NESTING_LIMIT:
            raise overflow("nesting", NESTING_LIMIT)
        fault = inner[0](value, run)
        run.depth -= 1
        if fault is not None and fault.kind == "mismatch" and not fault.way:
            return Fault("mismatch", node, fault.value)  # by the name the program gave it
        return fault

    return _shared(node, test)


_COMPILERS: dict[type, Callable[[Any, str], Checker]] = {
    Primitive: _primitive,
    Sequence: _sequence,
    Tuple: _tuple,
    Record: _record,
    MapOf: _map_of,
    Function: _function,
    Union: _union,
    Intersection: _intersection,
    Enum: _enum,
    Array: _array,
    Resource: _resource,
    Named: _named,
    Predicate: _predicate,
}
