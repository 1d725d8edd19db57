"""Parts of sequences, and functions over their elements (language.md §14.4)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.number import integer
from rtfs.eval.limits import check_elements
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, nth, sequence
from rtfs.lang.collections import EMPTY_LIST, EMPTY_MAP, MISSING, List, Map, PVector, vector
from rtfs.lang.errors import arity_error, type_error
from rtfs.lang.values import type_name


def truthy(value: Any) -> bool:
    return value is not None and value is not False


def like(coll: Any, items: Any) -> Any:
    """Items in the kind of `coll`: list → list, everything else → vector."""
    return List(items) if type(coll) is List else vector(list(items))


def like_text(coll: Any, items: Any) -> Any:
    """The same, and string → string."""
    return items if type(coll) is str else like(coll, items)


def _cut(coll: Any, operation: str) -> Any:
    """What can be sliced: strings as they are, others by their sequence view."""
    return coll if type(coll) is str else sequence(coll, operation)


@builtin("first", doc="The first element, nil when there is none.", example=("(first [1 2])", "1"))
def first(coll: Any) -> Any:
    items = _cut(coll, "first")
    return items[0] if len(items) else None


@builtin("second", doc="The second element, nil when there is none.", example=("(second [1 2])", "2"))
def second(coll: Any) -> Any:
    items = _cut(coll, "second")
    return items[1] if len(items) > 1 else None


@builtin("last", doc="The last element, nil when there is none.", example=("(last [1 2])", "2"))
def last(coll: Any) -> Any:
    items = _cut(coll, "last")
    return items[len(items) - 1] if len(items) else None


@builtin("ffirst", doc="The first element of the first element.", example=("(ffirst [[1]])", "1"))
def ffirst(coll: Any) -> Any:
    return first(first(coll))


@builtin("rest", doc="All but the first element, in the same kind.", example=("(rest [1 2])", "[2]"))
def rest(coll: Any) -> Any:
    return like_text(coll, _cut(coll, "rest")[1:])


@builtin("next", doc="Like rest, but nil when nothing is left.", example=("(next [1])", "nil"))
def next_(coll: Any) -> Any:
    items = _cut(coll, "next")
    return like_text(coll, items[1:]) if len(items) > 1 else None


@builtin("butlast", doc="All but the last element, in the same kind.", example=("(butlast [1 2])", "[1]"))
def butlast(coll: Any) -> Any:
    items = _cut(coll, "butlast")
    return like_text(coll, items[: max(len(items) - 1, 0)])


@builtin("nth", doc="The element at an index, or the default.", example=("(nth [4 5] 1)", "5"))
def nth_(coll: Any, index: Any, default: Any = MISSING) -> Any:
    return nth(coll, index, default)


@builtin("count", doc="How many elements or characters there are.", example=("(count {:a 1})", "1"))
def count(coll: Any) -> int:
    kind = type(coll)
    if kind is tuple or kind is PVector or kind is List or kind is Map or kind is str:
        return len(coll)
    if coll is None:
        return 0
    raise type_error("count", "collection", type_name(coll))


@builtin("empty?", doc="Are there no elements?", example=("(empty? [])", "true"))
def is_empty(coll: Any) -> bool:
    return len(_cut(coll, "empty?")) == 0 if type(coll) is not Map else len(coll) == 0


@builtin("not-empty", doc="The collection, nil when it is empty.", example=("(not-empty [])", "nil"))
def not_empty(coll: Any) -> Any:
    return None if is_empty(coll) else coll


@builtin(
    "seq",
    doc="A list unchanged, otherwise a vector of the elements; nil when empty.",
    example=('(seq "ab")', '["a" "b"]'),
)
def seq(coll: Any) -> Any:
    items = sequence(coll, "seq")
    if not len(items):
        return None
    return coll if type(coll) is List or type(coll) in (tuple, PVector) else vector(list(items))


@builtin("empty", doc="The empty collection of the same kind.", example=("(empty [1])", "[]"))
def empty(coll: Any) -> Any:
    if type(coll) is str:
        return ""
    if type(coll) is Map:
        return EMPTY_MAP
    sequence(coll, "empty")
    return EMPTY_LIST if type(coll) is List else ()


@builtin("take", doc="The first n elements.", example=("(take 2 [1 2 3])", "[1 2]"))
def take(n: Any, coll: Any) -> Any:
    return vector(list(sequence(coll, "take")[: max(integer("take", n), 0)]))


@builtin("drop", doc="All but the first n elements.", example=("(drop 2 [1 2 3])", "[3]"))
def drop(n: Any, coll: Any) -> Any:
    return vector(list(sequence(coll, "drop")[max(integer("drop", n), 0) :]))


@builtin("take-last", doc="The last n elements.", example=("(take-last 2 [1 2 3])", "[2 3]"))
def take_last(n: Any, coll: Any) -> Any:
    items = sequence(coll, "take-last")
    return vector(list(items[max(len(items) - max(integer("take-last", n), 0), 0) :]))


@builtin("drop-last", doc="All but the last n elements (one by default).", example=("(drop-last [1 2])", "[1]"))
def drop_last(n: Any, coll: Any = MISSING) -> Any:
    if coll is MISSING:
        n, coll = 1, n
    items = sequence(coll, "drop-last")
    return vector(list(items[: max(len(items) - max(integer("drop-last", n), 0), 0)]))


def _prefix(f: Any, items: Any) -> int:
    """How many elements come before the first that does not satisfy f."""
    for index, item in enumerate(items):
        if not truthy(f(item)):
            return index
    return len(items)


@builtin(
    "take-while",
    doc="The elements before the first that does not satisfy f.",
    example=("(take-while pos? [1 0 2])", "[1]"),
)
def take_while(f: Any, coll: Any) -> Any:
    items = sequence(coll, "take-while")
    return vector(list(items[: _prefix(callee(f, "take-while"), items)]))


@builtin(
    "drop-while",
    doc="The elements from the first that does not satisfy f.",
    example=("(drop-while pos? [1 0 2])", "[0 2]"),
)
def drop_while(f: Any, coll: Any) -> Any:
    items = sequence(coll, "drop-while")
    return vector(list(items[_prefix(callee(f, "drop-while"), items) :]))


@builtin("split-with", doc="take-while and drop-while at once.", example=("(split-with pos? [1 0])", "[[1] [0]]"))
def split_with(f: Any, coll: Any) -> Any:
    items = sequence(coll, "split-with")
    place = _prefix(callee(f, "split-with"), items)
    return (vector(list(items[:place])), vector(list(items[place:])))


@builtin("split-at", doc="take and drop at once.", example=("(split-at 1 [1 2])", "[[1] [2]]"))
def split_at(n: Any, coll: Any) -> Any:
    return (take(n, coll), drop(n, coll))


@builtin("take-nth", doc="Every n-th element, the first included.", example=("(take-nth 2 [1 2 3])", "[1 3]"))
def take_nth(n: Any, coll: Any) -> Any:
    from rtfs.lang.errors import invalid_argument

    if integer("take-nth", n) < 1:
        raise invalid_argument("take-nth needs a step of at least 1")
    return vector(list(sequence(coll, "take-nth"))[::n])


# ---- applying a function ----------------------------------------------------------------------------------------


@builtin(
    "map",
    "mapv",
    doc="The values of f for the elements; several collections until the shortest ends.",
    example=("(map + [1 2] [10 20])", "[11 22]"),
)
def map_(f: Any, coll: Any, *others: Any) -> Any:
    target = callee(f, "map")
    if not others:
        return vector([target(item) for item in sequence(coll, "map")])
    views = [sequence(one, "map") for one in (coll, *others)]
    if len(views) == 2:
        return vector([target(a, b) for a, b in zip(*views, strict=False)])
    return vector([target(*items) for items in zip(*views, strict=False)])


@builtin("map-indexed", doc="The values of f for index and element.", example=("(map-indexed + [5 5])", "[5 6]"))
def map_indexed(f: Any, coll: Any) -> Any:
    target = callee(f, "map-indexed")
    return vector([target(index, item) for index, item in enumerate(sequence(coll, "map-indexed"))])


@builtin(
    "keep-indexed",
    doc="The values of f for index and element that are not nil.",
    example=("(keep-indexed (fn [i x] (if (pos? i) x)) [1 2])", "[2]"),
)
def keep_indexed(f: Any, coll: Any) -> Any:
    target = callee(f, "keep-indexed")
    values = [target(index, item) for index, item in enumerate(sequence(coll, "keep-indexed"))]
    return vector([value for value in values if value is not None])


@builtin(
    "mapcat", doc="The values of f for the elements, joined.", example=("(mapcat (fn [x] [x x]) [1 2])", "[1 1 2 2]")
)
def mapcat(f: Any, coll: Any, *others: Any) -> Any:
    joined: list[Any] = []
    for part in map_(f, coll, *others):
        items = sequence(part, "mapcat")
        check_elements(len(joined) + len(items))
        joined.extend(items)
    return vector(joined)


@builtin("filter", "filterv", doc="The elements that satisfy f.", example=("(filter even? [1 2])", "[2]"))
def filter_(f: Any, coll: Any) -> Any:
    target = callee(f, "filter")
    return vector(
        [item for item in sequence(coll, "filter") if (kept := target(item)) is not None and kept is not False]
    )


@builtin("remove", doc="The elements that do not satisfy f.", example=("(remove even? [1 2])", "[1]"))
def remove(f: Any, coll: Any) -> Any:
    target = callee(f, "remove")
    return vector([item for item in sequence(coll, "remove") if (gone := target(item)) is None or gone is False])


@builtin("keep", doc="The values of f that are not nil.", example=("(keep :a [{:a 1} {}])", "[1]"))
def keep(f: Any, coll: Any) -> Any:
    target = callee(f, "keep")
    return vector([value for item in sequence(coll, "keep") if (value := target(item)) is not None])


@builtin("reduce", doc="Folds the elements from the left.", example=("(reduce + 10 [1 2])", "13"))
def reduce(f: Any, first_: Any, coll: Any = MISSING) -> Any:
    target = callee(f, "reduce")
    if coll is MISSING:
        items = sequence(first_, "reduce")
        if not len(items):
            return target()
        total = items[0]
        rest_items = items[1:]
    else:
        total, rest_items = first_, sequence(coll, "reduce")
    for item in rest_items:
        total = target(total, item)
    return total


@builtin("reductions", doc="The intermediate results of reduce.", example=("(reductions + [1 2 3])", "[1 3 6]"))
def reductions(f: Any, first_: Any, coll: Any = MISSING) -> Any:
    target = callee(f, "reductions")
    if coll is MISSING:
        items = sequence(first_, "reductions")
        if not len(items):
            return (target(),)
        total, rest_items = items[0], items[1:]
    else:
        total, rest_items = first_, sequence(coll, "reductions")
    out = [total]
    for item in rest_items:
        total = target(total, item)
        out.append(total)
    return vector(out)


@builtin(
    "reduce-kv",
    doc="Folds keys and values (of a vector: indices and items).",
    example=("(reduce-kv (fn [a k v] (+ a v)) 0 {:a 1})", "1"),
)
def reduce_kv(f: Any, initial: Any, coll: Any) -> Any:
    target = callee(f, "reduce-kv")
    if type(coll) in (tuple, PVector, List):
        pairs: Any = enumerate(coll)
    elif type(coll) is Map:
        pairs = coll.entries()
    elif coll is None:
        pairs = ()
    else:
        raise type_error("reduce-kv", "map or vector", type_name(coll))
    for key, value in pairs:
        initial = target(initial, key, value)
    return initial


# ---- tests ------------------------------------------------------------------------------------------------------


@builtin("some", doc="The first truthy value of f, or nil.", example=("(some even? [1 2])", "true"))
def some(f: Any, coll: Any) -> Any:
    target = callee(f, "some")
    for item in sequence(coll, "some"):
        found = target(item)
        if truthy(found):
            return found
    return None


@builtin("every?", doc="Do all elements satisfy f?", example=("(every? even? [2 4])", "true"))
def every(f: Any, coll: Any) -> bool:
    target = callee(f, "every?")
    return all(truthy(target(item)) for item in sequence(coll, "every?"))


@builtin("any?", doc="Does some element satisfy f?", example=("(any? even? [1 2])", "true"))
def any_(f: Any, coll: Any) -> bool:
    target = callee(f, "any?")
    return any(truthy(target(item)) for item in sequence(coll, "any?"))


@builtin("not-any?", doc="Does no element satisfy f?", example=("(not-any? even? [1 3])", "true"))
def not_any(f: Any, coll: Any) -> bool:
    return not any_(f, coll)


@builtin("not-every?", doc="Does some element not satisfy f?", example=("(not-every? even? [1 2])", "true"))
def not_every(f: Any, coll: Any) -> bool:
    return not every(f, coll)


@builtin("min-by", doc="The element with the least (f x); nil if empty.", example=('(min-by count ["aa" "b"])', '"b"'))
def min_by(f: Any, coll: Any) -> Any:
    return _by(callee(f, "min-by"), sequence(coll, "min-by"), -1)


@builtin(
    "max-by", doc="The element with the greatest (f x); nil if empty.", example=('(max-by count ["aa" "b"])', '"aa"')
)
def max_by(f: Any, coll: Any) -> Any:
    return _by(callee(f, "max-by"), sequence(coll, "max-by"), 1)


@builtin("min-key", doc="The argument with the least (f x).", example=("(min-key abs -3 2)", "2"))
def min_key(f: Any, first_: Any, *others: Any) -> Any:
    return _by(callee(f, "min-key"), (first_, *others), -1)


@builtin("max-key", doc="The argument with the greatest (f x).", example=("(max-key abs -3 2)", "-3"))
def max_key(f: Any, first_: Any, *others: Any) -> Any:
    return _by(callee(f, "max-key"), (first_, *others), 1)


def _by(f: Any, items: Any, sign: int) -> Any:
    from rtfs.lang.order import compare

    best = best_key = None
    for index, item in enumerate(items):
        key = f(item)
        if index == 0 or compare(key, best_key) == sign:
            best, best_key = item, key
    return best


def need(name: str, condition: bool, expected: str, given: int) -> None:
    """An arity that a Python signature cannot state."""
    if not condition:
        raise arity_error(name, expected, given)
