"""Maps joined, and changed as a whole (language.md §14.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.eval.builtins.map import as_map
from rtfs.eval.limits import built, called, each, walked
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import EMPTY_MAP, MISSING, Map
from rtfs.lang.signal import FLAG, METERS, poll


@builtin(
    "merge",
    doc="One map of all entries; later values win, nil is ignored.",
    type="[& :map?] :map",
    example=("(merge {:a 1} nil {:a 2 :b 3})", "{:a 2 :b 3}"),
)
def merge(*maps: Any) -> Map:
    result = EMPTY_MAP
    for index, one in enumerate(maps):
        other = as_map("merge", one, index)
        result = result.merge(other) if len(result) else other
        built(len(result))
    return result


@builtin(
    "merge-with",
    doc="(merge-with f m …): like merge; two values of one key are joined by f.",
    type="[:fn & :map?] :map",
    example=("(merge-with + {:a 1} {:a 2 :b 3})", "{:a 3 :b 3}"),
)
def merge_with(f: Any, *maps: Any) -> Map:
    target = callee(f, "merge-with")

    def join(old: Any, value: Any) -> Any:
        if METERS:
            each()
        return target(old, value)

    return _joined("merge-with", maps, join)


def _joined(operation: str, maps: tuple[Any, ...], join: Callable[[Any, Any], Any]) -> Map:
    """One map of the entries of all; a value under a key that is there already is joined with what is there."""
    joined: dict[Any, Any] = {}
    for index, one in enumerate(maps):
        entries = as_map(operation, one, index).raw
        walked(len(entries))
        if FLAG:
            poll()
        for key, value in entries.items():
            old = joined.get(key, MISSING)
            joined[key] = value if old is MISSING else join(old, value)
    built(len(joined))
    return Map.from_stored(joined)


@builtin(
    "deep-merge",
    doc="Like merge; maps under one key are merged in the same way.",
    type="[& :map?] :map",
    example=("(deep-merge {:a {:b 1}} {:a {:c 2}})", "{:a {:b 1 :c 2}}"),
)
def deep_merge(*maps: Any) -> Map:
    known: dict[tuple[int, int], tuple[Map, Map, Map]] = {}  # maps that occur in many places are merged once

    def join(old: Any, value: Any) -> Any:
        if type(old) is not Map or type(value) is not Map:
            return value
        found = known.get((id(old), id(value)))
        if found is None:
            found = known[id(old), id(value)] = (old, value, _joined("deep-merge", (old, value), join))
        return found[2]

    return _joined("deep-merge", maps, join)


@builtin(
    "select-keys",
    doc="The entries of the keys, in the order asked.",
    type="[[:or :nil :map :error] Items] :map",
    example=("(select-keys {:a 1 :b 2 :c 3} [:c :a])", "{:c 3 :a 1}"),
)
def select_keys(coll: Any, wanted: Any) -> Map:
    source = as_map("select-keys", coll)
    names = sequence(wanted, "select-keys")
    walked(len(names))
    kept = [(key, source.get(key)) for key in names if key in source]
    built(len(kept))
    return Map.of(kept)


@builtin(
    "rename-keys",
    doc="(rename-keys m {old new}): the map with keys renamed in place.",
    type="[:map? :map?] :map",
    example=("(rename-keys {:a 1 :b 2} {:a :x})", "{:x 1 :b 2}"),
)
def rename_keys(coll: Any, names: Any) -> Map:
    table = as_map("rename-keys", names, 1)
    entries = as_map("rename-keys", coll).entries()
    built(len(entries))
    return Map.of([(table.get(key, key), value) for key, value in entries])


@builtin(
    "update-vals",
    "map-vals",
    doc="The map with f of each value.",
    type="[[:or :nil [:map-of a c]] [:fn [c] b]] [:map-of a b]",
    example=("(update-vals {:a 1} inc)", "{:a 2}"),
)
def update_vals(coll: Any, f: Any) -> Map:
    target, entries = callee(f, "update-vals"), as_map("update-vals", coll).raw
    called(len(entries))
    built(len(entries))
    return Map.from_stored({key: target(value) for key, value in entries.items()})


@builtin(
    "update-keys",
    "map-keys",
    doc="The map with f of each key.",
    type="[[:or :nil [:map-of a c]] [:fn [a] b]] [:map-of b c]",
    example=("(update-keys {:a 1} name)", '{"a" 1}'),
)
def update_keys(coll: Any, f: Any) -> Map:
    target, entries = callee(f, "update-keys"), as_map("update-keys", coll).entries()
    called(len(entries))
    built(len(entries))
    return Map.of([(target(key), value) for key, value in entries])
