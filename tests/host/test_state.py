"""What `ccos.state.*` keeps: the same contract in memory and in a file, and what only a file gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtfs.host.state import MemoryTable, RedisTable, SqliteTable, State, Table, open_state
from rtfs.lang.collections import EMPTY_MAP, List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import Timestamp, Uuid


@pytest.fixture(params=["memory", "sqlite", "redis"])
def table(request: pytest.FixtureRequest, tmp_path: Path, store_place: Callable[[str], str]) -> Iterator[Table]:
    table: Table
    if request.param == "redis":
        table = RedisTable(store_place("redis"))
    else:
        table = MemoryTable() if request.param == "memory" else SqliteTable(str(tmp_path / "state.db"))
    yield table
    table.close()


@pytest.fixture
def state(table: Table) -> State:
    return State(table)


K = Keyword("k")


def test_nothing_is_there_at_first(state: State) -> None:
    assert state.get("k") is None
    assert state.get("k", 5) == 5


def test_what_is_put_is_got_until_it_is_deleted(state: State) -> None:
    state.put("k", 1)
    state.put("k", 2)
    assert state.get("k", 5) == 2
    state.delete("k")
    state.delete("k")
    assert state.get("k", 5) == 5


def test_nil_is_a_value(state: State) -> None:
    state.put("k", None)
    assert state.get("k", 5) is None


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**70), 1.5, float("inf"), "ä\n\"", K, Symbol("s"), (1, "2"), List((1, 2)), List(), (), EMPTY_MAP,
     Map.of([(K, 1), ("k", 2), (1, 3), (1.0, 4), (True, 5), ((1,), Map.of([(None, ())]))]),
     tuple([[]] and (i,) for i in range(3)), Timestamp(1_700_000_000_123_456),
     Uuid("123e4567-e89b-12d3-a456-426614174000")],
)  # fmt: skip
def test_every_kind_of_value_comes_back_as_it_was(state: State, value: Any) -> None:
    from rtfs.lang.equality import equal

    state.put("k", value)
    back = state.get("k")
    assert equal(back, value)
    assert repr(back) == repr(value)


def test_a_deeply_nested_value_is_kept(state: State) -> None:
    value: Any = ()
    for _ in range(5_000):
        value = (value,)
    state.put("k", value)
    assert state.compare_and_put("k", value, 1) is True


def test_keys_of_different_kinds_are_different_keys(state: State) -> None:
    keys = ["k", K, Symbol("k"), 1, 1.0, True, None, ("k",), List(("k",)), Map.of([(K, 1)])]
    for number, key in enumerate(keys):
        state.put(key, number)
    assert [state.get(key) for key in keys] == list(range(len(keys)))


def test_maps_that_are_equal_are_one_key(state: State) -> None:
    state.put(Map.of([("a", 1), ("b", 2)]), "found")
    assert state.get(Map.of([("b", 2), ("a", 1)])) == "found"


@pytest.mark.parametrize("value", [len, lambda: 1, object(), (1, (lambda: 1,)), Map.of([(K, lambda: 1)])])
def test_what_cannot_be_kept_is_refused_and_changes_nothing(state: State, value: Any) -> None:
    for change in (
        lambda: state.put("k", value),
        lambda: state.append("k", value),
        lambda: state.compare_and_put("k", None, value),
        lambda: state.put(value, 1),
    ):
        with pytest.raises(RtfsError, match="Cannot store a value that holds a") as caught:
            change()
        assert caught.value.type == "not-storable"
    assert state.get("k", 5) == 5


def test_a_counter_begins_at_zero(state: State) -> None:
    assert [state.increment("c"), state.increment("c", 5), state.increment("c", -10)] == [1, 6, -4]
    assert state.get("c") is None


def test_events_get_consecutive_positions_in_their_own_log(state: State) -> None:
    assert [state.append("a", 1), state.append("a", 2), state.append("b", 3)] == [0, 1, 0]


def test_compare_and_put_changes_only_what_is_as_expected(state: State) -> None:
    assert state.compare_and_put("k", None, 1) is True
    assert state.compare_and_put("k", None, 2) is False
    assert state.compare_and_put("k", 1.0, 2) is False
    assert state.get("k") == 1
    assert state.compare_and_put("k", 1, 2) is True
    assert state.get("k") == 2


def test_compare_and_put_finds_what_is_not_equal_to_itself(state: State) -> None:
    value = (float("nan"), Map.of([("a", 1), ("b", 2)]))
    state.put("k", value)
    assert state.compare_and_put("k", (float("nan"), Map.of([("b", 2), ("a", 1)])), 1) is True


CHANGES: list[Callable[[State, str], Any]] = [
    lambda state, once: state.increment("x", 1, once),
    lambda state, once: state.append("x", "event", once),
    lambda state, once: state.compare_and_put("x", state.get("x"), 1, once),
    lambda state, once: state.put("x", 1, once),
    lambda state, once: state.delete("x", once),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_under_the_same_key_is_made_once_and_answers_the_same(
    state: State, change: Callable[[State, str], Any]
) -> None:
    first = change(state, "key-1")
    state.put("x", "changed meanwhile")
    assert change(state, "key-1") == first
    assert state.get("x") == "changed meanwhile"


def test_keys_of_different_changes_do_not_meet(state: State) -> None:
    assert state.increment("c", 1, "same") == 1
    assert state.append("c", "e", "same") == 0
    assert state.increment("c", 1, "other") == 2


def test_a_change_that_fails_leaves_nothing_behind(table: Table) -> None:
    def fail() -> None:
        table.write("s", "a", "2")
        table.write("s", "b", "2")
        assert table.read("s", "a") == "2"
        raise KeyError

    table.atomically(lambda: table.write("s", "a", "1"))
    with pytest.raises(KeyError):
        table.atomically(fail)
    assert (table.read("s", "a"), table.read("s", "b")) == ("1", None)
    table.atomically(lambda: table.write("s", "a", None))
    assert table.read("s", "a") is None


def test_a_change_that_fails_is_not_recorded_under_its_key(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(state.table, "write", broken)
        with pytest.raises(OSError, match="disk full"):
            state.increment("c", 1, "key")
    assert state.increment("c", 1, "key") == 1


class TwoTables(RuleBasedStateMachine):
    """The file behaves as the memory does, whatever is done in whatever order."""

    keys = st.sampled_from(["a", Keyword("a"), 1, 1.0])
    values = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.tuples(st.floats(allow_nan=False)))
    once = st.one_of(st.none(), st.sampled_from(["k1", "k2", "k3"]))

    @initialize()
    def open(self) -> None:
        self.states = [State(MemoryTable()), State(SqliteTable(":memory:"))]

    def teardown(self) -> None:
        for state in self.states:
            state.table.close()

    def both(self, work: Callable[[State], Any]) -> None:
        first, second = (work(state) for state in self.states)
        assert first == second and type(first) is type(second)

    @rule(key=keys, value=values, once=once)
    def put(self, key: Any, value: Any, once: Any) -> None:
        self.both(lambda state: state.put(key, value, once))

    @rule(key=keys, once=once)
    def delete(self, key: Any, once: Any) -> None:
        self.both(lambda state: state.delete(key, once))

    @rule(key=keys, expected=values, value=values, once=once)
    def compare_and_put(self, key: Any, expected: Any, value: Any, once: Any) -> None:
        self.both(lambda state: state.compare_and_put(key, expected, value, once))

    @rule(key=keys, by=st.integers(), once=once)
    def increment(self, key: Any, by: int, once: Any) -> None:
        self.both(lambda state: state.increment(key, by, once))

    @rule(key=keys, event=values, once=once)
    def append(self, key: Any, event: Any, once: Any) -> None:
        self.both(lambda state: state.append(key, event, once))

    @invariant()
    def same(self) -> None:
        for key in ("a", Keyword("a"), 1, 1.0):
            self.both(lambda state, key=key: state.get(key, "absent"))


TestTwoTables = TwoTables.TestCase
TestTwoTables.settings = settings(max_examples=40, stateful_step_count=20)


# ---- files


def test_a_file_is_kept_for_the_next_process(tmp_path: Path, bench: Callable[..., Any]) -> None:
    for expected in (None, 1):
        table = bench(state_dir=str(tmp_path / "state"))
        assert table.do("ccos.state.kv.get", "k") == expected
        table.do("ccos.state.kv.put", "k", 1)
        table.host.close()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_without_a_directory_hosts_share_nothing(bench: Callable[..., Any]) -> None:
    first, second = bench(), bench()
    first.do("ccos.state.kv.put", "k", 1)
    assert (first.do("ccos.state.kv.get", "k"), second.do("ccos.state.kv.get", "k")) == (1, None)


WORKER = """
import sys
from rtfs.host.state import open_state
state = open_state(sys.argv[1])
for _ in range(int(sys.argv[2])):
    state.increment("c")
    while not state.compare_and_put("k", old := state.get("k"), (old or 0) + 1):
        pass
