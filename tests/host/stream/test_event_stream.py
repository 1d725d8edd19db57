"""Server-sent events out of any bytes, beside what httpx2 reads of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from rtfs.host.stream.event_stream import EventStream

NAMES = st.sampled_from(["data", "event", "id", "retry", "", "other", " data"])
VALUES = st.text("ab :é\x00\u2028", max_size=5) | st.sampled_from(["7", "x7", "", " 12"])
LINES = st.builds("{}:{}".format, NAMES, VALUES) | NAMES | st.sampled_from(["", "", ": hello"])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXTS = st.lists(st.tuples(LINES, ENDS), max_size=30).map(lambda lines: "".join(line + end for line, end in lines))


def fed(data: bytes, cuts: list[int], most: int = 1_000) -> list[dict[str, Any]]:
    events = EventStream(most)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [frame for a, b in pairwise(places) for frame in events.feed(data[a:b])]


@given(TEXTS, st.lists(st.integers(0, 300)))
def test_events_are_those_that_httpx2_reads_however_the_bytes_are_cut(text: str, cuts: list[int]) -> None:
    data = f"{text}:".encode()  # httpx2 takes the end of the bytes for an empty line when they end in a return
    response = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=data,
        request=httpx2.Request("GET", "http://h/"),
    )
    theirs = [(event.event, event.data, event.id) for event in httpx2.EventSource(response) if event.data]
    for cut in (cuts, []):
        frames = fed(data, cut)
        assert [(frame["event"], frame["data"], frame["id"]) for frame in frames if frame["data"]] == theirs


@given(st.binary(max_size=400), st.lists(st.integers(0, 400)))
def test_any_bytes_give_the_same_frames_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    frames = fed(data, cuts, most=20)
    assert [frame for frame in frames if "oversize" not in frame] == [
        frame for frame in fed(data, [], most=20) if "oversize" not in frame
    ]
    assert all(len(frame["data"].encode()) <= 20 for frame in frames if "data" in frame)


def test_an_event_that_is_too_long_in_all_its_lines_is_told_once_and_not_kept() -> None:
    frames = fed(b"data: 1234567\n" * 9 + b"\ndata: 1\n\n", [], most=30)
    assert frames == [{"oversize": 39}, {"event": "message", "data": "1", "id": "", "retry": None}]


def test_a_mark_of_the_byte_order_at_the_beginning_is_no_part_of_a_name() -> None:
    assert fed(b"\xef\xbb\xbfdata: 1\n\n", [1])[0]["data"] == "1"
