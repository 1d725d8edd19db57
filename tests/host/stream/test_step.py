"""One unconnected stream fed by injection: results, actions and the table (streaming.md §1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import RtfsError, StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    """State: the vector of all chunks; each is an output too."""
    return m(state=(*state, chunk), output=chunk)


async def feed(stream: Any, *chunks: Any) -> None:
    for chunk in chunks:
        await stream.send(chunk, ack="processed")


def outputs(stream: Any) -> list[Any]:
    kept = stream.owner.outputs
    return [output.value for output in kept.since(kept.oldest, 1000)]


async def test_a01_an_unconnected_stream_counts_what_is_injected(registry: StreamRegistry) -> None:
    stream = await registry.start("room.gauge")
    await feed(stream, *(m(n=n) for n in range(5)))
    assert stream.state == m(count=5)
    assert stream.status is K("active")
    assert outputs(stream) == [m(n=n) for n in range(5)]


async def test_a02_continue_a_thousand_times_stays_active_without_error(registry: StreamRegistry) -> None:
    go_on = K("continue")
    stream = await registry.start("gauge", processor=lambda state, chunk: m(state=state + 1, action=go_on), state=0)
    await feed(stream, *range(1000))
    assert (stream.status, stream.state, stream.inspect()[K("error")]) == (K("active"), 1000, None)


async def test_a03_a_bare_pause_leaves_the_state_alone(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=lambda state, chunk: m(action=K("pause")), state=m(n=7))
    await feed(stream, 1)
    assert (stream.status, stream.state) == (K("paused"), m(n=7))


async def test_a04_the_sixth_injection_into_five_places_is_refused(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=(), queue_capacity=5)
    await stream.pause()
    for n in range(5):
        await stream.send(n)
    with pytest.raises(StreamError, match="Stream queue is full") as caught:
        await stream.send(5)
    assert caught.value.code == "RTFS-S020"
    assert stream.status is K("paused")
    assert stream.inspect().get(K("queue"))[K("depth")] == 5


async def test_a05_resume_processes_the_whole_backlog_without_a_further_chunk(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=(), queue_capacity=5)
    await stream.pause()
    for n in range(5):
        await stream.send(n)
    await stream.resume(drained=True)
    assert stream.state == (0, 1, 2, 3, 4)
    assert stream.inspect().get(K("queue"))[K("depth")] == 0


async def test_a06_a_pause_in_mid_queue_keeps_the_order(registry: StreamRegistry) -> None:
    def pause_first(state: Any, chunk: Any) -> Map:
        return m(state=(*state, chunk), action=K("pause") if chunk == 0 else None)

    stream = await registry.start("gauge", processor=pause_first, state=())
    for n in range(5):
        await stream.send(n)
    await stream.until(lambda: stream.status is K("paused"))
    assert stream.state == (0,)
    await stream.resume(drained=True)
    assert stream.state == (0, 1, 2, 3, 4)


async def test_a07_after_a_full_queue_was_drained_the_next_chunk_is_accepted(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=(), queue_capacity=3)
    await stream.pause()
    for n in range(3):
        await stream.send(n)
    await stream.resume()
    await feed(stream, 3)
    assert (stream.status, stream.state) == (K("active"), (0, 1, 2, 3))
    assert stream.inspect()[K("transitions")] == 2  # one pause, one resume


async def test_a08_cancel_discards_the_queue_and_freezes_the_state(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=())
    await feed(stream, 0)
    await stream.pause()
    for n in range(1, 4):
        await stream.send(n)
    assert await stream.cancel()
    answer = await stream.send(9)
    seen = stream.inspect()
    stats = seen.get(K("stats"))
    assert (stream.status, stream.state) == (K("cancelled"), (0,))
    assert (seen.get(K("queue"))[K("depth")], stats[K("discarded")], stats[K("ignored")]) == (0, 3, 1)
    assert answer[K("accepted")] is True


async def test_a09_a_cancelling_result_discards_the_queue_and_its_own_output(registry: StreamRegistry) -> None:
    stream = await registry.start(
        "gauge", processor=lambda state, chunk: m(state=chunk, output=chunk, action=K("cancel")), state=()
    )
    await stream.pause()
    for n in range(4):
        await stream.send(n)
    await stream.resume()
    await stream.until(lambda: stream.owner.terminal)
    await stream.send(9)
    seen = stream.inspect()
    stats = seen[K("stats")]
    assert (stream.status, stream.state, outputs(stream)) == (K("cancelled"), 0, [])
    assert (seen[K("queue")][K("depth")], stats[K("discarded")], stats[K("ignored")]) == (0, 3, 1)


async def test_a10_a_complete_directive_with_data_is_processed_as_data_first(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=())
    last = m(action=K("complete"), v=9)
    await stream.send(1)
    await stream.send(2)
    await stream.send(last, ack="processed")
    assert (stream.status, stream.state) == (K("completed"), (1, 2, last))
    await stream.send(4)
    assert (stream.state, stream.inspect()[K("stats")][K("processed")]) == ((1, 2, last), 3)


async def test_a11_an_unknown_directive_fails_the_stream_but_not_the_injection(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=())
    answer = await stream.send(m(action=K("explode")), ack="processed")
    assert answer[K("status")] is K("error")
    error = stream.inspect().get(K("error"))
    assert (error[K("code")], error[K("message")]) == ("RTFS-S013", "Unknown action directive: :explode")


async def test_a12_a_result_that_is_no_map_is_an_error_and_counts_as_failed(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=lambda state, chunk: 42, state=m(n=1))
    with pytest.raises(StreamError, match=r"returned invalid shape \(expected map\), got: 42"):
        await stream.send(1, ack="processed")
    assert (stream.status, stream.state) == (K("error"), m(n=1))
    assert stream.inspect().get(K("stats"))[K("failed")] == 1


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (m(n=1), m(n=1)),
        (EMPTY_MAP, EMPTY_MAP),
        (m(n=1, action="buy"), m(n=1, action="buy")),
        (m(action=None), m(old=0)),
        (m(config=EMPTY_MAP), m(old=0)),
        (m(state=None), None),
        (m(output=1), m(old=0)),
        (m(state=1, n=5), 1),
    ],
)
async def test_a13_a_map_is_read_as_result_or_as_state(registry: StreamRegistry, result: Map, state: Any) -> None:
    stream = await registry.start("gauge", processor=lambda state, chunk: result, state=m(old=0))
    await feed(stream, 1)
    assert (stream.state, stream.status) == (state, K("active"))


async def test_a13_an_action_among_foreign_keys_is_ambiguous(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=lambda state, chunk: m(n=1, action=K("continue")), state=m(old=0))
    with pytest.raises(StreamError, match="an ambiguous map: :n :action; put the state under :state") as caught:
        await stream.send(1, ack="processed")
    assert (caught.value.code, stream.state) == ("RTFS-S012", m(old=0))


async def test_a14_a_processor_that_calls_the_host_is_not_pure(registry: StreamRegistry) -> None:
    def calls(state: Any, chunk: Any) -> Any:
        error = RtfsError("HostError", "no host here")
        error.pure_violation = "ccos.io.println"  # type: ignore[attr-defined]
        raise error

    stream = await registry.start("gauge", processor=calls)
    with pytest.raises(StreamError, match=r"Processor 'calls' is not pure: it called ccos\.io\.println") as caught:
        await stream.send(1, ack="processed")
    assert caught.value.code == "RTFS-S017"


async def test_a15_a_tick_sees_the_pause_resumes_it_and_the_backlog_is_drained(ground: Any) -> None:
    seen = []

    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        if metadata.get(K("control")) is K("tick"):
            seen.append((metadata[K("status")], metadata[K("queue-depth")]))
            return m(action=K("resume"))
        return m(state=(*state, chunk), action=K("pause") if chunk == 0 else None)

    stream = await ground.registry().start("gauge", processor=process, state=(), control=(K("tick"),), tick_ms=1000)
    for n in range(3):
        await stream.send(n)
    await stream.until(lambda: stream.status is K("paused"))
    await ground.clock.advance(1.0)
    assert (seen, stream.state, stream.status) == ([(K("paused"), 2)], (0, 1, 2), K("active"))


async def test_a16_auto_resume_waits_until_the_reader_is_below_the_low_water_mark(registry: StreamRegistry) -> None:
    def pauses(state: Any, chunk: Any) -> Map:
        return m(outputs=tuple(range(6)), action=K("pause"))

    stream = await registry.start("gauge", processor=pauses, auto_resume=K("low-water"), low_water_mark=2)
    reader = stream.reader("test")
    await feed(stream, 1)
    for _ in range(3):
        await stream.read(reader)
    assert stream.status is K("paused")
    await stream.read(reader)
    await stream.until(lambda: stream.status is K("active"), 1)
    assert stream.status is K("active")


async def test_a20_two_parameters_work_and_one_is_refused_at_start(registry: StreamRegistry) -> None:
    await feed(await registry.start("gauge", processor=keep, state=()), 1)
    with pytest.raises(StreamError, match="takes 1 arguments; a stream processor takes 2 or 3") as caught:
        await registry.start("gauge", processor=lambda state: state)
    assert caught.value.code == "RTFS-S015"


async def test_a35_drop_oldest_keeps_the_last_and_shows_the_gap(registry: StreamRegistry) -> None:
    def numbered(state: Any, chunk: Any, metadata: Map) -> Map:
        return m(state=(*state, (metadata[K("seq")], chunk)))

    stream = await registry.start("gauge", processor=numbered, state=(), queue_capacity=10, overflow=K("drop-oldest"))
    await stream.pause()
    for n in range(100):
        await stream.send(n)
    assert stream.inspect().get(K("stats"))[K("dropped-oldest")] == 90
    await stream.resume(drained=True)
    assert stream.state == tuple((n, n) for n in range(90, 100))


async def test_drop_newest_answers_that_the_chunk_was_dropped(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=(), queue_capacity=1, overflow=K("drop-newest"))
    await stream.pause()
    await stream.send(0)
    answer = await stream.send(1)
    assert (answer[K("accepted")], answer[K("reason")]) == (False, K("dropped"))
    await stream.resume(drained=True)
    assert stream.state == (0,)


async def test_the_error_policy_fails_an_active_stream_whose_queue_is_full(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=(), queue_capacity=1, overflow=K("error"))
    stream.owner.outputs.limit = 0  # nothing can be processed
    await stream.send(0)
    with pytest.raises(StreamError, match="Stream queue is full"):
        await stream.send(1)
    await asyncio.sleep(0)
    assert stream.status is K("error")


async def test_skip_counts_the_failed_chunk_and_goes_on(registry: StreamRegistry) -> None:
    def process(state: Any, chunk: Any) -> Map:
        if chunk % 3 == 0:
            raise ValueError("three")
        return m(state=(*state, chunk))

    stream = await registry.start("gauge", processor=process, state=(), on_error=K("skip"))
    await feed(stream, *range(7))
    stats = stream.inspect().get(K("stats"))
    assert (stream.state, stats[K("failed")], stats[K("skipped")]) == ((1, 2, 4, 5), 3, 3)


async def test_retry_tries_the_same_chunk_again_from_the_same_state(ground: Any) -> None:
    attempts = []

    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        attempts.append((chunk, metadata[K("attempt")]))
        if chunk == 1 and metadata[K("attempt")] < 3:
            raise ValueError("not yet")
        return m(state=(*state, chunk))

    stream = await ground.registry().start(
        "gauge", processor=process, state=(), on_error=m(retry=2, backoff_ms=100, then=K("fail"))
    )
    for n in range(3):
        await stream.send(n)
    await ground.clock.advance(0.05)
    assert attempts == [(0, 1), (1, 1)]
    await ground.clock.advance(0.2)
    assert attempts == [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1)]
    assert (stream.state, stream.inspect().get(K("stats"))[K("retried")]) == ((0, 1, 2), 2)


async def test_a_failing_step_re_raises_at_the_injection_and_keeps_state_and_outputs(registry: StreamRegistry) -> None:
    def process(state: Any, chunk: Any) -> Map:
        return m(state=state + 1, output=10 // chunk)

    stream = await registry.start("gauge", processor=process, state=0)
    await feed(stream, 5)
    with pytest.raises(StreamError, match="Processor invocation error: ZeroDivisionError"):
        await stream.send(0, ack="processed")
    assert (stream.state, outputs(stream), stream.status) == (1, [2], K("error"))
    with pytest.raises(StreamError, match="Processor invocation error"):
        await stream.result()


async def test_flush_runs_before_a_completing_result_takes_effect(registry: StreamRegistry) -> None:
    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        if metadata.get(K("control")) is K("flush"):
            return m(state="flushed", output=state)
        return m(state=chunk, action=K("complete") if chunk == 2 else None)

    stream = await registry.start("gauge", processor=process, state=0, control=(K("flush"),))
    await feed(stream, 1, 2)
    assert (stream.status, stream.state, outputs(stream)) == (K("completed"), "flushed", [2])


async def test_the_first_chunk_of_a_stream_that_asks_for_it_is_open(registry: StreamRegistry) -> None:
    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        return m(state=(*state, metadata.get(K("control")) or chunk))

    stream = await registry.start("gauge", processor=process, state=(), control=(K("open"),))
    await feed(stream, 1)
    assert stream.state == (K("open"), 1)


async def test_max_chunks_completes_the_stream_and_discards_the_rest(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=(), max_chunks=3)
    await stream.pause()
    for n in range(5):
        await stream.send(n)
    await stream.resume()
    assert await stream.result() == (0, 1, 2)
    assert (stream.status, stream.inspect().get(K("stats"))[K("discarded")]) == (K("completed"), 2)


async def test_max_duration_completes_the_stream(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=keep, state=(), max_duration_ms=5000)
    await ground.clock.advance(4.9)
    assert stream.status is K("active")
    await ground.clock.advance(0.2)
    assert stream.status is K("completed")


async def test_stop_with_drain_processes_the_queue_of_a_paused_stream(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=())
    await stream.pause()
    for n in range(3):
        await stream.send(n)
    await stream.stop(drain=True)
    assert (stream.status, stream.state) == (K("stopped"), (0, 1, 2))


async def test_stop_without_drain_discards_the_queue(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=keep, state=())
    await stream.pause()
    await stream.send(0)
    await stream.stop()
    assert (stream.status, stream.state) == (K("stopped"), ())
    assert stream.inspect().get(K("stats"))[K("discarded")] == 1
    assert await stream.resume() is False


async def test_a_pause_with_resume_after_ends_by_itself(ground: Any) -> None:
    def process(state: Any, chunk: Any) -> Map:
        return m(state=(*state, chunk), action=K("pause") if chunk == 0 else None, config=m(resume_after_ms=500))

    stream = await ground.registry().start("gauge", processor=process, state=())
    for n in range(2):
        await stream.send(n)
    await ground.clock.advance(0.4)
    assert (stream.status, stream.state) == (K("paused"), (0,))
    await ground.clock.advance(0.2)
    assert (stream.status, stream.state) == (K("active"), (0, 1))


async def test_config_of_a_result_changes_the_queue_and_unknown_keys_are_told(ground: Any) -> None:
    stream = await ground.registry().start(
        "gauge", processor=lambda state, chunk: m(config=m(buffer_size=7, low_water_mark=2, colour="red"))
    )
    await feed(stream, 1)
    queue = stream.inspect().get(K("queue"))
    assert (queue[K("capacity")], queue[K("low")]) == (7, 2)
    assert [event.data["key"] for event in ground.named("config-ignored")] == ["colour"]


async def test_wake_at_asks_for_one_tick_at_that_time(ground: Any) -> None:
    ticks = []

    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        if metadata.get(K("control")) is K("tick"):
            ticks.append(metadata[K("time")])
            return m()  # the whole state
        return m(state=state, config=m(wake_at=metadata[K("time")] + 2500))

    stream = await ground.registry().start("gauge", processor=process, control=(K("tick"),))
    await feed(stream, 1)
    start = ground.clock.now_ms()
    await ground.clock.advance(10)
    assert ticks == [start + 2500]


async def test_an_injecting_caller_sets_metadata_but_not_the_numbers_of_the_host(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=lambda state, chunk, metadata: m(state=metadata))
    await stream.send(1, m(seq=99, event_time=5, stream_id="other"), ack="processed")
    seen = stream.state
    assert (seen[K("seq")], seen[K("event-time")], seen[K("stream-id")]) == (0, 5, stream.id)
    assert seen[K("source")] is K("none")


async def test_metadata_times_never_go_back(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=lambda state, chunk, meta: m(output=meta[K("time")]))
    await feed(stream, 1)
    ground.clock._start_micros -= 3_600_000_000  # somebody sets the clock back one hour
    await feed(stream, 2)
    first, second = outputs(stream)
    assert second >= first


async def test_step_with_too_many_outputs_is_a_limit(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", processor=lambda state, chunk: m(outputs=tuple(range(5))), max_outputs=4)
    with pytest.raises(StreamError, match=r"Step produced 5 outputs \(limit 4\)") as caught:
        await stream.send(1, ack="processed")
    assert not caught.value.catchable
