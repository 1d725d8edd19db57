"""Snapshots in PostgreSQL, shared by machines: one transaction a commit, fenced by epochs (streaming.md §5.3, §5.8)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rtfs.host.stream import layout
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.stores import LEASE_MS, Alive, Entry, Head, Letter, Row, Saved, Taken, masked

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

TERMINAL = ("completed", "stopped", "cancelled", "error")
SCHEMA_PARAMETER = "rtfs_schema"  # of the URL: the SQL schema that holds the tables; `rtfs` unless given

# The layout, version by version: each text makes the next one of the one before.
_LAYOUT = (
    """
CREATE TABLE {s}schema_version (version integer NOT NULL);
CREATE TABLE {s}stream (
  stream_id text NOT NULL, partition integer NOT NULL DEFAULT 0, epoch bigint NOT NULL, status text NOT NULL,
  owner text NOT NULL, updated_at bigint NOT NULL, heartbeat timestamptz NOT NULL,
  PRIMARY KEY (stream_id, partition));
CREATE TABLE {s}snapshot (
  stream_id text NOT NULL, partition integer NOT NULL DEFAULT 0, number bigint NOT NULL, epoch bigint NOT NULL,
  body bytea NOT NULL, checksum text NOT NULL, created_at bigint NOT NULL,
  PRIMARY KEY (stream_id, partition, number));
""",
    """
ALTER TABLE {s}stream ADD COLUMN expires_at bigint NOT NULL DEFAULT 0;
UPDATE {s}stream SET expires_at = updated_at + 604800000
  WHERE status IN ('completed', 'stopped', 'cancelled', 'error');
CREATE TABLE {s}intake (
  stream_id text NOT NULL, seq bigint NOT NULL, epoch bigint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (stream_id, seq));
CREATE TABLE {s}outbox (
  stream_id text NOT NULL, output_seq bigint NOT NULL, epoch bigint NOT NULL, body bytea NOT NULL, key text,
  PRIMARY KEY (stream_id, output_seq));
CREATE TABLE {s}seen (
  stream_id text NOT NULL, seq bigint NOT NULL, epoch bigint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (stream_id, seq));
CREATE TABLE {s}delivered (
  stream_id text NOT NULL, sink text NOT NULL, output_seq bigint NOT NULL, PRIMARY KEY (stream_id, sink));
CREATE TABLE {s}dead_letter (
  number bigserial PRIMARY KEY, queue text NOT NULL, id text NOT NULL, stream_id text NOT NULL, body bytea NOT NULL,
  redriven_at bigint NOT NULL DEFAULT 0, UNIQUE (queue, id));
""",
    """
CREATE TABLE {s}journal (
  stream_id text NOT NULL, number bigint NOT NULL, epoch bigint NOT NULL, body bytea NOT NULL,
  PRIMARY KEY (stream_id, number));
