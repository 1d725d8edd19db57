"""State that a chain keeps by key, cut into partitions for a store and put together again (streaming.md §6.10, §10.2).

A running chain has each such map whole. Only a store has it as rows of partitions, which can move one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.printer import canonical

PARTITIONS = 64  # of every stream, for ever


class Way(NamedTuple):
    """Where a map by key stands in the state of a chain: in the entry `entry` of state number `at`.

    field: under what a value of that map has the key, as an index or a key of its own; None where the map's key is it.
    """

    at: int
    entry: Keyword
    field: Any = None


class Cut(NamedTuple):
    """A state without its maps by key, the ways to these, and each partition's part of them, `{key [place value]}`.

    The place is that of the key in the whole map, whose order matters.
    """

    rest: Any
    ways: tuple[Way, ...]
    parts: dict[int, Any]


def partition_of(key: Any, count: int = PARTITIONS) -> int:
    """The partition of a key, the same in every process."""
    text = canonical(key, None).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % count


def cut(state: Any, ways: Sequence[Way]) -> Cut:
    """Take the maps by key out of a state. One that is no map, as after a migration, stays where it is."""
    states, found = list(state), [way for way in ways if _map_at(state, way) is not None]
    parts: dict[int, list[list[tuple[Any, Any]]]] = {}
    for number, way in enumerate(found):
        for place, (key, value) in enumerate(_map_at(state, way).entries()):
            by = partition_of(key if way.field is None else _field(value, way.field))
            part = parts.setdefault(by, [[] for _ in found])
            part[number].append((key, vector([place, value])))
        states[way.at] = states[way.at].assoc(way.entry, EMPTY_MAP)
    made = {number: vector([Map.of(entries) for entries in part]) for number, part in sorted(parts.items())}
    return Cut(vector(states), tuple(found), made)


def joined(rest: Any, ways: Sequence[Way], parts: Mapping[int, Any]) -> Any:
    """The state that was cut."""
    states = list(rest)
    for number, way in enumerate(ways):
        entries = [(place, key, value) for part in parts.values() for key, (place, value) in part[number].entries()]
        entries.sort(key=lambda entry: entry[0])
        states[way.at] = states[way.at].assoc(way.entry, Map.of((key, value) for _, key, value in entries))
    return vector(states)


def _map_at(state: Any, way: Way) -> Any:
    held = state[way.at]
    found = held.get(way.entry) if type(held) is Map else None
    return found if type(found) is Map else None


def _field(value: Any, field: Any) -> Any:
    return value.get(field) if type(value) is Map else value[field]
