"""Vectors, lists and maps do what Python's lists and dicts do, across all sizes, and a value never changes once made.

The functions are those that programs call, so sharing and copying in place are at work; sizes lie around 64, where the
representation changes.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

import rtfs
from rtfs.lang.collections import SMALL, List, Map, PVector, vector
from rtfs.lang.equality import equal, hash_value, same_key
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from tests.strategies import examples

SESSION = rtfs.Session(cache=False)
NAMES = (
    "conj assoc pop subvec into concat update rest cons dissoc merge select-keys update-vals get contains? count vec"
)
CALL = {name: SESSION.lookup(name) for name in NAMES.split()}

items = st.one_of(st.integers(-3, 3), st.just("s"), st.just(Keyword("k")), st.just((1, 2)), st.none())
keys = st.one_of(
    st.integers(0, 80),
    st.sampled_from([1.0, 2.5, float("nan"), True, False, None, "a", "1", Keyword("a"), (1,), (1.0,), List((1,)), ()]),
)
sizes = st.sampled_from([0, 1, 3, 62, 63, 64, 65, 66, 130])


def identity(key: Any) -> str:
    """What makes two keys the same: kind and text (no key here is a negative zero)."""
    return f"{type(key).__name__} {show(key)}"


class Sequences(RuleBasedStateMachine):
    """Vectors and lists beside Python lists."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[tuple[Any, list[Any]]] = []

    def keep(self, value: Any, model: list[Any]) -> tuple[Any, list[Any]]:
        self.known.append((value, model))
        return value, model

    @rule(target=made, size=sizes, as_list=st.booleans())
    def start(self, size: int, as_list: bool) -> Any:
        model = list(range(size))
        return self.keep(List(model) if as_list else vector(list(model)), model)

    @rule(target=made, source=made, added=st.lists(items, min_size=1, max_size=3))
    def conj(self, source: Any, added: list[Any]) -> Any:
        return self.keep(CALL["conj"](source[0], *added), source[1] + added)

    @rule(target=made, source=made)
    def pop(self, source: Any) -> Any:
        value, model = source
        return self.keep(CALL["pop"](value), model[:-1]) if model else source

    @rule(target=made, source=made)
    def rest(self, source: Any) -> Any:
        return self.keep(CALL["rest"](source[0]), source[1][1:])

    @rule(target=made, source=made, item=items)
    def cons(self, source: Any, item: Any) -> Any:
        return self.keep(CALL["cons"](item, source[0]), [item, *source[1]])

    @rule(target=made, source=made, other=made)
    def into(self, source: Any, other: Any) -> Any:
        if len(source[1]) + len(other[1]) > 300:
            return source
        return self.keep(CALL["into"](source[0], other[0]), source[1] + other[1])

    @rule(target=made, source=made, other=made)
    def concat(self, source: Any, other: Any) -> Any:
        if len(source[1]) + len(other[1]) > 300:
            return source
        return self.keep(CALL["concat"](source[0], other[0]), source[1] + other[1])

    @rule(target=made, source=made, at=st.integers(0, 70), item=items)
    def assoc(self, source: Any, at: int, item: Any) -> Any:
        value, model = source
        if type(value) is List or at > len(model):
            return source
        return self.keep(CALL["assoc"](value, at, item), [*model[:at], item, *model[at + 1 :]])

    @rule(target=made, source=made, at=st.integers(0, 70))
    def update(self, source: Any, at: int) -> Any:
        value, model = source
        if type(value) is List or at >= len(model):
            return source
        changed = CALL["update"](value, at, lambda old: (old,))
        return self.keep(changed, [*model[:at], (model[at],), *model[at + 1 :]])

    @rule(target=made, source=made, start=st.integers(0, 70), end=st.integers(0, 140))
    def subvec(self, source: Any, start: int, end: int) -> Any:
        value, model = source
        if not start <= end <= len(model):
            return source
        return self.keep(CALL["subvec"](value, start, end), model[start:end])

    @rule(source=consumes(made))
    def forget(self, source: Any) -> None:
        """A value that nothing refers to any more must not free what others share."""
        self.known = [entry for entry in self.known if entry[0] is not source[0]]

    @invariant()
    def what_was_made_last_is_right(self) -> None:
        for value, model in self.known[-2:]:
            same_sequence(value, model)

    def teardown(self) -> None:
        for value, model in self.known:
            same_sequence(value, model)


def same_sequence(value: Any, model: list[Any]) -> None:
    """The value has the items of the model, the representation of its size, and equals and hashes as a new one."""
    assert type(value) is List or type(value) is (tuple if len(model) <= SMALL else PVector)
    assert len(value) == len(model) == CALL["count"](value)
    assert all(a is b or equal(a, b) for a, b in zip(value, model, strict=True))
    again = List(model) if type(value) is List else vector(list(model))
    assert equal(value, again) and hash_value(value) == hash_value(again)


