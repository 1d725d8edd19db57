"""Snapshots in PostgreSQL, shared by machines: one transaction a commit, fenced by epochs (streaming.md §5.3, §5.8)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.stores import LEASE_MS, Alive, Head, Row, Saved, Taken, masked

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

SCHEMA_VERSION = 1
TERMINAL = ("completed", "stopped", "cancelled", "error")
SCHEMA_PARAMETER = "rtfs_schema"  # of the URL: the SQL schema that holds the tables; `rtfs` unless given

_TABLES = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.schema_version (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS {schema}.stream (
  stream_id text NOT NULL, partition integer NOT NULL DEFAULT 0, epoch bigint NOT NULL, status text NOT NULL,
  owner text NOT NULL, updated_at bigint NOT NULL, heartbeat timestamptz NOT NULL,
  PRIMARY KEY (stream_id, partition));
CREATE TABLE IF NOT EXISTS {schema}.snapshot (
  stream_id text NOT NULL, partition integer NOT NULL DEFAULT 0, number bigint NOT NULL, epoch bigint NOT NULL,
  body bytea NOT NULL, checksum text NOT NULL, created_at bigint NOT NULL,
  PRIMARY KEY (stream_id, partition, number));
"""
_HEAD = "SELECT stream_id, epoch, status, owner, updated_at FROM {schema}.stream WHERE partition = 0"
_ALIVE = f"status <> ALL(%s) AND heartbeat > clock_timestamp() - interval '{LEASE_MS} milliseconds'"


