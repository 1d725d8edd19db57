"""What every place of `:stream.with-cache` promises: each file in `rtfs/host/stream/caches/` is held to it (§6.6)."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.host.stream import caches
from rtfs.host.stream.caches import Bounds, Cache, open_cache
from rtfs.lang.collections import MISSING
from tests.strategies import values

NAMES = sorted(module.name for module in pkgutil.iter_modules(caches.__path__))
LASTING = [name for name in NAMES if name != "memory"]


class Ages:
    """A clock that is set by hand."""

    now = 1_000

    def now_ms(self) -> int:
        return self.now


@pytest.fixture
def ages() -> Ages:
    return Ages()


@pytest.fixture(params=NAMES)
def url(request: pytest.FixtureRequest, store_place: Callable[[str], str]) -> Iterator[str]:
    yield store_place(request.param)


@asynccontextmanager
async def opened(
    url: str, ages: Ages, most: int = 100, ttl: int | None = None, name: str = "n"
) -> AsyncIterator[Cache]:
    cache = open_cache(url, name, Bounds(most, ttl, ages.now_ms))
    try:
        yield cache
    finally:
        await cache.close()


def v(text: str) -> Any:
    return rtfs.evaluate(text)


async def test_a_value_is_found_under_every_equal_key_and_under_no_other(url: str, ages: Ages) -> None:
    async with opened(url, ages) as cache:
        await cache.put(v("{:a 1 :b [2]}"), v("{:found [1 2]}"))
        assert await cache.get(v("{:b [2] :a 1}")) == v("{:found [1 2]}")
        for key in ("{:a 1.0 :b [2]}", '"{:a 1 :b [2]}"', "nil", "1", ":a"):
            assert await cache.get(v(key)) is MISSING
        await cache.put(v("1"), v("nil"))
        assert await cache.get(v("1")) is None
        assert await cache.get(v("1.0")) is MISSING


async def test_a_value_is_good_for_its_time_and_a_new_one_begins_anew(url: str, ages: Ages) -> None:
    async with opened(url, ages, ttl=500) as cache:
        await cache.put("k", 1)
        ages.now += 499
        assert await cache.get("k") == 1
        ages.now += 1
        assert await cache.get("k") is MISSING
        await cache.put("k", 2)
        assert await cache.get("k") == 2


async def test_the_one_not_used_for_longest_goes(url: str, ages: Ages) -> None:
    async with opened(url, ages, most=3) as cache:
        for key in "abc":
            await cache.put(key, key)
        assert await cache.get("a") == "a"
        await cache.put("b", "again")
        await cache.put("d", "d")
        assert [await cache.get(key) for key in "abcd"] == ["a", "again", MISSING, "d"]


@pytest.mark.parametrize("scheme", LASTING)
async def test_what_lasts_is_there_for_the_next_one_of_its_name_only(
    scheme: str, store_place: Callable[[str], str], ages: Ages
) -> None:
    url = store_place(scheme)
    async with opened(url, ages) as cache, opened(url, ages, name="other") as other:
        await cache.put("k", v('[1 {:a "é"}]'))
        assert await other.get("k") is MISSING
    async with opened(url, ages, most=2) as cache:
        assert await cache.get("k") == v('[1 {:a "é"}]')
        await cache.put("l", 1)
        await cache.put("m", 2)
        assert [await cache.get(key) for key in "klm"] == [MISSING, 1, 2]


@pytest.mark.parametrize("scheme", LASTING)
async def test_what_only_this_process_has_is_refused_where_it_would_have_to_last(
    scheme: str, store_place: Callable[[str], str], ages: Ages
) -> None:
    function = v("(fn [x] x)")
    async with opened(store_place(scheme), ages) as cache:
        for key, value, slot in ((function, 1, "cache-key"), (1, function, "compute-fn")):
            with pytest.raises(rtfs.RtfsError, match=rf"'{slot}': expected (key|value) that has a text") as caught:
                await cache.put(key, value)
            assert caught.value.code == "RTFS-S003"


@pytest.mark.parametrize("scheme", LASTING)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(values(), values()), max_size=6))
def test_any_value_comes_back_as_it_was(
    scheme: str, store_place: Callable[[str], str], tmp_path: Path, pairs: list[tuple[Any, Any]]
) -> None:
    async def work() -> None:
        async with opened(store_place(scheme), Ages(), name=str(len(pairs))) as cache:
            for key, value in pairs:
                await cache.put(key, value)
                assert rtfs.show(await cache.get(key)) == rtfs.show(value)

    asyncio.run(work())
