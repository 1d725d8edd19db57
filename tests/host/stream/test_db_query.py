"""`:stream.db.query`: rows of a query, and everything it refuses (streaming.md §6.2)."""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.session import Session
from tests.host.stream.copies import Copies

FULL = rtfs.RuntimeContext.full()


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=FULL)
    yield session
    session.shutdown(timeout=5.0, strategy="immediate")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with a table `users` of seven rows."""
    path = tmp_path / "users.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO users VALUES (?, ?)", [(n, f"n{n}") for n in range(1, 8)])
    connection.close()
    return path


@pytest.fixture
def postgres(services: Any) -> Iterator[str]:
    """A schema of its own, which unqualified names are looked up in."""
    schema, url = f"rtfs_test_{uuid.uuid4().hex}", services.postgresql()
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    yield f"{url}?options=-csearch_path%3D{schema}"
    services.drop_schema(url, schema)


def query(sql: str, connection: str, more: str = "") -> str:
    return f'(call :stream.db.query {rtfs.show(sql)} {{:connection "{connection}" {more}}})'


def rows(session: Session, *args: str) -> str:
    return rtfs.show(session.run(f"(call :stream.to-collection {query(*args)})"))


def refused(session: Session, *args: str) -> str:
    with pytest.raises(rtfs.RtfsError) as found:
        rows(session, *args)
    return f"{found.value.code[5:]} {found.value.message}"


def test_each_row_is_a_map_and_parameters_are_bound(session: Session, file: Path) -> None:
    found = rows(session, "SELECT id, name FROM users WHERE id > ?", f"sqlite:{file}", ":params [5]")
    assert found == '[{:id 6 :name "n6"} {:id 7 :name "n7"}]'
    assert rows(session, "SELECT name FROM users WHERE name = ?", f"sqlite:{file}", ':params ["x\' OR 1=1"]') == "[]"


def test_values_of_postgresql_become_those_of_rtfs(session: Session, postgres: str) -> None:
    sql = (
        "SELECT $1::int + 1 AS n, 1.5::numeric AS d, '{\"a\": [1]}'::jsonb AS j, ARRAY[1,2] AS a,"
        " '\\x01ff'::bytea AS b, '2024-01-02 03:04:05+00'::timestamptz AS t,"
        " NULL AS nil, true AS yes, DATE '2024-01-02' AS day"
    )
    assert rows(session, sql, postgres, ":params [4] :as :vector") == (
        '[[5 1.5 {:a [1]} [1 2] [1 255] 2024-01-02T03:04:05Z nil true "2024-01-02"]]'
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; DROP TABLE users",
        "SELECT 1) AS x; COMMIT; DROP TABLE users; SELECT * FROM (SELECT 1",
        "DELETE FROM users",
        "INSERT INTO users VALUES (99, 'x') RETURNING id",
        "DROP TABLE users",
        "SELECT * FROM nowhere",
        "SELECT nothing FROM users",
        "",
    ],
)
@pytest.mark.parametrize("key", ["", ':key-column "id"'])
def test_what_is_not_one_statement_that_reads_is_refused(
    session: Session, file: Path, postgres: str, sql: str, key: str
) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute("CREATE TABLE users (id int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO users VALUES (1, 'a')")
    for url in (f"sqlite:{file}", postgres):
        assert refused(session, sql, url, key).startswith("S003 Parameter 'sql': expected statement that the database")
    assert rows(session, "SELECT count(*) AS n FROM users", f"sqlite:{file}") == "[{:n 7}]"
    assert rows(session, "SELECT count(*) AS n FROM users", postgres) == "[{:n 1}]"


@pytest.mark.parametrize(
    "sql", ["PRAGMA journal_mode", "ATTACH 'other.db' AS other", "SELECT * FROM pragma_user_version"]
)
def test_of_sqlite_only_reading_is_allowed(session: Session, file: Path, sql: str) -> None:
    assert "got not authorized (" in refused(session, sql, f"sqlite:{file}")


def test_a_parameter_that_is_missing_is_no_lost_connection(session: Session, file: Path, postgres: str) -> None:
    for url, place in ((f"sqlite:{file}", "?"), (postgres, "$1::int")):
        found = refused(session, f"SELECT {place} AS n", url)
        assert found.startswith("S003 Parameter 'sql': expected statement that the database accepts, got ")


def test_the_state_of_an_sql_error_is_in_its_data(session: Session, postgres: str) -> None:
    with pytest.raises(rtfs.RtfsError) as found:
        rows(session, "SELECT * FROM nowhere", postgres)
    assert rtfs.show(found.value.data) == '{:sqlstate "42P01"}'


def test_a_key_column_must_be_there_be_unique_and_have_no_null(session: Session, file: Path) -> None:
    url = f"sqlite:{file}"
    injected = ':key-column "id\\" OR 1=1 --"'
    assert "no such column" in refused(session, "SELECT id FROM users", url, injected)
    unique = "S003 Parameter 'key-column': expected column of unique values that are not NULL, got "
    assert refused(session, "SELECT 1 AS id UNION ALL SELECT 1", url, ':key-column "id"') == f"{unique}1"
    assert refused(session, "SELECT NULL AS id", url, ':key-column "id"') == f"{unique}nil"


def test_a_file_that_is_not_there_and_a_url_of_nothing_are_refused(session: Session, tmp_path: Path) -> None:
    missing = "S003 Parameter 'connection': expected database that is there, got "
    assert refused(session, "SELECT 1", f"sqlite:{tmp_path}/none.db").startswith(missing)
    assert not (tmp_path / "none.db").exists()
    assert refused(session, "SELECT 1", "mysql://x/y").startswith(
        "S003 Parameter 'connection': expected URL that begins"
    )


def test_columns_of_one_name_need_rows_as_vectors(session: Session, file: Path) -> None:
    url = f"sqlite:{file}"
    assert refused(session, "SELECT 1 AS a, 2 AS a", url).startswith(
        "S003 Parameter 'sql': expected query whose columns"
    )
    assert rows(session, "SELECT 1 AS a, 2 AS a", url, ":as :vector") == "[[1 2]]"


@pytest.mark.parametrize("label", [":database", ":filesystem"])
def test_a60_what_a_query_needs_is_asked_before_anything_opens(file: Path, label: str) -> None:
    session = Session(context=FULL.replace(denied_effects=(label,)))
    assert refused(session, "SELECT 1", f"sqlite:{file}") == f"S053 Effect {label} denied for stream.db.query"
    session.shutdown()


def test_a60_a_query_of_a_server_needs_the_network() -> None:
    session = Session(context=FULL.replace(denied_effects=(":network",)))
    assert (
        refused(session, "SELECT 1", "postgresql://127.0.0.1:1/x") == "S053 Effect :network denied for stream.db.query"
    )
    session.shutdown()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("key", ["id", "name"])
def test_a57_a_query_that_is_killed_anywhere_goes_on_behind_its_last_key(
    kind: str, key: str, tmp_path: Path, postgres: str
) -> None:
    import psycopg

    numbers = random.Random(key).sample(range(1, 10_000), 700)
    people = [(number, f"n{number * 7919 % 10_007}") for number in numbers]
    served = kind == "postgresql"
    url = postgres if served else f"sqlite:{tmp_path}/people.db"
    connection: Any = psycopg.connect(url) if served else sqlite3.connect(tmp_path / "people.db")
    with connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(20) UNIQUE)")
        cursor.executemany(f"INSERT INTO people VALUES ({'%s, %s' if served else '?, ?'})", people)
    connection.close()
    node = query("SELECT id, name FROM people", url, f':key-column "{key}" :fetch-size 64 :as :vector')
    options = '{:stream-id "q" :outputs :durable :checkpoint {:every-chunks 50 :every-ms nil}}'
    create = f"(call :stream.create {node} {options})"
    with Copies(tmp_path / "state", tmp_path, {2, 3, 5, 9, 14}) as copies:
        whole = complete(tmp_path / "state", create)
    assert sorted(whole) == sorted(people)
    assert len(copies.made) >= 4
    for copy in copies.made:
        assert complete(copy, '(call :stream.resume "q")' if key == "id" and not served else create) == whole


def complete(state_dir: Path, begin: str) -> list[Any]:
    """All rows of the run of id `q`, in order, once it is completed."""
    session = Session(context=FULL, state_dir=str(state_dir))
    session.run(begin)
    found: list[Any] = []
    while more := session.run(f'(call :stream.next "q" {{:max 500 :after {len(found) - 1}}})'):
        found += more
    session.shutdown(timeout=5.0, strategy="immediate")
    return found
