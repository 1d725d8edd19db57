"""Which part of a literal is wrong: the finding stands there, and not at the whole of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.check.kind import Exact, Literal, inner, kinds, target
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.pattern import map_pairs
from rtfs.lang.printer import show_brief
from rtfs.lang.source import Span
from rtfs.lang.types import Array, MapOf, Record, Sequence, Tuple, Type, Union
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.check.report import Reporter


class Blame(NamedTuple):
    """A form that is wrong: its place, what it is, what is wanted there, and the way to it (`[1].temp`)."""

    form: Any
    span: Span | None
    actual: Type
    expected: Type
    way: str = ""


def blamed(x: Reporter, whole: Blame) -> Blame:
    """The smallest part of a literal that can be blamed for all of it."""
    found: Blame | None = whole
    while found is not None:
        whole, found = found, _part(x, found)
    return whole


def _part(x: Reporter, whole: Blame) -> Blame | None:
    expected = _wanted(whole.actual, whole.expected)
    if is_vector(whole.form) and isinstance(whole.actual, Exact) and len(whole.form) == len(whole.actual.items):
        return _item(x, whole, whole.actual, expected)
    if type(whole.form) is Map and isinstance(whole.actual, Literal) and isinstance(expected, (Record, MapOf)):
        return _entry(x, whole, whole.actual, expected)
    return None


def _wanted(actual: Type, expected: Type) -> Type:
    """Of several types that are wanted the one that such a literal could be, if it is one."""
    node = target(expected)
    if isinstance(node, Union):
        mine = kinds(actual) or frozenset()
        possible = [each for each in node.members if (kinds(each) or frozenset()) & mine]
        return _wanted(actual, possible[0]) if len(possible) == 1 else node
    return node


def _item(x: Reporter, whole: Blame, actual: Exact, expected: Type) -> Blame | None:
    count = len(actual.items)
    wanted: tuple[Type, ...] = ()
    if isinstance(expected, Sequence):
        wanted = (expected.item,) * count
    elif isinstance(expected, Tuple) and len(expected.items) == count:
        wanted = expected.items
    elif isinstance(expected, Array):
        wanted = (inner(expected),) * count
    for index, (mine, other) in enumerate(zip(actual.items, wanted, strict=bool(wanted))):
        if x.overlap.disjoint(mine, other):
            form = whole.form[index]
            return Blame(form, x.place(form, whole.form, index), mine, other, f"{whole.way}[{index}]")
    return None


def _entry(x: Reporter, whole: Blame, actual: Literal, expected: Record | MapOf) -> Blame | None:
    mine = {field.key: field.type for field in actual.fields}
    last = {key: (index, form) for index, (key, form) in enumerate(map_pairs(whole.form)) if key in mine}
    for key, (index, form) in last.items():
        other = _under(expected, key)
        if other is not None and x.overlap.disjoint(mine[key], other):
            step = f".{key.name}" if type(key) is Keyword else f"[{show_brief(key, 60)}]"
            return Blame(form, x.place(form, whole.form, 2 * index + 1), mine[key], other, whole.way + step)
    return None


def _under(expected: Record | MapOf, key: Any) -> Type | None:
    if isinstance(expected, MapOf):
        return expected.value
    return next((field.type for field in expected.fields if field.key == key), expected.others)