""",
)
SCHEMA_VERSION = len(_LAYOUT)
_ALIVE = f"status <> ALL(?) AND heartbeat > clock_timestamp() - interval '{LEASE_MS} milliseconds'"


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
        self._statements: dict[str, Any] = {}
        try:
            self._in_transaction(self._prepare)
        except psycopg.Error as error:
            text = str(error).strip().split("\n")[0]
            raise fault(
                3, p="checkpoint :store", kind="reachable PostgreSQL database", value=f"{self.url}: {text}"
            ) from None

    def _prepare(self, cursor: psycopg.Cursor[Any]) -> None:
        """Bring the layout to the present version, or refuse a newer one."""
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"rtfs {self._schema}",))  # one maker at a time
        made = cursor.execute(
            "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'schema_version'", (self._schema,)
        ).fetchone()
        found = cursor.execute(self._sql("SELECT version FROM {s}schema_version")).fetchone() if made else None
        version = found[0] if found else 0
        if version > SCHEMA_VERSION:
            raise fault(33, e=f"the layout {version} of {self.url} is newer than {SCHEMA_VERSION}")
        if version == SCHEMA_VERSION:
            return
        if not version:
            cursor.execute(self._sql("CREATE SCHEMA IF NOT EXISTS {schema}"))
        for text in _LAYOUT[version:]:
            cursor.execute(self._sql(text))
        cursor.execute(self._sql("DELETE FROM {s}schema_version"))
        cursor.execute(self._sql("INSERT INTO {s}schema_version VALUES (?)"), (SCHEMA_VERSION,))

    def _sql(self, text: str) -> Any:
        """A statement in psycopg's words, with the names of this schema."""
        known = self._statements.get(text)
        if known is None:
            from psycopg import sql

            spelled = text.replace("{s}", "{schema}.").replace("{body}", "body").replace("?", "%s")
            known = self._statements[text] = sql.SQL(spelled).format(schema=sql.Identifier(self._schema))
        return known

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
                        "INSERT INTO {s}stream (stream_id, epoch, status, owner, updated_at, heartbeat)"
                        " VALUES (?, ?, 'active', ?, 0, clock_timestamp()) ON CONFLICT DO NOTHING"
                    ),
                    (stream_id, epoch, owner),
                )
                if cursor.rowcount == 1:
                    return epoch
            query = f"SELECT epoch, owner, {_ALIVE} FROM {{s}}stream WHERE stream_id = ? FOR UPDATE"
            found = cursor.execute(self._sql(query), (list(TERMINAL), stream_id)).fetchone()
            if found is None or found[0] != seen:
                raise Taken(0 if found is None else found[0])
            if found[2] and found[1] != owner:
                raise Alive(found[0], found[1])
            cursor.execute(
                self._sql(
                    "UPDATE {s}stream SET epoch = ?, owner = ?, expires_at = 0, heartbeat = clock_timestamp()"
                    " WHERE stream_id = ?"
                ),
                (epoch, owner, stream_id),
            )
            return epoch

        return self._in_transaction(work)

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        def work(cursor: psycopg.Cursor[Any]) -> dict[str, int]:
            fenced: dict[str, int] = {}
            for row in rows:
                if self._owned(cursor, row):
                    self._run(cursor, layout.writes(row, str.encode))
                else:
                    found = cursor.execute(self._sql(layout.EPOCH), (row.stream_id,)).fetchone()
                    fenced[row.stream_id] = 0 if found is None else found[0]
            return fenced

        return self._in_transaction(work)

    def _owned(self, cursor: psycopg.Cursor[Any], row: Row) -> bool:
        """Is the row's epoch the stored one? Its head is locked till the end, and written if there is a snapshot."""
        if row.body is None:
            query = "UPDATE {s}stream SET heartbeat = clock_timestamp() WHERE stream_id = ? AND epoch = ?"
            cursor.execute(self._sql(query), (row.stream_id, row.epoch))
        else:
            query = (
                "UPDATE {s}stream SET status = ?, updated_at = ?, expires_at = ?, heartbeat = clock_timestamp()"
                " WHERE stream_id = ? AND epoch = ?"
            )
            values = (row.status, row.created_at, row.expires_at, row.stream_id, row.epoch)
            cursor.execute(self._sql(query), values)
        return cursor.rowcount == 1

    def _run(self, cursor: psycopg.Cursor[Any], statements: Iterable[layout.Statement]) -> None:
        for text, parameters in statements:
            if len(parameters) == 1:
                cursor.execute(self._sql(text), parameters[0])
            else:
                cursor.executemany(self._sql(text), parameters)

    def _rows(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._in_transaction(lambda cursor: cursor.execute(self._sql(text), parameters).fetchall())

    # ---- reading

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        def work(cursor: psycopg.Cursor[Any]) -> tuple[Head, list[Saved]] | None:
            head = cursor.execute(self._sql(f"{layout.HEAD} AND stream_id = ?"), (stream_id,)).fetchone()
            if head is None:
                return None
            return Head(*head), layout.saved(cursor.execute(self._sql(layout.SAVED), (stream_id,)), _text)

        return self._in_transaction(work)

    def heads(self) -> list[Head]:
        return [Head(*row) for row in self._rows(f"{layout.HEAD} ORDER BY stream_id")]

    def entries(self, table: str, stream_id: str, first: int, most: int) -> list[Entry]:
        return [
            Entry(number, _text(body)) for number, body in self._rows(layout.entries(table), stream_id, first, most)
        ]

    def marks(self, stream_id: str) -> dict[str, int]:
        return dict(self._rows(layout.MARKS, stream_id))

    def letters(self, queue: str, after: int, most: int) -> list[Letter]:
        found = self._rows(layout.LETTERS, queue, after, most)
        return [Letter(id, queue, stream_id, _text(body), *rest) for id, queue, stream_id, body, *rest in found]

    # ---- housekeeping

    def redriven(self, queue: str, ids: Sequence[str], at: int) -> None:
        statement = (layout.REDRIVEN, [(at, queue, id) for id in ids])
        self._in_transaction(lambda cursor: self._run(cursor, [statement]))

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        self._in_transaction(lambda cursor: self._run(cursor, layout.deletions(stream_id, forget)))

    def sweep(self, now: int) -> int:
        def work(cursor: psycopg.Cursor[Any]) -> int:
            over = cursor.execute(self._sql(f"{layout.OVER} FOR UPDATE SKIP LOCKED"), (now,)).fetchall()
            for (id,) in over:
                self._run(cursor, layout.deletions(id, forget=True))
            return len(over)

        return self._in_transaction(work)

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
                f"UPDATE {{s}}stream AS s SET heartbeat = {moment} "
                "FROM unnest(?::text[], ?::bigint[]) AS o(id, epoch) WHERE s.stream_id = o.id AND s.epoch = o.epoch"
            ),
            (ids, epochs),
        )
        query = "SELECT stream_id, epoch FROM {s}stream WHERE stream_id = ANY(?)"
        stored: dict[str, int] = dict(cursor.execute(self._sql(query), (ids,)).fetchall())
        return {id: stored.get(id, 0) for id, epoch in owned.items() if stored.get(id, 0) != epoch}


def _text(body: Any) -> str:
    return bytes(body).decode("utf-8", "replace")


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
