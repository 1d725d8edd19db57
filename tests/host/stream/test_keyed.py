"""Maps by key in the state of a chain: cut into partitions for a store, and put together again (§6.10, §10.2)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.host.stream.keyed import PARTITIONS, Way, cut, joined, partition_of
from rtfs.host.stream.snapshot import Damaged, Fixed, Snapshot, checksum, load
from rtfs.lang.codec import decode, encode
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.names import Keyword as K
from rtfs.lang.printer import show
from tests.strategies import few_values, values

BY_KEY = Way(0, K("groups"))
IN_VALUE = Way(2, K("open"), K("key"))
AT_INDEX = Way(2, K("order"), 0)
WAYS = (BY_KEY, IN_VALUE, AT_INDEX)
KEYS = st.one_of(st.integers(), st.text(max_size=3), few_values(), st.tuples(st.integers(), st.text(max_size=2)))


@st.composite
def states(draw: st.DrawFn) -> Any:
    keys = draw(st.lists(KEYS, max_size=12))
    groups = Map.of((key, number) for number, key in enumerate(keys))
    windows = Map.of((vector([key, n]), Map.of([(K("key"), key), (K("n"), n)])) for n, key in enumerate(keys))
    order = Map.of((n, vector([key])) for n, key in enumerate(keys))
    first = Map.of([(K("count"), len(keys)), (K("groups"), groups), (K("since"), None)])
    return vector([first, draw(values()), Map.of([(K("open"), windows), (K("order"), order)])])


def snapshot(state: Any, *ways: Way) -> Snapshot:
    made = Snapshot()
    for name in ("error", "reason", "position", "memory", "watermark", "sink"):
        setattr(made, name, None)
    for name in ("epoch", "number", "seq", "output_seq", "time", "transitions", "created_at"):
        setattr(made, name, 7)
    made.stream_id, made.status, made.queue = "s", K("active"), []
    made.pending = made.stats = EMPTY_MAP
    made.state = state
    made.fixed = Fixed(vector([]), 0, EMPTY_MAP, FunctionIdentity(None, "", "f", "h", {}), 7, ways)
    return made


def test_the_partition_of_a_key_is_that_of_its_canonical_print() -> None:
    for key, text in ((K("a"), ":a"), ("x", '"x"'), (Map.of([(2, 1), (1, 2)]), "{1 2 2 1}")):
        assert partition_of(key) == int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % PARTITIONS


@given(states())
def test_a_state_that_was_cut_is_put_together_as_it_was(state: Any) -> None:
    rest, ways, parts = cut(state, WAYS)
    assert ways == WAYS
    assert [len(rest[way.at].get(way.entry)) for way in WAYS] == [0, 0, 0]
    assert show(joined(rest, ways, dict(reversed(parts.items())))) == show(state)  # with the order of all maps


@given(states())
def test_all_that_belongs_to_a_key_is_in_the_partition_of_that_key(state: Any) -> None:
    for number, part in cut(state, WAYS).parts.items():
        found = [*part[0], *(window.get(K("key")) for _, (_, window) in part[1].entries())]
        found += [key for _, (_, (key,)) in part[2].entries()]
        assert {partition_of(key) for key in found} == {number}


@given(states())
def test_a_snapshot_and_its_parts_give_the_state_back(state: Any) -> None:
    written = snapshot(state, *WAYS).written()
    back = load(written.body, written.checksum, {part.partition: part.body for part in written.parts})
    assert show(back.state) == show(state)
    assert back.written() == written
    assert 0 not in {part.partition for part in written.parts}


def test_a_snapshot_without_keys_has_no_parts() -> None:
    written = snapshot(vector([Map.of([(K("groups"), EMPTY_MAP)])]), BY_KEY).written()
    assert written.parts == ()
    assert show(load(written.body, written.checksum).state) == "[{:groups {}}]"


def test_what_is_no_map_stays_where_it_is() -> None:
    state = vector([Map.of([(K("groups"), 1)]), 2, 3])
    assert cut(state, WAYS) == (state, (), {})


@pytest.mark.parametrize("broken", ["missing", "changed", "another"])
def test_a_part_that_is_not_as_it_was_damages_the_snapshot(broken: str) -> None:
    state = vector([Map.of([(K("groups"), Map.of((n, n) for n in range(100)))])])
    written = snapshot(state, BY_KEY).written()
    parts = {part.partition: part.body for part in written.parts}
    assert len(parts) > 2
    first, second, *_ = parts
    if broken == "missing":
        del parts[first]
    else:
        parts[first] = parts[first].replace("[", "[ ", 1) if broken == "changed" else parts[second]
    with pytest.raises(Damaged, match="checksum"):
        load(written.body, written.checksum, parts)


OTHER = ["5", "nil", "[]", "{}", '"x"', "[[1]]", "[{1 2}]", "[[99 :groups nil]]", "[[0]]", "[[0 5 nil]]"]


@pytest.mark.parametrize(
    "name", ["keyed", "part", "partitions", "queue", "config", "processor", "pending", "stats", "seq"]
)
@pytest.mark.parametrize("other", OTHER)
def test_a_snapshot_of_another_shape_is_damaged_whoever_made_its_checksum(name: str, other: str) -> None:
    state = vector([Map.of([(K("groups"), Map.of((n, n) for n in range(100)))])])
    written = snapshot(state, BY_KEY).written()
    value = decode(other)
    body = encode(decode(written.body).assoc(K(name), value))
    parts = {part.partition: part.body for part in written.parts}
    try:
        back = load(body, checksum(body), parts)
    except Damaged:
        return
    assert back.written() is not None  # it has every part in a shape that a stream can go on from


def test_what_cannot_be_stored_is_named_by_its_place_in_the_whole_state() -> None:
    state = vector([Map.of([(K("groups"), Map.of([(K("a"), vector([1, len]))]))])])
    with pytest.raises(RtfsError) as found:
        snapshot(state, BY_KEY).written()
    assert found.value.code == "RTFS-S031"
    assert "[0 :groups :a 1]" in found.value.message
