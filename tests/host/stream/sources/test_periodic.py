"""`:stream.periodic` on a virtual clock: when values come, also when they are late or the clock changes (§6.2)."""

from __future__ import annotations

from typing import Any

import pytest

import rtfs
from rtfs.host.stream.dataflow import run
from rtfs.host.stream.description import Begun
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K
from rtfs.lang.operator import node


async def started(ground: Any, **params: Any) -> Any:
    """A run of the source, and what it gave so far in its outputs."""
    ground.evaluator.form = None
    given = {K("missed"): K("skip"), K("align"): False, K("immediate"): False}
    given |= {K(key): value for key, value in params.items()}
    made = node(K("periodic"), (), Map.of(given.items()))
    stream = await run(ground.registry(), Begun(made, "user"), Map.of([(K("outputs"), K("ring"))]))
    stream.open()
    return stream


def values(stream: Any) -> list[Any]:
    return [output.value for output in stream.owner.outputs.since(0, 100)]


async def test_three_values_in_three_and_a_half_intervals(ground: Any) -> None:
    stream = await started(ground, interval=1000)
    await ground.clock.advance(3.5)
    assert values(stream) == [0, 1, 2]


async def test_a_clock_set_back_makes_no_extra_value_and_no_stall(ground: Any) -> None:
    stream = await started(ground, interval=1000)
    await ground.clock.advance(1.5)
    ground.clock._start_micros -= 3_600_000_000
    await ground.clock.advance(2)
    assert values(stream) == [0, 1, 2]


async def test_the_first_value_may_come_at_once_and_the_limit_ends_the_stream(ground: Any) -> None:
    stream = await started(ground, interval=1000, immediate=True, limit=2)
    await ground.clock.advance(0)
    assert values(stream) == [0]
    await ground.clock.advance(5)
    assert (values(stream), stream.status) == ([0, 1], K("completed"))


async def test_aligned_values_come_at_multiples_of_the_interval(ground: Any) -> None:
    await ground.clock.advance(0.4)
    stream = await started(ground, interval=1000, align=True)
    await ground.clock.advance(0.59)
    assert values(stream) == []
    await ground.clock.advance(0.02)
    assert values(stream) == [0]


def test_bad_input_is_refused_by_name() -> None:
    session = rtfs.Session(context=rtfs.RuntimeContext.full())
    with pytest.raises(rtfs.RtfsError, match="expected integer >= 1, got 0"):
        session.run("(call :stream.periodic 0)")
    with pytest.raises(rtfs.RtfsError, match="Source is not finite"):
        session.run("(call :stream.to-collection (call :stream.periodic 5))")
    session.close()
