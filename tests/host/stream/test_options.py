"""Parameters: one table, one error text for each thing that can be wrong (streaming.md §0, §3.2)."""

from __future__ import annotations

from typing import Any

import pytest

from rtfs.host.stream.lifecycle import TABLE, TERMINAL, transition
from rtfs.host.stream.options import START
from rtfs.host.stream.settings import OnError, Retry, read_settings, stream_id
from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def refusal(parameters: Any) -> tuple[str, str]:
    with pytest.raises(StreamError) as caught:
        read_settings(parameters)
    return caught.value.code.removeprefix("RTFS-"), caught.value.message


def test_keys_may_be_keywords_or_strings_with_dash_or_underscore() -> None:
    for key in (K("queue-capacity"), K("queue_capacity"), "queue-capacity", "queue_capacity"):
        assert read_settings(Map.of([("endpoint", "x"), (key, 5)]))["queue-capacity"] == 5


def test_defaults_are_filled_in() -> None:
    settings = read_settings(m(endpoint="x"))
    assert (settings["queue-capacity"], settings["overflow"], settings["outputs"]) == (32, K("block"), K("ring"))
    assert settings["retry"] == Retry(3, 250, 5000, 10_000)
    assert settings["on-error"] == OnError(0, 0, K("fail"))
    assert settings["checkpoint"] == (None, 100, 100, 3, "normal")


def test_options_fill_in_what_is_not_written_and_explicit_keys_win() -> None:
    settings = read_settings(m(endpoint="x", queue_capacity=5, options=m(queue_capacity=9, output_capacity=9)))
    assert (settings["queue-capacity"], settings["output-capacity"]) == (5, 9)


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (7, "S001", "start_stream expects a map"),
        (m(), "S002", "Missing required string field 'endpoint'"),
        (m(endpoint=5), "S002", "Missing required string field 'endpoint'"),
        (m(endpoint=" "), "S002", "Missing required string field 'endpoint'"),
        (m(endpoint="x", queue_capacity=0), "S003", "Parameter 'queue-capacity': expected integer >= 1, got 0"),
        (m(endpoint="x", queue_capacity=-3), "S003", "Parameter 'queue-capacity': expected integer >= 1, got -3"),
        (m(endpoint="x", queue_capacity=True), "S003", "Parameter 'queue-capacity': expected integer >= 1, got true"),
        (m(endpoint="x", overflow=K("spil")), "S003",
         "Parameter 'overflow': expected one of :block :error :drop-oldest :drop-newest :spill, got :spil"),
        (m(endpoint="x", max_message_bytes="5 apples"), "S003",
         "Parameter 'max-message-bytes': expected size in bytes or a string such as \"64MiB\", got \"5 apples\""),
        (m(endpoint="x", high_water_mark=1.5), "S003",
         "Parameter 'high-water-mark': expected count >= 0 or fraction from 0.0 to 1.0, got 1.5"),
        (m(endpoint="x", processor=7), "S003",
         "Parameter 'processor': expected name, keyword or function, got 7"),
        (m(endpoint="x", control=(K("tock"),)), "S003",
         "Parameter 'control': expected vector of :open :tick :flush, got [:tock]"),
        (m(endpoint="x", queue_capasity=5), "S006",
         "Unknown option ':queue-capasity' for mcp.stream.start; did you mean ':queue-capacity'?"),
        (m(endpoint="x", retry=m(attempts=2)), "S006",
         "Unknown option ':attempts' for mcp.stream.start :retry; did you mean ':max-attempts'?"),
        (Map.of([(K("endpoint"), "x"), ("endpoint", "y")]), "S003",
         "Parameter 'endpoint': expected one spelling of the key, got two keys for :endpoint"),
        (m(endpoint="x", journal="yes"), "S003",
         "Parameter 'journal': expected boolean, got \"yes\""),
        (m(endpoint="x", queue_bytes="much"), "S003",
         "Parameter 'queue-bytes': expected size in bytes or a string such as \"64MiB\", got \"much\""),
        (m(endpoint="x", on_error=K("dead-leter")), "S003",
         "Parameter 'on-error': expected one of :fail :skip :dead-letter, got :dead-leter"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(given: Any, code: str, message: str) -> None:
    assert refusal(given) == (code, message)


@pytest.mark.parametrize(
    ("text", "size"), [(512, 512), ("512", 512), ("512B", 512), ("1KB", 1000), ("64MiB", 64 * 2**20), ("1 GB", 10**9)]
)
def test_sizes(text: Any, size: int) -> None:
    assert read_settings(m(endpoint="x", max_message_bytes=text))["max-message-bytes"] == size


async def test_marks_that_contradict_each_other_are_refused(registry: Any) -> None:
    with pytest.raises(StreamError, match="expected mark below the high one"):
        await registry.start("x", high_water_mark=5, low_water_mark=5)
    with pytest.raises(StreamError, match="expected mark above 0 and at most 32"):
        await registry.start("x", high_water_mark=33)
    stream = await registry.start("x", queue_capacity=10, high_water_mark=0.8, low_water_mark=2)
    assert (stream.owner.queue.high, stream.owner.queue.low) == (8, 2)


@pytest.mark.parametrize(
    "value", ["id", m(stream_id="id"), m(stream="id"), m(handle=m(stream_id="id", epoch=1)), m(stream=m(handle="id"))]
)
def test_a_stream_may_be_named_in_several_ways(value: Any) -> None:
    assert stream_id(value) == "id"


@pytest.mark.parametrize("value", [7, m(), m(stream=7), None])
def test_what_names_no_stream_is_refused(value: Any) -> None:
    with pytest.raises(StreamError, match="Not a stream"):
        stream_id(value)


def test_every_option_that_is_not_served_is_refused_by_name() -> None:
    for name in (name for name, option in START.items() if not option.served):
        code, message = refusal(Map.of([(K("endpoint"), "x"), (K(name), 1)]))
        assert (code, message.split(" of ")[0]) == ("S006", f"Option :{name}")


def test_the_table_has_an_entry_for_every_event_and_status_and_terminal_states_stay() -> None:
    """Of a stream that completed the sink may fail at the very end."""
    for event in TABLE:
        for status in (K("active"), K("paused"), *TERMINAL):
            move = transition(event, status)
            assert move.to is None or move.to in (K("active"), K("paused"), *TERMINAL)
            assert status not in TERMINAL or move.to is None or event == "end-failed"
            assert not move.flush or move.to in (K("completed"), K("stopped"))
