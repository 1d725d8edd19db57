"""The small families: echo, math, system, random, json, data, context, resource."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import EMPTY_MAP, List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid


@pytest.fixture
def table(bench: Callable[..., Any]) -> Any:
    return bench()


def fails(table: Any, id: str, *args: Any) -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        table.do(id, *args)
    return caught.value


# ---- echo, math


@pytest.mark.parametrize("value", [None, 1, "x", (1, 2), Map.of([(Keyword("value"), 1)]), List((1,)), len])
def test_echo_gives_the_value_back(table: Any, value: Any) -> None:
    assert table.do("ccos.echo", value) is value


def test_add_sums_arguments_or_one_vector(table: Any) -> None:
    assert table.do("ccos.math.add", 1, 2, 3.5) == 6.5
    assert table.do("ccos.math.add", (1, 2)) == 3
    assert table.do("ccos.math.add", 5) == 5
    assert table.do("ccos.math.add") == 0
    for wrong in [("1",), (True,), (1, "2"), ((1, None),)]:
        assert fails(table, "ccos.math.add", *wrong).type == "input-validation"


# ---- system


def test_the_environment_is_read_by_name(table: Any, monkeypatch: pytest.MonkeyPatch, m: Callable[..., Map]) -> None:
    monkeypatch.setenv("RTFS_TEST_VARIABLE", "wörld")
    assert table.do("ccos.system.get-env", "RTFS_TEST_VARIABLE") == "wörld"
    assert table.do("ccos.system.get-env", m(name="RTFS_TEST_VARIABLE")) == "wörld"
    for name in ("RTFS_NO_SUCH_VARIABLE", "", "A=B", "A\0B"):
        assert table.do("ccos.system.get-env", name) is None


def test_only_granted_names_of_the_environment_are_read(
    bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTFS_A", "a")
    monkeypatch.setenv("RTFS_B", "b")
    table = bench(RuntimeContext.controlled(grants=[("env", "RTFS_A")]))
    assert table.do("ccos.system.get-env", "RTFS_A") == "a"
    for name in ("RTFS_B", "rtfs_a", "RTFS_A ", "RTFS_*"):
        assert fails(table, "ccos.system.get-env", name).kind == "SecurityViolation"
    more = bench(RuntimeContext.controlled(grants=[("env", "RTFS_A"), ("env", "RTFS_B")]))
    assert more.do("ccos.system.get-env", "RTFS_B") == "b"


def test_a_variable_that_is_no_unicode_is_an_error(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTFS_BYTES", b"\xff".decode("utf-8", "surrogateescape"))
    assert fails(table, "ccos.system.get-env", "RTFS_BYTES").message == "the variable RTFS_BYTES is not valid Unicode"


def test_time_is_the_hosts_clock(table: Any) -> None:
    assert table.do("ccos.system.current-time") == Timestamp(1_700_000_000_000_000)
    assert table.do("ccos.system.current-timestamp-ms") == 1_700_000_000_000
    assert table.do("ccos.system.current-timestamp-ms", EMPTY_MAP) == 1_700_000_000_000


async def test_sleep_waits_as_long_as_asked(table: Any) -> None:
    sleeping = asyncio.ensure_future(table.wait("ccos.system.sleep-ms", 1500))
    await table.clock.advance(1.499)
    assert not sleeping.done()
    await table.clock.advance(0.001)
    assert await sleeping is None


@pytest.mark.parametrize("ms", [-1, "1", None, float("nan")])
def test_sleep_takes_no_negative_time(table: Any, ms: Any) -> None:
    assert fails(table, "ccos.system.sleep-ms", ms).type == "input-validation"


# ---- random


def test_chance_stays_in_its_bounds(table: Any) -> None:
    assert all(0 <= table.do("ccos.random.float") < 1 for _ in range(100))
    assert {table.do("ccos.random.int", 3) for _ in range(200)} == {0, 1, 2}
    assert 0 <= table.do("ccos.random.int", 10**30) < 10**30
    for wrong in (0, -1, 1.5, "3"):
        assert fails(table, "ccos.random.int", wrong).type == "input-validation"


def test_a_shuffle_has_the_same_elements(table: Any) -> None:
    items = tuple(range(100))
    assert sorted(table.do("ccos.random.shuffle", items[:50])) == list(items[:50])
    assert sorted(table.do("ccos.random.shuffle", List(items))) == list(items)
    assert {table.do("ccos.random.shuffle", (1, 2)) for _ in range(100)} == {(1, 2), (2, 1)}


def test_every_uuid_is_new(table: Any) -> None:
    uuids = {table.do("ccos.random.uuid") for _ in range(100)}
    assert len(uuids) == 100
    assert all(type(uuid) is Uuid and uuid.text[14] == "4" for uuid in uuids)


# ---- json


def test_json_is_parsed_and_written(table: Any) -> None:
    value = table.do("ccos.json.parse", '{"a": [1, 2.5, null]}')
    assert value == Map.of([("a", (1, 2.5, None))])
    assert table.do("ccos.json.stringify", value) == '{"a":[1,2.5,null]}'
    error = fails(table, "ccos.json.parse", "{")
    assert (error.kind, error.type) == ("HostError", "json-error")
    assert fails(table, "ccos.json.stringify", len).kind == "HostError"


# ---- data


PEOPLE = tuple(
    Map.of([(Keyword("name"), name), (Keyword("age"), age)]) for name, age in [("b", 30), ("a", 40), ("c", 30)]
)


def names(rows: Any) -> str:
    return "".join(row.get(Keyword("name")) for row in rows)


def test_filter_keeps_what_has_every_field(table: Any, m: Callable[..., Map]) -> None:
    assert names(table.do("ccos.data.filter", PEOPLE, m(age=30))) == "bc"
    assert names(table.do("ccos.data.filter", PEOPLE, m(age=30, name="c"))) == "c"
    assert names(table.do("ccos.data.filter", List(PEOPLE), EMPTY_MAP)) == "bac"
    assert table.do("ccos.data.filter", PEOPLE, m(age=30.0)) == ()
    assert table.do("ccos.data.filter", (1, None, "x"), m(age=None)) == ()


def test_sort_orders_by_a_field_and_keeps_equal_ones_in_place(table: Any, m: Callable[..., Map]) -> None:
    assert names(table.do("ccos.data.sort", PEOPLE, m(by=Keyword("age")))) == "bca"
    descending = Map.of([(Keyword("by"), Keyword("age")), (Keyword("desc?"), True)])
    assert names(table.do("ccos.data.sort", PEOPLE, descending)) == "abc"
    assert table.do("ccos.data.sort", (3, 1.0, 1, "x", None), EMPTY_MAP) == (None, 1, 1.0, 3, "x")


def test_select_takes_the_first_ones(table: Any, m: Callable[..., Map]) -> None:
    assert names(table.do("ccos.data.select", PEOPLE, m(count=2))) == "ba"
    assert table.do("ccos.data.select", PEOPLE, m(count=0)) == ()
    assert fails(table, "ccos.data.select", PEOPLE, m(count=-1)).message == ":count must be an integer of at least 0"
    assert fails(table, "ccos.data.select", PEOPLE, m(coutn=1)).message == "unknown criterion :coutn; known: :count"


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), st.floats(allow_nan=False)), max_size=20))
def test_sorting_twice_is_sorting_once(bench: Callable[..., Any], items: list[Any]) -> None:
    table = bench()
    once = table.do("ccos.data.sort", tuple(items), EMPTY_MAP)
    assert table.do("ccos.data.sort", once, EMPTY_MAP) == once


# ---- context, resources


@pytest.mark.parametrize("key", ["user", Keyword("user"), Symbol("user"), ":user"])
def test_a_context_value_is_set_under_the_text_of_its_key(table: Any, key: Any) -> None:
    assert table.do("ccos.context.set", key, (1,)) is None
    assert table.host.values == {"user": (1,)}


def test_closing_calls_what_opened_the_resource_once(table: Any) -> None:
    closed: list[int] = []
    table.host.resources["resource://x/1"] = lambda: closed.append(1)
    for _ in range(2):
        assert table.do("ccos.resource.close", ResourceHandle("resource://x/1")) is None
    assert closed == [1]


async def test_closing_may_wait(table: Any) -> None:
    closed: list[int] = []

    async def close() -> str:
        await asyncio.sleep(0)
        closed.append(1)
        return "ignored"

    table.host.resources["s-1"] = close
    assert await table.wait("ccos.resource.close", Map.of([(Keyword("stream-id"), "s-1")])) is None
    assert closed == [1]


@pytest.mark.parametrize("value", [None, 5, "x", EMPTY_MAP, ResourceHandle("resource://gone/1")])
def test_what_needs_no_closing_is_left_alone(table: Any, value: Any) -> None:
    assert table.do("ccos.resource.close", value) is None