"""


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_no_change_is_lost_between_processes(tmp_path: Path, store_place: Callable[[str], str], kind: str) -> None:
    place = str(tmp_path) if kind == "sqlite" else store_place("redis")
    count = 200 if kind == "sqlite" else 30
    workers = [subprocess.Popen([sys.executable, "-c", WORKER, place, str(count)]) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    state = open_state(place)
    assert (state.increment("c", 0), state.get("k")) == (3 * count, 3 * count)
    state.close()


def test_programs_keep_their_state_and_streams_at_a_redis_url(
    bench: Callable[..., Any], store_place: Callable[[str], str]
) -> None:
    place = store_place("redis")
    for expected in (None, (1, "a")):
        table = bench(state_dir=place)
        assert table.do("ccos.state.kv.get", "k") == expected
        table.do("ccos.state.kv.put", "k", (1, "a"))
        assert table.do("ccos.state.counter.inc", "c", idempotency_key="run/2") == 1
        table.host.close()


def test_a_server_that_is_not_there_is_an_error_of_the_call(bench: Callable[..., Any]) -> None:
    table = bench(state_dir="redis://:s3cret@127.0.0.1:1/0")
    with pytest.raises(RtfsError) as caught:
        table.do("ccos.state.kv.put", "k", 1)
    assert caught.value.kind == "HostError" and "s3cret" not in caught.value.message
    table.host.close()


# ---- the capabilities


def test_programs_keep_values_counters_and_events(bench: Callable[..., Any]) -> None:
    table = bench()
    assert table.do("ccos.state.kv.get", "k", "default") == "default"
    assert table.do("ccos.state.kv.put", "k", (1,)) is None
    assert table.do("ccos.state.kv.cas-put", "k", (1,), 2) is True
    assert table.do("ccos.state.kv.cas-put", "k", (1,), 3) is False
    assert table.do("ccos.state.kv.get", Map.of([(Keyword("key"), "k")])) == 2
    assert table.do("ccos.state.kv.delete", "k") is None
    assert table.do("ccos.state.counter.inc", "c") == 1
    assert table.do("ccos.state.counter.inc", "c", 4) == 5
    assert table.do("ccos.state.event.append", "log", Map.of([("n", 1)])) == 0


@pytest.mark.parametrize(
    ("id", "args", "answer"),
    [("counter.inc", ("c",), 1), ("event.append", ("c", "e"), 0), ("kv.cas-put", ("c", None, 1), True)],
)
def test_a_repeated_call_under_one_idempotency_key_answers_the_same(
    bench: Callable[..., Any], id: str, args: tuple[Any, ...], answer: Any
) -> None:
    table = bench()
    for _ in range(3):
        assert table.do(f"ccos.state.{id}", *args, idempotency_key="run-1/7") == answer


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(-3, 3), st.sampled_from(["1", "2", "3"]))))
def test_a_counter_is_the_sum_of_what_each_key_first_asked(changes: list[tuple[str, int, str]]) -> None:
    state = State(MemoryTable())
    seen: dict[str, tuple[str, int]] = {}
    for name, by, once in changes:
        state.increment(name, by, once)
        seen.setdefault(once, (name, by))
    for name in ("a", "b"):
        assert state.increment(name, 0) == sum(by for counter, by in seen.values() if counter == name)
