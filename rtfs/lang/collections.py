"""Persistent vectors, lists and insertion-ordered maps.

A vector is a `tuple` of at most 64 items, a `PVector` above: the representation follows from the size alone, or
equality would break. A list is a `List`. A map is always a `Map`, with a dict inside up to 64 entries and a HAMT above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from rtfs.lang.names import Keyword
from rtfs.lang.signal import METERS, charge

SMALL = 64

# The walks over values of any kind. `equality.py`, which knows all kinds, brings them when the package is imported.
_equal: Callable[[Any, Any], bool]
_same_key: Callable[[Any, Any], bool]
_hash_and_depth: Callable[[Any], tuple[int, int]]


def install_walks(
    equal: Callable[[Any, Any], bool],
    same_key: Callable[[Any, Any], bool],
    hash_and_depth: Callable[[Any], tuple[int, int]],
) -> None:
    """Called once, by `equality.py`."""
    global _equal, _same_key, _hash_and_depth
    _equal, _same_key, _hash_and_depth = equal, same_key, hash_and_depth


class List(tuple[Any, ...]):
    """An RTFS list. A tuple underneath, and equal only to lists."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is List and _equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return _hash_and_depth(self)[0]

    def __repr__(self) -> str:
        from rtfs.lang.printer import show

        return show(self)


class PVector(Sequence[Any]):
    """A vector of more than 64 items: a view of the first `_count` items of a list that several vectors share.

    Appending to the longest view grows the shared list in place; every other change copies.
    """

    __slots__ = ("_items", "_count", "_hash")
    _items: list[Any]
    _count: int
    _hash: int | None

    def __init__(self, items: list[Any]) -> None:
        """Takes `items` over: the caller must not change it afterwards. Use `vector` unless the length is known."""
        self._items = items
        self._count = len(items)
        self._hash = None

    def conj(self, value: Any) -> PVector:
        """With `value` at the end: constant time on the longest view, a copy on an older one."""
        items = self._items
        if METERS:
            copied = 0 if len(items) == self._count else self._count
            charge(copied >> 4, copied + 1)
        if len(items) == self._count:
            items.append(value)
        else:
            items = items[: self._count]
            items.append(value)
        grown = PVector.__new__(PVector)
        grown._items = items
        grown._count = self._count + 1
        grown._hash = None
        return grown

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return islice(self._items, self._count)  # the shared list may be longer, or grow meanwhile

    def __getitem__(self, index: Any) -> Any:
        """An item, or for a slice the *list* of its items."""
        if type(index) is int and 0 <= index < self._count:
            return self._items[index]
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            return self._items[start:stop:step] if step > 0 else self._items[: self._count][index]
        if index < 0:
            index += self._count
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._items[index]

    def __call__(self, *args: Any) -> Any:
        from rtfs.lang.access import call_vector

        return call_vector(self, *args)

    def __eq__(self, other: object) -> bool:
        return type(other) is PVector and _equal(self, other)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = _hash_and_depth(self)[0]
        return self._hash

    def __repr__(self) -> str:
        from rtfs.lang.printer import show

        return show(self)


Vector = tuple[Any, ...] | PVector


def vector(items: Iterable[Any]) -> Vector:
    """A vector of any items; a list that is passed is taken over when it is long."""
    listed = items if type(items) is list else list(items)
    return tuple(listed) if len(listed) <= SMALL else PVector(listed)


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


class Key:
    """A map key of any kind but int, string and keyword: compared kind-strictly, `##NaN` finds itself."""

    __slots__ = ("value", "depth", "_hash")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._hash, self.depth = _hash_and_depth(value)  # walks over maps need not look inside their keys again

    def __eq__(self, other: object) -> bool:
        if type(other) is not Key or self._hash != other._hash:
            return False
        return _same_key(self.value, other.value)

    def __hash__(self) -> int:
        return self._hash


RAW_KINDS = frozenset({str, int, Keyword})


def stored_key(key: Any) -> Any:
    """The key as the storage of a `Map` holds it: int, string and keyword as they are, every other kind as a `Key`."""
    return key if type(key) in RAW_KINDS else Key(key)


class _Trie:
    """A HAMT of key → (ordinal, value) that iterates in insertion order; sorted once, then remembered."""

    __slots__ = ("root", "next", "_order")

    def __init__(self, root: Any, next_ordinal: int) -> None:
        self.root = root
        self.next = next_ordinal
        self._order: list[tuple[Any, Any]] | None = None

    def get(self, key: Any, default: Any = None) -> Any:
        entry = self.root.get(key)
        return default if entry is None else entry[1]

    def __contains__(self, key: Any) -> bool:
        return key in self.root

    def __len__(self) -> int:
        return len(self.root)

    def items(self) -> list[tuple[Any, Any]]:
        if self._order is None:
            ordered = sorted(self.root.items(), key=lambda entry: entry[1][0])
            self._order = [(key, entry[1]) for key, entry in ordered]
        return self._order

    def put(self, key: Any, value: Any) -> _Trie:
        entry = self.root.get(key)
        if entry is not None:
            return _Trie(self.root.set(key, (entry[0], value)), self.next)
        return _Trie(self.root.set(key, (self.next, value)), self.next + 1)


