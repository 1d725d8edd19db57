"""`:stream.db.bulk-insert`: a batch in each transaction, bad rows by themselves, each row once (streaming.md §6.3)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.session import Session

FULL = rtfs.RuntimeContext.full()


class Table:
    """A table `t` of id and name. url: the database."""

    def __init__(self, url: str, connect: Any) -> None:
        self.url = url
        self._connect = connect
        self.run("CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL)")

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self._connect()
        try:
            cursor = connection.execute(sql)
            found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return list(found)
        finally:
            connection.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def table(request: pytest.FixtureRequest, services: Any, tmp_path: Path) -> Iterator[Table]:
    if request.param == "sqlite":
        yield Table(f"sqlite:{tmp_path}/t.db", lambda: sqlite3.connect(tmp_path / "t.db"))
        return
    import psycopg

    schema, url = f"rtfs_test_{uuid.uuid4().hex}", services.postgresql()
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    own = f"{url}?options=-csearch_path%3D{schema}"
    yield Table(own, lambda: psycopg.connect(own))
    services.drop_schema(url, schema)


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=FULL)
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


def insert(table: Table, items: str, more: str = "", name: str = "t") -> str:
    return f'(call :stream.db.bulk-insert {rtfs.show(name)} {{:connection "{table.url}" :data-stream {items} {more}}})'


def refused(session: Session, text: str) -> str:
    with pytest.raises(rtfs.RtfsError) as found:
        session.run(text)
    return f"{found.value.code[5:]} {found.value.message}"


def test_2500_items_are_batches_of_1000_1000_and_500(session: Session, table: Table) -> None:
    told: list[Any] = []
    session.define("tell", lambda *counts: told.append(counts))
    items = "(stream.map (range 2500) (fn [i] {:id i :name (str i)}))"
    text = insert(
        table, items, ":on-batch-complete (fn [n total] (tell n total)) :on-complete (fn [total] (tell total))"
    )
    assert rtfs.show(session.run(f"(:summary (call :stream.wait {text}))")) == '{:table "t" :rows 2500}'
    assert told == [(1000, 1000), (1000, 2000), (500, 2500), (2500,)]
    assert table.run("SELECT count(*), sum(id) FROM t") == [(2500, 2499 * 1250)]


def test_bad_rows_are_found_and_the_others_are_stored(session: Session, table: Table) -> None:
    told: list[Any] = []
    session.define("tell", lambda items: told.append(rtfs.show(items)))
    items = '[{:id 1 :name "a"} {:id 2 :name nil} {:id 3 :name "c" :more 1} 4 {:id 1 :name "again"} {:id 6 :name "f"}]'
    session.run(f"(call :stream.wait {insert(table, items, ':on-error (fn [e items] (tell items) :skip)')})")
    assert told == ["[{:id 2 :name nil}]", '[{:id 3 :name "c" :more 1}]', "[4]", '[{:id 1 :name "again"}]']
    assert table.run("SELECT id, name FROM t ORDER BY id") == [(1, "a"), (6, "f")]


def test_upsert_replaces_and_ignore_keeps_what_is_there(session: Session, table: Table) -> None:
    table.run("INSERT INTO t VALUES (1, 'old'), (2, 'old')")
    session.run(f"(call :stream.wait {insert(table, '[{:id 1 :name :new}]', ':mode :upsert :key :id')})")
    session.run(f"(call :stream.wait {insert(table, '[{:id 2 :name :new} {:id 3 :name :new}]', ':mode :ignore')})")
    assert table.run("SELECT id, name FROM t ORDER BY id") == [(1, "new"), (2, "old"), (3, "new")]


def test_names_are_held_against_the_catalogue(session: Session, table: Table) -> None:
    injected = 't"; DROP TABLE t; --'
    assert refused(session, insert(table, "[1]", name=injected)).startswith("S003 Parameter 'table': expected table of")
    assert refused(session, insert(table, "[1]", ':columns ["id" "name) --"]')).startswith("S003 Parameter 'columns'")
    wrong = insert(table, '[{:id 1 "name\\") VALUES (1); --" 2}]')
    assert "S003" in rtfs.show(session.run(f"(:error (call :stream.wait {wrong}))"))
    unknown = insert(table, "[1]", ':columns ["id" "name"] :mode :upsert :key :name')
    assert refused(session, unknown).startswith("S003 Parameter 'key': expected statement that the database accepts")
    assert refused(session, insert(table, "[1]", ":mode :upsert")) == "S002 Missing required string field 'key'"
    assert table.run("SELECT count(*) FROM t") == [(0,)]


def test_values_of_the_wrong_type_are_bad_rows(session: Session, table: Table) -> None:
    rows = '[{:id "x" :name "a"} {:id 2.5 :name "b"} {:id 3 :name +} {:id 123456789012345678901234567890 :name "d"}]'
    told: list[Any] = []
    session.define("tell", lambda items: told.append(items))
    session.run(f"(call :stream.wait {insert(table, rows, ':on-error (fn [e items] (tell items) :skip)')})")
    assert len(told) == 4
    assert table.run("SELECT count(*) FROM t") == [(0,)]


WORKER = """
import os, signal, sys
from rtfs import RuntimeContext, Session
from rtfs.host.stream.databases import sqlite, postgresql
url, state, lives = sys.argv[1], sys.argv[2], int(sys.argv[3])
kind = sqlite.SqliteDatabase if url.startswith("sqlite:") else postgresql.PostgresDatabase
write, count = kind.write, 0
def counted(self, *args):
    global count
    write(self, *args)
    count += 1
    if count == lives:
        os.kill(os.getpid(), signal.SIGKILL)  # between the commit and whatever tells of it
kind.write = counted
session = Session(context=RuntimeContext.full(), state_dir=state)
session.run('''
  (call :stream.wait (call :stream.db.bulk-insert "t" {:connection "%s" :batch-size 50 :stream-id "copy"
    :data-stream (call :stream.db.query "SELECT id, name FROM source" {:connection "%s" :key-column "id"})}))
''' % (url, url))
session.shutdown()
"""


def test_a57_killed_after_a_commit_the_target_equals_the_source(
    table: Table, environment: dict[str, str], tmp_path: Path
) -> None:
    table.run("ALTER TABLE t RENAME TO source")
    for number in range(0, 400, 100):
        table.run(f"INSERT INTO source VALUES {', '.join(f'({n}, {n})' for n in range(number, number + 100))}")
    table.run("CREATE TABLE t (id integer, name text)")  # nothing but the marks keeps a row from coming twice
    for lives, code in ((3, -signal.SIGKILL), (2, -signal.SIGKILL), (0, 0)):
        worker = [sys.executable, "-c", WORKER, table.url, str(tmp_path / "state"), str(lives)]
        assert subprocess.run(worker, env=environment, timeout=120, cwd=os.getcwd()).returncode == code
    assert table.run("SELECT count(*), count(DISTINCT id), sum(id) FROM t") == [(400, 400, 399 * 200)]
    assert table.run("SELECT count(*) FROM rtfs_delivered") == [(0,)]
