"""What handle and inspect say of a graph as a whole: its guarantee, and how it ended (streaming.md §5.7, §1.6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.lang.names import Keyword as K
from rtfs.session import Session

FULL = rtfs.RuntimeContext.full()


@contextmanager
def session_in(state_dir: Path | None) -> Iterator[Session]:
    session = Session(context=FULL, state_dir=None if state_dir is None else str(state_dir))
    try:
        yield session
    finally:
        session.shutdown(timeout=5.0, strategy="immediate")


FILE = '(call :stream.file.write "{folder}/out" {{:mode :append :stream-id "s" :data-source {node}}})'
POST = '(call :stream.http.bulk-post "http://127.0.0.1:9/x" {{:on-error (fn [e b] :skip) :data-stream {node}}})'
SEND = '(call :stream.queue.produce "q" {{:broker "{broker}" :stream-id "s" :data-stream {node}}})'
CALL = '(call :stream.map {node} inc {{:stream-id "s" {more} :on-chunk (fn [n] n)}})'
QUEUE = '(stream.take (call :stream.queue.consume "in" {{:broker "sqlite:{folder}/q.db" :create true}}) 0)'
TICKS = "(call :stream.periodic 1 {{:limit 1}})"


@pytest.mark.parametrize(
    ("call", "node", "stored", "promise", "link"),
    [
        (FILE, "[1 2]", True, "effectively-once", "file.write"),
        (FILE, "[1 2]", False, "at-most-once", "store"),
        (FILE, f"(stream.tap (stream.merge [[1] {TICKS}]) identity)", True, "at-most-once", "periodic"),
        (FILE, QUEUE, True, "at-least-once", "queue.consume"),
        (POST, "[1 2]", True, "at-least-once", "http.bulk-post"),
        (SEND.replace("{broker}", "sqlite:{folder}/q.db"), "[1 2]", True, "effectively-once", "queue.produce"),
        (SEND.replace("{broker}", "memory:"), "[1 2]", True, "at-most-once", "queue.produce"),
        (CALL.replace("{more}", ""), "[1 2]", True, "at-least-once", "callbacks"),
        (CALL.replace("{more}", ":journal true"), "[1 2]", True, "effectively-once", "callbacks"),
        ("(:h {{:h (call :stream.pipeline {node})}})", "[1 2]", True, "at-least-once", "callbacks"),
    ],
)
def test_the_guarantee_of_a_graph_is_that_of_its_weakest_part(
    call: str, node: str, stored: bool, promise: str, link: str, tmp_path: Path
) -> None:
    with session_in(tmp_path / "state" if stored else None) as session:
        text = call.replace("{node}", node).format(folder=tmp_path)
        handle = session.run(f"(def h {text}) h")
        assert (handle[K("guarantee")], handle[K("weakest")]) == (K(promise), link)
        shown = session.run("(call :stream.inspect (:stream-id h))")
        assert (shown[K("guarantee")], shown[K("weakest")]) == (K(promise), link)


def test_a_sink_that_fails_at_its_very_end_fails_the_stream_for_all_who_look(tmp_path: Path) -> None:
    events: list[Any] = []
    with session_in(tmp_path / "state") as session:
        session.define("block", lambda n: (tmp_path / "out" / str(n)).mkdir(parents=True))
        session.host.streams.on_event(events.append)
        session.run(f"""(call :stream.file.write "{tmp_path}/out"
                          {{:data-source (stream.tap [1 2] (fn [n] (block n))) :stream-id "s"}})""")
        answer = session.run('(call :stream.wait "s")')
        seen = [answer, session.run('(call :stream.status "s")'), session.run('(call :stream.inspect "s")')]
        seen.append(session.run('(first (filter (fn [each] (= "s" (:stream-id each))) (call :stream.list)))'))
        assert [each[K("status")] for each in seen] == [K("error")] * 4
        assert {each[K("error")][K("code")] for each in seen[:3]} == {"RTFS-S041"}
    changes = [event.data for event in events if event.event == "transition" and event.stream_id == "s"]
    assert changes == [{"from": "active", "to": "completed"}, {"from": "completed", "to": "error"}]
    with closing(sqlite3.connect(tmp_path / "state" / "streams.db")) as connection:
        assert connection.execute("SELECT status FROM stream WHERE stream_id = 's'").fetchone() == ("error",)
    with session_in(tmp_path / "state") as again:
        assert again.run('(:status (call :stream.resume "s"))') is K("error")
