"""Timestamps, UUIDs and resource handles (language.md §1.5)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.source import Source
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid
from rtfs.parser.reader import read


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2031-02-03T04:05:06Z", "2031-02-03T04:05:06Z"),
        ("2031-02-03T04:05:06_120Z", "2031-02-03T04:05:06.120Z"),
        ("2031-02-03T04:05:06.5Z", "2031-02-03T04:05:06.500Z"),
        ("2031-02-03T04:05:06.000001Z", "2031-02-03T04:05:06.000001Z"),
        ("2031-02-03T04:05:06.000Z", "2031-02-03T04:05:06Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
        ("2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z"),
    ],
)
def test_timestamps(shown, only, text, printed):
    assert shown(text) == printed
    assert type(only(text)) is Timestamp


def test_timestamps_are_equal_by_instant(only):
    assert only("2031-02-03T04:05:06.5Z") == only("2031-02-03T04:05:06_500Z")


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_timestamp_counts_microseconds_since_1970(moment):
    text = moment.strftime("%m-%dT%H:%M:%S.%f") + "Z"
    (form,) = read(Source("test", f"{moment.year:04}-{text}")).forms
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert form.micros == (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@pytest.mark.parametrize(
    "text",
    ["2031-02-30", "2031-00-10", "2031-13-10", "2031-01-00", "2031-04-31", "2023-02-29", "1900-02-29", "0000-01-01"],
)
def test_an_impossible_date_is_an_error(problems, text):
    whole = f"{text}T00:00:00Z"
    assert problems(whole) == [f"E103 1:1-1:21 bad timestamp {whole} | there is no such day"]


@pytest.mark.parametrize("text", ["24:00:00", "12:60:00", "12:00:60", "99:99:99"])
def test_an_impossible_time_is_an_error(problems, text):
    whole = f"2031-02-03T{text}Z"
    assert problems(whole) == [f"E103 1:1-1:21 bad timestamp {whole} | there is no such time of day"]


@pytest.mark.parametrize(
    "text", ["2031-02-03T04:05:06", "2031-02-03T04:05:06+01:00", "2031-02-03T04:05Z", "2031-02-03T04:05:06.1234567Z"]
)
def test_other_ways_to_write_a_timestamp_are_errors(problems, text):
    note = "a timestamp is in UTC and has at most 6 decimals: 2031-02-03T04:05:06.5Z"
    assert problems(text) == [f"E103 1:1-1:{len(text) + 1} bad number {text} | {note}"]


@pytest.mark.parametrize("text", ["0f8fad5b-d9cb-469f-a165-70867728950e", "DEADBEEF-d9cb-469f-a165-70867728950E"])
def test_uuids_of_any_case_print_in_lower_case(shown, only, text):
    assert type(only(text)) is Uuid
    assert shown(text) == text.lower()
    assert only(text) == only(text.upper())


def test_what_is_nearly_a_uuid_is_a_name_or_an_error(only, problems):
    assert only("deadbeef-d9cb-469f-a165-70867728950").name == "deadbeef-d9cb-469f-a165-70867728950"
    assert problems("0f8fad5b-d9cb-469f-a165")[0].startswith("E103")


@pytest.mark.parametrize(
    "text", ["resource://db/main", "resource://a:b@c?d=e&f#g", "resource://x(y[z{", "resource://é'`~^"]
)
def test_resource_handles_reach_to_the_next_delimiter(only, text):
    assert only(text) == ResourceHandle(text)
    for end in (" ", ")", "]", "}", '"', ";", ",", "\n"):
        assert read(Source("test", f"[{text}]")).forms == [(ResourceHandle(text),)], end


def test_the_example_reads_as_a_handle_in_a_vector(shown):
    assert shown("[resource://db/main]") == "[resource://db/main]"


def test_a_handle_names_something(problems):
    assert problems("resource://") == ["E103 1:1-1:12 bad resource handle resource:// | a path must follow"]


def test_resource_is_else_an_ordinary_name(shown):
    assert shown("resource resource:x my/resource") == "resource resource :x my/resource"


@pytest.mark.parametrize(
    ("text", "message", "note"),
    [
        ('#inst "2031-02-03T04:05:06Z"', "#inst", "a timestamp is written as it is: 2031-02-03T04:05:06Z"),
        ('#uuid "x"', "#uuid", "a UUID is written as it is, without quotes"),
        ("#point [1 2]", "#point", "there are no tagged literals"),
        ("#?(:clj 1)", "#?", "there are no reader conditionals"),
        ("#'x", "#'", "there are no vars: write the name alone"),
        ("#:ns{:a 1}", "#:ns", "write the namespace in every key"),
        ("#<function>", "#<function>", "functions and errors print like this, and cannot be read back"),
    ],
)
def test_other_hash_syntax_is_unsupported(problems, text, message, note):
    assert problems(text) == [f"E107 1:1-1:{len(message) + 1} unsupported syntax {message} | {note}"]


@pytest.mark.parametrize("text", ["#", "# (a)", "(#)", "# x"])
def test_a_hash_alone_is_an_error(problems, text):
    column = text.index("#") + 1
    assert problems(text) == [f"E101 1:{column}-1:{column + 1} unexpected '#' | `#` begins #( … ), #_ and #| … |#"]
