"""Elements and parts of sequences (language.md §2.4, §14.4)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.number import integer
from rtfs.eval.limits import built, each, wrote
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, nth, sequence
from rtfs.lang.collections import EMPTY_LIST, EMPTY_MAP, MISSING, SMALL, List, Map, PVector, vector
from rtfs.lang.errors import index_error, invalid_argument
from rtfs.lang.signal import METERS
from rtfs.lang.values import wrong_kind

_SLICED = frozenset({tuple, PVector, List, str})  # what has an index and slices as it is


def view(coll: Any, operation: str) -> Any:
    """Like `sequence`, but a string stays one: it can be indexed and cut."""
    return coll if type(coll) in _SLICED else sequence(coll, operation)


def as_vector(part: Any) -> Any:
    """A vector of a slice or view."""
    if METERS:
        built(len(part))
    return part if type(part) is tuple and len(part) <= SMALL else vector(part)


def like(coll: Any, part: Any) -> Any:
    """A slice or list of elements in the kind of `coll`: list → list, everything else → vector."""
    if type(coll) is not List:
        return as_vector(part)
    if METERS:
        built(len(part))
    return List(part)


def _text(part: str) -> str:
    """A part of a string."""
    if METERS:
        wrote(len(part))
    return part


# ---- elements ---------------------------------------------------------------------------------------------------


@builtin(
    "first",
    doc="The first element, nil when there is none.",
    type="[Items] [:maybe a]",
    example=('[(first [1 2]) (first "")]', "[1 nil]"),
)
def first(coll: Any) -> Any:
    items = view(coll, "first")
    return items[0] if len(items) else None


@builtin(
    "second",
    doc="The second element, nil when there is none.",
    type="[Items] [:maybe a]",
    example=("(second [1 2])", "2"),
)
def second(coll: Any) -> Any:
    items = view(coll, "second")
    return items[1] if len(items) > 1 else None


@builtin(
    "last", doc="The last element, nil when there is none.", type="[Items] [:maybe a]", example=("(last [1 2])", "2")
)
def last(coll: Any) -> Any:
    items = view(coll, "last")
    return items[len(items) - 1] if len(items) else None


@builtin(
    "ffirst", doc="The first element of the first element.", type="[Items] :any", example=("(ffirst [[1] [2]])", "1")
)
def ffirst(coll: Any) -> Any:
    items = view(coll, "ffirst")
    inner: Any = view(items[0], "ffirst") if len(items) else ()
    return inner[0] if len(inner) else None


@builtin(
    "nth",
    doc="(nth coll i default): the element at an index; out of range the default, or else an error.",
    type="[Items :int] a [Items :int b] [:or a b]",
    example=("[(nth [4 5] 1) (nth [4 5] 9 :none)]", "[5 :none]"),
)
def nth_(coll: Any, index: Any, default: Any = MISSING) -> Any:
    return nth(coll, index, default)


@builtin(
    "count",
    doc="How many elements, entries or characters there are.",
    type="[[:or :error Items]] :int",
    example=("(count {:a 1})", "1"),
)
def count(coll: Any) -> int:
    kind = type(coll)
    if kind in _SLICED or kind is Map:
        return len(coll)
    if coll is None:
        return 0
    raise wrong_kind("count", "collection", coll)


@builtin(
    "peek",
    doc="The last element of a vector or list, nil when empty.",
    type="[[:or :nil [:seq a]]] [:maybe a]",
    example=("(peek [1 2])", "2"),
)
def peek(coll: Any) -> Any:
    items = _indexed("peek", coll)
    return items[len(items) - 1] if len(items) else None


def _indexed(operation: str, coll: Any) -> Any:
    """A vector or list; nil is an empty one."""
    if type(coll) in (tuple, PVector, List):
        return coll
    if coll is None:
        return ()
    raise wrong_kind(operation, "vector or list", coll)


# ---- the same kind with fewer elements --------------------------------------------------------------------------


@builtin(
    "rest",
    doc="All but the first element, in the same kind.",
    type="[[:list a]] [:list a] [:string] :string [Items] [:vector a]",
    example=('[(rest [1 2]) (rest "xy")]', '[[2] "y"]'),
)
def rest(coll: Any) -> Any:
    if type(coll) is str:
        return _text(coll[1:])
    if type(coll) is tuple and not METERS:
        return coll[1:]
    return like(coll, sequence(coll, "rest")[1:])


@builtin(
    "next",
    doc="Like rest, but nil when nothing is left.",
    type="[[:list a]] [:maybe [:list a]] [:string] :string? [Items] [:maybe [:vector a]]",
    example=("[(next [1 2]) (next [1])]", "[[2] nil]"),
)
def next_(coll: Any) -> Any:
    items = view(coll, "next")
    if len(items) < 2:
        return None
    return _text(items[1:]) if type(items) is str else like(coll, items[1:])


@builtin(
    "butlast",
    doc="All but the last element, in the same kind.",
    type="[[:list a]] [:list a] [:string] :string [Items] [:vector a]",
    example=("(butlast [1 2])", "[1]"),
)
def butlast(coll: Any) -> Any:
    items = view(coll, "butlast")
    part = items[: max(len(items) - 1, 0)]
    return _text(part) if type(part) is str else like(coll, part)


@builtin(
    "pop",
    doc="All but the last element of a vector or list that is not empty.",
    type="[[:or :nil [:vector a]]] [:vector a] [[:list a]] [:list a]",
    example=("(pop [1 2])", "[1]"),
)
def pop(coll: Any) -> Any:
    items = _indexed("pop", coll)
    if not len(items):
        raise index_error(0, 0)
    return like(coll, items[: len(items) - 1])


@builtin(
    "reverse",
    doc="The elements in opposite order, in the same kind.",
    type="[[:list a]] [:list a] [:string] :string [Items] [:vector a]",
    example=("(reverse '(1 2))", "(2 1)"),
)
def reverse(coll: Any) -> Any:
    items = view(coll, "reverse")
    return _text(items[::-1]) if type(items) is str else like(coll, items[::-1])


@builtin(
    "empty",
    doc="The empty collection of the same kind.",
    type="[:list] [:list :never] [:string] :string [:map] :map [[:or :nil :vector]] [:vector :never]",
    example=("(empty '(1))", "()"),
)
def empty(coll: Any) -> Any:
    if type(coll) is Map:
        return EMPTY_MAP
    items = view(coll, "empty")
    return "" if type(items) is str else EMPTY_LIST if type(items) is List else ()


# ---- emptiness --------------------------------------------------------------------------------------------------


@builtin("empty?", doc="Are there no elements?", type="[[:or :error Items]] :bool", example=("(empty? [])", "true"))
def is_empty(coll: Any) -> bool:
    return len(coll if type(coll) is Map else view(coll, "empty?")) == 0


@builtin(
    "not-empty", doc="The collection, nil when it is empty.", type="[Items] Items", example=("(not-empty [])", "nil")
)
def not_empty(coll: Any) -> Any:
    return coll if len(coll if type(coll) is Map else view(coll, "not-empty")) else None


@builtin(
    "seq",
    doc="A list unchanged, otherwise a vector of the elements; nil when empty.",
    type="[Items] [:maybe [:seq a]]",
    example=('[(seq "ab") (seq [])]', '[["a" "b"] nil]'),
)
def seq(coll: Any) -> Any:
    items = sequence(coll, "seq")
    if not len(items):
        return None
    return items if type(coll) in (tuple, PVector, List) else as_vector(items)


# ---- parts as vectors -------------------------------------------------------------------------------------------


def _size(operation: str, n: Any, index: int = 0) -> int:
    """How many elements; a negative number counts as 0."""
    return max(integer(operation, n, index), 0)


@builtin("take", doc="The first n elements.", type="[:int Items] [:vector a]", example=("(take 2 [1 2 3])", "[1 2]"))
def take(n: Any, coll: Any) -> Any:
    return as_vector(sequence(coll, "take")[: _size("take", n)])


@builtin(
    "drop", doc="All but the first n elements.", type="[:int Items] [:vector a]", example=("(drop 2 [1 2 3])", "[3]")
)
def drop(n: Any, coll: Any) -> Any:
    return as_vector(sequence(coll, "drop")[_size("drop", n) :])


@builtin(
    "take-last", doc="The last n elements.", type="[:int Items] [:vector a]", example=("(take-last 2 [1 2 3])", "[2 3]")
)
def take_last(n: Any, coll: Any) -> Any:
    items = sequence(coll, "take-last")
    return as_vector(items[max(len(items) - _size("take-last", n), 0) :])


@builtin(
    "drop-last",
    doc="All but the last n elements (one by default).",
    type="[Items] [:vector a] [:int Items] [:vector a]",
    example=("(drop-last 2 [1 2 3])", "[1]"),
)
def drop_last(n: Any, coll: Any = MISSING) -> Any:
    given, size = (n, 1) if coll is MISSING else (coll, n)
    items = sequence(given, "drop-last")
    return as_vector(items[: max(len(items) - _size("drop-last", size), 0)])


def _prefix(f: Any, items: Any) -> int:
    """How many elements come before the first that does not satisfy f."""
    for index, item in enumerate(items):
        if METERS:
            each()
        found = f(item)
        if found is None or found is False:
            return index
    return len(items)


@builtin(
    "take-while",
    doc="The elements before the first that does not satisfy f.",
    type="[[:fn [a] :any] Items] [:vector a]",
    example=("(take-while pos? [1 0 2])", "[1]"),
)
def take_while(f: Any, coll: Any) -> Any:
    items = sequence(coll, "take-while")
    return as_vector(items[: _prefix(callee(f, "take-while"), items)])


@builtin(
    "drop-while",
    doc="The elements from the first that does not satisfy f.",
    type="[[:fn [a] :any] Items] [:vector a]",
    example=("(drop-while pos? [1 0 2])", "[0 2]"),
)
def drop_while(f: Any, coll: Any) -> Any:
    items = sequence(coll, "drop-while")
    return as_vector(items[_prefix(callee(f, "drop-while"), items) :])


@builtin(
    "split-with",
    doc="take-while and drop-while at once.",
    type="[[:fn [a] :any] Items] [:vector [:vector a]]",
    example=("(split-with pos? [1 0])", "[[1] [0]]"),
)
def split_with(f: Any, coll: Any) -> Any:
    items = sequence(coll, "split-with")
    place = _prefix(callee(f, "split-with"), items)
    return (as_vector(items[:place]), as_vector(items[place:]))


@builtin(
    "split-at",
    doc="take and drop at once.",
    type="[:int Items] [:vector [:vector a]]",
    example=("(split-at 1 [1 2])", "[[1] [2]]"),
)
def split_at(n: Any, coll: Any) -> Any:
    items, place = sequence(coll, "split-at"), _size("split-at", n)
    return (as_vector(items[:place]), as_vector(items[place:]))


@builtin(
    "take-nth",
    doc="Every n-th element, the first included.",
    type="[:int Items] [:vector a]",
    example=("(take-nth 2 [1 2 3])", "[1 3]"),
)
def take_nth(n: Any, coll: Any) -> Any:
    if integer("take-nth", n) < 1:
        raise invalid_argument("take-nth needs a step of at least 1", n)
    items = sequence(coll, "take-nth")
    return as_vector(items[:: min(n, len(items) + 1)])


@builtin(
    "subvec",
    doc="(subvec coll start end): the elements of a vector or list from start up to, not including, end.",
    type="[[:or :nil [:seq a]] :int] [:vector a] [[:or :nil [:seq a]] :int :int] [:vector a]",
    example=("(subvec [1 2 3] 1)", "[2 3]"),
)
def subvec(coll: Any, start: Any, end: Any = MISSING) -> Any:
    items = _indexed("subvec", coll)
    size = len(items)
    last_ = size if end is MISSING else integer("subvec", end, 2)
    if not 0 <= integer("subvec", start, 1) <= size:
        raise index_error(start, size)
    if not 0 <= last_ <= size:
        raise index_error(last_, size)
    if start > last_:
        raise index_error(start, last_)
    return as_vector(items[start:last_])