class PostgresStore:
    """One database. A connection that was lost is opened again at the next call."""

    durable = True
    remote = True

    def __init__(self, url: str, durability: str = "normal") -> None:
        import psycopg

        self._url, self._schema = _split(url)
        self.url = masked(url)
        self.failures: tuple[type[Exception], ...] = (psycopg.Error, OSError)
        self._durability = durability
        self._lock = threading.Lock()  # the thread that commits and the loop's own thread take turns
        self._connection: psycopg.Connection[Any] | None = None
        try:
            self._in_transaction(self._prepare)
        except psycopg.Error as error:
            text = str(error).strip().split("\n")[0]
            raise fault(
                3, p="checkpoint :store", kind="reachable PostgreSQL database", value=f"{self.url}: {text}"
            ) from None

    def _prepare(self, cursor: psycopg.Cursor[Any]) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"rtfs {self._schema}",))  # one maker at a time
        cursor.execute(self._sql(_TABLES))
        found = cursor.execute(self._sql("SELECT version FROM {schema}.schema_version")).fetchone()
        if found is None:
            cursor.execute(self._sql("INSERT INTO {schema}.schema_version VALUES (%s)"), (SCHEMA_VERSION,))
        elif found[0] > SCHEMA_VERSION:
            raise fault(33, e=f"the layout {found[0]} of {self.url} is newer than {SCHEMA_VERSION}")

    def _sql(self, text: str) -> Any:
        from psycopg import sql

        return sql.SQL(text).format(schema=sql.Identifier(self._schema))

    def _in_transaction(self, work: Callable[[psycopg.Cursor[Any]], T]) -> T:
        import psycopg

        with self._lock:
            connection = self._connection
            if connection is None or connection.closed:
                connection = self._connection = psycopg.connect(self._url, connect_timeout=10)
                setting = "on" if self._durability == "full" else "off"
                connection.execute(f"SET synchronous_commit = {setting}")
                connection.commit()
            with connection.transaction(), connection.cursor() as cursor:
                return work(cursor)

    # ---- what every store does

    def claim(self, stream_id: str, seen: int | None, owner: str) -> int:
        epoch = (seen or 0) + 1

        def work(cursor: psycopg.Cursor[Any]) -> int:
            if seen is None:
                cursor.execute(
                    self._sql(
                        "INSERT INTO {schema}.stream VALUES (%s, 0, %s, 'active', %s, 0, clock_timestamp()) "
                        "ON CONFLICT DO NOTHING"
                    ),
                    (stream_id, epoch, owner),
                )
                if cursor.rowcount == 1:
                    return epoch
            query = f"SELECT epoch, owner, {_ALIVE} FROM {{schema}}.stream WHERE stream_id = %s FOR UPDATE"
            found = cursor.execute(self._sql(query), (list(TERMINAL), stream_id)).fetchone()
            if found is None or found[0] != seen:
                raise Taken(0 if found is None else found[0])
            if found[2] and found[1] != owner:
                raise Alive(found[0], found[1])
            cursor.execute(
                self._sql(
                    "UPDATE {schema}.stream SET epoch = %s, owner = %s, heartbeat = clock_timestamp() "
                    "WHERE stream_id = %s"
                ),
                (epoch, owner, stream_id),
            )
            return epoch

        return self._in_transaction(work)

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        def work(cursor: psycopg.Cursor[Any]) -> dict[str, int]:
            fenced: dict[str, int] = {}
            for row in rows:
                self._write(cursor, row, fenced)
            return fenced

        return self._in_transaction(work)

    def _write(self, cursor: psycopg.Cursor[Any], row: Row, fenced: dict[str, int]) -> None:
        cursor.execute(
            self._sql(
                "UPDATE {schema}.stream SET status = %s, updated_at = %s, heartbeat = clock_timestamp() "
                "WHERE stream_id = %s AND epoch = %s"
            ),
            (row.status, row.created_at, row.stream_id, row.epoch),
        )
        if cursor.rowcount != 1:
            query = "SELECT epoch FROM {schema}.stream WHERE stream_id = %s"
            found = cursor.execute(self._sql(query), (row.stream_id,)).fetchone()
            fenced[row.stream_id] = 0 if found is None else found[0]
            return
        cursor.execute(
            self._sql(
                "INSERT INTO {schema}.snapshot VALUES (%s, 0, %s, %s, %s, %s, %s) "
                "ON CONFLICT (stream_id, partition, number) DO UPDATE SET epoch = excluded.epoch, "
                "body = excluded.body, checksum = excluded.checksum, created_at = excluded.created_at"
            ),
            (row.stream_id, row.number, row.epoch, row.body.encode(), row.checksum, row.created_at),
        )
        cursor.execute(
            self._sql("DELETE FROM {schema}.snapshot WHERE stream_id = %s AND number <= %s"),
            (row.stream_id, row.number - row.keep),
        )

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        def work(cursor: psycopg.Cursor[Any]) -> tuple[Head, list[Saved]] | None:
            head = cursor.execute(self._sql(f"{_HEAD} AND stream_id = %s"), (stream_id,)).fetchone()
            if head is None:
                return None
            query = (
                "SELECT number, epoch, body, checksum FROM {schema}.snapshot WHERE stream_id = %s ORDER BY number DESC"
            )
            rows = cursor.execute(self._sql(query), (stream_id,)).fetchall()
            return Head(*head), [
                Saved(n, epoch, bytes(body).decode("utf-8", "replace"), sum) for n, epoch, body, sum in rows
            ]

        return self._in_transaction(work)

    def heads(self) -> list[Head]:
        def work(cursor: psycopg.Cursor[Any]) -> list[Head]:
            return [Head(*row) for row in cursor.execute(self._sql(f"{_HEAD} ORDER BY stream_id")).fetchall()]

        return self._in_transaction(work)

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        def work(cursor: psycopg.Cursor[Any]) -> None:
            cursor.execute(self._sql("DELETE FROM {schema}.snapshot WHERE stream_id = %s"), (stream_id,))
            if forget:
                cursor.execute(self._sql("DELETE FROM {schema}.stream WHERE stream_id = %s"), (stream_id,))

        self._in_transaction(work)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    # ---- what only a store over the network does

    def beat(self, owned: Mapping[str, int]) -> dict[str, int]:
        return self._in_transaction(lambda cursor: self._touch(cursor, owned, "clock_timestamp()"))

    def leave(self, owned: Mapping[str, int]) -> None:
        self._in_transaction(lambda cursor: self._touch(cursor, owned, "'epoch'::timestamptz"))

    def _touch(self, cursor: psycopg.Cursor[Any], owned: Mapping[str, int], moment: str) -> dict[str, int]:
        ids, epochs = list(owned), list(owned.values())
        cursor.execute(
            self._sql(
                f"UPDATE {{schema}}.stream AS s SET heartbeat = {moment} "
                "FROM unnest(%s::text[], %s::bigint[]) AS o(id, epoch) WHERE s.stream_id = o.id AND s.epoch = o.epoch"
            ),
            (ids, epochs),
        )
        query = "SELECT stream_id, epoch FROM {schema}.stream WHERE stream_id = ANY(%s)"
        stored: dict[str, int] = dict(cursor.execute(self._sql(query), (ids,)).fetchall())
        return {id: stored.get(id, 0) for id, epoch in owned.items() if stored.get(id, 0) != epoch}


def _split(url: str) -> tuple[str, str]:
    """The URL for the library, and the SQL schema that it names."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    schema = query.pop(SCHEMA_PARAMETER, "rtfs")
    return urlunsplit(parts._replace(query=urlencode(query))), schema


def open_store(place: str, durability: str) -> PostgresStore:
    """The store of a database; its tables are made when they are missing."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise fault(7, feature="a store in PostgreSQL", extra="postgres") from None
    return PostgresStore(f"postgresql:{place}", durability)