class Map(Mapping[Any, Any]):
    """An immutable map in insertion order; keys are found kind-strictly (1, 1.0 and true are three keys).

    Build one with `Map.of(pairs)` or `Map.holding(dict)`; `assoc` and `dissoc` give changed copies.
    `raw` is the storage that compiled code reads: `raw.get(key)` for keys of kind int, str and keyword.

    There is no `__init__`, which would cost more than all else about a small map: whoever says `Map()`, as compiled
    code does, sets `raw` at once.
    """

    __slots__ = ("raw", "_pairs", "_hash")
    raw: Any
    _pairs: tuple[tuple[Any, Any], ...]  # absent, as `_hash` is, until there is something to remember
    _hash: int

    if TYPE_CHECKING:

        def __init__(self, neither_empty_nor_of_a_dict: NoReturn, /) -> None:
            """Say EMPTY_MAP, `Map.of` or `Map.holding`."""

    @staticmethod
    def holding(raw: Any) -> Map:
        """Internal: `raw` is a dict of at most 64 stored keys that nobody else changes, or a `_Trie`."""
        made = _new_map()
        made.raw = raw
        return made

    @property
    def pairs(self) -> tuple[tuple[Any, Any], ...] | None:
        """Every pair as read, on a map *form* that repeats a key (language.md §1.6); None on all other maps."""
        return getattr(self, "_pairs", None)

    @pairs.setter
    def pairs(self, pairs: tuple[tuple[Any, Any], ...]) -> None:
        self._pairs = pairs

    @staticmethod
    def of(pairs: Iterable[tuple[Any, Any]]) -> Map:
        """A map of pairs; a later equal key wins, at the position of the first."""
        return Map.from_stored({stored_key(key): value for key, value in pairs})

    @staticmethod
    def from_stored(stored: dict[Any, Any]) -> Map:
        """Takes over a dict whose keys are already in stored form (int, str, keyword as they are, others as `Key`)."""
        if len(stored) <= SMALL:
            return Map.holding(stored)
        import immutables  # deferred: small maps never need it

        root = immutables.Map({key: (n, value) for n, (key, value) in enumerate(stored.items())})
        trie = _Trie(root, len(stored))
        trie._order = list(stored.items())
        return Map.holding(trie)

    def get(self, key: Any, default: Any = None) -> Any:
        return self.raw.get(key if type(key) in RAW_KINDS else Key(key), default)

    def __getitem__(self, key: Any) -> Any:
        value = self.get(key, MISSING)
        if value is MISSING:
            raise KeyError(key)
        return value

    def __contains__(self, key: Any) -> bool:
        return stored_key(key) in self.raw

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[Any]:
        for key, _ in self.raw.items():
            yield key.value if type(key) is Key else key

    def entries(self) -> list[tuple[Any, Any]]:
        """The `[k v]` pairs in order, as tuples (which are RTFS vectors)."""
        return [(key.value if type(key) is Key else key, value) for key, value in self.raw.items()]

    def assoc(self, key: Any, value: Any) -> Map:
        stored = stored_key(key)
        raw = self.raw
        if METERS:
            _changed(raw)
        if type(raw) is _Trie:
            return Map.holding(raw.put(stored, value))
        copy = raw.copy()
        copy[stored] = value
        return Map.from_stored(copy)

    def dissoc(self, key: Any) -> Map:
        stored = stored_key(key)
        raw = self.raw
        if stored not in raw:
            return self
        if METERS:
            _changed(raw)
        if type(raw) is _Trie:
            root = raw.root.delete(stored)
            if len(root) > SMALL:
                return Map.holding(_Trie(root, raw.next))
            return Map.holding({key: value for key, value in raw.items() if key in root})
        copy = raw.copy()
        del copy[stored]
        return Map.holding(copy)

    def merge(self, other: Map) -> Map:
        """With the entries of `other`, whose values win."""
        if type(self.raw) is dict:
            return Map.from_stored({**self.raw, **dict(other.raw.items())})
        trie = self.raw
        if METERS:
            charge(2 * len(other), NODES * len(other))
        for key, value in other.raw.items():
            trie = trie.put(key, value)
        return Map.holding(trie)

    def __call__(self, *args: Any) -> Any:
        from rtfs.lang.access import call_map

        return call_map(self, *args)

    def __eq__(self, other: object) -> bool:
        return type(other) is Map and _equal(self, other)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = found = _hash_and_depth(self)[0]
            return found

    def __repr__(self) -> str:
        from rtfs.lang.printer import show

        return show(self)


NODES = 32  # cells that a changed copy of a large map allocates


def _changed(raw: Any) -> None:
    """A copy of the storage of a map with one change is about to be made."""
    copied = NODES if type(raw) is _Trie else len(raw)
    charge(copied >> 4, copied + 1)


_new_map: Callable[[], Map] = Map  # type: ignore[assignment]


def map_form(pairs: Sequence[tuple[Any, Any]]) -> Map:
    """A map form of pairs as written: it remembers all of them when a key repeats (language.md §1.6)."""
    return keyed_form([key for key, _ in pairs], [value for _, value in pairs])


def keyed_form(keys: Sequence[Any], values: Sequence[Any]) -> Map:
    """The same of keys and values in turn."""
    if RAW_KINDS.issuperset(map(type, keys)):
        form = Map.from_stored(dict(zip(keys, values, strict=True)))
    else:
        form = Map.of(zip(keys, values, strict=True))
    if len(form) != len(keys):
        form.pairs = tuple(zip(keys, values, strict=True))
    return form


EMPTY_MAP = Map.holding({})
EMPTY_LIST = List()
