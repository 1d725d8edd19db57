"""State directories of earlier releases load for ever, and go on (streaming.md §5.9)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rtfs import RuntimeContext, Session
from rtfs.host.stream import snapshot as snapshots
from rtfs.host.stream.stores import open_store
from rtfs.host.stream.stores.postgresql import _LAYOUT
from rtfs.host.stream.stores.sqlite import SCHEMA_VERSION
from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.sql"))
STATUSES = {
    "active": "active", "paused": "paused", "completed": "completed", "stopped": "stopped", "cancelled": "cancelled",
    "error": "error", "kinds": "active", "big": "active", "literal": "active",
}  # fmt: skip
FUNCTIONS = """
(defn total [state chunk] {:state (+ state (if (map? chunk) (:n chunk) chunk)) :output chunk})
(defn gather [state chunk] {:state (conj state chunk) :output chunk})
"""


def lay(recording: Path, folder: Path) -> Path:
    """A state directory as the recording has it."""
    with sqlite3.connect(folder / "streams.db") as connection:
        connection.executescript(recording.read_text(encoding="utf-8"))
    connection.close()
    return folder


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A program with the recorded state directory."""
    session = Session(state_dir=str(lay(request.param, tmp_path)), context=RuntimeContext.full())
    session.run(FUNCTIONS)
    yield session
    session.close()


def test_there_are_recordings() -> None:
    assert [path.stem for path in RECORDINGS][:2] == ["layout-1", "layout-2"]


def test_every_stream_keeps_its_status(session: Session) -> None:
    found = {id: session.run(f'(:status (call :mcp.stream.resume {{:stream-id "{id}"}}))').name for id in STATUSES}
    assert found == STATUSES


def test_a_paused_stream_has_its_queue_with_metadata_its_reason_and_its_capacity(session: Session) -> None:
    seen: Any = session.run('(call :mcp.stream.resume {:stream-id "paused"}) (call :mcp.stream.inspect "paused")')
    queue = seen[K("queue")]
    assert (seen[K("reason")], queue[K("capacity")], queue[K("depth")]) == ("recorded", 9, 7)
    assert [item[K("chunk")][K("n")] for item in queue[K("items")]] == list(range(7))
    state = '(call :mcp.stream.resume {:stream "paused" :wait :drained}) (:state (call :mcp.stream.inspect "paused"))'
    assert session.run(state) == 5 + sum(range(7))


def test_every_kind_of_value_comes_back_equal(session: Session) -> None:
    source = (Path(__file__).parent / "recordings" / "record.py").read_text(encoding="utf-8")
    kinds = source[source.index("(def kinds") : source.index("(def table")].replace("\\\\", "\\")
    session.run(kinds + '(call :mcp.stream.resume {:stream-id "kinds"})')
    assert session.run('(= [kinds kinds] (:state (call :mcp.stream.await {:stream "kinds" :timeout-ms 0})))') is True


def test_a_big_state_comes_back_whole(session: Session) -> None:
    session.run('(call :mcp.stream.resume {:stream-id "big"})')
    state = session.run('(:state (call :mcp.stream.await {:stream "big" :timeout-ms 0}))')
    assert len(state[0]) == 300 and state[0][299] == state[1][K("last")][299]


def test_a_literal_goes_on_with_what_it_had_captured(session: Session) -> None:
    session.run('(call :mcp.stream.resume {:stream-id "literal"})')
    session.run('(call :mcp.stream.send {:stream "literal" :chunk 2 :ack :processed})')
    assert session.run('(:state (call :mcp.stream.inspect "literal"))') == 21


def test_the_error_of_a_failed_stream_is_still_told(session: Session) -> None:
    error: Any = session.run('(:error (call :mcp.stream.inspect (call :mcp.stream.resume {:stream-id "error"})))')
    assert error[K("code")] == "RTFS-S010"


# ---- layouts


def version(folder: Path) -> tuple[Any, ...]:
    with sqlite3.connect(folder / "streams.db") as connection:
        found = connection.execute("SELECT version FROM schema_version").fetchall()
    connection.close()
    return tuple(found)


def test_an_old_layout_is_upgraded_once_and_streams_that_ended_get_a_date(tmp_path: Path) -> None:
    lay(RECORDINGS[0], tmp_path)
    for _ in range(2):
        open_store(f"sqlite:{tmp_path}", "normal").close()
        assert version(tmp_path) == ((SCHEMA_VERSION,),)
    store = open_store(f"sqlite:{tmp_path}", "normal")
    latest = max(head.updated_at for head in store.heads())
    assert store.sweep(latest + 7 * 24 * 3_600_000) == 4
    assert len(store.heads()) == 5
    store.close()


def test_an_upgrade_that_fails_leaves_the_old_layout_as_it_was(tmp_path: Path) -> None:
    lay(RECORDINGS[0], tmp_path)
    with sqlite3.connect(tmp_path / "streams.db") as connection:
        connection.execute("CREATE TABLE outbox (somebody_else INTEGER)")
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="outbox"):
        open_store(f"sqlite:{tmp_path}", "normal")
    assert version(tmp_path) == ((1,),)
    with sqlite3.connect(tmp_path / "streams.db") as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(stream)")]
    connection.close()
    assert "expires_at" not in columns


def test_a_newer_layout_is_refused_with_both_numbers(tmp_path: Path) -> None:
    open_store(f"sqlite:{tmp_path}", "normal").close()
    with sqlite3.connect(tmp_path / "streams.db") as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    with pytest.raises(StreamError, match=f"layout 99 of .* is newer than {SCHEMA_VERSION}"):
        open_store(f"sqlite:{tmp_path}", "normal")
    assert version(tmp_path) == ((99,),)


def test_an_old_layout_in_postgresql_is_upgraded_with_its_streams(store_place: Any) -> None:
    url = store_place("postgresql")
    place, _, schema = url.partition("?rtfs_schema=")
    with psycopg.connect(place) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(_LAYOUT[0].replace("{s}", f"{schema}."))
        connection.execute(f"INSERT INTO {schema}.schema_version VALUES (1)")
        connection.execute(f"INSERT INTO {schema}.stream VALUES ('old', 0, 3, 'completed', 'me', 5000, now())")
    store = open_store(url, "normal")
    try:
        assert [(head.stream_id, head.epoch) for head in store.heads()] == [("old", 3)]
        assert store.sweep(5000 + 7 * 24 * 3_600_000) == 1
    finally:
        store.close()


# ---- formats


def test_snapshots_of_older_formats_are_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(saved: Map) -> Map:
        return saved.assoc(K("state"), (saved.get(K("state")), "second"))

    def third(saved: Map) -> Map:
        return saved.assoc(K("state"), (saved.get(K("state")), "third"))

    recording = RECORDINGS[0]
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(recording.read_text(encoding="utf-8"))
        body, checksum = connection.execute("SELECT body, checksum FROM snapshot WHERE stream_id = 'active'").fetchone()
    connection.close()
    before = snapshots.load(body, checksum).state
    monkeypatch.setattr(snapshots, "UPGRADES", (second, third))
    monkeypatch.setattr(snapshots, "SCHEMA", 3)
    assert snapshots.load(body, checksum).state == ((before, "second"), "third")