class Maps(RuleBasedStateMachine):
    """Maps beside Python dicts: text of the key → key and value, in order."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[tuple[Map, dict[str, tuple[Any, Any]]]] = []

    def keep(self, value: Map, model: dict[str, tuple[Any, Any]]) -> Any:
        self.known.append((value, model))
        return value, model

    @rule(target=made, size=sizes)
    def start(self, size: int) -> Any:
        return self.keep(Map.of([(n, n) for n in range(size)]), {identity(n): (n, n) for n in range(size)})

    @rule(target=made, source=made, key=keys, item=items)
    def assoc(self, source: Any, key: Any, item: Any) -> Any:
        return self.keep(CALL["assoc"](source[0], key, item), put(source[1], key, item))

    @rule(target=made, source=made, key=keys, item=items)
    def conj(self, source: Any, key: Any, item: Any) -> Any:
        return self.keep(CALL["conj"](source[0], (key, item)), put(source[1], key, item))

    @rule(target=made, source=made, gone=st.lists(keys, min_size=1, max_size=3))
    def dissoc(self, source: Any, gone: list[Any]) -> Any:
        named = {identity(key) for key in gone}
        left = {name: entry for name, entry in source[1].items() if name not in named}
        return self.keep(CALL["dissoc"](source[0], *gone), left)

    @rule(target=made, source=made, other=made)
    def merge(self, source: Any, other: Any) -> Any:
        model = source[1]
        for key, item in other[1].values():
            model = put(model, key, item)
        return self.keep(CALL["merge"](source[0], other[0]), model)

    @rule(target=made, source=made, pairs=st.lists(st.tuples(keys, items), max_size=5))
    def into(self, source: Any, pairs: list[Any]) -> Any:
        model = source[1]
        for key, item in pairs:
            model = put(model, key, item)
        return self.keep(CALL["into"](source[0], vector(list(pairs))), model)

    @rule(target=made, source=made, key=keys)
    def update(self, source: Any, key: Any) -> Any:
        old = source[1].get(identity(key), (key, None))[1]
        return self.keep(CALL["update"](source[0], key, lambda value: (value,)), put(source[1], key, (old,)))

    @rule(target=made, source=made)
    def update_vals(self, source: Any) -> Any:
        changed = {name: (key, (item,)) for name, (key, item) in source[1].items()}
        return self.keep(CALL["update-vals"](source[0], lambda value: (value,)), changed)

    @rule(target=made, source=made, wanted=st.lists(keys, max_size=4))
    def select_keys(self, source: Any, wanted: list[Any]) -> Any:
        kept: dict[str, tuple[Any, Any]] = {}
        for key in wanted:
            if identity(key) in source[1] and identity(key) not in kept:
                kept[identity(key)] = (key, source[1][identity(key)][1])
        return self.keep(CALL["select-keys"](source[0], vector(list(wanted))), kept)

    @rule(source=made, key=keys)
    def lookup(self, source: Any, key: Any) -> None:
        found = source[1].get(identity(key), (None, "absent"))[1]
        assert equal(CALL["get"](source[0], key, "absent"), found)
        assert CALL["contains?"](source[0], key) is (identity(key) in source[1])

    @rule(source=consumes(made))
    def forget(self, source: Any) -> None:
        self.known = [entry for entry in self.known if entry[0] is not source[0]]

    @invariant()
    def what_was_made_last_is_right(self) -> None:
        for value, model in self.known[-2:]:
            same_map(value, model)

    def teardown(self) -> None:
        for value, model in self.known:
            same_map(value, model)


def put(model: dict[str, tuple[Any, Any]], key: Any, item: Any) -> dict[str, tuple[Any, Any]]:
    """A later equal key wins, at the position of the first, which stays the key."""
    first = model.get(identity(key), (key, None))[0]
    return {**model, identity(key): (first, item)}


def same_map(value: Map, model: dict[str, tuple[Any, Any]]) -> None:
    """The map has the entries of the model in their order, and equals and hashes as a new one in any order."""
    assert len(value) == len(model)
    for (key, item), (own, other) in zip(value.entries(), model.values(), strict=True):
        assert same_key(key, own) and same_key(item, other)
    again = Map.of(list(reversed(model.values())))
    assert same_key(value, again) and hash_value(value) == hash_value(again)


@pytest.mark.fuzz
def test_sequences_keep_what_they_hold() -> None:
    run_state_machine_as_test(Sequences, settings=settings(examples(20), stateful_step_count=25))


@pytest.mark.fuzz
def test_maps_keep_what_they_hold() -> None:
    run_state_machine_as_test(Maps, settings=settings(examples(20), stateful_step_count=25))
