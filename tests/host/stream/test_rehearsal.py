"""Streams on a virtual clock that are killed where a script says."""

from __future__ import annotations

from typing import Any

import pytest

import rtfs
from rtfs.lang.names import Keyword

SUM = ":processor (fn [n c] {:state (+ n c) :output (+ n c)}) :state 0"


def played(options: str) -> Any:
    context = rtfs.RuntimeContext.controlled(allow=["rtfs.test.stream"])
    session = rtfs.Session(context=context, cache=False)
    try:
        return session.run(f"(call :rtfs.test.stream {{{options}}})")
    finally:
        session.shutdown()


def part(options: str, key: str) -> str:
    return rtfs.show(played(options)[Keyword(key)])


def test_chunks_are_stepped_one_by_one() -> None:
    answer = played(f"{SUM} :chunks [1 2 3 :eof]")
    assert rtfs.show(answer) == "{:outputs [1 3 6] :state 6 :status :completed :error nil :divergent []}"


def test_without_an_end_the_stream_is_still_active() -> None:
    assert part(f"{SUM} :chunks [1]", "status") == ":active"


def test_a_crash_loses_what_no_snapshot_has_and_the_source_brings_it_again() -> None:
    counted = ":processor (fn [n c m] {:state (inc n) :output [n c]}) :state 0"
    assert part(f"{counted} :chunks [:a :b :crash :c :eof]", "outputs") == "[[0 :a] [1 :b] [2 :c]]"
    assert part(f"{counted} :chunks [:a :crash :crash :b :crash :eof :crash]", "state") == "2"


def test_an_abort_is_waited_out_in_virtual_time() -> None:
    assert part(f"{SUM} :chunks [1 :abort 2 :abort 3 :eof]", "outputs") == "[1 3 6]"


def test_a_source_that_is_lost_for_good_is_an_error() -> None:
    answer = played(f"{SUM} :chunks [1 :abort] :retry {{:max-attempts 1}}")
    assert answer[Keyword("status")] is Keyword("error")
    assert answer[Keyword("error")][Keyword("code")] == "RTFS-S023"


def test_the_clock_moves_only_when_told() -> None:
    ticks = (
        ":processor (fn [n c m] {:state (if (= :tick (:control m)) (inc n) n)}) :state 0 :control [:tick] :tick-ms 1000"
    )
    assert part(f"{ticks} :chunks [:a {{:advance 2500}} :b :eof]", "state") == "2"
    timed = ":processor (fn [s c m] {:state s :output (:time m)}) :state 0"
    assert part(f"{timed} :chunks [1 {{:advance 1500}} 2]", "outputs") == "[1700000000000 1700000001500]"


def test_every_output_of_one_chunk_is_kept() -> None:
    many = ":processor (fn [s c] {:state s :outputs (vec (range 1000))}) :state 0 :chunks [1 2]"
    assert len(played(many)[Keyword("outputs")]) == 2000


def test_crashes_at_all_places_change_nothing_for_a_pure_processor() -> None:
    assert part(f"{SUM} :chunks [1 2 3 4 :eof] :crash-at :all", "divergent") == "[]"


def test_what_a_stream_knows_only_in_memory_is_found_out() -> None:
    tick = (
        ":processor (fn [n c m] {:state (if (= :tick (:control m)) (inc n) n)}) :state 0 :control [:tick] :tick-ms 100"
    )
    answer = played(f"{tick} :chunks [1 {{:advance 60}} 2 {{:advance 60}} 3] :crash-at [2]")
    found = "[{:crash-after 2 :chunks-lost 0 :state {:expected 1 :actual 0}}"
    assert rtfs.show(answer[Keyword("divergent")]).startswith(found)


def test_state_that_cannot_be_stored_is_found_at_a_crash() -> None:
    answer = played(":processor (fn [s c] {:state {:f (fn [x] x)}}) :state {} :chunks [1 2] :crash-at [1]")
    first = answer[Keyword("divergent")][0]
    assert (first[Keyword("crash-after")], rtfs.show(first[Keyword("status")])) == (
        1,
        "{:expected :active :actual :error}",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (f"{SUM} :chunks 5", ":chunks is a vector of chunks"),
        (f"{SUM} :chunks [{{:advance -1}}]", ":advance is a number of milliseconds from 0"),
        (f"{SUM} :chunks [1] :crash-at [2]", ":crash-at has places from 0 to 1"),
        (f"{SUM} :chunks [1] :crash-at 1", ":crash-at is :all or a vector of numbers of chunks"),
        (f'{SUM} :chunks [1] :endpoint "x"', "a rehearsed stream gets its chunks from :chunks, not from :endpoint"),
        (f'{SUM} :chunks [1] :checkpoint {{:store "sqlite:x"}}', "a rehearsed stream keeps its snapshots itself"),
        (f"{SUM} :chunks [1] :queu-capacity 5", "Unknown option ':queu-capacity' for mcp.stream.start"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(options: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        played(options)
    assert message in caught.value.message


def test_a_hundred_chunks_and_all_crashes_take_no_time_that_anybody_waits() -> None:
    chunks = " ".join(str(n) for n in range(30))
    assert part(f"{SUM} :chunks [{chunks} {{:advance 3600000}} :eof] :crash-at :all", "divergent") == "[]"
